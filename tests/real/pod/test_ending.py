"""A pod ends itself when its time is over or nobody uses it, through an API that is played on its own loopback."""

from __future__ import annotations

import json
import subprocess
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.real.pod.conftest import new_key
from tests.real.pod.pods import PodHost
from tests.real.slurm.daemons import until

pytestmark = pytest.mark.real("slurm", "gcc")

NewPod = Callable[..., PodHost]
KEY = "rpa_POD_SCOPED_KEY_THAT_NOBODY_SEES"
API = "http://127.0.0.1:8765"
SERVE = textwrap.dedent(
    """\
    import http.server, json, sys
    refused = set(sys.argv[1:])
    class Api(http.server.BaseHTTPRequestHandler):
        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            verb = json.loads(body)["action"] if body else "delete"
            print(json.dumps([self.command, self.path, verb, self.headers.get("Authorization", "")]), flush=True)
            self.send_response(403 if verb in refused else 204)
            self.end_headers()
        do_DELETE = do_POST = answer
        def log_message(self, *words): pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 8765), Api)
    print("up", flush=True)
    server.serve_forever()
    """
)


@dataclass
class Api:
    """The provider, as this pod sees it; it ends with the pod."""

    process: subprocess.Popen[str]

    def asked(self) -> list[Any]:
        """The next request."""
        assert self.process.stdout is not None
        found: list[Any] = json.loads(self.process.stdout.readline())
        return found


@pytest.fixture
def serve() -> Iterator[Callable[..., Api]]:
    """Play the API on a pod's loopback; it says no to some verbs."""
    started: list[Api] = []

    def start(pod: PodHost, *refused: str) -> Api:
        words = pod.host.words(["python3", "-c", SERVE, *refused])
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert "up\n" == process.stdout.readline()
        started.append(Api(process))
        return started[-1]

    yield start
    for api in started:
        api.process.kill()
        api.process.wait(timeout=10)
        assert api.process.stdout is not None
        api.process.stdout.close()


def watch(pod: PodHost, *words: str) -> dict[str, str]:
    """Start the watchdog as deploy does, looking often."""
    pod.environ |= {"RUNPOD_POD_ID": pod.id, "RUNPOD_API_KEY": KEY}
    return dict(pod.must("watchdog.sh", "--api", API, "--every-s", "0.3", *words))


def test_pod_whose_time_is_over_deletes_itself(new_pod: NewPod, serve: Callable[..., Api]) -> None:
    """One DELETE for this very pod, with the pod's own key, which stands in no argument and no log."""
    pod = new_pod(1)
    api = serve(pod)

    said = watch(pod, "--ttl-at", str(time.time() - 1))
    asked = api.asked()

    assert {"watchdog": "running", "can_end": "yes", "changed": "yes"} == said
    assert ["DELETE", f"/v2/pods/{pod.id}", "delete", f"Bearer {KEY}"] == asked
    until(lambda: "ends any moment" in pod.script("log.sh", "watchdog", "9").out, 60, "the log")
    status = pod.must("status.sh")
    assert "yes" == status["watchdog.ending"]
    assert KEY not in pod.host.must(
        ["sh", "-c", "cat /proc/[0-9]*/cmdline /var/log/gpu-watchdog/* /run/gpu-watchdog/*"]
    )


def test_pod_that_may_not_delete_itself_terminates_or_stops(new_pod: NewPod, serve: Callable[..., Api]) -> None:
    """Refused twice, the third way is taken."""
    pod = new_pod(1)
    api = serve(pod, "delete", "terminate")

    watch(pod, "--ttl-at", str(time.time() - 1))

    assert ["delete", "terminate", "stop"] == [api.asked()[2] for _ in range(3)]


def test_pod_that_cannot_end_itself_stops_its_services_and_says_so(new_pod: NewPod, serve: Callable[..., Api]) -> None:
    """Refused in every way it takes no more work, and its log says loudly that it is still billed."""
    pod = new_pod(1)
    serve(pod, "delete", "terminate", "stop")
    pod.must("munge-key.sh", stdin=new_key())
    pod.must("slurm-head.sh", "--cluster", "lab", "--node", "lab-head", "--address", pod.host.address, "--compute")

    watch(pod, "--ttl-at", str(time.time() - 1))
    until(lambda: "stop-slurm.sh ended" in pod.script("log.sh", "watchdog", "99").out, 90, "the services to be stopped")
    status = pod.must("status.sh")

    assert ["stopped"] * 3 == [status[f"service.{name}"] for name in ("slurmctld", "slurmd", "munge")]
    assert "THIS POD IS STILL BILLED" in pod.script("log.sh", "watchdog", "99").out


def test_idle_pod_ends_and_a_busy_one_does_not(new_pod: NewPod, serve: Callable[..., Api]) -> None:
    """A GPU at work, then a job in the queue keep it; when both are gone it ends after the idle time."""
    pod = new_pod(1)
    api = serve(pod)
    assert pod.nvml is not None
    pod.nvml.busy()
    pod.must("munge-key.sh", stdin=new_key())
    pod.must("slurm-head.sh", "--cluster", "lab", "--node", "lab-head", "--address", pod.host.address, "--compute")
    watch(pod, "--idle-s", "2")

    def last_busy() -> float:
        return float(pod.must("status.sh")["watchdog.last_busy"])

    began = last_busy()
    until(lambda: last_busy() > began + 2, 60, "the GPU to count")
    job = pod.host.must(["sbatch", "--parsable", "-o", "/dev/null", "--wrap", "sleep 60"]).strip()
    pod.nvml.idle()
    since = last_busy()
    until(lambda: last_busy() > since + 3, 60, "the job to count")
    ending = pod.must("status.sh")["watchdog.ending"]
    pod.host.must(["scancel", job])

    assert "no" == ending
    assert "DELETE" == api.asked()[0]


def test_watchdog_told_nothing_stops(new_pod: NewPod) -> None:
    """Neither time nor idleness: there is nothing to watch, and the one that ran is stopped."""
    pod = new_pod(1)
    began = pod.must("watchdog.sh", "--ttl-at", str(time.time() + 3600))
    ended = pod.must("watchdog.sh")

    assert ("running", "no") == (began["watchdog"], began["can_end"])
    assert "stopped" == ended["watchdog"]
    assert "stopped" == pod.must("status.sh")["service.watchdog"]
