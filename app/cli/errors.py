"""Exit codes, and the error that carries one; what each code means is said here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping

OK = 0
FOUND = 1
INCOMPLETE = 2
BILLED = 3
USAGE = 64
UNAVAILABLE = 69
INTERNAL = 70
CANNOT_WRITE = 73
BUSY = 75
NOT_DONE = 77
INTERRUPTED = 130
PIPE_CLOSED = 141

MEANINGS: Mapping[int, str] = {
    OK: "all is well",
    FOUND: "something is wrong, or Slurm refused; the output says what",
    INCOMPLETE: "a configured source is down, nothing is seen at all, or something was not tested",
    BILLED: "it failed, and what is rented is billed until it is destroyed; the output says how much",
    USAGE: "wrong usage or configuration",
    UNAVAILABLE: "not available: no daemon or another one, no history, nothing kept at that time, no Slurm, no answer, "
    "no such deployment, no Terraform or no key for it",
    INTERNAL: "a mistake of this program",
    CANNOT_WRITE: "a file cannot be written, or exists already",
    BUSY: "another run is at work on it; try again once it has ended",
    NOT_DONE: "nothing was done: a read-only run, or the answer was no",
    INTERRUPTED: "interrupted from the keyboard",
    PIPE_CLOSED: "the reader of the output went away",
}
"""For `--help` and `docs/commands.md`. 64 and above follow sysexits.h, 130 and 141 the shells."""


class CliError(Exception):
    """A command cannot go on; the message is one sentence for a person, `code` the exit code."""

    def __init__(self, message: str, code: int = USAGE) -> None:
        super().__init__(message)
        self.code = code
