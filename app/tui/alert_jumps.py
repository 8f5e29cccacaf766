"""From an alert to the page of what it is about: its GPU, node, job, model server or source."""

from __future__ import annotations

from app.domain.alert import Alert, label
from app.present.alert_marks import about
from app.tui.desk import Desk
from app.tui.feed import RefusedError


def open_about(desk: Desk, alert: Alert) -> None:
    """Open the page of what an alert is about, the most exact first. Raises RefusedError."""
    snapshot = desk.moment.snapshot
    node, gpu, job = (label(alert.labels, name) for name in ("node", "gpu", "job"))
    service, source = label(alert.labels, "service"), label(alert.labels, "source")
    jobs = (snapshot.slurm.jobs if snapshot.slurm is not None else None) or {}
    if node and gpu.isdigit() and len(gpu) < 6 and snapshot.gpu(node, int(gpu)) is not None:
        desk.open_page("gpu", node, int(gpu))
    elif job in jobs:
        desk.open_page("job", job)
    elif service in snapshot.services:
        _open_at(desk, "services", service)
    elif node in snapshot.nodes:
        desk.open_page("node", node)
    elif source in snapshot.sources:
        _open_at(desk, "sources", source)
    elif label(alert.labels, "partition") and snapshot.slurm is not None:
        desk.open_page("partitions")
    else:
        raise RefusedError(f"{about(alert.labels)} has no page: nothing such is known here now")


def open_node_of(desk: Desk, alert: Alert) -> None:
    """Open the page of an alert's node. Raises RefusedError."""
    node = label(alert.labels, "node")
    if node not in desk.moment.snapshot.nodes:
        raise RefusedError("this alert names no node that is known here")
    desk.open_page("node", node)


def _open_at(desk: Desk, page: str, key: str) -> None:
    desk.open_page(page)
    if desk.page is not None:
        desk.page.point_at(key)
