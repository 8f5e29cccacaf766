"""The emulated RunPod whose pods are namespaces, to be used by hand: `python -m tests.real.deploy.cloud --port 18099`.

    RUNPOD_API_BASE_URL=http://127.0.0.1:18099 RUNPOD_API_KEY=test-key gpu-watchdog deploy lab --nodes 2

It needs root and ends with Ctrl-C, with everything on it. Other programs of this machine reach the pods as well.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Event

from tests.real.deploy.pods import NamespacePods, Quirks
from tests.standins.runpod.emulator import Emulator


@contextmanager
def cloud(
    quirks: Mapping[str, Quirks] | None = None,
    port: int = 0,
    *,
    key: str = "test-key",
    pods: NamespacePods | None = None,
) -> Iterator[tuple[Emulator, NamespacePods]]:
    """An account whose pods are real enough; `pods`: other ones than those of the machine's own system."""
    with (
        pods or NamespacePods(quirks) as made,
        Emulator(key=key, port=port, on_create=made.on_create, on_end=made.on_end) as runpod,
    ):
        yield runpod, made


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=18099)
    parser.add_argument("--boot-s", type=float, default=3.0, help="seconds until a pod's sshd is there")
    given = parser.parse_args()
    everyone = {key: Quirks(boot_s=given.boot_s) for key in ("head", *(f"w{number}" for number in range(1, 40)))}
    with cloud(everyone, given.port) as (runpod, _):
        sys.stdout.write(f"{runpod.url}\n")
        sys.stdout.flush()
        try:
            Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
