"""Small recordings for tests: a machine whose GPU grows hot, seen every five seconds, without a network or a wait."""

from __future__ import annotations

import json
from pathlib import Path

from app.domain.codec import encode
from app.domain.evidence import LogEvidence
from app.domain.pseudonyms import Pseudonyms
from app.domain.reading import Reading, SourceSpec
from app.domain.snapshot import Snapshot
from app.services.board import Board
from app.services.recorder.recorder import About, Recorder
from app.services.recorder.scribe import Scribe
from app.services.recorder.sinks import FileSink
from app.services.report_mask import Mask
from app.sources.again import Answer, PastLook, again
from app.sources.logs.look import LogLook
from tests.tools.fake_clock import FakeClock

NOW = 1_764_000_000.0
INTERVAL_S = 5.0
PAGES = SourceSpec("gpu-01", "exporter", "http://gpu-01:9400/metrics", INTERVAL_S, "gpu-01")
LOG = SourceSpec("kernel log gpu-01", "log", "/var/log/kern.log", INTERVAL_S, "gpu-01")
TOKEN = "hf_abcdefghijklmnop1234"
"""What must not come out of a recording."""


def page(number: int) -> bytes:
    """The page of a look: 40 °C at first, two more at each."""
    label = 'gpu="0",UUID="GPU-7acc1060-05c1-26ab-a14e-270831dcbb25",modelName="NVIDIA H100 80GB HBM3"'
    return (
        f"DCGM_FI_DEV_GPU_TEMP{{{label}}} {40 + 2 * number}\n"
        f"DCGM_FI_DEV_GPU_UTIL{{{label}}} {number}\n"
        f'DCGM_FI_DEV_XID_ERRORS{{{label},cmd="--api-key {TOKEN}"}} 0\n'
    ).encode()


class Making:
    """A recording that is being made."""

    def __init__(self, path: Path, *, hides_names: bool = False, is_judged: bool = False) -> None:
        self.clock = FakeClock(NOW)
        self.board = Board(Snapshot(cluster="lab"))
        about = About("lab", INTERVAL_S, lambda: "1.0", (), is_judged)
        scribe = Scribe(Mask(Pseudonyms() if hides_names else None))
        self.recorder = Recorder(self.board, self.clock, about, FileSink(path), lambda: scribe)
        self._reader = again("exporter")
        self._logs = again("log")

    async def look(self, number: int) -> None:
        """One look at the machine's page."""
        body = page(number)
        await self._heard(PAGES, Answer("host", self.clock.now(), b"gpu-01"), Answer("page", self.clock.now(), body))

    async def log(self, *lines: str) -> None:
        """One look at its log."""
        said = json.dumps(encode(LogLook(lines=lines))).encode()
        await self._heard(LOG, Answer("kind", self.clock.now(), b"kernel"), Answer("log", self.clock.now(), said))

    async def _heard(self, spec: SourceSpec, *answers: Answer) -> None:
        for one in answers:
            self.recorder.tap(spec.name, one.part, one.at, one.body)
        reader = self._logs if spec is LOG else self._reader
        assert reader is not None
        self.board.apply(spec, await reader.read(PastLook(spec, self.clock.now(), 0.1, answers)))

    def fail(self, error: str) -> None:
        """One look that fails."""
        self.board.apply(PAGES, Reading.failed(PAGES.name, self.clock.now(), error, 0.1))

    async def pass_on(self, seconds: float = INTERVAL_S) -> None:
        """Write what was heard, and let time pass."""
        await self.recorder.flush()
        self.clock.set(self.clock.now() + seconds)


async def recording(path: Path, looks: int = 20, *, hides_names: bool = False) -> Making:
    """A whole recording of so many looks; its end is the time of the last."""
    made = Making(path, hides_names=hides_names)
    for number in range(looks):
        await made.look(number)
        if number < looks - 1:
            await made.pass_on()
    await made.recorder.flush()
    await made.recorder.end()
    return made


def said(evidence: tuple[LogEvidence, ...]) -> list[str]:
    """The texts of evidence."""
    return [one.text for one in evidence]
