"""`serve --new-token`: lets somebody in over TCP."""

from __future__ import annotations

from pathlib import Path

from app.config.api_tokens import holder, read_lines
from tests.cli.conftest import Run


def test_a_token_is_printed_once_and_its_hash_kept(run: Run, tmp_path: Path) -> None:
    """On stdout alone, so that it can be piped; what else there is to say goes to stderr."""
    file = tmp_path / "tokens"
    made = run("serve", "--new-token", "grafana", "--role", "view", "--serve-token-file", str(file))
    again = run("serve", "--new-token", "grafana", "--serve-token-file", str(file))

    found = holder(read_lines(file), made.out.strip())
    assert found is not None
    assert (0, "grafana", "view") == (made.code, found.name, found.role)
    assert made.out.strip() not in made.err + file.read_text()
    assert (73, "") == (again.code, again.out)


def test_without_a_file_there_is_nowhere_to_write(run: Run) -> None:
    """It says which setting is missing."""
    found = run("serve", "--new-token", "ana")

    assert (64, True) == (found.code, "serve.token_file" in found.err)


def test_a_door_that_would_show_tokens_is_refused(run: Run, tmp_path: Path) -> None:
    """TCP without a token file, or beyond this machine without TLS, is a configuration that cannot be meant."""
    (tmp_path / "tokens").write_text("0123456789abcdef")
    for words, why in (
        (("--serve-tcp", "127.0.0.1:9444"), "token_file"),
        (("--serve-tcp", "0.0.0.0:9444", "--serve-token-file", str(tmp_path / "tokens")), "tls_cert"),
        (("--serve-tls-cert", "cert.pem"), "tls_key"),
        (("--serve-tcp", "9444", "--serve-token-file", "x"), "ADDRESS:PORT"),
    ):
        found = run("serve", *words)
        assert (64, True) == (found.code, why in found.err), found.err
