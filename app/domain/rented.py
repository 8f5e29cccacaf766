"""A machine that is rented: what its provider says of it, among what its exporters say. Pure.

The provider's word is kept as facts (`pod_status`) and one value (`node.cost_per_hour`): neither is a sign of life of
the machine, for a pod that hangs is running and billed as far as its provider knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.domain.series import Event, Severity, Subject
from app.domain.snapshot import Node

COST = "node.cost_per_hour"
STATUS, NOTE, POD = "pod_status", "pod_note", "pod_id"
"""Facts of a rented node: the provider's word for its state, what a person must know of it, and the pod's id."""
GONE = "TERMINATED"
ENDED = frozenset({"EXITED", "ERROR", GONE})
"""States in which nothing runs; all but the last are still billed."""
WAS_ENDED = "was ended with its deployment"
"""Note of a pod that is gone because this program was told so: nothing is wrong with its node."""


def has_failed(node: Node) -> bool:
    """The provider says that nothing runs there, and nobody here wanted that."""
    return node.facts.get(STATUS) in ENDED and node.facts.get(NOTE) != WAS_ENDED


def rent(node: Node, now: float) -> float | None:
    """$/h that the provider bills for it; None where it is not rented, or nobody knows within its age."""
    status = node.facts.get(STATUS)
    if status is None:
        return None
    return 0.0 if status == GONE else node.value(COST, now)


def is_sign_of_life(values: Mapping[str, float]) -> bool:
    """Whether these values of a node say that it is there."""
    return len(values) > 1 or (len(values) == 1 and COST not in values)


def pod_events(was: Node | None, node: str, facts: Mapping[str, str], at: float) -> Iterator[Event]:
    """A pod that ended, with what is known of it; once for each pod and state."""
    status = facts.get(STATUS)
    if status not in ENDED:
        return
    if was is not None and (was.facts.get(STATUS), was.facts.get(POD)) == (status, facts.get(POD)):
        return
    told = facts.get(NOTE) or f"is {status}"
    severity: Severity = "info" if facts.get(NOTE) == WAS_ENDED else "critical"
    yield Event(at, "node.pod", severity, Subject("node", node=node), f"{node}: its pod {told}")
