"""Signs out of the watching itself: sources that are down, stale, slow, stuck, or speak in names nobody knows. Pure.

source.down        a page or driver that has brought nothing for more than two intervals                    (state)
source.stalled     it takes the connection and says nothing, or cannot read its GPUs, while others of its
                   kind answer                                                                              (state)
source.slow        a good look took longer than 5 s; value in seconds                                       (state)
source.renamed     a GPU exporter's page on which the names of its main values are not known; details names (state)
node.silent        every page of the node is down, two of them at least, and none says that its host is up  (state)
slurm.unreadable   Slurm cannot be asked; details how, error                                                (state)
slurm.slow         a good look at Slurm took longer than 10 s; value in seconds                             (state)
source.log_down    a log cannot be read; details log, how, error                                            (state)

The label is the source. Details: source, kind, how, said, error, seen (`yes`, or `never`), and `together`: the same for
sources that fell silent in the same way at the same time; of very many of them only the first are told.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from app.domain.finding import FindingSubject
from app.domain.naming import clean
from app.domain.snapshot import Node, SourceState
from app.engine.diagnosis.outage import (
    SAID,
    How,
    family,
    has_unknown_gpu_names,
    how,
    is_kernel_log,
    is_out,
    speakers,
)
from app.engine.diagnosis.sign import CLUSTER, Look, Sign
from app.engine.words import span

SLOW_S = 5.0
"""A page takes a fraction of a second; an exporter that needs this long is about to be given up on."""
SLURM_SLOW_S = 10.0
TOGETHER_S = 60.0
"""Sources that fell silent within this time of each other fell silent together."""
MANY = 3
"""So many fell silent together for one reason of their own."""
MOST_TOLD = 64
"""Sources of one such group that are told one by one; the blind spots count them all."""
_STUCK: frozenset[How] = frozenset(("no_answer", "cannot_read"))
_ALIVE: frozenset[How] = frozenset(("refused", "denied", "server_error", "absent", "unknown_page", "no_page"))
"""Failures that only a machine which is up can give."""
_CORE: Mapping[str, re.Pattern[str]] = {
    "gpu.utilization": re.compile(r"GPU_?UTIL|utilization_gpu", re.IGNORECASE),
    "gpu.temperature": re.compile(r"GPU_?TEMP|temperature_gpu|temperature", re.IGNORECASE),
    "gpu.power": re.compile(r"POWER_?(?:USAGE|DRAW)|_power", re.IGNORECASE),
    "gpu.memory_used": re.compile(r"FB_?USED|MEM\w*_USED", re.IGNORECASE),
}
"""What every GPU exporter tells, and how a name for it would look."""


def observe_sources(look: Look) -> Iterator[Sign]:
    """What the sources' own states say."""
    out: list[SourceState] = []
    for state in look.snapshot.sources.values():
        if is_out(state, look.now):
            out.append(state)
        elif state.error is None and state.duration_s is not None and state.duration_s > SLOW_S:
            yield from _slow(state, look)
    yield from _renamed(look)
    if out:
        yield from _Outages(look, out).signs()


def _slow(state: SourceState, look: Look) -> Iterator[Sign]:
    took_s, name, at = state.duration_s or 0.0, state.spec.name, state.ok_at or look.now
    text = f"{name} needed {took_s:.1f} s to answer"
    match family(state):
        case "slurm" if took_s > SLURM_SLOW_S:
            yield Sign("slurm.slow", CLUSTER, at, text, name, took_s, name, {"source": name})
        case "exporter":
            node = speakers(look.snapshot).get(name) or place_of(state, look)
            yield Sign("source.slow", FindingSubject(node=node), at, text, name, took_s, name, {"source": name})


def place_of(state: SourceState, look: Look) -> str:
    """The node that a source is of, by its configuration or its address; else the source's own name stands for it."""
    if state.spec.node:
        return look.boards.node(state.spec.node)
    host = look.home_of(state)
    return host or state.spec.name


