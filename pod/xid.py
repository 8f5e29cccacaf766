"""Xid and ECC events as the driver raises them: counted once each, never lost between two readings.

One `Ledger` lives as long as the program; a `Watch` lives as long as NVML does. The watch owns the event set and its
thread only waits on it, so a thread that dies and is started again loses nothing and counts nothing twice.
"""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from pod import driver
from pod.gpu import EventKind, GpuEvent, XidCount

WAIT_MS = 2000
"""How long one wait lasts; nothing but an event can interrupt it. Each costs a little, event or not."""
PAUSE_AFTER_ERROR_S = 0.5
EVENTS_KEPT = 1000

_KINDS: dict[int, EventKind] = {
    driver.XID: "xid",
    driver.ECC_CORRECTED: "ecc_corrected",
    driver.ECC_UNCORRECTED: "ecc_uncorrected",
}


@dataclass(frozen=True, slots=True)
class Events:
    """A stretch of the event list."""

    events: tuple[GpuEvent, ...]
    newest: int
    """The id to ask from next time."""
    oldest: int
    """The first id still kept; asking from before it means events were dropped."""


class Ledger:
    """Counts Xids by GPU and code, and keeps the last thousand events. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[int, int], XidCount] = {}
        self._last: dict[int, int] = {}
        self._events: deque[GpuEvent] = deque(maxlen=EVENTS_KEPT)
        self._newest = 0

    def record(self, gpu: int, uuid: str | None, kind: EventKind, xid: int | None, at: float) -> None:
        """Enter one event."""
        with self._lock:
            self._newest += 1
            self._events.append(GpuEvent(self._newest, at, gpu, uuid, kind, xid))
            if xid is None:
                return
            known = self._counts.get((gpu, xid))
            self._counts[gpu, xid] = XidCount(
                gpu, xid, known.count + 1 if known else 1, known.first_at if known else at, at
            )
            self._last[gpu] = xid

    @property
    def newest(self) -> int:
        """Id of the last event; 0 before the first."""
        return self._newest

    def counts(self) -> tuple[XidCount, ...]:
        """All counts, by GPU and code."""
        with self._lock:
            return tuple(self._counts[key] for key in sorted(self._counts))

    def since(self, event_id: int) -> Events:
        """Events younger than `event_id`, oldest first; 0 gives all that are kept."""
        with self._lock:
            oldest = self._events[0].id if self._events else self._newest + 1
            return Events(tuple(e for e in self._events if e.id > event_id), self._newest, oldest)


class Watch:
    """Waits for events of every registered GPU and enters them into a ledger."""

    def __init__(self, ledger: Ledger, clock: Callable[[], float]) -> None:
        """Make the event set; raises driver.UnsupportedError where NVML has no events."""
        self._ledger = ledger
        self._clock = clock
        self._set = driver.event_set()
        self._gpus: dict[int, tuple[int, str | None]] = {}
        self._lock = threading.Lock()
        self._is_closed = False
        self._shut_down: Callable[[], None] | None = None
        self._thread: threading.Thread | None = None

    def register(self, index: int, uuid: str | None, of: driver.Handle) -> bool:
        """Listen to this GPU too; False where it has no Xid events. Called by the GPU's own thread. Raises Lost."""
        try:
            types = driver.supported_events(of) & (driver.XID | driver.ECC_CORRECTED | driver.ECC_UNCORRECTED)
            if not types & driver.XID:
                return False
            # Before registering, or an event that comes at once would belong to nobody.
            self._gpus[driver.address(of)] = (index, uuid)
            driver.register_events(of, types, self._set)
        except (driver.UnsupportedError, driver.CallError):
            return False
        return True

    def ensure_running(self) -> None:
        """Start the waiting thread, or start it again if it has died."""
        with self._lock:
            if self._is_closed or (self._thread is not None and self._thread.is_alive()):
                return
            self._thread = threading.Thread(target=self._wait, name="nvml-events", daemon=True)
            self._thread.start()

    def close(self, shut_down: Callable[[], None] | None) -> None:
        """Stop listening at once; the set is freed, and `shut_down` called, when no thread waits on it any more.

        A wait cannot be interrupted, so that may be two seconds later, in the waiting thread. None frees nothing:
        some other thread hangs in the driver, and may be using the set.
        """
        with self._lock:
            self._is_closed = True
            self._shut_down = shut_down
            if self._thread is not None and self._thread.is_alive():
                return
        self._free()

    def _wait(self) -> None:
        while not self._is_closed:
            try:
                event = driver.wait_event(self._set, WAIT_MS)
            except driver.NvmlUnavailableError:
                break
            except (driver.LostError, driver.UnsupportedError, driver.CallError):
                # NVML answers every wait so once a registered GPU is gone; events of others still come.
                time.sleep(PAUSE_AFTER_ERROR_S)
                continue
            if event is not None:
                self._enter(event)
        with self._lock:
            self._thread = None
            if not self._is_closed:
                return
        self._free()

    def _free(self) -> None:
        if self._shut_down is None:
            return
        # The driver may be gone, and the set with it.
        with contextlib.suppress(
            driver.UnsupportedError, driver.LostError, driver.CallError, driver.NvmlUnavailableError
        ):
            driver.free_event_set(self._set)
        self._shut_down()

    def _enter(self, event: driver.Event) -> None:
        known = self._gpus.get(event.address)
        kind = _KINDS.get(event.type)
        # A closed watch leaves events to its successor, which has heard them too.
        if known is not None and kind is not None and not self._is_closed:
            index, uuid = known
            self._ledger.record(index, uuid, kind, event.payload if kind == "xid" else None, self._clock())
