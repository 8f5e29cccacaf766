"""Ends this pod when its time is over or nobody uses it: `python3 -m pod.watchdog --ttl-at EPOCH --idle-s N`.

It is the second of two: the controller destroys the whole deployment, this one acts where the controller cannot. The
provider has no deadline of its own. Ends with 64 for a wrong setting; else it runs until it is stopped, or the pod is.
"""

import argparse
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pod import busy, ending

EXIT_USAGE = 64
LOOK_S = 15.0
MARK_S = 120.0
"""A busy worker marks its node this often."""
AGAIN_S = 60.0
"""Between two attempts to end the pod."""
WARN_S = 600.0
_STOP_S = 300.0


@dataclass(frozen=True)
class Orders:
    """When the pod is to end."""

    ttl_at: float | None = None
    """Epoch seconds."""
    idle_s: float | None = None
    """Seconds without work."""


@dataclass(frozen=True)
class Seen:
    """What the watch knows."""

    last_busy: float
    """Epoch seconds; at the start: now."""
    marked_at: float = 0.0
    warned: bool = False


def due(orders: Orders, seen: Seen, now: float) -> str | None:
    """Why the pod is to end now; None: it is not."""
    if orders.ttl_at is not None and now >= orders.ttl_at:
        return "its time to live is over"
    if orders.idle_s is not None and now - seen.last_busy >= orders.idle_s:
        return f"nobody has used it for {now - seen.last_busy:.0f} s"
    return None


def looks_for(role: str, model_url: str, last_busy: float) -> list[busy.Look]:
    """What is looked at.

    A worker is used as long as its head answers: that one sees the queue, the model and the marks of all.
    """
    if role == "worker":
        return [busy.gpus, busy.head_answers]
    own: list[busy.Look] = [busy.gpus, busy.model(model_url)]
    return [*own, busy.jobs, lambda: busy.marks_since(last_busy)] if role == "head" else own


