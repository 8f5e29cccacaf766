"""Which samples of a page speak of one machine and of one GPU, from what their labels say.

A sample that names no machine belongs to the machine of its UUID, else to the only machine the page names, else to
the machine the page came from. A GPU is one GPU by its UUID; a sample with an index only finds it through samples that
have both.
"""

from __future__ import annotations

from collections.abc import Iterable

from app.sources.binding import Binding, Place

HERE = ""
"""The machine the page came from, where the page does not name it."""
_LOOPBACK = ("localhost", "ip6-localhost", "::1")


def is_loopback(host: str | None) -> bool:
    """Whether an address says nothing of which machine it is."""
    return host is None or host == "" or host in _LOOPBACK or host.startswith("127.")


class Joins:
    """Made of all the page's bindings, then asked about each."""

    def __init__(self, bindings: Iterable[Binding]) -> None:
        used = [one for one in bindings if one.is_used]
        self._names: dict[str, str] = {}
        """What a machine calls itself, by what its samples are labelled with."""
        for one in used:
            if "node" in one.said.node_facts:
                self._names[one.said.place.node or HERE] = one.said.node_facts["node"]
        places = dict.fromkeys(one.said.place for one in used)
        self.machines = list(dict.fromkeys(name for place in places if (name := self._label(place)) != HERE))
        """The machines that the page names, in its order."""
        self._homes: dict[str, set[str]] = {}
        for place in places:
            if place.uuid is not None and (name := self._label(place)) != HERE:
                self._homes.setdefault(bare(place.uuid), set()).add(name)
        self._uuids: dict[tuple[str, int], str] = {}
        for place in places:
            if place.uuid is not None and place.index is not None:
                self._uuids.setdefault((self.machine(place), place.index), bare(place.uuid))

    def machine(self, place: Place) -> str:
        """The machine a sample speaks of; HERE where nothing names it."""
        name = self._label(place)
        if name != HERE:
            return name
        homes = self._homes.get(bare(place.uuid), ()) if place.uuid is not None else ()
        if len(homes) == 1:
            return next(iter(homes))
        return self.machines[0] if len(self.machines) == 1 else HERE

    def gpu(self, place: Place) -> str:
        """What identifies the GPU on its machine."""
        if place.uuid is not None:
            return bare(place.uuid)
        index = place.index if place.index is not None else -1
        return self._uuids.get((self.machine(place), index), f"#{index}")

    def _label(self, place: Place) -> str:
        label = place.node if not is_loopback(place.node) else None
        return self._names.get(label or HERE, label or HERE)


def bare(uuid: str) -> str:
    """A UUID as it compares within a page; masked ones (all zeros) too, since they still tell samples apart."""
    return uuid.lower().removeprefix("gpu-")
