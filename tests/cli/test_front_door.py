"""The table of commands: what it offers, how it answers wrong words, and which exit codes come out."""

from __future__ import annotations

import gc
import re
from collections.abc import Sequence

import pytest

from app.__main__ import COMMANDS, main
from app.cli import errors
from app.cli.command import load, parser_of


def run(capsys: pytest.CaptureFixture[str], words: Sequence[str]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command line."""
    code = main(words)
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_help_names_every_command_and_fits_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` lists each command that is not hidden once, in at most 24 lines of 80 columns."""
    code, out, _ = run(capsys, ["--help"])

    assert errors.OK == code
    shown = [one.name for one in COMMANDS if not one.hidden]
    rows = re.findall(r"^  (.+)$", out, re.MULTILINE)
    listed = [word for row in rows for word in re.split(r"  +", row)[0].split()]
    assert shown == listed
    assert len(out.splitlines()) <= 24
    assert max(len(line) for line in out.splitlines()) <= 80


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_declares_itself_and_its_exit_codes(command: object, capsys: pytest.CaptureFixture[str]) -> None:
    """Each row's module can be loaded, and its help shows its options and what its codes mean."""
    row = next(one for one in COMMANDS if one is command)

    assert callable(load(row).run)
    code, out, _ = run(capsys, [row.name, "--help"])

    assert errors.OK == code
    assert out.startswith(f"usage: gpu-watchdog {row.name}")
    assert all(errors.MEANINGS[one] in out for one in row.codes)


@pytest.mark.parametrize("is_searching", [True, False])
def test_loading_a_command_leaves_the_search_for_garbage_as_it_was(is_searching: bool) -> None:
    """On stays on and off stays off; what was loaded is left out of every search."""
    before = gc.isenabled()
    (gc.enable if is_searching else gc.disable)()
    try:
        load(COMMANDS[1])
        assert is_searching == gc.isenabled()
    finally:
        (gc.enable if before else gc.disable)()

    assert gc.get_freeze_count() > 0


def test_every_option_of_every_command_is_explained() -> None:
    """No option or argument comes without a line of help."""
    silent = [(row.name, action.dest) for row in COMMANDS for action in parser_of(row).actions() if not action.help]

    assert [] == silent


def test_a_mistyped_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    """A word that is no command ends with 64 and a suggestion on stderr."""
    code, out, err = run(capsys, ["stauts"])

    assert (errors.USAGE, "") == (code, out)
    assert "did you mean status?" in err


def test_a_mistyped_option_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    """An option nobody knows ends with 64 and a suggestion."""
    code, _, err = run(capsys, ["status", "--jsno"])

    assert errors.USAGE == code
    assert "did you mean --json?" in err


def test_options_are_not_abbreviated(capsys: pytest.CaptureFixture[str]) -> None:
    """`--js` is not `--json`: what scripts write today must mean the same when options are added."""
    code, _, _ = run(capsys, ["status", "--js"])

    assert errors.USAGE == code


def test_an_unknown_configuration_key_is_a_usage_error(capsys: pytest.CaptureFixture[str], tmp_path: object) -> None:
    """A configuration that cannot be used ends with 64 and names file, key and the nearest key."""
    from pathlib import Path

    file = Path(str(tmp_path)) / "lab.toml"
    file.write_text("[cluster]\nnmae = 'lab'\n")

    code, out, err = run(capsys, ["status", "--config", str(file)])

    assert (errors.USAGE, "") == (code, out)
    assert str(file) in err
    assert "did you mean 'name'?" in err


def test_version_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` prints the program's name and version."""
    code, out, _ = run(capsys, ["--version"])

    assert errors.OK == code
    assert re.fullmatch(r"gpu-watchdog \S.*\n", out)


def test_a_crash_has_an_exit_code_of_its_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake of the program is neither 1 nor 2, which mean something."""

    def broken(*_: object) -> int:
        raise RuntimeError("out of cheese")

    monkeypatch.setattr("app.cli.completion.run", broken)

    code, _, err = run(capsys, ["completion", "bash"])

    assert errors.INTERNAL == code
    assert "out of cheese" in err


def test_an_interrupt_ends_with_130(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl+C is no traceback."""

    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("app.cli.completion.run", interrupted)

    assert (errors.INTERRUPTED, "", "") == run(capsys, ["completion", "bash"])
