"""The cluster on one line: what there is, what works, what it costs, and whether the numbers are live.

Pieces give way whole, the least telling first; the badge at the right always stays.
"""

from __future__ import annotations

from app.domain.fleet import ClusterFacts
from app.domain.frozen import frozen
from app.present.cells import Cell, Line, Tone, cells, line, line_width, spread
from app.present.look import Look
from app.present.units import format_age, format_count, format_money, format_power


@frozen
class Badge:
    """The mode, at the right of the header."""

    text: str
    tone: Tone
    sign: str = ""
    where: Line = ()
    """Who collects what is shown, where that is somebody else; the first piece of the header to go."""

    def line(self) -> Line:
        """Sign and text."""
        return line(Cell(f"{self.sign} ", self.tone) if self.sign else "", Cell(self.text, self.tone))


@frozen
class _Piece:
    """A part of the header in its full and its short form."""

    rank: int
    """The higher, the sooner it is shortened, then left out; 0 stays."""
    full: Line
    short: Line


ATTACHED = "attached to "
"""How the origin of a daemon's feed begins."""
NO_INCIDENTS: tuple[Line, Line] = ((), ())


def badge(facts: ClusterFacts, look: Look, replay_at: float | None = None) -> Badge:
    """REPLAY 14:32 beats SIMULATED beats STALE beats LIVE."""
    glyphs = look.glyphs
    if replay_at is not None or facts.mode == "replay":
        moment = look.clock(replay_at if replay_at is not None else facts.at)
        return Badge(f"REPLAY {moment}", "info", glyphs.replay)
    age = format_age(facts.oldest_s) if facts.oldest_s is not None else ""
    if facts.mode == "simulated":
        return Badge(f"SIMULATED {age}".rstrip(), "accent", glyphs.simulated)
    if facts.sources == 0:
        return Badge("NO SOURCE", "look", glyphs.stale)
    if facts.is_stale:
        since = format_age(look.now - facts.at) if facts.at else "no data yet"
        return Badge(f"STALE {since}", "look", glyphs.stale)
    return Badge(f"LIVE {age}".rstrip(), "good", glyphs.live)


def header_line(
    facts: ClusterFacts,
    look: Look,
    width: int,
    mode: Badge,
    extra: tuple[Line, ...] = (),
    incidents: tuple[Line, Line] = NO_INCIDENTS,
) -> Line:
    """The header in `width` columns; `extra` are pieces of others (the filter in force, the sort), kept to the last.

    `incidents` say in full and in short what is wrong; where nothing was found, the health of single GPUs does.
    """
    right = mode.line()
    room = width - line_width(right) - 3
    pieces = [
        *_pieces(facts, look, incidents),
        _Piece(8, mode.where, ()),
        *(_Piece(1, one, one) for one in extra if one),
    ]
    shown = {at: piece.full for at, piece in enumerate(pieces) if piece.full}
    rule = Cell(f" {look.glyphs.rule} ", "frame")
    for use_short in (True, False):
        for at in sorted(shown, key=lambda at: -pieces[at].rank):
            if _joined_width(shown, rule) <= room or not pieces[at].rank:
                break
            short = pieces[at].short
            if use_short and short:
                shown[at] = short
            elif not use_short:
                del shown[at]
    parts: list[Cell | str | Line] = [" "]
    for number, at in enumerate(sorted(shown)):
        parts += [rule if number else "", shown[at]]
    return spread(line(*parts), line(right, " "), width, cut=look.glyphs.more)


def _joined_width(shown: dict[int, Line], rule: Cell) -> int:
    return sum(line_width(one) for one in shown.values()) + len(rule.text) * max(0, len(shown) - 1)


def _pieces(facts: ClusterFacts, look: Look, incidents: tuple[Line, Line]) -> list[_Piece]:
    power = Cell(format_power(facts.power_w), "plain") if facts.power_w is not None else None
    return [
        _Piece(0, cells(facts.cluster or "cluster", "strong"), cells(facts.cluster or "cluster", "strong")),
        _gpus(facts, look),
        _Piece(6, _nodes(facts, look), _nodes(facts, look) if facts.nodes_down else ()),
        _Piece(5, line(power) if power else (), line(power) if power else ()),
        _cost(facts, look),
        _jobs(facts),
        _Piece(1, *incidents) if incidents[0] else _trouble(facts, look),
        _Piece(7, _sources(facts, look), _sources(facts, look) if facts.sources_ok < facts.sources else ()),
    ]


