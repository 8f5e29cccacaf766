"""`diagnose`: real pages and log files in, what is wrong and its cause out."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import jsonschema
import pytest

from app.cli import errors
from app.cli.diagnose import verdict
from app.domain.diagnosis import Diagnosis
from app.domain.finding import Finding, FindingSubject
from app.domain.reading import SourceSpec
from app.domain.snapshot import Gpu, Node, Snapshot, SourceState
from tests.cli.conftest import Run, schema

XID = "NVRM: Xid (PCI:0000:2b:00): 48, pid=77, name=train.py, An uncorrectable double bit error (DBE) has been detected"


@contextmanager
def exporter(page: Callable[[int], str]) -> Iterator[str]:
    """An exporter whose page is made anew at each look, by its number; gives its address."""

    class Page(BaseHTTPRequestHandler):
        looks = 0

        def do_GET(self) -> None:
            text = page(Page.looks).encode()
            Page.looks += 1
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()


def page(*, pending: int = 0, errors_seen: int = 0, host: str = "node-1") -> str:
    """Two busy GPUs as dcgm-exporter writes them; the second has these memory errors."""
    rows = {
        "DCGM_FI_DEV_GPU_UTIL": (97, 96),
        "DCGM_FI_DEV_POWER_USAGE": (600, 610),
        "DCGM_FI_DEV_ROW_REMAP_PENDING": (0, pending),
        "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": (0, errors_seen),
    }
    lines = []
    for metric, values in rows.items():
        lines.append(f"# TYPE {metric} gauge")
        for gpu, value in enumerate(values):
            labels = f'gpu="{gpu}",UUID="GPU-0000000{gpu}-1111",pci_bus_id="00000000:{0x1B + gpu * 0x10:02X}:00.0"'
            lines.append(f'{metric}{{{labels},modelName="NVIDIA H100 80GB HBM3",Hostname="{host}"}} {value}')
    return "\n".join(lines) + "\n"


def config(tmp_path: Path, url: str, *said: tuple[float, str]) -> str:
    """A configuration with this exporter, a kernel log with these lines (seconds ago, text), and a store of its own."""
    log = tmp_path / "kern.log"
    log.write_text("")
    for ago_s, text in said:
        say(log, text, ago_s)
    file = tmp_path / "lab.toml"
    file.write_text(
        f'[cluster]\nname = "lab"\ninterval_s = 0.3\n[[target]]\nurl = "{url}"\n[discover]\nlocal = false\n'
        f'[slurm]\nvia = "off"\n[store]\npath = "{tmp_path / "h.db"}"\n'
        f'[[log]]\nkind = "kernel"\nnode = "node-1"\npath = "{log}"\n'
    )
    return str(file)


def say(log: Path, text: str, ago_s: float = 0.0) -> None:
    """Append a line to a kernel log, said so long ago."""
    stamp = datetime.fromtimestamp(time.time() - ago_s, UTC).isoformat(timespec="microseconds")
    with log.open("a") as file:
        file.write(f"{stamp} node-1 kernel: {text}\n")


def codes(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    """Codes of the findings."""
    return [one["code"] for one in answer["findings"]]


def test_a_line_and_a_state_are_one_incident_with_the_cause_first(run: Run, tmp_path: Path) -> None:
    """The Xid of ten minutes ago is the root, the row that waits follows from it; the log's older line is history."""
    with exporter(lambda _: page(pending=1)) as url:
        file = config(tmp_path, url, (7200.0, XID.replace("2b", "1b")), (600.0, XID))
        answer = run("diagnose", "--json", "--config", file)

    assert errors.FOUND == answer.code
    jsonschema.validate(answer.json, schema("diagnose"))
    root, effect = [one for one in answer.json["findings"] if one["severity"] != "info"]
    assert (("A1", True, 1), ("A3", False, 1)) == tuple(
        (one["code"], one["root"], one["subject"]["gpu"]) for one in (root, effect)
    )
    assert ([root["id"]], [effect["id"]]) == (effect["caused_by"], root["consequences"])
    assert pytest.approx(answer.json["at"] - 600.0, abs=5.0) == root["first_seen"]


def test_how_far_back_lines_count_can_be_said(run: Run, tmp_path: Path) -> None:
    """Five minutes back there is no line; the state counts at first sight whatever the span."""
    with exporter(lambda _: page(pending=1)) as url:
        file = config(tmp_path, url, (600.0, XID))
        answer = run("diagnose", "--json", "--since", "5m", "--config", file)

    assert ["A3"] == [one["code"] for one in answer.json["findings"] if one["severity"] != "info"]


def test_a_counter_counts_when_it_rises(run: Run, tmp_path: Path) -> None:
    """Three errors that stood there are history, a fourth between two readings is not."""
    with exporter(lambda _: page(errors_seen=3)) as url:
        before = run("diagnose", "--json", "--config", config(tmp_path, url))
    with exporter(lambda look: page(errors_seen=3 + look)) as url:
        after = run("diagnose", "--json", "--config", config(tmp_path, url))

    assert (errors.OK, True) == (before.code, before.json["healthy"])
    assert "A1" not in codes(before.json)
    assert (errors.FOUND, False) == (after.code, after.json["healthy"])
    assert "A1" in codes(after.json)


