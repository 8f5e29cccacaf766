"""Completion scripts: every command and option in each of them, and bash doing what it is told."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from app.__main__ import COMMANDS
from app.cli.completion import SHELLS, script, syntax

SHOWN = [command for command in COMMANDS if not command.hidden]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_knows_every_command_and_option(shell: str) -> None:
    """Each command and each long option of it, settings included, stands in the script."""
    text = script(shell, COMMANDS)

    missing = [
        (one.command.name, flag)
        for one in map(syntax, SHOWN)
        for option in one.options
        for flag in option.flags
        if flag.startswith("--") and flag not in text and f"-l {flag[2:]} " not in text
    ]
    assert [] == missing
    assert all(command.name in text for command in SHOWN)


@pytest.mark.parametrize(
    "shell",
    [
        "bash",
        pytest.param("zsh", marks=pytest.mark.real("zsh")),
        pytest.param("fish", marks=pytest.mark.real("fish")),
    ],
)
def test_a_script_is_valid_for_its_shell(shell: str, tmp_path: Path) -> None:
    """The shell itself finds nothing wrong with it."""
    program = shutil.which(shell) or shell
    file = tmp_path / "completion"
    file.write_text(script(shell, COMMANDS))

    checked = subprocess.run([program, "-n", str(file)], capture_output=True, text=True, check=False)

    assert ("", 0) == (checked.stderr, checked.returncode)


def bash_completes(words: list[str], tmp_path: Path) -> set[str]:
    """What bash offers for the last of these words."""
    file = tmp_path / "completion.bash"
    file.write_text(script("bash", COMMANDS))
    line = " ".join(f"'{word}'" for word in ["gpu-watchdog", *words])
    asked = f"source {file}; COMP_WORDS=({line}); COMP_CWORD={len(words)}; _gpu_watchdog; echo ${{COMPREPLY[@]}}"
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True, cwd=tmp_path)
    return set(done.stdout.split())


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["st"], {"status"}),
        (["status", "--js"], {"--json"}),
        (["status", "--config", "lab"], {"lab.toml"}),
        (["completion", ""], {"bash", "fish", "zsh"}),
        (["--targ"], {"--target"}),
        (["status", "--store-"], {"--store-path", "--store-raw-hours", "--store-minute-days", "--store-quarter-days"}),
    ],
)
def test_bash_completes(words: list[str], expected: set[str], tmp_path: Path) -> None:
    """Commands, options, files where one is wanted, words where there is a choice; options alone are the screen's."""
    (tmp_path / "lab.toml").touch()

    found = bash_completes(words, tmp_path)

    assert expected <= found
    assert all(one.startswith(words[-1]) for one in found)


@pytest.mark.real("fish")
@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("stat", {"status"}),
        ("status --js", {"--json"}),
        ("completion ", {"bash", "fish", "zsh"}),
        ("--targ", {"--target"}),
    ],
)
def test_fish_completes(typed: str, expected: set[str], tmp_path: Path) -> None:
    """The same as bash does, with the help beside it."""
    file = tmp_path / "gpu-watchdog.fish"
    file.write_text(script("fish", COMMANDS))

    asked = f"source {file}; complete -C 'gpu-watchdog {typed}'"
    done = subprocess.run(["fish", "-c", asked], capture_output=True, text=True, check=True)

    assert expected == {line.split("\t")[0] for line in done.stdout.splitlines()}


@pytest.mark.real("zsh")
def test_zsh_loads_the_script_both_ways(tmp_path: Path) -> None:
    """Sourced after compinit, and found by it in a folder of $fpath."""
    (tmp_path / "_gpu-watchdog").write_text(script("zsh", COMMANDS))
    asked = (
        f"fpath=({tmp_path} $fpath); autoload -Uz compinit; compinit -u -d {tmp_path}/dump; "
        f"print $_comps[gpu-watchdog]; source {tmp_path}/_gpu-watchdog; print $_comps[gpu-watchdog]"
    )

    done = subprocess.run(["zsh", "-f", "-c", asked], capture_output=True, text=True, check=False)

    assert ("_gpu-watchdog\n_gpu_watchdog\n", "") == (done.stdout, done.stderr)
