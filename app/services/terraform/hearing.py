"""Listening to an apply: what each event means for a node and for the count, and which errors belong to which node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from app.services.deploy.ports import Tell
from app.services.terraform.addresses import VOLUME_ADDRESS, key_of
from app.services.terraform.events import Counted, Diagnostic, Doing, Event, Planned, Said, Versions, parse_event

HALTED = "execution halted"
"""Summary of the error each resource has that was not begun when Terraform was interrupted."""
OVERRIDES = "Provider development overrides are in effect"
_INTERRUPTED = ("interrupt received", "interrupts received")
_VERBS = {
    "create": ("is being made", "is made", "could not be made"),
    "update": ("is being changed", "is changed", "could not be changed"),
    "delete": ("is being ended", "is ended", "could not be ended"),
    "read": ("is looked at", "was looked at", "could not be looked at"),
}


@dataclass(slots=True)
class Hearing:
    """Takes the lines of one command."""

    tell: Tell
    log: Callable[[str], None]
    named: Callable[[str], str] = str
    """A node's name by its key."""
    total: int = 0
    """Changes that were planned."""
    errors: list[Diagnostic] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    drift: list[Planned] = field(default_factory=list)
    done: int = 0
    has_begun: bool = False
    """Something was done to a resource."""
    is_interrupted: bool = False
    """Terraform says it was sent a signal, whoever sent it."""
    ui: str = ""
    _ids: dict[str, str] = field(default_factory=dict)
    """By address: a delete tells it at its start only."""

    def heard(self, line: bytes) -> None:
        """Take one line of output."""
        event = parse_event(line)
        if event is not None:
            self._take(event)

    def _take(self, event: Event) -> None:
        match event:
            case Versions():
                self.ui = event.ui
                self.log(event.program)
            case Diagnostic():
                self._diagnosed(event)
            case Doing():
                self._doing(event)
            case Planned():
                if event.is_drift:
                    self.drift.append(event)
            case Counted():
                self.log(f"{event.operation}: {event.add} added, {event.change} changed, {event.remove} removed")
            case Said():
                self._said(event)

    def _diagnosed(self, event: Diagnostic) -> None:
        if event.is_error:
            self.errors.append(event)
        elif event.summary != OVERRIDES:
            self.warnings.append(event)
        if event.summary not in {HALTED, OVERRIDES}:
            at = f" ({event.address})" if event.address else ""
            self.log(f"{'error' if event.is_error else 'warning'}{at}: {event.words}")

    def _said(self, event: Said) -> None:
        if event.text.lower().startswith(_INTERRUPTED):
            self.is_interrupted = True
            self.tell("Terraform ends what is under way and begins nothing new")
        if event.waits_for_lock:
            self.tell("another Terraform works on this deployment; waiting for it")
        self.log(event.text)

    def _doing(self, event: Doing) -> None:
        self.has_begun = True
        key = key_of(event.address)
        node = self.named(key) if key else ""
        identity = event.id or self._ids.get(event.address, "")
        self._ids[event.address] = identity
        is_volume = event.address == VOLUME_ADDRESS
        what = "its pod" if key else "the network volume" if is_volume else event.address
        begun, ended, failed = _VERBS.get(event.action, _VERBS["update"])
        after = f" after {event.elapsed_s:.0f} s" if event.elapsed_s >= 1 else ""
        if event.stage == "complete":
            self.done += 1
            text = f"{f'pod {identity}' if key and identity else what} {ended}{after}"
        else:
            text = f"{what} {failed if event.stage == 'errored' else begun}{after}"
        fraction = min(1.0, self.done / self.total) if self.total else None
        more = {"pod": identity} if key and identity else {}
        self.tell(text, node=node, fraction=fraction, stage=event.stage, action=event.action, **more)
        self.log(f"{node or event.address}: {text}")

    def by_node(self) -> tuple[tuple[str, str], ...]:
        """The errors, each with the key of its node; those that only tell of an interrupt are left out."""
        told = [error for error in self.errors if error.summary != HALTED]
        return tuple((key_of(error.address), error.words) for error in told)
