"""Deployments as the Infra page knows them, for its rows and lines."""

from __future__ import annotations

from dataclasses import replace

from app.domain.deployment import State
from app.present.cells import line_text
from app.present.glyphs import ASCII
from app.present.infra_view import Held
from app.present.look import Look
from tests.present.fleets import NOW
from tests.tui.deployments import (
    FAILED,
    READY,
    TROUBLE,
    deployment,
    pod,
)

LOOK = Look(NOW)
PLAIN = Look(NOW, ASCII)


def ready(**more: object) -> Held:
    """All is done, and the provider was asked."""
    one = deployment(State.READY, 10, 4)
    pods = {node.key: pod(node) for node in one.nodes}
    return Held(one, READY, **{"pods": pods, "asked_at": NOW - 3, **more})  # type: ignore[arg-type]  # fields of Held


def failed() -> Held:
    """There was no capacity for the last node."""
    return Held(replace(deployment(State.FAILED, 2, 3, age_s=372), trouble=TROUBLE), FAILED)


def text(lines: object) -> str:
    """Lines as one text."""
    return "\n".join(line_text(one) for one in lines)  # type: ignore[attr-defined]  # lines of cells