def _gpus(facts: ClusterFacts, look: Look) -> _Piece:
    dot = Cell(f" {look.glyphs.dot} ", "frame")
    missing = facts.gpus < facts.gpus_expected
    count = Cell(f"{format_count(facts.gpus)}/{format_count(facts.gpus_expected)}", "bad" if missing else "plain")
    parts: list[Cell | str | Line] = [count, Cell(" GPUs", "quiet")]
    if facts.gpus_allocated is not None:
        parts += [dot, f"{format_count(facts.gpus_allocated)}", Cell(" allocated", "quiet")]
    busy: list[Cell | str | Line] = [dot, f"{format_count(facts.gpus_busy)}", Cell(" busy", "quiet")]
    silent: list[Cell | str | Line] = []
    if facts.gpus_unknown:
        silent = [dot, Cell(f"{format_count(facts.gpus_unknown)} silent", "old")]
    return _Piece(2, line(*parts, *busy, *silent), line(count, *busy))


def _nodes(facts: ClusterFacts, look: Look) -> Line:
    label = " node" if facts.nodes == 1 else " nodes"
    down: Line = ()
    if facts.nodes_down:
        down = (Cell(f" {look.glyphs.dot} ", "frame"), Cell(f"{facts.nodes_down} down", "bad"))
    return line(format_count(facts.nodes), Cell(label, "quiet"), down)


def _cost(facts: ClusterFacts, look: Look) -> _Piece:
    if facts.cost_per_hour is None:
        return _Piece(4, (), ())
    short = line(format_money(facts.cost_per_hour))
    idle = facts.idle_cost_per_hour
    if not idle:
        return _Piece(4, short, short)
    words = (Cell(f" {look.glyphs.dot} ", "frame"), Cell("idle ", "quiet"), Cell(format_money(idle)))
    return _Piece(4, line(short, *words), short)


def _jobs(facts: ClusterFacts) -> _Piece:
    """Jobs that run and that wait; nothing where no scheduler says."""
    counts = [(facts.jobs_running, "running", "R"), (facts.jobs_pending, "pending", "PD")]
    full: list[Cell | str | Line] = []
    short: list[Cell | str | Line] = []
    for count, word, code in counts:
        if count is not None:
            full += [" " if full else "", format_count(count), Cell(f" {word}", "quiet")]
            short += [" " if short else "", format_count(count), Cell(code, "quiet")]
    return _Piece(3, line(*full), line(*short))


def _trouble(facts: ClusterFacts, look: Look) -> _Piece:
    """GPUs that need somebody, by severity; nothing where there is none."""
    parts: list[Cell | str | Line] = []
    if facts.criticals:
        parts.append(Cell(f"{look.glyphs.critical} {facts.criticals}", "bad"))
    if facts.warnings:
        parts.append(Cell(f"{'  ' if parts else ''}{look.glyphs.warning} {facts.warnings}", "look"))
    return _Piece(1, line(*parts), line(*parts))


def _sources(facts: ClusterFacts, look: Look) -> Line:  # noqa: ARG001 - the pieces share a form
    if not facts.sources:
        return ()
    if facts.sources_ok == facts.sources:
        return line(f"{facts.sources}", Cell(" sources" if facts.sources != 1 else " source", "quiet"))
    return (Cell(f"{facts.sources_ok}/{facts.sources} sources", "look"),)


def where_line(origin: str) -> Line:
    """Who collects what is shown, where that is somebody else; nothing where this program does, which is as usual.

    `origin` is a feed's, with what is wrong with it in brackets.
    """
    if not origin.startswith(ATTACHED):
        return ()
    where, _, trouble = origin.removeprefix(ATTACHED).partition(" (")
    name = where.rpartition(" through ssh ")[2] if " through ssh " in where else "daemon"
    return cells(f"{name} away" if trouble else name, "look" if trouble else "quiet")
