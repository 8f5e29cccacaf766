"""When a pod ends itself, and how: times are arguments, the API is played."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from pod import busy, ending
from pod.ending import Credentials, credentials, end
from pod.watchdog import Orders, Seen, Watch, due, looks_for, parse

KEY = "rpa_A_KEY_OF_THIS_POD"


class Api(ThreadingHTTPServer):
    """Answers each verb with a status, and keeps what it was asked."""

    def __init__(self, statuses: dict[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.statuses = statuses
        self.asked: list[tuple[str, str, str]] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


class Answers(BaseHTTPRequestHandler):
    """Of that server."""

    server: Api

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        verb = json.loads(body)["action"] if body else "delete"
        self.server.asked.append((verb, self.path, self.headers["Authorization"]))
        said = f'{{"detail": "\x1b[31mnot for {KEY}"}}'.encode()
        self.send_response(self.server.statuses.get(verb, 204))
        self.end_headers()
        if self.server.statuses.get(verb, 204) != 204:
            self.wfile.write(said)

    do_DELETE = do_POST = answer  # noqa: N815 - the names http.server looks for

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def serve() -> Iterator[Callable[..., Api]]:
    """Play the API with these statuses."""
    started: list[Api] = []

    def start(**statuses: int) -> Api:
        started.append(Api(statuses))
        Thread(target=started[-1].serve_forever, args=(0.05,), daemon=True).start()
        return started[-1]

    yield start
    for api in started:
        api.shutdown()
        api.server_close()


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Watch, list[str]]]:
    """Make a watch that begins at 1000, with the lines it says; on a pod without Slurm, a GPU at work as told."""
    monkeypatch.setenv("RUNPOD_POD_ID", "pod1")
    monkeypatch.setenv("RUNPOD_API_KEY", KEY)

    def make(orders: Orders, api: str = "http://127.0.0.1:9", *, stop: tuple[str, ...] = ()) -> tuple[Watch, list[str]]:
        words = ["--api", api, "--state", str(tmp_path), "--status", str(tmp_path / "status")]
        lines: list[str] = []
        settings = parse([*words, *(word for one in stop for word in ("--stop", one))])
        return Watch(orders, settings, lines.append, 1000.0), lines

    return make


def test_pod_is_due_at_its_time_and_not_before() -> None:
    """Whoever uses it: at the very second."""
    orders = Orders(ttl_at=2000)

    assert due(orders, Seen(1999), 1999) is None
    assert "its time to live is over" == due(orders, Seen(1999), 2000)


def test_pod_is_due_when_idle_for_as_long_as_was_said() -> None:
    """Counted from the last work that was seen."""
    orders = Orders(idle_s=600)

    assert due(orders, Seen(1000), 1599) is None
    assert "nobody has used it for 600 s" == due(orders, Seen(1000), 1600)
    assert due(Orders(), Seen(0), 1e12) is None


def test_work_is_assumed_where_nothing_can_be_asked() -> None:
    """Better busy than wrong; but one look that sees nothing is enough where the others are blind."""
    assert busy.anybody([lambda: None, lambda: None])
    assert busy.anybody([lambda: None, lambda: True])
    assert not busy.anybody([lambda: None, lambda: False])


def test_worker_leaves_it_to_a_head_that_answers() -> None:
    """It looks at its GPUs and at the head; the head at queue, model, marks and its own GPUs."""
    assert [busy.gpus, busy.head_answers] == looks_for("worker", "http://x", 0)
    assert 4 == len(looks_for("head", "http://x", 0))
    assert 2 == len(looks_for("", "http://x", 0))


def test_looks_read_what_slurm_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue with a line is work; marks count when they are younger; a command that fails tells nothing."""
    for name, text in {"squeue": "echo 17", "scontrol": "echo NodeName=a Comment=busy at 1700000100"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    assert (True, True) == (busy.jobs(), busy.head_answers())
    assert (True, False) == (busy.marks_since(1700000000), busy.marks_since(1700000100))
    (tmp_path / "squeue").write_text("#!/bin/sh\nexit 1\n")
    assert (None, None) == (busy.jobs(), busy.head_answers())


def test_busy_pod_stays_and_an_idle_one_ends(
    watch: Callable[..., tuple[Watch, list[str]]], serve: Callable[..., Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Work moves the time on; when it stops for long enough the pod is deleted, and that is told."""
    api, works = serve(), [True]
    monkeypatch.setattr(busy, "gpus", lambda: works[0])
    one, lines = watch(Orders(idle_s=100), api.url)

    one.round(1090)
    works[0] = False
    one.round(1189)
    assert ([], []) == (api.asked, lines)
    one.round(1190)

    assert [("delete", "/v2/pods/pod1", f"Bearer {KEY}")] == api.asked
    assert "this pod is ended: nobody has used it for 100 s" == lines[0]


def test_end_is_told_ten_minutes_before(watch: Callable[..., tuple[Watch, list[str]]]) -> None:
    """Once."""
    one, lines = watch(Orders(ttl_at=2000))

    for now in (1399, 1400, 1500):
        one.round(now)

    assert ["this pod is ended in 600 s: its time to live is over then"] == lines


def test_refusal_stops_services_once_and_is_tried_again(
    watch: Callable[..., tuple[Watch, list[str]]], serve: Callable[..., Api], tmp_path: Path
) -> None:
    """Refused in every way: loud, services stopped once, and the next round asks anew, busy or not."""
    api = serve(delete=403, terminate=403, stop=500)
    script = tmp_path / "stop.sh"
    script.write_text(f"echo x >> {tmp_path}/stopped\n")
    one, lines = watch(Orders(ttl_at=1500), api.url, stop=(str(script),))

    one.round(1500)
    one.round(1560)

    assert ["delete", "terminate", "stop"] * 2 == [verb for verb, _, _ in api.asked]
    assert "x\n" == (tmp_path / "stopped").read_text()
    assert 2 == sum("STILL BILLED" in line for line in lines)
    assert not [line for line in lines if KEY in line or "\x1b" in line]
    assert "ending=yes\n" in (tmp_path / "status").read_text()


def test_pod_without_a_key_says_so(
    watch: Callable[..., tuple[Watch, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing can be asked then; it is still told loudly."""
    one, lines = watch(Orders(ttl_at=1000))
    monkeypatch.setattr(ending, "credentials", lambda _: None)

    one.round(1000)

    assert "no RUNPOD_API_KEY" in lines[1]
    assert "STILL BILLED" in lines[2]


def test_status_is_for_who_asks(watch: Callable[..., tuple[Watch, list[str]]], tmp_path: Path) -> None:
    """Deadline and idle time as they were told, and that it is not ending."""
    one, _ = watch(Orders(ttl_at=9000))
    one.round(1000)

    assert "looked=1000\ndeadline=9000\nidle_s=\nlast_busy=\nending=no\n" == (tmp_path / "status").read_text()


def test_pod_that_is_gone_already_is_ended(serve: Callable[..., Api]) -> None:
    """404 to a delete is what was wanted."""
    assert end(Credentials("pod1", KEY), serve(delete=404).url)[0]


def test_api_that_does_not_answer_is_no_end() -> None:
    """Each way is told with what came of it."""
    taken, told = end(Credentials("pod1", KEY), "http://127.0.0.1:9")

    assert not taken
    assert 3 == len(told)


def test_key_comes_from_the_first_process_where_a_login_has_none(tmp_path: Path) -> None:
    """Our own environment counts first; what is half there is nothing; printed, the key is not there."""
    first = tmp_path / "environ"
    first.write_bytes(b"PATH=/bin\0RUNPOD_POD_ID=pod9\0RUNPOD_API_KEY=secret9\0")

    assert Credentials("pod9", "secret9") == credentials({}, first)
    assert Credentials("mine", "key") == credentials({"RUNPOD_POD_ID": "mine", "RUNPOD_API_KEY": "key"}, first)
    first.write_bytes(b"RUNPOD_POD_ID=pod9\0")
    assert credentials({}, first) is None
    assert credentials({}, tmp_path / "nothing") is None
    assert "secret9" not in repr(Credentials("pod9", "secret9"))


@pytest.mark.parametrize("words", [["--api", "ftp://x"], ["--ttl-at", "-1"], ["--idle-s", "soon"], ["--every-s", "0"]])
def test_wrong_settings_end_with_64(words: list[str]) -> None:
    """The code with which supervise.sh lets it rest."""
    with pytest.raises(SystemExit) as left:
        parse(words)

    assert 64 == left.value.code
