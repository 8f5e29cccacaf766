"""Signs out of Xids: one an episode, with what its lines name, and what only several of them together mean. Pure.

xid.N               an episode of this Xid; details code, name, means, note, action (words of the registry), process,
                    unit, caused_by, recovery, symptom, work (whose program: job, or process and user,
                    else the node), node, from
xid.unknown         an Xid that the registry has no words for
xid.again           the same Xid once more on the same GPU within a day: 13 at the same GPC and TPC, 31 anywhere, other
                    errors of programs a third time; not said where the same work failed on other GPUs too; details
                    code, unit, often
xid.spread          an Xid of programs on several GPUs by the same work; details code, work, gpus
sxid.N              an NVSwitch's own error, on its node; details link, device
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from app.domain.evidence import LogEvidence, XidEpisode
from app.domain.finding import FindingSubject
from app.domain.naming import clean
from app.engine.diagnosis.sign import Look, Sign
from app.engine.episodes import METRIC
from app.engine.xids import xid

_DAY_S = 86400.0
_BURST_S = 120.0
"""Errors of several GPUs within this time whose work nobody knows are of one program."""
_GRAPHICS, _PAGE_FAULT = 13, 31
_OFTEN = 3
"""Episodes of an error of programs from which it is no longer one program's day."""
_ALWAYS = frozenset((8, 43))
"""Said at every program that is stopped: their number means nothing."""
_MOST_UNITS = 2
"""Units that a fault of one place names at most; a program's own fault names many."""


def observe_xids(look: Look) -> Iterator[Sign]:
    """The episodes of Xids that began or went on, and SXids."""
    of_code: dict[int, list[XidEpisode]] = {}
    for known in look.xids.values() if look.episodes else ():
        of_code.setdefault(known.code, []).append(known)
    for episode, more in look.episodes:
        yield from _episode(episode, more, _sources(look.told_by.get(episode.id, {})))
        yield from _together(episode, of_code.get(episode.code, ()))
    for one in look.said:
        if one.kind == "sxid" and one.code is not None:
            yield _switch(one, look)


def _episode(one: XidEpisode, more: int, source: str) -> Iterator[Sign]:
    """What was told of it since the last look; of one that begins, when it did as well."""
    often = f" ×{one.count}" if one.count > 1 else ""
    text = clean(f"Xid {one.code}{often}: {one.text}", 300)
    sign = Sign(
        f"xid.{one.code}", _subject(one), one.last, text, source, float(more), one.id, _details(one), is_event=True
    )
    told = [sign]
    if more == one.count > 1 and one.first < one.last:
        told = [replace(sign, at=one.first, value=1.0), replace(sign, value=float(more - 1))]
    yield from told
    if not xid(one.code).is_known:
        yield from (replace(each, kind="xid.unknown") for each in told)


def _sources(told: Mapping[str, int]) -> str:
    """Who told an episode: its logs, else the exporter's last value."""
    return ", ".join(name for name in told if name != METRIC) or ("the exporter's last Xid" if told else "")


def _details(one: XidEpisode) -> Mapping[str, str]:
    known = xid(one.code)
    return {
        "code": str(one.code),
        "name": known.name,
        "means": known.means,
        "note": known.note,
        "action": known.action.text,
        "process": one.process or "",
        "unit": one.places[0] if one.places else "",
        "caused_by": "" if one.caused_by is None else str(one.caused_by),
        "recovery": "" if one.recovery is None else str(one.recovery),
        "symptom": "yes" if one.is_sympathetic else "",
        "work": _work(one) or one.node,
        "node": one.node,
        "pci": one.pci or "",
        "from": METRIC if one.from_metric else "log",
    }


def _subject(one: XidEpisode) -> FindingSubject:
    return FindingSubject(node=one.node, gpu=one.gpu, job=one.job)


def _work(one: XidEpisode) -> str:
    """Whose program an error hit: its job, else its process and user; empty where nobody knows."""
    if one.job:
        return f"job {one.job}"
    return f"{one.process} of {one.user}" if one.process and one.user else one.process or ""


def _together(one: XidEpisode, known: Sequence[XidEpisode]) -> Iterator[Sign]:
    """What an episode means beside others of its code: the same place again, or the same work elsewhere."""
    if not xid(one.code).is_app_caused or one.code in _ALWAYS:
        return
    alike = [other for other in known if one.last - other.first <= _DAY_S]
    elsewhere = [other for other in alike if not _is_same_board(one, other) and _is_same_work(one, other)]
    code = str(one.code)
    if elsewhere:
        boards = {(other.node, other.pci or other.gpu) for other in elsewhere}
        details = {"code": code, "work": _work(one), "gpus": str(len(boards) + 1), "node": one.node}
        text = f"Xid {one.code} on {len(boards) + 1} GPUs" + (f" with {_work(one)}" if _work(one) else " at once")
        yield Sign("xid.spread", _subject(one), one.last, text, "", label=code, details=details, is_event=True)
        return
    again = [
        other for other in alike if other.id != one.id and _is_same_board(one, other) and _is_same_place(one, other)
    ]
    if len(again) + 1 >= (2 if one.code in (_GRAPHICS, _PAGE_FAULT) else _OFTEN):
        unit = one.places[0] if one.places else ""
        often = str(len(again) + 1)
        text = f"Xid {one.code} {often} times within a day on this GPU alone" + (f", always at {unit}" if unit else "")
        details = {"code": code, "unit": unit, "often": often, "node": one.node}
        yield Sign("xid.again", _subject(one), one.last, text, "", label=code, details=details, is_event=True)


def _is_same_board(one: XidEpisode, other: XidEpisode) -> bool:
    if one.node != other.node:
        return False
    return one.pci == other.pci if one.pci and other.pci else one.gpu == other.gpu


def _is_same_work(one: XidEpisode, other: XidEpisode) -> bool:
    """Whether two GPUs failed under one program: of a job, of a user, else within one moment on one node."""
    if one.job and one.job == other.job:
        return True
    if one.user and other.user:
        return one.user == other.user and one.process == other.process
    return one.node == other.node and abs(one.first - other.first) <= _BURST_S


def _is_same_place(one: XidEpisode, other: XidEpisode) -> bool:
    """Of a graphics exception whether both name one unit and hardly any other; a page fault names none that counts."""
    if one.code != _GRAPHICS:
        return True
    few = len(one.places) <= _MOST_UNITS and len(other.places) <= _MOST_UNITS
    return few and bool(set(one.places) & set(other.places))


def _switch(one: LogEvidence, look: Look) -> Sign:
    details = {"code": str(one.code), "link": "" if one.link is None else str(one.link), **one.details}
    subject = FindingSubject(node=look.boards.node(one.node))
    return Sign(
        f"sxid.{one.code}", subject, one.at, one.text, one.source, float(one.repeats), details=details, is_event=True
    )
