"""From a finding to what it speaks of: its GPU, node, job, model server, or where its evidence was read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Literal

from app.domain.finding import Finding
from app.tui.desk import Desk
from app.tui.feed import RefusedError

Place = Literal["gpu", "node", "job", "service", "log"]
_WORDS: Mapping[Place, str] = {
    "gpu": "GPU",
    "node": "node",
    "job": "job",
    "service": "model server",
    "log": "source",
}


def jump(desk: Desk, findings: Sequence[Finding], place: Place) -> None:
    """Open the page of what the first of these findings names that names any. Raises RefusedError."""
    for opened in _jumps(desk, findings, place):
        opened()
        return
    raise RefusedError(f"this incident names no {_WORDS[place]} that is known here")


def open_subject(desk: Desk, finding: Finding) -> None:
    """Open the page of what a finding is about, the most exact first. Raises RefusedError."""
    about = finding.subject
    if about.gpu is not None:
        jump(desk, (finding,), "gpu")
    elif about.job:
        jump(desk, (finding,), "job")
    elif about.service:
        jump(desk, (finding,), "service")
    else:
        jump(desk, (finding,), "node")


def _jumps(desk: Desk, findings: Iterable[Finding], place: Place) -> Iterable[Callable[[], None]]:
    """How to get there, the likeliest first; only to what the moment knows."""
    snapshot = desk.moment.snapshot
    for one in findings:
        about = one.subject
        match place:
            case "gpu" if about.gpu is not None and snapshot.gpu(about.node, about.gpu) is not None:
                yield partial(desk.open_page, "gpu", about.node, about.gpu)
            case "node" if about.node in snapshot.nodes:
                yield partial(desk.open_page, "node", about.node)
            case "service" if about.service and about.service in snapshot.services:
                yield partial(_open_at, desk, "services", (), about.service)
            case "job":
                jobs = _jobs(desk, (*((about.job,) if about.job else ()), *one.affects.jobs))
                yield from (partial(desk.open_page, "job", job) for job in jobs)
            case "log":
                sources = (told.source for told in one.evidence if told.source in snapshot.sources)
                yield from (partial(_open_at, desk, "sources", (), key) for key in sources)
                jobs = _jobs(desk, (about.job,) if about.job else ())
                yield from (partial(_open_at, desk, "job", (job,), "output") for job in jobs)
            case _:
                pass


def _jobs(desk: Desk, ids: Iterable[str]) -> Sequence[str]:
    """Those that Slurm still lists."""
    picture = desk.moment.snapshot.slurm
    known = (picture.jobs if picture is not None else None) or {}
    return [one for one in ids if one in known]


def _open_at(desk: Desk, page: str, arguments: tuple[str, ...], key: str) -> None:
    desk.open_page(page, *arguments)
    if desk.page is not None:
        desk.page.point_at(key)
