"""Who has to do with whom, and that nobody remembers it for longer than a look lasts."""

from __future__ import annotations

import weakref

from app.domain.finding import FindingSubject
from app.domain.snapshot import Gpu, Node, Snapshot
from app.engine.diagnosis.places import Places
from app.engine.diagnosis.sign import Look


def places() -> Places:
    """One node with a GPU."""
    snapshot = Snapshot(nodes={"gpu-1": Node("gpu-1", gpus=(Gpu("gpu-1", 0, "GPU-1"),))})
    return Places(Look(snapshot, 1000.0, 5.0))


def test_places_are_gone_with_their_look() -> None:
    """What was asked of places holds neither them nor the picture they are of."""
    made = places()
    asked = weakref.ref(made)
    made.gpus(FindingSubject(node="gpu-1"))
    made.nodes(FindingSubject(node="gpu-1"))
    made.jobs(FindingSubject(node="gpu-1", gpu=0))
    made.services(FindingSubject(node="gpu-1"))

    del made

    assert asked() is None


def test_what_was_asked_once_is_not_looked_for_again() -> None:
    """The same question has the very same answer."""
    made, subject = places(), FindingSubject(node="gpu-1", gpu=0)

    assert made.gpus(subject) is made.gpus(subject)
