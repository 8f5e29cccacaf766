"""Opens recordings: who records what a process sees, and the feed of a recording that is replayed."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from app.config.settings import Settings
from app.domain.pseudonyms import Pseudonyms
from app.services.board import Board
from app.services.recorder.player import Player, ReplayClock
from app.services.recorder.recorder import FLIGHT_WRITE_S, About, Recorder
from app.services.recorder.replay_feed import ReplayFeed
from app.services.recorder.scribe import Scribe
from app.services.recorder.sinks import FOLDER, FileSink, FlightSink
from app.services.report_mask import Mask
from app.services.rule_files import rule_texts
from app.transport.clock import Clock

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Recording:
    """A file that is recorded to."""

    path: Path
    """Must not exist yet."""
    hides_names: bool = False
    """Make up names of people, machines and work."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A moment of a recording."""

    path: Path
    at: float
    told: Callable[[str], None] = lambda _: None
    """Told what of the recording could not be read."""
    clock: ReplayClock = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "clock", ReplayClock(self.at))


def recorder_of(
    settings: Settings, wanted: Recording | Path, board: Board, clock: Clock, *, is_judged: bool
) -> Recorder:
    """Who records a board, to a file or into the flight recorder of a state folder; begins with what the board shows.

    Raises OSError where the file cannot be made.
    """
    names: Pseudonyms | None = None
    if isinstance(wanted, Recording):
        sink: FileSink | FlightSink = FileSink(wanted.path)
        names = Pseudonyms() if wanted.hides_names else None
    else:
        sink = FlightSink(wanted / FOLDER, int(settings.store.flight_mib * MIB))
    about = About(
        settings.cluster.name,
        settings.cluster.interval_s,
        _version(),
        tuple((path, text) for path, text in rule_texts(settings) if text is not None),
        is_judged,
        write_s=0.0 if isinstance(wanted, Recording) else FLIGHT_WRITE_S,
    )
    return Recorder(board, clock, about, sink, Scribe(Mask(names)))


@contextlib.asynccontextmanager
async def replayed(wanted: Replay) -> AsyncIterator[ReplayFeed]:
    """The feed of a recording at a moment, where it stays. Raises RecordingError."""
    player = Player(wanted.path, wanted.clock)
    try:
        await player.seek(wanted.at)
        if player.damage:
            wanted.told(f"a part of {wanted.path.name} could not be read: {player.damage}")
        yield player.feed
    finally:
        await player.close()


def _version() -> str:
    """The version of the installed distribution; empty for a checkout."""
    try:
        return version("gpu-watchdog-tui")
    except PackageNotFoundError:
        return ""
