"""`serve`: what it refuses before it collects anything."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run


def test_a_view_of_other_daemons_is_nothing_to_collect(run: Run, tmp_path: Path) -> None:
    """A configuration that names daemons is for screens; served, it would answer with an empty cluster."""
    config = tmp_path / "view.toml"
    config.write_text('[[member]]\ncluster = "lab"\nsocket = "/run/lab.sock"\n')

    found = run("serve", "--config", str(config))

    assert (64, True) == (found.code, "[[member]]" in found.err), found.err


def test_a_door_that_cannot_be_opened_leaves_nothing_behind(run: Run, tmp_path: Path) -> None:
    """A token file that holds none: one sentence, and no socket's name that nobody answers on."""
    tokens, socket = tmp_path / "tokens", tmp_path / "run" / "api.sock"
    tokens.touch(0o600)
    config = tmp_path / "config.toml"
    config.write_text(
        '[[target]]\nurl = "http://127.0.0.1:9/metrics"\n'
        f'[serve]\nsocket = "{socket}"\ntcp = "127.0.0.1:0"\ntoken_file = "{tokens}"\n'
    )

    found = run("serve", "--config", str(config))

    assert (69, False) == (found.code, socket.exists()), found.err
    assert "token" in found.err
