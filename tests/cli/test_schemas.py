"""Every command with `--json`, run once: what it prints fits the schema that its help names, key by key.

The `run` fixture holds every other command line of these tests to the same; here none can be missing.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.engine.alerting.rulebook import built_in
from app.services.alerting import Alerting
from app.services.board import Board
from app.services.embedded import EmbeddedFeed
from tests.cli import schema_rules
from tests.cli.conftest import PAST, Run, dcgm_page
from tests.cli.test_chats import _fill
from tests.services.report_builders import NOW as REPORTED
from tests.services.report_builders import stored
from tests.services.test_alerting import NOW, hot
from tests.standins.doors import answering
from tests.standins.slurm_commands import FakeSlurm
from tests.tools.fake_clock import FakeClock

LOOKS: tuple[tuple[str, ...], ...] = (
    ("status", "--target", "{page}"),
    ("jobs", "--target", "{page}"),
    ("job", "812"),
    ("free", "--target", "{page}"),
    ("cost", "--target", "{page}"),
    ("diagnose", "--target", "{page}", "--interval", "0.1"),
    ("doctor", "--target", "{page}"),
    ("digest", "--since", "1h", "--store-path", "{past}"),
    ("ask", "which GPUs are idle?", "--target", "{page}", "--interval", "0.1"),
    ("history", "fleet", "gpu.power", "--since", f"{PAST}", "--until", f"{PAST + 300}", "--store-path", "{past}"),
    ("chats",),
    ("chats", "show", "c-1"),
    (
        "report",
        "--since",
        f"{REPORTED}",
        "--until",
        f"{REPORTED + 600}",
        "--store-path",
        "{reported}",
        "--out",
        "{out}",
    ),
    ("notify", "list", "--config", "{config}"),
    ("notify", "queue", "--config", "{config}"),
    ("alerts", "rules", "list", "--config", "{config}"),
    ("stack", "{out}", "--config", "{config}"),
    ("submit", "{script}", "--test"),
    *((name, "813", "--yes") for name in ("cancel", "hold", "release", "requeue", "suspend", "resume", "top")),
    ("nice", "813", "--by=10", "--yes"),
    ("extend", "812", "--by=1h", "--yes"),
    ("signal", "812", "--name", "usr1", "--yes"),
    ("drain", "node-1", "--reason", "fan", "--yes"),
    ("undrain", "node-1", "--yes"),
    ("delete-node", "pod-1", "--yes"),
)
"""Command lines without `--json`; words in braces are made for each run."""
ELSEWHERE = {"deploy": "test_deploy.py", "stress": "test_stress.py"}
"""Commands that need a world of their own, and the file of the tests that give it."""
DEAD = (
    "NodeName=pod-1 Arch=x86_64 CPUAlloc=0 CPUTot=8 Gres=gpu:h100:8 State=DOWN+DYNAMIC_NORM+NOT_RESPONDING "
    "Partitions=gpu NodeAddr=pod-1 NodeHostName=pod-1\n"
)


@pytest.fixture
def words(slurm: FakeSlurm, serve_page: Callable[[str], str], stored_past: Path, tmp_path: Path) -> dict[str, str]:
    """What stands for the words in braces."""
    slurm.says(
        "sbatch --test-only", stderr="sbatch: Job 1 to start at 2025-11-24T16:00:00 using 2 processors on node-1\n"
    )
    script, config = tmp_path / "train.sh", tmp_path / "lab.toml"
    script.write_text("#!/bin/bash\n#SBATCH --gres=gpu:1\nsleep 1\n")
    config.write_text(f'[store]\npath = "{tmp_path / "none.db"}"\n[discover]\nlocal = false\n')
    return {
        "page": serve_page(dcgm_page()),
        "past": str(stored_past),
        "reported": str(tmp_path / "reported.db"),
        "out": str(tmp_path / "out"),
        "script": str(script),
        "config": str(config),
    }


async def _reported(path: str) -> None:
    await (await stored(Path(path))).close()


@pytest.mark.parametrize("line", LOOKS, ids=lambda line: " ".join(line[:2]))
def test_what_a_command_prints_fits_its_schema(
    run: Run, slurm: FakeSlurm, words: dict[str, str], line: tuple[str, ...]
) -> None:
    """It says something, and nothing that the schema does not describe."""
    if line[0] == "report":
        asyncio.run(_reported(words["reported"]))
    elif line[0] == "chats":
        asyncio.run(_fill())
    elif line[0] == "delete-node":
        slurm.says("scontrol -o -d show node", stdout=DEAD)

    answer = run(*(word.format(**words) for word in line), "--json")

    assert answer.out, f"exit code {answer.code}: {answer.err}"
    assert [] == schema_rules.faults((*line, "--json"), answer.out)


@contextmanager
def evaluating(socket: Path) -> Iterator[Alerting]:
    """A daemon in a thread of its own, whose rules have seen a hot GPU for ten minutes."""
    clock, board = FakeClock(NOW + 600), Board(hot(NOW + 600))
    alerting, feed = Alerting(board, clock, 5.0, built_in()), EmbeddedFeed(board, None, clock)
    feed.alert_by(alerting)
    listens, over = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        for after in (0.0, 600.0):
            await alerting.step(hot(NOW + after), NOW + after)
        async with answering(feed, board, socket):
            loops.append(asyncio.get_running_loop())
            listens.set()
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert listens.wait(10)
    try:
        yield alerting
    finally:
        loops[0].call_soon_threadsafe(over.set)
        thread.join()


def test_wishes_about_alerts_fit_their_schema(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a daemon says to them, too; lists and a tried rule beside."""
    socket = tmp_path / "run" / "api.sock"
    monkeypatch.setenv("GPU_WATCHDOG_SERVE_SOCKET", str(socket))
    with evaluating(socket) as alerting:
        alert = alerting.now().alerts[0].id
        said = [
            run("alerts", "list", "--json"),
            run("alerts", "ack", alert, "--json", "--note", "mine"),
            run("alerts", "silence", 'alertname="GpuHot"', "--json"),
        ]
        said.append(run("alerts", "unsilence", said[-1].json["id"], "--json"))

    assert [[], [], [], []] == [schema_rules.faults(("alerts", "--json"), answer.out) for answer in said]
    assert [alert, ['alertname="GpuHot"'], said[2].json["id"]] == [
        answer.json[key] for answer, key in zip(said[1:], ("alert", "matchers", "deleted"), strict=True)
    ]


