"""`doctor`: what it checks, what it says of what is wrong, and how it ends."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from app.cli import errors
from app.cli.checks import colours, program_checks
from tests.cli.conftest import Run, dcgm_page, schema
from tests.cli.test_status import Serve


def test_json_fits_its_schema_and_names_what_each_source_brought(run: Run, serve_page: Serve) -> None:
    """A healthy installation with one page: exit 0, and the page's GPUs are counted."""
    answer = run("doctor", "--json", "--target", serve_page(dcgm_page(2)))

    jsonschema.validate(answer.json, schema("doctor"))
    assert (errors.OK, True) == (answer.code, answer.json["ok"])
    source = next(check for check in answer.json["checks"] if check["group"] == "sources")
    assert source["text"].startswith("dcgm-exporter: 2 GPUs in ")


def test_a_source_that_is_down_is_a_failure_with_its_reason(run: Run) -> None:
    """Exit 1, and the text says what failed."""
    answer = run("doctor", "--json", "--target", "http://127.0.0.1:1/metrics")

    assert errors.FOUND == answer.code
    failed = [check for check in answer.json["checks"] if check["state"] == "failed"]
    assert ["sources"] == [check["group"] for check in failed]
    assert "127.0.0.1" in failed[0]["text"]


def test_a_broken_configuration_is_told_not_raised(run: Run, tmp_path: Path) -> None:
    """The command for finding out what is wrong must work when something is."""
    file = tmp_path / "lab.toml"
    file.write_text("[clutser]\n")

    answer = run("doctor", "--config", str(file))

    assert errors.FOUND == answer.code
    assert "did you mean 'cluster'?" in answer.out


def test_tables_of_later_versions_are_named(
    run: Run, tmp_path: Path, serve_page: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is set but not read yet is said, so that nobody waits for it; in this version, nothing is."""
    monkeypatch.setattr("app.config.load.LATER", ("quantum",))
    file = tmp_path / "lab.toml"
    file.write_text(f"[quantum]\nurl = ''\n[[target]]\nurl = '{serve_page(dcgm_page(1))}'\n")

    answer = run("doctor", "--config", str(file))

    assert errors.OK == answer.code
    assert "[quantum] is set, but this version does not read it yet" in answer.out


def test_bad_lines_of_a_page_are_shown(run: Run, serve_page: Serve) -> None:
    """A page with a broken line works, and the check says which line it was."""
    answer = run("doctor", "--json", "--target", serve_page(dcgm_page(1) + 'broken{label="x 1\n'))

    source = next(check for check in answer.json["checks"] if check["group"] == "sources")
    assert "warning" == source["state"]
    assert "1 bad lines were left out; line 5:" in source["advice"]


def test_a_loose_state_folder_and_a_loose_token_are_warnings(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others must not read what is kept; the advice is the command to run."""
    state, token = tmp_path / "state", tmp_path / "token"
    state.mkdir(mode=0o755)
    token.write_text("secret-of-the-exporter")
    token.chmod(0o644)
    file = tmp_path / "lab.toml"
    file.write_text(f"[[target]]\nurl = 'http://127.0.0.1:1/metrics'\ntoken_file = '{token}'\n")
    monkeypatch.setenv("GPU_WATCHDOG_STATE_DIR", str(state))

    answer = run("doctor", "--config", str(file))

    assert f"chmod 700 {state}" in answer.out
    assert f"chmod 600 {token}" in answer.out
    assert "secret-of-the-exporter" not in answer.out + answer.err


def test_another_app_on_the_path_is_a_warning(tmp_path: Path) -> None:
    """A PYTHONPATH that shadows our package is found before it puzzles anybody."""
    (tmp_path / "app").mkdir()

    found = {check.name: check for check in program_checks({"PYTHONPATH": str(tmp_path)})}

    assert "warning" == found["code"].state
    assert str(tmp_path) in found["code"].text


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"NO_COLOR": "1", "COLORTERM": "truecolor"}, "none, as NO_COLOR asks"),
        ({"COLORTERM": "truecolor", "TERM": "xterm"}, "16 million (COLORTERM)"),
        ({"TERM": "screen-256color"}, "256 (TERM)"),
    ],
)
def test_colours_come_from_the_environment(environ: dict[str, str], expected: str) -> None:
    """As the screen will decide."""
    assert expected == colours(environ)
