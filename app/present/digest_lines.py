"""`digest` for people: what is still wrong first, then what was, what ended and what changed. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.digest import MOST, Digest, Fired
from app.domain.naming import clean
from app.present.cells import Cell, Line, Tone, cells, fit, line
from app.present.look import Look
from app.present.units import format_age

_TONES: dict[str, Tone] = {"critical": "bad", "warning": "look", "info": "quiet"}
_TIME = 15


def digest_lines(found: Digest, now: float, width: int) -> list[Line]:
    """The lines, at most `width` columns wide."""
    look, width = Look(now), max(60, width)
    span = f"{look.clock(found.start)} … {look.clock(found.end)}"
    head = line(
        Cell("while you were away", "strong"), Cell(f"  {span} ({format_age(found.end - found.start)})", "quiet")
    )
    if found.is_quiet:
        return [head, cells("nothing of note", "good")]
    return [head, *_fired(found, look, width), *_jobs(found, look, width), *_changed(found, look, width)]


def _fired(found: Digest, look: Look, width: int) -> Iterator[Line]:
    still = [one for one in found.fired if one.ended_at is None]
    over = [one for one in found.fired if one.ended_at is not None]
    for title, some in (("fired, and is not over", still), ("fired, and is over", over)):
        if some:
            yield from ((), cells(title, "head"))
            yield from (_row(look, one.at, one.severity, _told(one), width) for one in some[:MOST])
            yield from _more(len(some))


def _told(one: Fired) -> str:
    return one.text if one.ended_at is None else f"{one.text} (for {format_age(one.ended_at - one.at)})"


def _jobs(found: Digest, look: Look, width: int) -> Iterator[Line]:
    if found.ended:
        counts = ", ".join(f"{count:,} {clean(state, 30).lower()}" for state, count in found.ended.items())
        yield from ((), cells("jobs that ended", "head"), cells(fit(counts, width).rstrip()))
        yield from (_row(look, one.at, one.severity, one.text, width) for one in found.failed[:MOST])
        yield from _more(len(found.failed))


def _changed(found: Digest, look: Look, width: int) -> Iterator[Line]:
    if found.changed or found.passing:
        yield from ((), cells("not as it was", "head"))
        for one in found.changed[:MOST]:
            often = f" ({one.times} times)" if one.times > 1 else ""
            yield _row(look, one.at, one.severity, f"{one.text}{often}", width)
        yield from _more(len(found.changed))
    if found.passing:
        word = "thing" if found.passing == 1 else "things"
        yield cells(f"{found.passing:,} {word} went and came back", "quiet")


def _row(look: Look, at: float, severity: str, text: str, width: int) -> Line:
    said = fit(clean(text, 500), width - _TIME).rstrip()
    return line(Cell(fit(look.clock(at), _TIME), "quiet"), Cell(said, _TONES.get(severity, "plain")))


def _more(count: int) -> Iterator[Line]:
    if count > MOST:
        yield cells(f"and {count - MOST:,} more", "quiet")
