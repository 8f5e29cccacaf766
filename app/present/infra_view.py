"""What the Infra page knows of one deployment, as one value; and the words and signs for how it stands."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Literal

from app.domain.deployment import DeployEvent, Deployment, InfraPlan, Node, Pod, State, Step
from app.domain.frozen import frozen
from app.domain.naming import short_model
from app.present.cells import Cell, Line, Tone
from app.present.look import Look
from app.present.units import MISSING

RunVerb = Literal["plan", "deploy", "scale", "replace", "destroy"]

DOING: Mapping[RunVerb, str] = {
    "plan": "planning",
    "deploy": "deploying",
    "scale": "scaling",
    "replace": "replacing",
    "destroy": "destroying",
}
"""What a run is about, as the state of the deployment it works on."""


@frozen
class InfraRun:
    """A run that is under way."""

    verb: RunVerb
    began_at: float
    is_here: bool = True
    """Of this program; else the command's or the daemon's, and only followed."""
    is_stopping: bool = False
    """It was told to stop, and ends what may not be left half done."""
    asks: bool = False
    """It waits for a person's word on its plan."""


@frozen
class Held:
    """One deployment with all that is known of it."""

    deployment: Deployment
    events: tuple[DeployEvent, ...] = ()
    """The last ones, the oldest first."""
    run: InfraRun | None = None
    plan: InfraPlan | None = None
    """The one that was shown last, or that waits for a word."""
    pods: Mapping[str, Pod] | None = None
    """The pods that play its nodes, by the node's key, as the provider told them last; None: not known."""
    orphans: tuple[Pod, ...] = ()
    """Pods of its name that are no node of it, and are billed."""
    drift: Mapping[str, str] = field(default_factory=dict)
    """What was changed outside, a sentence by the node's name."""
    asked_at: float | None = None
    """When the provider answered last."""
    refusal: str = ""
    """Why it does not answer; empty: it did, or was not asked."""
    ssh_config: str = ""
    """Path of the file that makes `ssh -F FILE NODE` work; empty: not written yet."""

    @property
    def name(self) -> str:
        """What the user calls it."""
        return self.deployment.name

    def pod_of(self, node: Node) -> Pod | None:
        """The pod that plays a node, as the provider told it."""
        return (self.pods or {}).get(node.key)

    @property
    def is_making(self) -> bool:
        """Whether a run makes pods now: what the provider listed last may be older than they."""
        return self.run is not None and self.run.verb not in {"destroy", "plan"}

    @property
    def per_hour(self) -> float:
        """$/h that is billed now, orphans counted."""
        listed, written = self.listed, self.deployment.billing.per_hour
        if listed is None or any(one.cost_per_hour is None for one in listed):
            return written
        told = sum(one.cost_per_hour or 0.0 for one in listed if one.is_billed)
        return max(told, written) if self.is_making else told

    @property
    def listed(self) -> tuple[Pod, ...] | None:
        """Every pod of ours that the provider lists, orphans too; None: not known."""
        return (*self.pods.values(), *self.orphans) if self.pods is not None else None

    @property
    def billed(self) -> int:
        """Pods that cost money now, as far as is known."""
        written = sum(bool(node.pod_id) for node in self.deployment.nodes)
        if self.listed is None:
            return written
        told = sum(one.is_billed for one in self.listed)
        return max(told, written) if self.is_making else told


_SIGNS: Mapping[State, tuple[str, Tone]] = {
    State.NEW: ("dot", "quiet"),
    State.PLANNED: ("stale", "info"),
    State.DEPLOYING: ("onward", "info"),
    State.READY: ("live", "good"),
    State.FAILED: ("critical", "bad"),
    State.DESTROYING: ("onward", "look"),
    State.DESTROYED: ("done", "old"),
}
_WORDS: Mapping[State, tuple[str, Tone]] = {
    State.NEW: ("new", "quiet"),
    State.PLANNED: ("planned", "info"),
    State.DEPLOYING: ("deploying", "info"),
    State.READY: ("ready", "plain"),
    State.FAILED: ("failed", "bad"),
    State.DESTROYING: ("destroying", "look"),
    State.DESTROYED: ("destroyed", "old"),
}


def state_sign(held: Held, look: Look) -> Cell:
    """One sign for how it stands; a question or something astray outweighs the rest."""
    if held.run is not None and held.run.asks:
        return Cell("?", "accent")
    if held.orphans or held.drift:
        return Cell(look.glyphs.warning, "look")
    if held.run is not None:
        return Cell(look.glyphs.onward, "look" if held.run.verb == "destroy" else "info")
    sign, tone = _SIGNS[held.deployment.state]
    return Cell(getattr(look.glyphs, sign), tone)


def state_word(held: Held) -> Cell:
    """`ready`, `scaling`, `stopping`; of what was left half done `stopped`, for nobody works on it."""
    run, state = held.run, held.deployment.state
    if run is not None:
        if run.is_stopping:
            return Cell("stopping", "look")
        return Cell(DOING[run.verb], "look" if run.verb == "destroy" else "info")
    if state in {State.DEPLOYING, State.DESTROYING}:
        return Cell("stopped", "look")
    word, tone = _WORDS[state]
    return Cell(word, tone)


def money(per_hour: float | None, *, signed: bool = False) -> str:
    """`$23.84/h`, with its sign where it is a difference; `—` for none."""
    if per_hour is None:
        return MISSING
    sign = "-" if per_hour < -0.004 else "+" if signed else ""
    return f"{sign}${abs(per_hour):,.2f}/h"


def dollars(spent: float | None) -> str:
    """`$41.20`; `—` for none."""
    return MISSING if spent is None else f"${spent:,.2f}"


def gpus_text(gpus: int, gpu_type: str, times: str) -> str:
    """`8 × H100 80GB HBM3`; `—` for none."""
    return f"{gpus} {times} {short_model(gpu_type)}" if gpu_type else MISSING


def ssh_words(held: Held, node: str) -> tuple[str, ...]:
    """The command that logs in on a node; empty before that can be."""
    return ("ssh", "-F", held.ssh_config, node) if held.ssh_config and node else ()


def ssh_text(held: Held, node: str, home: str) -> str:
    """The same as a person types it: `ssh -F ~/.local/state/…/ssh_config lab-head`; empty before that can be."""
    words = ssh_words(held, node)
    if not words:
        return ""
    path = held.ssh_config
    inside = path.removeprefix(f"{home.rstrip('/')}/") if home else path
    shown = shlex.quote(path) if inside == path else f"~/{shlex.quote(inside)}"
    return f"ssh -F {shown} {node}"


def step_at(held: Held) -> Step | None:
    """The step that is under way or comes next; None: all are done, or all of it is to go."""
    if held.deployment.state in {State.DESTROYING, State.DESTROYED}:
        return None
    return held.deployment.next_step


def pieces(parts: Sequence[Line], gap: Cell) -> Line:
    """Lines one after the other with a gap between those that say something."""
    told: list[Cell] = []
    for part in parts:
        if part:
            told += [gap, *part] if told else [*part]
    return tuple(told)
