"""What plays the containers of emulated pods: a test's hooks, in order for each pod, none holding up an answer."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Lock

from app.domain.deployment import Address
from tests.standins.runpod.pods import FakePod

OnCreate = Callable[[FakePod], Address | None]
"""A pod's container starts; returns where its port 22 is reached, None: at an address where nobody answers."""
OnEnd = Callable[[FakePod], None]
"""A pod's container has ended: it was stopped, restarted or terminated. Called once for each start."""


def nowhere(pod: FakePod) -> Address:
    """A loopback address of its own at each start, where nobody listens: a mapped port changes at every reset."""
    return Address(
        f"127.77.{pod.number // 250}.{pod.number % 250 + 1}", 10000 + 100 * (pod.number % 500) + pod.starts % 100
    )


class Containers:
    """Runs the hooks."""

    def __init__(
        self, on_create: OnCreate | None, on_end: OnEnd | None, on_failure: Callable[[FakePod, str], None]
    ) -> None:
        self._on_create = on_create
        self._on_end = on_end
        self._on_failure = on_failure
        self._lanes: dict[str, ThreadPoolExecutor] = {}
        self._running: set[Future[None]] = set()
        self._lock = Lock()

    def boot(self, pod: FakePod) -> None:
        """Start a pod's container; it is booting until its hook returns."""
        if self._on_create is None:
            self._reached(pod, None)
            return
        pod.is_booting = True
        self._queue(pod, self._boot, pod.starts)

    def halt(self, pod: FakePod) -> None:
        """End it."""
        pod.address = None
        if self._on_end is not None:
            self._queue(pod, self._halt, pod.starts)

    def settle(self, within_s: float = 30.0) -> None:
        """Wait until no hook is at work."""
        with self._lock:
            running = set(self._running)
        wait(running, timeout=within_s)

    def close(self) -> None:
        """Wait for the hooks and let their threads go."""
        self.settle()
        for lane in self._lanes.values():
            lane.shutdown(wait=False)

    def _queue(self, pod: FakePod, work: Callable[[FakePod, int], None], start: int) -> None:
        with self._lock:
            lane = self._lanes.get(pod.id)
            if lane is None:
                lane = self._lanes[pod.id] = ThreadPoolExecutor(1, thread_name_prefix=f"pod-{pod.id}")
            future = lane.submit(work, pod, start)
            self._running.add(future)
        future.add_done_callback(self._forget)

    def _forget(self, future: Future[None]) -> None:
        with self._lock:
            self._running.discard(future)

    def _boot(self, pod: FakePod, start: int) -> None:
        assert self._on_create is not None
        try:
            address = self._on_create(pod)
        except Exception:  # noqa: BLE001 - a pod that a test cannot play is one that ends in ERROR; its log says why
            self._on_failure(pod, traceback.format_exc())
            return
        if pod.starts == start and pod.has_container:
            self._reached(pod, address)

    def _halt(self, pod: FakePod, _start: int) -> None:
        assert self._on_end is not None
        try:
            self._on_end(pod)
        except Exception:  # noqa: BLE001 - likewise
            self._on_failure(pod, traceback.format_exc())

    def _reached(self, pod: FakePod, address: Address | None) -> None:
        is_mapped = "22/tcp" in pod.body.get("ports", []) and pod.fate != "no_ssh"
        pod.address = (address or nowhere(pod)) if is_mapped else None
        pod.is_booting = False
