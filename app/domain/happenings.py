"""What a change of state means to a person: events from one source state or GPU to the next. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from app.domain.series import Event, Subject
from app.domain.snapshot import Gpu, SourceState

TOLD_S = 120.0
"""An Xid that the kernel log told so recently is not told again by an exporter's count."""


def source_events(was: SourceState | None, now: SourceState, at: float) -> Iterator[Event]:
    """A source that stopped answering, or answers again."""
    subject = Subject("service", key=now.spec.name)
    if now.error is not None and (was is None or was.error is None):
        yield Event(at, "source.down", "warning", subject, f"{now.spec.name} is down: {now.error}")
    elif now.error is None and was is not None and was.error is not None:
        yield Event(at, "source.up", "info", subject, f"{now.spec.name} answers again")


def gpu_events(was: Gpu | None, now: Gpu, at: float) -> Iterable[Event]:
    """A GPU lost or found, and Xids counted since the last look; what stood there at first sight is history."""
    # Whole fleets are looked at every few seconds, and nearly all of it is well.
    is_well = was is not None and was.lost_at is None and now.lost_at is None and not now.xids and not _has_code(now)
    return () if is_well else _gpu_events(was, now, at)


def _has_code(gpu: Gpu) -> bool:
    for layer in gpu.layers:  # noqa: SIM110 - runs for every GPU of a fleet; a generator would cost more than what it does
        if layer.values.get("gpu.xid_last"):
            return True
    return False


def _gpu_events(was: Gpu | None, now: Gpu, at: float) -> Iterator[Event]:
    subject = Subject("gpu", node=now.node, index=now.index)
    if now.is_lost and (was is None or not was.is_lost):
        yield Event(at, "gpu.lost", "critical", subject, f"{now.id} is lost: {now.note or 'no longer listed'}")
    if was is None:
        return
    if was.is_lost and not now.is_lost:
        yield Event(at, "gpu.found", "info", subject, f"{now.id} is back")
    before = {one.code: one.count for one in was.xids}
    for one in now.xids:
        more = one.count - before.get(one.code, 0)
        if _log_told(now, one.code, at):
            continue
        if more > 0 and (was.xids or was.seen_at):
            text = f"{now.id} Xid {one.code}" + (f" ×{more}" if more > 1 else "")
            yield Event(one.last_at or at, "gpu.xid", "warning", subject, text)
    if not now.xids:
        yield from _last_xid(was, now, at, subject)


def _last_xid(was: Gpu, now: Gpu, at: float, subject: Subject) -> Iterator[Event]:
    """The fallback where only the last code is published: a change of it is at least one new Xid."""
    for layer in now.layers:
        code = layer.values.get("gpu.xid_last")
        old = next((k.values.get("gpu.xid_last") for k in was.layers if k.source == layer.source), None)
        if code and old is not None and code != old and not _log_told(now, int(code), at):
            yield Event(
                at,
                "gpu.xid",
                "warning",
                subject,
                f"{now.id} Xid {int(code)} (last value; the exporter does not count)",
            )


def _log_told(gpu: Gpu, code: int, at: float) -> bool:
    """Whether the log, which loses nothing, told of this Xid just now."""
    return any(one.code == code and at - (one.last_at or 0.0) <= TOLD_S for one in gpu.log_xids)
