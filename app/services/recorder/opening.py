"""Who records what a process sees: to a file, or into the flight recorder."""

from __future__ import annotations

from pathlib import Path

from app.config.settings import Settings
from app.config.version import installed_version
from app.domain.frozen import frozen
from app.domain.pseudonyms import Pseudonyms
from app.services.board import Board
from app.services.recorder.recorder import FLIGHT_WRITE_S, About, Recorder
from app.services.recorder.scribe import Scribe
from app.services.recorder.sinks import FOLDER, FileSink, FlightSink
from app.services.report_mask import Mask
from app.services.rule_texts import rule_texts
from app.transport import turns
from app.transport.clock import Clock

MIB = 1024 * 1024


@frozen
class Recording:
    """A file that is recorded to."""

    path: Path
    """Must not exist yet."""
    hides_names: bool = False
    """Make up names of people, machines and work."""


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
        installed_version,
        tuple((path, text) for path, text in rule_texts(settings) if text is not None),
        is_judged,
        write_s=0.0 if isinstance(wanted, Recording) else FLIGHT_WRITE_S,
    )
    return Recorder(board, clock, about, sink, Scribe(Mask(names), turns.Manners().let_go))