def test_every_command_that_prints_json_is_among_them() -> None:
    """A new command with --json names its schema in the help of the option, and is run here."""
    names = {line[0] for line in LOOKS} | {"alerts"} | set(ELSEWHERE)
    printing = schema_rules.printing()

    assert set(printing) == names
    assert [] == [name for name, schemas in printing.items() if not schemas]
    assert set(ELSEWHERE) == {
        name for name, file in ELSEWHERE.items() if f'schema("{name}")' in (Path(__file__).parent / file).read_text()
    }


def test_every_schema_is_somebodys() -> None:
    """Those of docs/schema are those that commands name; the notifier's and the API's have tests of their own."""
    named = {name for names in schema_rules.printing().values() for name in names}

    assert {file.stem for file in schema_rules.SCHEMAS.glob("*.json")} == named | {"webhook", "api"}


def test_an_answer_with_a_key_that_nobody_describes_is_a_fault() -> None:
    """Otherwise the tests above would see nothing."""
    plain = '{"schema": 1, "what": "fleet", "metric": "gpu.power", "unit": "W", "points": []}'

    assert [] == schema_rules.faults(("history", "--json"), plain)
    assert 1 == len(schema_rules.faults(("history", "--json"), plain.replace('"unit"', '"units"')))
    assert 1 == len(schema_rules.faults(("history", "--json"), plain.replace("[]}", '[], "more": 1}')))
