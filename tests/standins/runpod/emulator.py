"""A RunPod of our own on loopback: the REST API v2 as its contract says, with knobs for everything that goes wrong.

In process: `with Emulator() as runpod: … runpod.url, runpod.key`. By hand: `python -m tests.standins.runpod.emulator
--port 18099 --providers DIR`, which says what to export for `deploy` and for Terraform; then turn knobs with
`POST /_ctl`, which takes no key and answers with everything there is to see.
"""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from threading import Event, RLock, Thread
from types import TracebackType
from typing import Any, Self

from tests.standins.runpod.account import Account
from tests.standins.runpod.containers import Containers, OnCreate, OnEnd
from tests.standins.runpod.control import Control
from tests.standins.runpod.knobs import Knobs
from tests.standins.runpod.limits import AMPLE, DOCUMENTED, Limiter, Quota
from tests.standins.runpod.pods import FakePod
from tests.standins.runpod.provider.layout import dev_overrides, mirror
from tests.standins.runpod.server import Doors, Server

ENDINGS = {signal.SIGINT, signal.SIGTERM}


class Emulator:
    """The emulated RunPod, of one account with one key."""

    def __init__(
        self,
        *,
        key: str = "test-key",
        port: int = 0,
        knobs: Mapping[str, Any] | None = None,
        quota: Quota | None = AMPLE,
        on_create: OnCreate | None = None,
        on_end: OnEnd | None = None,
        clock: Callable[[], float] = time.time,
        seed: int | None = None,
    ) -> None:
        """`knobs` as `/_ctl` takes them; `port` 0: any; `quota` `limits.DOCUMENTED` is what RunPod's pages tell of."""
        self.key = key
        self.knobs = Knobs()
        self.knobs.turn(knobs or {})
        self._port = port
        self._clock = clock
        self._lock = RLock()
        self._closing = Event()
        self._containers = Containers(on_create, on_end, self._broke)
        self.account = Account(self.knobs, self._containers.boot, self._containers.halt, Random(seed))
        self.control = Control(self.account, self._lock, clock)
        self._limiter = Limiter(quota)
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """The address without `/v2`, as RUNPOD_API_BASE_URL wants it."""
        assert self._server is not None, "the emulator was not started"
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def pods(self) -> dict[str, FakePod]:
        """Pods that were not terminated, by id: what is billed now, whether anybody knows of it or not."""
        with self._lock:
            self.account.tick(self._clock())
            return {pod.id: pod for pod in self.account.pods.values() if pod.state != "TERMINATED"}

    @property
    def volumes(self) -> dict[str, dict[str, Any]]:
        """Network volumes, by id."""
        with self._lock:
            return {key: dict(volume) for key, volume in self.account.volumes.items()}

    @property
    def requests(self) -> list[dict[str, Any]]:
        """What was asked, in order: `at`, `method`, `path`, `query`, `agent` and `status`."""
        with self._lock:
            return list(self.control.requests)

    @property
    def per_hour(self) -> float:
        """$/h that all pods cost now."""
        return sum(pod.per_hour for pod in self.pods.values())

    @property
    def spent(self) -> float:
        """$ that all pods have cost so far."""
        with self._lock:
            self.account.tick(self._clock())
            return self.account.spent()

    def turn(self, **knobs: Any) -> None:  # noqa: ANN401 - a knob's value is checked where it is turned
        """Turn knobs, as `/_ctl` does."""
        with self._lock:
            self.knobs.turn(knobs)

    def end_outside(self, pattern: str, state: str = "TERMINATED") -> list[str]:
        """Let pods end as if by hand in the console (`TERMINATED`, `EXITED`) or by themselves (`ERROR`)."""
        return self.control.end(pattern, state)

    def settle(self, within_s: float = 30.0) -> None:
        """Wait until no hook is at work."""
        self._containers.settle(within_s)

    def start(self) -> None:
        """Serve from now on, in threads of its own."""
        doors = Doors(
            key=self.key,
            account=self.account,
            lock=self._lock,
            limiter=self._limiter,
            control=self.control,
            clock=self._clock,
            closing=self._closing,
        )
        self._server = Server(("127.0.0.1", self._port), doors)
        Thread(target=self._server.serve_forever, args=(0.01,), name="runpod-emulator", daemon=True).start()

    def stop(self) -> None:
        """End: requests that wait are let go, and every pod's container is ended."""
        self._closing.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        with self._lock:
            now = self._clock()
            for pod in self.account.pods.values():
                if pod.state != "TERMINATED":
                    self.account.terminate(pod, now)
        self._containers.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _broke(self, pod: FakePod, why: str) -> None:
        with self._lock:
            now = self._clock()
            for line in why.splitlines():
                pod.say(now, "system", line)
            if pod.state != "TERMINATED":
                self.account.end(pod, "ERROR", now)


def main() -> None:
    """Serve until interrupted or ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=18099, help="on loopback; 0: any")
    parser.add_argument("--key", default="test-key", help="the only one that is let in")
    parser.add_argument("--knobs", type=json.loads, default={}, metavar="JSON", help="as /_ctl takes them")
    parser.add_argument("--documented-quota", action="store_true", help="60 requests a minute, as RunPod tells of")
    parser.add_argument("--providers", type=Path, metavar="DIR", help="lay out the stand-in provider there")
    given = parser.parse_args()
    # Blocked before any thread begins, so that they come to this one.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
    quota = DOCUMENTED if given.documented_quota else AMPLE
    with Emulator(port=given.port, key=given.key, knobs=given.knobs, quota=quota) as runpod:
        print(f"export RUNPOD_API_BASE_URL={runpod.url} RUNPOD_API_KEY={shlex.quote(runpod.key)}", flush=True)
        if given.providers is not None:
            mirror(given.providers)
            print(f"export TF_CLI_CONFIG_FILE={shlex.quote(str(dev_overrides(given.providers)))}", flush=True)
        signal.sigwait(ENDINGS)


if __name__ == "__main__":
    main()
