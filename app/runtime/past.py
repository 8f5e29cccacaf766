"""The stored past, opened to be read or kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.config.settings import Settings
from app.runtime.options import RuntimeOptions, store_path
from app.store.history import History
from app.store.levels import Retention
from app.transport.clock import Clock

if TYPE_CHECKING:
    from app.store.lease import Lease
    from app.store.sqlite import SqliteHistory


async def open_history(
    path: Path, clock: Clock, *, want_lease: bool, retention: Retention | None = None, lease: Lease | None = None
) -> SqliteHistory:
    """Open the store's file; without the lease it is only read. `lease`: as a daemon before has handed it on."""
    from app.store.sqlite import open_store  # noqa: PLC0415 - 40 ms that a one-shot look at the present need not pay

    kept = retention or Retention()
    return await open_store(path, clock.now, want_lease=want_lease, retention=kept, lease=lease)


async def open_past(settings: Settings, options: RuntimeOptions) -> History | None:
    """What there is of the past, only read: the store's, the Prometheus server's, or both as one; None: neither."""
    from app.services.histories import server_history, with_server  # noqa: PLC0415 - late: for the past only

    path = store_path(settings, options)
    if path is None or not path.is_file():
        return server_history(settings, options.clock)
    return with_server(await open_history(path, options.clock, want_lease=False), settings, options.clock)
