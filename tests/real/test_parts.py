"""Every real part that is found on this machine also runs."""

import subprocess

import pytest

from tests.tools.parts import PARTS, find

SHORT = ("tmux", "ssh", "ip", "slurmctld", "slurmd", "slurmrestd")
VERSION_FLAGS = {"openssl": "version", "nginx": "-v"} | dict.fromkeys(SHORT, "-V")
"""How a command is asked for its version, where `--version` is not the way."""
SILENT = {"mandoc", "sshd", "ssh-keygen", "slurmdbd", "squeue"}
"""Those that have no question they answer with success; Slurm's want a configuration first."""

COMMANDS = [
    pytest.param(command, marks=pytest.mark.real(part.name), id=command)
    for part in PARTS
    for command in part.commands
    if command not in SILENT
]


@pytest.mark.parametrize("command", COMMANDS)
def test_part_answers_with_its_version(command: str) -> None:
    """A command of a part starts and ends well when asked what it is."""
    path = find(command)
    assert path is not None

    done = subprocess.run(
        [path, VERSION_FLAGS.get(command, "--version")],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

    assert 0 == done.returncode, done.stderr
    assert done.stdout + done.stderr
