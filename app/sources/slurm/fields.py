"""Single values in Slurm's text: numbers, times, limits, states, names, paths. None where Slurm says nothing.

Slurm spells "nothing" in a dozen ways. Times are epoch seconds (`SLURM_TIME_FORMAT=%s`) or ISO in the zone of the
machine that reads them. States and reasons that are not known here are passed on as they are.
"""

from __future__ import annotations

import math
import re
from datetime import datetime

from app.domain.hostlist import expand
from app.domain.naming import clean

LONGEST_NAME = 256
LONGEST_COMMENT = 1024
LONGEST_PATH = 4096
NOTHING = frozenset(
    {
        "", "(null)", "N/A", "n/a", "n/s", "None", "NONE", "none", "Unknown", "UNKNOWN", "NOT_SET", "INVALID",
        "None assigned", "Invalid", "ns", "*",
    }
)  # fmt: skip
"""How Slurm spells that there is no value."""
UNLIMITED = frozenset({"UNLIMITED", "INFINITE", "Infinity", "unlimited", "infinite"})
LONGEST_HOSTS = 65536
"""Characters of a host list."""
LATEST = 1e11
"""Epoch seconds; a later time is none."""

FLAG_BASES = {
    "CONFIGURING": "RUNNING", "POWER_UP_NODE": "RUNNING", "SIGNALING": "RUNNING", "STOPPED": "RUNNING",
    "REQUEUED": "PENDING", "REQUEUE_HOLD": "PENDING", "REQUEUE_FED": "PENDING", "SPECIAL_EXIT": "PENDING",
    "RESV_DEL_HOLD": "PENDING", "EXPEDITING": "PENDING",
}  # fmt: skip
"""Flags of a job that text prints in place of the state beneath, and that state."""
LONE_FLAGS = frozenset({"COMPLETING", "RESIZING", "STAGE_OUT", "RECONFIG_FAIL", "UPDATE_DB"})
"""Flags that text prints in place of a state it does not tell; the word stands for both."""
SUFFIXES = {
    "*": "NOT_RESPONDING", "~": "POWERED_DOWN", "#": "POWERING_UP", "!": "POWER_DOWN", "%": "POWERING_DOWN",
    "$": "MAINTENANCE", "@": "REBOOT_REQUESTED", "^": "REBOOT_ISSUED", "-": "PLANNED", "+": "",
}  # fmt: skip
"""What sinfo hangs on a node's state, as the flag that scontrol would print."""
IMPLIED = {
    "MAINT": "MAINTENANCE", "INVAL": "INVALID_REG", "DRAINED": "DRAIN", "DRAINING": "DRAIN", "REBOOT": "REBOOT_ISSUED",
    **{word: word for word in ("PLANNED", "POWERED_DOWN", "POWERING_DOWN", "POWERING_UP", "POWER_DOWN")},
}  # fmt: skip
"""sinfo's words for a flag whose state beneath it does not tell, and that flag; the word stays as the state."""

ID = re.compile(r"\d{1,10}(?:_(?:\d{1,10}|\[[\d,:%.\-]{1,512}\]?)|\+\d{1,6})?", re.ASCII)
"""`812`, `820_3`, `820_[7-99%4]`, `830+1`."""
_DURATION = re.compile(r"(?:(\d{1,9})-)?(?:(\d{1,9}):)?(\d{1,9}):(\d{1,9})(?:\.\d+)?", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9_.:-]{1,255}", re.ASCII)
_HOSTS = re.compile(r"[A-Za-z0-9_.,:\[\]-]+", re.ASCII)
_NUMBER = re.compile(r"\d{1,18}(?:\.\d{1,9})?", re.ASCII)
_NOT_IN_PATHS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffd\ud800-\udfff]")


def text_of(text: str, most: int = LONGEST_NAME) -> str | None:
    """Cleaned text; None where Slurm says nothing."""
    return None if text in NOTHING else clean(text, most)


def word_of(text: str) -> str:
    """Cleaned text; empty where Slurm says nothing."""
    return "" if text in NOTHING else clean(text, LONGEST_NAME)


def name_of(text: str) -> str:
    """A job's name, cleaned; `None` is a name as any other."""
    return clean(text, LONGEST_NAME)


def path_of(text: str) -> str | None:
    """A path with its exact characters, or None: one that a terminal would not show as it is, is never altered."""
    if text in NOTHING or len(text) > LONGEST_PATH or _NOT_IN_PATHS.search(text) is not None:
        return None
    return text


