"""Who records what a process sees: to a file, or into the flight recorder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.config.settings import Settings
from app.config.version import installed_version
from app.domain.frozen import frozen
from app.services.board import Board
from app.services.recorder.recorder import FLIGHT_WRITE_S, About, Recorder
from app.services.recorder.sinks import FOLDER, FileSink, FlightSink
from app.services.rule_texts import rule_texts
from app.transport import turns
from app.transport.clock import Clock

if TYPE_CHECKING:
    from app.services.recorder.scribe import Scribe

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
    hides_names = isinstance(wanted, Recording) and wanted.hides_names
    if isinstance(wanted, Recording):
        sink: FileSink | FlightSink = FileSink(wanted.path)
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
    return Recorder(board, clock, about, sink, lambda: _scribe(hides_names=hides_names))


def _scribe(*, hides_names: bool) -> Scribe:
    """Who writes; loaded with the first write, so that the first numbers do not wait for what cleans and packs them."""
    from app.domain.pseudonyms import Pseudonyms  # noqa: PLC0415 - late: see above
    from app.services.recorder.scribe import Scribe  # noqa: PLC0415 - likewise
    from app.services.report_mask import Mask  # noqa: PLC0415 - likewise

    return Scribe(Mask(Pseudonyms() if hides_names else None), turns.Manners().let_go)
