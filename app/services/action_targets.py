"""What an action may name: ids of jobs, nodes, reasons, options. Pure.

Everything that a command is given passes through here, so that no text can be taken for an option, reach a shell
(ssh quotes the words, and there is one at its other end) or hide something from the person who says yes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from app.domain.hostlist import LONGEST, expand
from app.domain.naming import clean

JOB_ID = re.compile(
    r"(?P<base>\d{1,10})(?:_(?:(?P<task>\d{1,10})|\[(?P<tasks>[\d,\-%:]{1,2000})\]))?(?:\+(?P<part>\d{1,6}))?", re.ASCII
)
"""`812`, `820_3`, `820_[7-99%4]`, `830+1`."""
_NODES = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}(?:\[[\d,\-]{1,500}\][A-Za-z0-9._-]{0,252}){0,3}", re.ASCII)
_SIGNAL = re.compile(r"(?:SIG)?([A-Z][A-Z0-9+]{1,9}|\d{1,2})", re.ASCII)
_OPTION = re.compile(r"--[a-z][a-z0-9-]{1,40}(?:=.*)?|-[A-Za-z].*", re.ASCII)
LONGEST_REASON = 256
"""Characters of a reason or comment; slurmctld takes more, people do not read more."""
MOST_TARGETS = 1000
"""Jobs or nodes of one action: beyond that somebody has marked more than they have read."""
LONGEST_OPTION = 4096


class ActionError(ValueError):
    """An action that is refused before anything is asked of Slurm; the message is for a person."""


def job_ids(texts: Iterable[str]) -> tuple[str, ...]:
    """Ids of jobs as people write them, each once. Raises ActionError."""
    found = []
    for text in texts:
        wanted = text.strip()
        if not JOB_ID.fullmatch(wanted):
            raise ActionError(f"{clean(text, 60)!r} is no job id; write 812, 820_3, 820_[7-9] or 830+1")
        found.append(wanted)
    return _counted(tuple(dict.fromkeys(found)), "a job id: 812, 820_3 or 830+1")


def node_names(texts: Iterable[str]) -> tuple[str, ...]:
    """Names of nodes; host lists (`gpu-[1-4]`) are written out. Raises ActionError."""
    found: list[str] = []
    for text in texts:
        wanted = text.strip()
        parts = [part for part in re.split(r",(?![^\[]*\])", wanted) if part]
        if not parts or not all(_NODES.fullmatch(part) for part in parts):
            raise ActionError(f"{clean(text, 60)!r} is no node; write gpu-1, gpu-1,gpu-2 or gpu-[1-4]")
        found += expand(wanted)
        if len(found) >= LONGEST:
            break
    return _counted(tuple(dict.fromkeys(found)), "a node: gpu-1 or gpu-[1-4]")


def reason_of(text: str) -> str:
    """Why a node is taken away, as one clean line. Raises ActionError where nothing is said."""
    reason = prose(text, "the reason")
    if not reason:
        raise ActionError("say why: Slurm keeps a reason for every drained node, and others will read it")
    return reason


def prose(text: str, what: str) -> str:
    """A line that people read (reason, comment): clean, trimmed, without double quotes, which scontrol would eat.

    Raises ActionError.
    """
    said = " ".join(clean(text, LONGEST_REASON + 1).replace('"', "'").split())
    if len(said) > LONGEST_REASON:
        raise ActionError(f"{what} is longer than {LONGEST_REASON} characters")
    return said


def signal_name(text: str) -> str:
    """A signal as scancel takes it: `USR1`, `10`. Raises ActionError."""
    found = _SIGNAL.fullmatch(text.strip().upper())
    if found is None:
        raise ActionError(f"{clean(text, 40)!r} is no signal; write USR1, TERM or a number")
    return found.group(1)


def sbatch_options(words: Iterable[str]) -> tuple[str, ...]:
    """Options for sbatch: `--gres=gpu:2`, `-p gpu`, `-N2`, `-H`; never a second script or a command.

    A long option takes its value with `=`: sbatch would read a word of its own as the script wherever the option takes
    none. Raises ActionError.
    """
    found: list[str] = []
    wants_value = False
    for word in words:
        if not word or len(word) > LONGEST_OPTION or not word.isprintable():
            raise ActionError(f"{clean(word, 60)!r} cannot be given to sbatch: empty, too long, or not plain text")
        if wants_value and not word.startswith("-"):
            wants_value = False
        elif _OPTION.fullmatch(word):
            wants_value = _checked(word)
        else:
            raise ActionError(
                f"{clean(word, 60)!r} is no option of sbatch: write --name=value; the script stands before `--`"
            )
        found.append(word)
    return tuple(found)


def _checked(word: str) -> bool:
    """Whether an option's value is still to come. Raises ActionError for one that is not taken here."""
    name = word.partition("=")[0]
    # sbatch takes any unambiguous beginning of a long option for it.
    for refused, why in _NOT_OURS.items():
        if name == refused or (len(name) > 3 and name.startswith("--") and refused.startswith(name)):
            raise ActionError(f"{name} {why}")
    if word.startswith("--"):
        return False
    if word[1] in _SWITCHES and len(word) > 2:
        raise ActionError(f"{clean(word, 60)!r}: write each short option as a word of its own")
    return len(word) == 2 and word[1] not in _SWITCHES


_SWITCHES = frozenset("HIkKOQsvhVWu")
"""Short options of sbatch without a value, or with one that cannot stand apart."""
_NOT_OURS = {
    "--wrap": "is not for a script: write the command into a file",
    "--parsable": "is given already",
    "--test-only": "is `--test` here",
    "-W": "would wait for the job to end: follow it with `gpu-watchdog logs ID --follow`",
    "--wait": "would wait for the job to end: follow it with `gpu-watchdog logs ID --follow`",
    "--help": "belongs to sbatch itself: run `sbatch --help`",
    "-h": "belongs to sbatch itself: run `sbatch --help`",
    "-V": "belongs to sbatch itself: run `sbatch --version`",
    "--version": "belongs to sbatch itself: run `sbatch --version`",
    "--usage": "belongs to sbatch itself: run `sbatch --usage`",
}
"""Options that would change what our call of sbatch means, and why they are refused."""


def _counted(found: tuple[str, ...], wanted: str) -> tuple[str, ...]:
    if not found:
        raise ActionError(f"name {wanted}")
    if len(found) > MOST_TARGETS:
        raise ActionError(f"{len(found):,} at once: more than {MOST_TARGETS:,} is refused; take fewer")
    return found