def host_of(text: str) -> str:
    """A node's name; empty where it is none: names of nodes end up in commands, so they are a host's or nothing."""
    return text if _HOST.fullmatch(text) else ""


def hosts_of(text: str) -> tuple[str, ...]:
    """The nodes of a host list, in its order; none where it is no list of host names.

    The bounds keep a few bytes from writing out gigabytes: brackets multiply.
    """
    if text in NOTHING or len(text) > LONGEST_HOSTS or _HOSTS.fullmatch(text) is None:
        return ()
    brackets = text.count("[")
    longest = max(map(len, re.split(r"[\[\],]", text))) if len(text) > 64 else 0
    if longest > (64 if brackets else 255) or (brackets and max(part.count("[") for part in text.split("],")) > 3):
        return ()
    return expand(text)


def int_of(text: str) -> int | None:
    """A whole number from 0; `1-2` (of nodes asked for) gives the least. None for everything else."""
    if text.isdecimal() and text.isascii():
        return int(text) if len(text) <= 18 else None
    least, _, most = text.partition("-")
    return int(least) if most and least.isdecimal() and least.isascii() and len(least) <= 18 else None


def epoch_of(text: str) -> float | None:
    """Epoch seconds; None for a time that is not set."""
    if text.isdecimal() and text.isascii() and len(text) < 12:
        return float(text) or None
    if text in NOTHING or len(text) > 40:
        return None
    try:
        at = datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return at if 0 < at < LATEST else None


def duration_s(text: str) -> float | None:
    """`1-02:03:04`, `02:03:04`, `03:04` as seconds."""
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def limit_s(text: str) -> float | None:
    """A time limit in seconds; infinity for none; None where the partition's holds or it is not said."""
    if text in UNLIMITED:
        return math.inf
    if text.isdecimal() and text.isascii() and len(text) < 12:
        return float(text) * 60.0
    return duration_s(text)


def job_state(text: str) -> tuple[str, tuple[str, ...]]:
    """State and flags of a job out of one word; `CANCELLED by 2001` is CANCELLED."""
    word = clean(text.split(" ", 1)[0], 64)
    if word in FLAG_BASES:
        return FLAG_BASES[word], (word,)
    return (word, (word,)) if word in LONE_FLAGS else (word, ())


def ended_state(text: str) -> tuple[str, tuple[str, ...]]:
    """State of a job in the accounts: raw, since REQUEUED is an end there; `CANCELLED by 2001` is CANCELLED."""
    return clean(text.split(" ", 1)[0], 64), ()


def node_state(text: str) -> tuple[str, tuple[str, ...]]:
    """State and flags of a node: `MIXED+DRAIN+NOT_RESPONDING`, `IDLE*`, or sinfo's `drained*`."""
    flags: list[str] = []
    words = [word for word in clean(text, 512).upper().split("+") if word]
    for at, word in enumerate(words):
        while word and word[-1] in SUFFIXES:
            flags.append(SUFFIXES[word[-1]])
            word = word[:-1]  # noqa: PLW2901 - peels one sign a turn
        words[at] = word
    if not words:
        return "", ()
    implied = IMPLIED.get(words[0], "")
    return words[0], tuple(dict.fromkeys(one for one in (implied, *words[1:], *flags) if one))


def reason_of(text: str) -> str | None:
    """Slurm's reason, whole and raw; None for `None`."""
    return None if text in NOTHING else clean(text, LONGEST_COMMENT)


def exit_of(text: str) -> tuple[int | None, int | None]:
    """Exit code and signal of `3:0`."""
    code, _, signal = text.partition(":")
    return int_of(code), int_of(signal)


def bool_of(text: str) -> bool | None:
    """`1`, `0`, `YES`, `NO`."""
    return {"1": True, "0": False, "YES": True, "NO": False}.get(text.upper())


def float_of(text: str) -> float | None:
    """A number from 0, `0.93`; None for everything else."""
    return float(text) if _NUMBER.fullmatch(text) else None


def list_of(text: str) -> tuple[str, ...]:
    """Names between commas, cleaned; features may carry counts in brackets and stay as they are."""
    if text in NOTHING:
        return ()
    return tuple(clean(part, LONGEST_NAME) for part in text.split(",", 4096)[:4096] if part)


def everyone_of(text: str) -> str | None:
    """Who is allowed; None where that is everyone."""
    return None if text.upper() == "ALL" else text_of(text, LONGEST_COMMENT)