def test_people_read_the_cause_its_evidence_and_what_to_do(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root, evidence with its time, effects indented, the command whole; in 60 columns, without a control character."""
    monkeypatch.setenv("COLUMNS", "60")
    hostile = XID.replace("train.py", "\x1b[2J\x07tr\u202eain [b]x[/b]")
    with exporter(lambda _: page(pending=1)) as url:
        answer = run("diagnose", "--config", config(tmp_path, url, (600.0, hostile)))

    lines = answer.out.splitlines()
    assert lines[0].startswith("critical i-1  GPU node-1/1: ")
    assert any(re.match(r"  \d\d:\d\d:\d\d  Xid 48", line) for line in lines)
    assert any(line.startswith("    warning  GPU node-1/1: ") for line in lines)
    commands = [line for line in lines if line.lstrip().startswith("$ ")]
    assert commands
    assert 60 >= max(len(line) for line in lines if line not in commands)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", answer.out)


def test_how_it_was_comes_from_the_store(run: Run, tmp_path: Path) -> None:
    """A daemon kept what it saw; once it is gone, `--at` shows the moment, and now still knows the incident's name."""
    with exporter(lambda _: page(pending=1)) as url:
        file = config(tmp_path, url, (60.0, XID))
        with daemon(file):
            until(lambda: len(codes(run("diagnose", "--json", "--config", file).json)) >= 2)
            told = run("diagnose", "--json", "--config", file)
            time.sleep(0.7)
            when = str(time.time() - 0.2)
            then_by_daemon = run("diagnose", "--json", "--at", when, "--config", file)
        then = run("diagnose", "--json", "--at", when, "--config", file)
        now = run("diagnose", "--json", "--config", file)

    named = [(one["id"], one["incident"], one["code"]) for one in told.json["findings"]]
    for answer in (then_by_daemon, then, now):
        assert errors.FOUND == answer.code
        jsonschema.validate(answer.json, schema("diagnose"))
        assert named == [(one["id"], one["incident"], one["code"]) for one in answer.json["findings"]]
    assert -0.001 <= float(when) - then.json["at"] < 2.0  # JSON has milliseconds


@contextmanager
def daemon(file: str) -> Iterator[None]:
    """A daemon for a configuration; gone at the end without a chance to say goodbye."""
    going = subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--config", file], stderr=subprocess.PIPE, text=True
    )
    try:
        assert going.stderr is not None
        assert going.stderr.readline().startswith("serving ")
        yield
    finally:
        going.kill()
        going.communicate(timeout=10)


def until(ready: Callable[[], bool]) -> None:
    """Ask again until it is so."""
    for _ in range(40):
        if ready():
            return
    raise AssertionError("it never came")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--at", "half past"], errors.USAGE, "is not a time"),
        (["--since", "30x"], errors.USAGE, "--since"),
        (["--since", "3d"], errors.USAGE, "at most a day"),
        (["--at", "-3d"], errors.UNAVAILABLE, "nothing was kept near -3d"),
    ],
)
def test_what_cannot_be_asked_is_said(run: Run, stored_past: object, words: list[str], code: int, said: str) -> None:
    """Wrong times are wrong usage; a time of which nothing was kept is unavailable."""
    answer = run("diagnose", *words, "--target", "http://127.0.0.1:9", "--store-path", str(stored_past))

    assert (code, "") == (answer.code, answer.out)
    assert said in answer.err


def test_watching_prints_an_object_whenever_something_changes(tmp_path: Path) -> None:
    """Nothing new, nothing printed; a new line in the log is a new object on a line."""
    with exporter(lambda _: page(pending=1)) as url:
        file = config(tmp_path, url)
        words = [sys.executable, "-m", "app", "diagnose", "--watch", "--json", "--embedded", "--config", file]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as going:
            assert going.stdout is not None
            first = json.loads(going.stdout.readline())
            say(tmp_path / "kern.log", XID)
            second = json.loads(going.stdout.readline())
            going.stdout.close()
            say(tmp_path / "kern.log", XID.replace("2b", "1b"))
            code = going.wait(timeout=20)

    jsonschema.validate(second, schema("diagnose"))
    assert ("A1" in codes(first), "A1" in codes(second)) == (False, True)
    assert errors.PIPE_CLOSED == code


def picture(condition: str, *, gpus: int = 1) -> Snapshot:
    """A picture with so many GPUs and one source that is `ok` or `down`."""
    state = SourceState(
        SourceSpec("page", "exporter", "http://x", 5.0), 100.0, 100.0, None if condition == "ok" else "refused"
    )
    some = tuple(Gpu("node-1", index, None) for index in range(gpus))
    return Snapshot(sources={"page": state}, nodes={"node-1": Node("node-1", gpus=some)})


def test_exit_codes_say_the_gravest_thing() -> None:
    """1 for a warning, whatever else is wrong; else 2 where a source is down or no GPU is seen; else 0."""
    warning = Finding("x", "A1", "x", "warning", FindingSubject("node-1"), 1.0, 1.0, (), "")
    information = Finding("x", "B12", "x", "info", FindingSubject("node-1"), 1.0, 1.0, (), "")

    assert errors.FOUND == verdict(Diagnosis(findings=(information, warning)), picture("down"), 101.0)
    assert errors.INCOMPLETE == verdict(Diagnosis(findings=(information,)), picture("down"), 101.0)
    assert errors.INCOMPLETE == verdict(Diagnosis(), picture("ok", gpus=0), 101.0)
    assert errors.OK == verdict(Diagnosis(findings=(information,)), picture("ok"), 101.0)


def test_status_loads_no_engine() -> None:
    """`status --json` pays for neither the diagnosis nor the list of faults."""
    code = (
        "import sys; from app.__main__ import main; main(['status', '--json', '--target', 'nvml:']); "
        "print(' '.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert [] == [
        name for name in done.stderr.split() if name.startswith(("app.engine.diagnosis", "app.services.diagnos"))
    ]
