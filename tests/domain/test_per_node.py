"""What is made of nodes and remembered: made anew for a node that changed, and when a value's turn has come."""

from __future__ import annotations

from app.domain.per_node import PerNode
from app.domain.snapshot import Gpu, Layer, Node

NOW, EVERY_S = 1000.0, 5.0


def node(name: str, at: float = NOW) -> Node:
    """A node whose one GPU has one value."""
    return Node(name, gpus=(Gpu(name, 0, None, layers=(Layer("s", at, EVERY_S, {"gpu.power": 1.0}),)),))


class Names:
    """Makes a node's name of it, and keeps whom it was asked about."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.known = PerNode(self._make)

    def _make(self, node: Node, now: float) -> str:
        self.asked.append(node.name)
        return f"{node.name} at {now:g}"

    def of(self, *nodes: Node, now: float = NOW) -> list[str]:
        """What is made of them; the asked are told again from none."""
        self.asked.clear()
        return list(self.known.of(nodes, now))


def test_only_a_node_that_changed_is_looked_at_again() -> None:
    """The others are what they were, in the order asked for."""
    names, one, two = Names(), node("a"), node("b")
    names.of(one, two)

    assert ["b at 1001", "a at 1000"] == names.of(node("b"), one, now=NOW + 1)
    assert ["b"] == names.asked


def test_a_node_is_looked_at_again_when_a_value_grows_stale_or_too_old() -> None:
    """After two and after five intervals, and where the clock goes back."""
    names, one = Names(), node("a")
    asked = []
    for later in (0.0, 9.9, 10.1, 24.9, 25.1, 1000.0, -1.0):
        names.of(one, now=NOW + later)
        asked.append(bool(names.asked))

    assert [True, False, True, False, True, False, True] == asked


def test_a_fleet_that_is_gone_is_let_go() -> None:
    """Nobody holds on to the nodes of a past that was looked at."""
    names = Names()
    names.of(*(node(str(number)) for number in range(200)))
    names.of(node("a"))

    assert ["a at 1000"] == names.of(node("a"))
    assert 1 == len(names.known)
