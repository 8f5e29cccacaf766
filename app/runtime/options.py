"""What a front end decides about its runtime, and what follows from it alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from app.config.settings import Settings
from app.domain.frozen import frozen
from app.domain.snapshot import Snapshot
from app.sources.registry import Tap
from app.transport.clock import Clock, SystemClock

if TYPE_CHECKING:
    from app.services.handover import Estate
    from app.services.recorder.opening import Recording
    from app.services.recorder.replaying import Replay
    from app.transport.remote_place import Remote


@frozen
class RuntimeOptions:
    """What a front end decides about its runtime."""

    state_dir: Path
    sockets: tuple[Path, ...] = ()
    """Where a daemon may listen; empty: do not look for one."""
    write: bool = True
    """Keep what comes in the store, where the lease allows it."""
    tap: Tap | None = None
    clock: Clock = field(default_factory=SystemClock)
    environ: Mapping[str, str] = field(default_factory=dict)
    """What commands are run in, and where they are looked for; empty: none is found."""
    record: Recording | None = None
    """Record what is seen, elsewhere than in the flight recorder."""
    replay: Replay | None = None
    """Look at a recording and at nothing else; `clock` is the recording's."""
    remote: Remote | None = None
    """Attach to this daemon of another machine, and to no other."""
    estate: Callable[[], Awaitable[Estate]] | None = None
    """What a daemon that is taken over leaves, once it does: nothing is kept before. None: there is none before."""


def store_path(settings: Settings, options: RuntimeOptions) -> Path | None:
    """Where the history is kept; None when it is turned off."""
    if settings.store.path == "none":
        return None
    return Path(settings.store.path).expanduser() if settings.store.path else options.state_dir / "history.db"


def empty_snapshot(settings: Settings) -> Snapshot:
    """The picture before anything was seen."""
    return Snapshot(cluster=settings.cluster.name, prices=settings.prices)
