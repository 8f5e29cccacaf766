"""What else than a metric can colour the grid: the job or the user that holds a GPU, or how long it has been held idle.

One of eight colours and a letter tell all apart, and the legend says whose each is: never colour alone.
Who has a letter keeps it as long as he is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase

from app.domain.snapshot import Gpu
from app.present.cells import KINDS, LEVELS, Cell, Tone, tidy
from app.present.glyphs import Glyphs
from app.present.look import Look
from app.present.units import format_age

LETTERS = ascii_lowercase + ascii_uppercase
FREE = 99
"""Code of a cell that nobody holds."""
FIRST_KIND = 100
"""Code of the first kind; further ones follow."""
IDLE_STEPS_S = (0.0, 60.0, 180.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 10800.0, 21600.0)
"""Seconds held idle from which each level of the ramp begins."""


@dataclass(frozen=True, slots=True, eq=False)
class Paint:
    """One way to colour the grid."""

    title: str
    key: object
    """Equal as long as every GPU's code would be."""
    code: Callable[[Gpu], int]
    """A level 0-9, FREE, or a kind from FIRST_KIND on."""
    text: Callable[[Gpu], str]
    """What a wide cell says."""
    names: Mapping[int, str]
    """Whose each code is, for the legend."""
    nobody: str = "nobody"
    """What FREE means."""


class Kinds:
    """Gives names numbers: the lowest that is not taken, kept while the name is there."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def of(self, names: Iterable[str]) -> Mapping[str, int]:
        """The numbers of these names, and of no others."""
        wanted = dict.fromkeys(names)
        kept = {name: number for name, number in self._numbers.items() if name in wanted}
        taken = set(kept.values())
        free = (number for number in range(len(wanted) + len(taken)) if number not in taken)
        for name in wanted:
            if name not in kept:
                kept[name] = next(free)
        self._numbers = kept
        return kept


def kind_sign(code: int) -> str:
    """The letter of a kind."""
    return LETTERS[(code - FIRST_KIND) % len(LETTERS)]


def kind_tone(code: int) -> Tone:
    """The colour of a kind."""
    return KINDS[(code - FIRST_KIND) % len(KINDS)]


def kind_cell(code: int, text: str) -> Cell:
    """A cell of a kind, or of nobody."""
    return Cell(text, "frame") if code == FREE else Cell(text, "plain", kind_tone(code))


def paint_cell(code: int, glyphs: Glyphs) -> Cell:
    """One column for any code: the letter of a kind, the colour of a level."""
    if code < FREE:
        return Cell(glyphs.digits[code] if glyphs.digits else " ", "plain", LEVELS[code])
    return kind_cell(code, " " if code == FREE else kind_sign(code))


def holder_paint(gpus: Iterable[Gpu], look: Look, kinds: Kinds, *, by_user: bool) -> Paint:
    """By the job that holds each GPU, or by its user."""
    name_of = {gpu.id: _holder(gpu, look, by_user=by_user) for gpu in gpus}
    numbers = kinds.of(name for name in name_of.values() if name)
    codes = {place: FIRST_KIND + numbers[name] if name else FREE for place, name in name_of.items()}
    names = {FIRST_KIND + number: tidy(name, 20) for name, number in numbers.items()}
    return Paint(
        "user" if by_user else "job",
        tuple(codes.values()),
        lambda gpu: codes.get(gpu.id, FREE),
        lambda gpu: tidy(name_of.get(gpu.id, ""), 20),
        names,
    )


def idle_paint(gpus: Iterable[Gpu], idle_s: Callable[[Gpu], float | None]) -> Paint:
    """By how long each GPU has been held and done nothing; None: it is at work, or nobody holds it."""
    known = {gpu.id: idle_s(gpu) for gpu in gpus}
    codes = {place: FREE if since is None else _level(since) for place, since in known.items()}
    return Paint(
        "minutes held idle",
        tuple(codes.values()),
        lambda gpu: codes.get(gpu.id, FREE),
        lambda gpu: _minutes(known.get(gpu.id)),
        {0: "just now", 4: format_age(IDLE_STEPS_S[4]), 7: format_age(IDLE_STEPS_S[7]), 9: format_age(IDLE_STEPS_S[9])},
        "at work, or nobody's",
    )


def _holder(gpu: Gpu, look: Look, *, by_user: bool) -> str:
    held = look.held(gpu) if look.held is not None else None
    if by_user:
        users = [job.user for job in held.jobs] if held is not None else []
        users = users or [one.user for one in gpu.processes or () if one.user]
        return users[0] if users else ""
    ids = held.job_ids if held is not None else gpu.hpc_jobs
    return ids[0] if ids else ""


def _level(since_s: float) -> int:
    return max(at for at, step in enumerate(IDLE_STEPS_S) if since_s >= step)


def _minutes(since_s: float | None) -> str:
    if since_s is None:
        return ""
    return f"{since_s / 60:.0f}m" if since_s < 6000 else f"{since_s / 3600:.0f}h"
