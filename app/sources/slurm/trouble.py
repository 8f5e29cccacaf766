"""What goes wrong when Slurm is asked, in a sentence for a person: what failed, where, what to do. Pure."""

from __future__ import annotations

import re
from typing import Literal

from app.domain.naming import clean

TroubleKind = Literal["missing", "setup", "timeout", "controller", "accounting", "denied", "reach", "failed"]
"""`missing`: no such command; `setup`: no configuration or no munge; `reach`: no way to where Slurm is; `controller`:
slurmctld does not answer; `accounting`: slurmdbd does not, or there is none; `failed`: anything else."""

_LONGEST_SAID = 300
_PREFIX = re.compile(r"^(?:\w+: )?(?:error|fatal): ")
_STAMP = re.compile(r"^\[?\d{4}-\d\d-\d\dT[\d:.]+\]? ")
_SIGNS: tuple[tuple[TroubleKind, re.Pattern[str]], ...] = (
    (
        "setup",
        re.compile(
            r"configuration (?:source|file)|slurm\.conf|munge|auth_g_|authentication credential|authentication error"
            r"|auth(?:entication)? plugin|Unable to (?:load|find) (?:config|plugin)",
            re.IGNORECASE,
        ),
    ),
    ("accounting", re.compile(r"slurmdbd|accounting storage|not running a supported accounting", re.IGNORECASE)),
    (
        "controller",
        re.compile(
            r"Unable to contact slurm controller|Socket timed out|Zero Bytes were transmitted|Connection refused"
            r"|slurm_receive_msg|backup controller|controller is in standby|Insane message length",
            re.IGNORECASE,
        ),
    ),
    ("denied", re.compile(r"permission denied|Invalid user id|not authorized|Access denied", re.IGNORECASE)),
)  # fmt: skip
_ADVICE: dict[str, str] = {
    "setup": "run `scontrol ping` there by hand; it needs slurm.conf (or SLURM_CONF) and munge",
    "accounting": "ended jobs come from this program's own history then",
    "controller": "is slurmctld up? `scontrol ping` says so",
    "denied": "Slurm does not let this user see or do it",
}


class SlurmError(Exception):
    """Slurm could not be asked, or refused; the message is for a person."""

    def __init__(self, kind: TroubleKind, text: str, said: tuple[str, ...] = ()) -> None:
        super().__init__(clean(text, 600))
        self.kind: TroubleKind = kind
        self.said = said
        """Slurm's own lines, cleaned."""


def words_of(stderr: bytes) -> tuple[str, ...]:
    """Slurm's own lines without program, stamp and level, cleaned; none twice."""
    lines = (
        _PREFIX.sub("", _STAMP.sub("", clean(line.strip(), _LONGEST_SAID)))
        for line in stderr[:65536].decode("utf-8", "replace").splitlines()
    )
    return tuple(dict.fromkeys(line for line in lines if line))


def kind_of(said: tuple[str, ...]) -> TroubleKind:
    """Which trouble Slurm's own lines speak of."""
    text = "\n".join(said)
    return next((kind for kind, sign in _SIGNS if sign.search(text)), "failed")


def refused(name: str, where: str, returncode: int, said: tuple[str, ...]) -> SlurmError:
    """The error for a command that ended with a status that is not 0, or with an error and no answer."""
    if returncode == 127:
        return missing(name, where, said)
    kind = kind_of(said)
    last = said[-1].rstrip(".") if said else f"it ended with status {returncode} and no word"
    advice = f"; {_ADVICE[kind]}" if kind in _ADVICE else ""
    subject = "slurmctld does not answer" if kind == "controller" else f"{name} failed"
    return SlurmError(kind, f"{subject} ({name} on {where}): {last}{advice}", said)


def missing(name: str, where: str, said: tuple[str, ...] = ()) -> SlurmError:
    """The error for a command that is not there."""
    return SlurmError("missing", f"{name}: no such command on {where}; see settings: slurm.bin_dir", said)


def too_slow(name: str, where: str, timeout_s: float) -> SlurmError:
    """The error for a command that was given up on."""
    text = f"slurmctld does not answer ({name} on {where}): it did not end within {timeout_s:.2g} s and was killed"
    return SlurmError("timeout", f"{text}; see settings: slurm.timeout_s")
