"""What lets the daemon go on with a run when this program leaves: kept while the run goes on, taken away at its end."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.deployment import STEPS, DeployEvent, Step, Told
from app.services.deploy.agreement import Agreement, carrier, drop_agreement, write_agreement
from app.services.deploy.folder import DeploymentFolder, folder_of
from app.services.deploy.record import RecordError, read_record

if TYPE_CHECKING:
    from app.services.deploy.plans import Question
    from app.tui.infra_runs import Run

log = logging.getLogger("gpu_watchdog.screen")
_ASKS = frozenset(STEPS[: STEPS.index(Step.PODS)])
"""Before these are over a run may still ask."""


def agreed(state_dir: Path, run: Run, question: Question) -> None:
    """A person said yes: from here on others may go on with the run, as far as that."""
    if run.verb == "plan":
        return
    folder = folder_of(state_dir, run.name)
    base, cap = _begun(folder)
    run.agreement = (run.agreement or base).with_answer(question, cap)
    _write(folder, run)


def heard(state_dir: Path, run: Run, event: DeployEvent) -> None:
    """A run that is past its questions and had none to ask goes on with what is there, and may cost no more."""
    is_past = event.told is Told.BEGUN and event.step is not None and event.step not in _ASKS
    if is_past and run.agreement is None and run.verb not in {"plan", "destroy"}:
        folder = folder_of(state_dir, run.name)
        run.agreement = _begun(folder)[0]
        _write(folder, run)


def ended(state_dir: Path, run: Run, *, is_cancelled: bool) -> None:
    """A run is over; one that was left goes on where somebody is that goes on with it."""
    if run.agreement is None:
        return
    was_left = is_cancelled and (run.is_left or not run.is_stopping)
    if not (was_left and carrier(state_dir)):
        drop_agreement(folder_of(state_dir, run.name))


def stop_carried(state_dir: Path, name: str) -> None:
    """Let the daemon stop a run that it goes on with."""
    drop_agreement(folder_of(state_dir, name))


def _begun(folder: DeploymentFolder) -> tuple[Agreement, float | None]:
    """What goes without a word, that what is billed now may be billed on; and the most $/h that was wished for."""
    try:
        found = read_record(folder)
    except (FileNotFoundError, RecordError):
        return Agreement(), None
    return Agreement(found.id, per_hour=found.billing.per_hour), found.wish.max_cost_per_hour


def _write(folder: DeploymentFolder, run: Run) -> None:
    if run.agreement is None:
        return
    try:
        write_agreement(folder, run.agreement)
    except OSError as error:  # the run itself goes on; only nobody could go on with it
        log.warning("what was agreed to is not written down", exc_info=error)