class _Outages:
    """The sources that are out at one look, seen together."""

    def __init__(self, look: Look, out: Sequence[SourceState]) -> None:
        self._look = look
        self._out = out
        self._nodes = speakers(look.snapshot)
        self._together = _groups([one for one in out if family(one) in ("exporter", "server", "log")])

    def signs(self) -> Iterator[Sign]:
        """One for each, and one for each node that is silent as a whole."""
        pages: dict[str, list[SourceState]] = defaultdict(list)
        told: Counter[str] = Counter()
        for state in self._out:
            kind, group = family(state), self._together.get(state.spec.name, "")
            told[group] += 1
            if group and told[group] > MOST_TOLD:
                continue
            if kind == "slurm":
                yield self._sign("slurm.unreadable", CLUSTER, state)
            elif kind == "log":
                yield self._sign("source.log_down", FindingSubject(node=self._node(state)), state)
            elif kind in ("exporter", "prometheus"):
                node = self._node(state)
                pages[node].append(state)
                yield self._sign(self._kind(state), FindingSubject(node=node), state)
            elif kind == "server":  # its own sign is `service.down`; here it counts for its node
                pages[self._node(state)].append(state)
        for node, some in pages.items():
            yield from self._silent(node, some)

    def _kind(self, state: SourceState) -> str:
        if has_unknown_gpu_names(state):
            return "source.renamed"
        return "source.stalled" if how(state) in _STUCK and self._is_alone(state) else "source.down"

    def _is_alone(self, state: SourceState) -> bool:
        """Whether others answer: nearly all of its kind, or where it is the only one of it, nearly all others."""
        flavour = state.page.flavour if state.page is not None else ""
        silent, count = self._peers.get(flavour, (0, 0))
        if count < 2:
            silent, count = self._peers["*"]
        return count > 1 and (silent - 1) * 5 <= count - 1

    @cached_property
    def _peers(self) -> Mapping[str, tuple[int, int]]:
        """Which exporter → (how many do not answer just now, how many there are), `*` for all together."""
        found: dict[str, tuple[int, int]] = {"*": (0, 0)}
        for state in self._look.snapshot.sources.values():
            if state.spec.kind in ("exporter", "nvml") and family(state) == "exporter":
                is_silent = state.error is not None or is_out(state, self._look.now)
                for key in {"*", state.page.flavour if state.page is not None else ""}:
                    silent, count = found.get(key, (0, 0))
                    found[key] = (silent + is_silent, count + 1)
        return found

    def _silent(self, node: str, some: Sequence[SourceState]) -> Iterator[Sign]:
        found = self._look.snapshot.nodes.get(node)
        if found is None or len(some) < 2 or any(how(one) in _ALIVE for one in some) or self._is_heard(found, some):
            return
        since = max((one.ok_at for one in some if one.ok_at is not None), default=None)
        names = ", ".join(sorted(one.spec.name for one in some)[:5])
        details = {"sources": names, "count": str(len(some)), "how": how(some[0])}
        text = f"none of its {len(some)} sources answers: {names}"
        yield Sign(
            "node.silent", FindingSubject(node=node), self._look.now, text, some[0].spec.name, float(len(some)),
            details=details, since=since,
        )  # fmt: skip

    def _is_heard(self, node: Node, some: Sequence[SourceState]) -> bool:
        """Whether any other page of the node answers."""
        names = {one.spec.name for one in some}
        return any(
            source not in names and (state := self._look.snapshot.sources.get(source)) is not None
            and state.spec.kind not in ("slurm", "prometheus", "provider") and not is_out(state, self._look.now)
            for source in node.sources
        )  # fmt: skip

    def _node(self, state: SourceState) -> str:
        return self._nodes.get(state.spec.name) or place_of(state, self._look)

    def _sign(self, kind: str, subject: FindingSubject, state: SourceState) -> Sign:
        name, why = state.spec.name, how(state)
        age = "has never answered" if state.ok_at is None else f"last heard {span(self._look.now - state.ok_at)} ago"
        error = clean(state.error or "no look for a while", 300)
        details = {
            "source": name,
            "kind": kind_of(state),
            "how": why,
            "said": SAID[why],
            "error": error,
            "seen": "never" if state.ok_at is None else "yes",
            "together": self._together.get(name, ""),
            "target": clean(state.spec.target, 120),
            "log": "kernel" if is_kernel_log(state) else "",
        }
        return Sign(
            kind, subject, self._look.now, f"{name} ({age}): {error}", name, label=name, details=details,
            since=state.ok_at,
        )  # fmt: skip


def kind_of(state: SourceState) -> str:
    """What a source is, for a person: which exporter it turned out to be, else its kind."""
    return state.page.flavour if state.page is not None else f"{state.spec.kind}"


def _groups(out: Sequence[SourceState]) -> Mapping[str, str]:
    """Source → what it shares with those that fell silent with it; nothing for the few."""
    by_how: dict[How, list[SourceState]] = defaultdict(list)
    for state in out:
        by_how[how(state)].append(state)
    found: dict[str, str] = {}
    for why, some in by_how.items():
        some.sort(key=lambda one: one.ok_at or 0.0)
        group: list[SourceState] = []
        for state in some:
            if group and (state.ok_at or 0.0) - (group[-1].ok_at or 0.0) > TOGETHER_S:
                found |= _group(why, group)
                group = []
            group.append(state)
        found |= _group(why, group)
    return found


def _group(why: How, group: Sequence[SourceState]) -> Mapping[str, str]:
    if len({one.spec.node or one.spec.target for one in group}) < MANY:
        return {}
    return dict.fromkeys((one.spec.name for one in group), f"{why} {group[0].ok_at or 0.0:.0f}")


def _renamed(look: Look) -> Iterator[Sign]:
    """Pages that answer, tell no main value of any GPU, and have a name that looks like it."""
    for name, node in look.snapshot.nodes.items():
        gpu = next((one for one in node.gpus if one.lost_at is None), None)
        for layer in gpu.layers if gpu is not None else ():
            missing = [key for key in _CORE if key not in layer.values]
            if not missing or layer.is_stale(look.now):
                continue
            state = look.snapshot.sources.get(layer.source)
            if state is None or state.page is None or not state.page.unknown:
                continue
            names = [one for one, _ in state.page.unknown if any(_CORE[key].search(one) for key in missing)]
            if names:
                shown = clean(", ".join(names[:4]), 160)
                text = f"{layer.source} has names that are not known: {shown}"
                details = {"source": layer.source, "names": shown, "kind": state.page.flavour}
                subject = FindingSubject(node=name)
                yield Sign("source.renamed", subject, layer.at, text, layer.source, None, layer.source, details)
