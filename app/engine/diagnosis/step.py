"""One step of the diagnosis: what was seen becomes signs, signs show faults, faults have causes. Pure.

The rules of evidence, and where each is kept:

1. The driver's `caused by previous Xid N` makes a line a symptom        (episodes; `graph`, its surest edge)
2. Xid 45 after another Xid is a symptom, alone no more than information  (faults B11)
3. 48, 63/64 and 94/95 within seconds are one incident with root 48      (faults A1 … A4, `leads_to`)
4. Link events on many GPUs are one incident, its root the earliest      (faults E1 … E3, `joins`)
5. 13 and 31 again at one place mean hardware, else the program          (faults B8, B9, `severity_when`)
6. Xid 154 is the driver's verdict: an action, never the cause           (fault E3)
7. All that says "this GPU is gone" is one finding                       (fault B1)
8. A drain's reason is evidence, not truth                               (faults F5 … F11)
9. A dead engine is never the root while anything else explains it       (`is_symptom`)
10. One GPU silent beside its neighbours is a finding, all are its node  (faults J2, J3, B1, F1)
11. What stood in a counter at first sight is history                    (observers of rises)
12. The same after a reboot means hardware                               (`returns`)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from app.domain.boards import Boards
from app.domain.diagnosis import GRAVITY, Blind, Diagnosis, Incident
from app.domain.pieces import Pieces, whole
from app.domain.snapshot import Snapshot
from app.engine.diagnosis.cases import found_cases
from app.engine.diagnosis.fault_table import FaultTable
from app.engine.diagnosis.graph import parents
from app.engine.diagnosis.numbering import Numbering
from app.engine.diagnosis.places import Places, named_nodes
from app.engine.diagnosis.returns import starts
from app.engine.diagnosis.sign import Look, Sign
from app.engine.diagnosis.state import DiagnosisState, Observer, Seen
from app.engine.episodes import step as step_episodes
from app.engine.xid_counts import counted


def step(
    state: DiagnosisState,
    seen: Seen,
    now: float,
    table: FaultTable,
    observers: Sequence[Observer],
    blind: Callable[[Look], Iterable[Blind]] = lambda _look: (),
) -> DiagnosisState:
    """Take in what was seen; the new state's `diagnosis` says what is wrong now."""
    return whole(stepping(state, seen, now, table, observers, blind))


def stepping(
    state: DiagnosisState,
    seen: Seen,
    now: float,
    table: FaultTable,
    observers: Sequence[Observer],
    blind: Callable[[Look], Iterable[Blind]] = lambda _look: (),
) -> Pieces[DiagnosisState]:
    """As `step`, in pieces."""
    boards = Boards(seen.snapshot, now)
    told = (*seen.said, *(counted(seen.before, seen.snapshot, now) if seen.before is not None else ()))
    stepped = step_episodes(state.episodes, told, now, boards)
    touched = [
        (one, one.count - (before.count if (before := state.episodes.known.get(key)) is not None else 0))
        for key in (*stepped.began, *stepped.changed)
        if (one := stepped.state.known.get(key)) is not None
    ]
    look = Look(
        seen.snapshot,
        now,
        seen.interval_s,
        seen.before,
        seen.before_at,
        seen.said,
        touched,
        stepped.state.known,
        stepped.state.by_source,
        seen.findings,
        table.limits,
        table.rises,
    )
    signs: list[Sign] = []
    for observer in observers:
        signs += observer(look)
        yield
    memory = state.memory.stepped(signs, now, table.longest_s, _silent(seen.snapshot, now), _heard(seen.snapshot))
    yield
    places = Places(look, named_nodes(memory.held.values(), look))
    cases, found = found_cases(table, memory, places, look)
    yield
    edges = parents(cases, table, places)
    yield
    work = Numbering(state, look, places, cases, found, edges, starts(memory))
    work.number()
    return replace(
        work.state(tuple(blind(look))),
        memory=memory,
        episodes=stepped.state,
    )


def _silent(snapshot: Snapshot, now: float) -> Callable[[str], bool]:
    def is_silent(source: str) -> bool:
        found = snapshot.sources.get(source)
        return found is not None and found.condition(now) in ("down", "stale")

    return is_silent


def _heard(snapshot: Snapshot) -> frozenset[str]:
    return frozenset(name for name, one in snapshot.sources.items() if one.ok_at is not None)


def news(before: Diagnosis, after: Diagnosis) -> Iterator[tuple[str, Incident]]:
    """What a person is told: `began`, `worse`, `ended`, with the incident."""
    old = {one.id: one for one in before.incidents}
    for one in after.incidents:
        was = old.get(one.id)
        if was is None:
            yield "began", one
        elif GRAVITY[one.severity] > GRAVITY[was.severity]:
            yield "worse", one
    live = {one.id for one in after.incidents}
    for one in before.incidents:
        if one.id not in live:
            yield "ended", one