class Watch:
    """One pod's watch. Whoever calls `round` has the clock; `told` is given each line."""

    def __init__(self, orders: Orders, settings: argparse.Namespace, told: Callable[[str], None], now: float) -> None:
        self.orders = orders
        self.seen = Seen(now)
        self.reason: str | None = None
        """Why it is ending the pod; None: it is not."""
        self._settings = settings
        self._told = told
        self._stopped_services = False

    def round(self, now: float) -> None:
        """Look once, and end the pod when that is due."""
        role, node = self._recalled("role"), self._recalled("node")
        if self.reason is None and self.orders.idle_s is not None:
            self._look(role, node, now)
        why = due(self.orders, self.seen, now)
        if why is not None and self.reason is None:
            self._told(f"this pod is ended: {why}")
        self.reason = self.reason or why
        self._write_status(now)
        if self.reason is not None:
            self._end()
        elif not self.seen.warned and self.orders.ttl_at is not None and now >= self.orders.ttl_at - WARN_S:
            self._told(f"this pod is ended in {self.orders.ttl_at - now:.0f} s: its time to live is over then")
            self.seen = replace(self.seen, warned=True)

    def _look(self, role: str, node: str, now: float) -> None:
        if role == "worker" and node and now - self.seen.marked_at >= MARK_S and busy.gpus():
            busy.mark(node, now)
            self.seen = replace(self.seen, marked_at=now)
        if busy.anybody(looks_for(role, self._settings.model_url, self.seen.last_busy)):
            self.seen = replace(self.seen, last_busy=now)

    def _end(self) -> None:
        who = ending.credentials(os.environ)
        told: tuple[str, ...]
        if who is None:
            taken, told = False, ("the pod has no RUNPOD_API_KEY and RUNPOD_POD_ID, so it cannot end itself",)
        else:
            taken, told = ending.end(who, self._settings.api)
        for line in told:
            self._told(line)
        if taken:
            self._told("the provider takes it; this pod ends any moment")
        else:
            self._told(f"THIS POD IS STILL BILLED and could not be ended ({self.reason}): end it by hand. Trying again")
            self._stop_services()

    def _stop_services(self) -> None:
        """Take no more work: what runs here would be lost at the end anyway."""
        if self._stopped_services or not self._settings.stop:
            return
        self._stopped_services = True
        for script in self._settings.stop:
            try:
                done = subprocess.run(("bash", script), capture_output=True, text=True, timeout=_STOP_S, check=False)
            except (OSError, subprocess.TimeoutExpired) as error:
                self._told(f"{script}: {error}")
                continue
            self._told(f"{Path(script).name} ended with {done.returncode}")

    def _recalled(self, name: str) -> str:
        try:
            return (Path(self._settings.state) / name).read_text("utf-8", "replace").strip()
        except OSError:
            return ""

    def _write_status(self, now: float) -> None:
        rows: dict[str, object] = {
            "looked": f"{now:.0f}",
            "deadline": "" if self.orders.ttl_at is None else f"{self.orders.ttl_at:.0f}",
            "idle_s": "" if self.orders.idle_s is None else f"{self.orders.idle_s:.0f}",
            "last_busy": "" if self.orders.idle_s is None else f"{self.seen.last_busy:.0f}",
            "ending": "no" if self.reason is None else "yes",
        }
        path = Path(self._settings.status)
        try:
            path.with_name(f"{path.name}.new").write_text("".join(f"{key}={value}\n" for key, value in rows.items()))
            path.with_name(f"{path.name}.new").replace(path)
        except OSError as error:
            self._told(f"cannot write {path}: {error.strerror}")  # a full disk is no reason to end late


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; leaves with 64 where it is wrong."""
    parser = argparse.ArgumentParser(prog="python3 -m pod.watchdog", description=__doc__, exit_on_error=False)
    parser.add_argument("--ttl-at", type=float, default=0.0, help="epoch seconds at which the pod ends; 0: never")
    parser.add_argument("--idle-s", type=float, default=0.0, help="seconds without work after which it ends; 0: never")
    parser.add_argument("--api", default=ending.API, help="where the provider's API is, without /v2")
    parser.add_argument("--model-url", default="http://127.0.0.1:8000/metrics", help="page of the model server")
    parser.add_argument("--state", default="/var/lib/gpu-watchdog", help="folder of what was asked for")
    parser.add_argument("--status", default="/run/gpu-watchdog/watchdog.status", help="file that tells how it stands")
    parser.add_argument("--every-s", type=float, default=LOOK_S, help="seconds between two looks")
    parser.add_argument("--stop", action="append", help="script that is run when the pod cannot be ended")
    try:
        found = parser.parse_args(words)
    except argparse.ArgumentError as error:
        sys.stderr.write(f"watchdog: {error}\n")
        raise SystemExit(EXIT_USAGE) from error
    if not found.api.startswith(("https://", "http://")) or found.every_s <= 0 or min(found.ttl_at, found.idle_s) < 0:
        sys.stderr.write("watchdog: --api wants http(s)://…, times count from 0\n")
        raise SystemExit(EXIT_USAGE)
    return found


def main(words: Sequence[str] | None = None) -> int:
    """Watch until the pod ends."""
    settings = parse(words)
    watch = Watch(Orders(settings.ttl_at or None, settings.idle_s or None), settings, _loudly, time.time())
    pause = threading.Event()
    while True:
        watch.round(time.time())
        pause.wait(AGAIN_S if watch.reason is not None else settings.every_s)


def _loudly(line: str, first: Path = Path("/proc/1/fd/1")) -> None:
    """To our log, and to the container's own, which the provider shows on its page."""
    text = f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} watchdog: {line}\n"
    sys.stderr.write(text)
    sys.stderr.flush()
    try:
        with first.open("a") as out:
            out.write(text)
    except OSError:
        return  # its first process has no such output


if __name__ == "__main__":
    sys.exit(main())
