"""Blind spots: what could not be looked at just now, and why, so that silence is not taken for health. Pure.

Worked out from what is configured, what answers, and what the pages hold; folded to one row for many nodes. Where no
Slurm is configured nothing is said of Slurm.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain

from app.domain.diagnosis import Blind
from app.domain.naming import clean, natural
from app.domain.snapshot import Gpu, Node, SourceState
from app.engine.diagnosis.outage import SAID, family, how, is_kernel_log, is_out, is_server_log
from app.engine.diagnosis.sign import Look
from app.engine.words import span

MOST_ROWS = 20
MOST_NAMES = 4
MOST_NOTES = 3


def blind(look: Look) -> Iterator[Blind]:
    """What nobody could look at, the widest first; of too many rows the last says how many more there are."""
    rows = list(
        chain(_sources(look), _kernel_logs(look), _unwatched(look), _unsaid(look), _servers(look), _slurm(look))
    )
    yield from rows[:MOST_ROWS]
    if len(rows) > MOST_ROWS:
        yield Blind(f"{len(rows) - MOST_ROWS} more", "see the sources' own states")


def _sources(look: Look) -> Iterator[Blind]:
    """Pages that are not to be had, by what they are and how they fail."""
    groups: dict[tuple[str, str], list[SourceState]] = defaultdict(list)
    for state in look.snapshot.sources.values():
        if _is_unseen(state, look.now) and not is_kernel_log(state):
            kind = state.page.flavour if state.page is not None else state.spec.kind
            groups[kind, how(state) if state.ok_at is not None or state.error else "never"].append(state)
    for (kind, why), some in groups.items():
        first = some[0]
        said = "has not answered yet" if why == "never" else SAID[how(first)]
        error = f": {clean(first.error, 200)}" if first.error else ""
        age = f"; last heard {span(look.now - first.ok_at)} ago" if first.ok_at is not None else ""
        yield Blind(_what(kind, some), f"{said}{error}{age}")


def _is_unseen(state: SourceState, now: float) -> bool:
    return is_out(state, now) or (state.ok_at is None and state.tried_at is not None)


def _what(kind: str, some: list[SourceState]) -> str:
    if family(some[0]) == "slurm":
        return "jobs, nodes and partitions of Slurm"
    return f"what {kind} tells: {_names(one.spec.name for one in some)}"


def _kernel_logs(look: Look) -> Iterator[Blind]:
    """Nodes with GPUs whose kernel log nobody reads, by how much of their Xids is known otherwise."""
    read, broken = set(), dict[str, str]()
    for state in look.snapshot.sources.values():
        if not is_kernel_log(state):
            continue
        place = look.boards.node(state.spec.node) if state.spec.node else ""
        if not _is_unseen(state, look.now):
            if not place:
                return  # one log for many machines: whose lines it holds is not known before they come
            read.add(place)
        else:
            broken[place] = clean(state.error or "not read yet", 200)
    groups: dict[str, list[str]] = defaultdict(list)
    for name, node in look.snapshot.nodes.items():
        if node.gpus and name not in read:
            groups[f"{broken.get(name) or broken.get('') or 'no kernel log is read there'}{_otherwise(node)}"].append(
                name
            )
    for why, names in groups.items():
        yield Blind(f"Xids and kernel messages of {_nodes(names)}", why)


def _otherwise(node: Node) -> str:
    gpu = _shown(node)
    if gpu is None:
        return ""
    if gpu.xids or any("gpu.xid_errors" in layer.values for layer in gpu.layers):
        return "; Xids are known as an exporter counts them"
    if any("gpu.xid_last" in layer.values for layer in gpu.layers):
        return "; of Xids only the last number is known: repeats and quick ones are lost"
    return ", and no exporter tells Xids"


def _unwatched(look: Look) -> Iterator[Blind]:
    """GPUs that Slurm knows of and nobody reads."""
    names = [name for name, node in look.snapshot.nodes.items() if not node.gpus and (node.gpus_expected or 0) > 0]
    if names:
        yield Blind(f"the GPUs of {_nodes(names)}", "no exporter of theirs is read")


_ALWAYS = ("ECC errors", "reasons for low clocks")
"""What every GPU of a data centre tells, if it is asked."""
_WHERE_OTHERS = ("NVLink errors", "processes")
"""What some GPUs do not have, or some exporters never tell: missed where neighbours show it."""
_ECC = ("gpu.ecc_dbe_volatile", "gpu.ecc_dbe_aggregate", "gpu.row_remap_uncorrectable")


def _unsaid(look: Look) -> Iterator[Blind]:
    """What pages that answer leave out; the first GPU of a node speaks for all."""
    shown = {name: gpu for name, node in look.snapshot.nodes.items() if (gpu := _shown(node)) is not None}
    told = {name: _told(gpu) for name, gpu in shown.items()}
    for what in _ALWAYS:
        names = [name for name, some in told.items() if what not in some]
        if names:
            yield Blind(f"{what} of the GPUs of {_nodes(names)}", "no source tells them")
    for what in _WHERE_OTHERS:
        names = [name for name, some in told.items() if what not in some]
        if names and len(names) < len(shown):
            yield Blind(f"{what} of the GPUs of {_nodes(names)}", "no source tells them there, as some do elsewhere")
    names = [name for name, node in look.snapshot.nodes.items() if node.gpus and not _has_host(node)]
    if names:
        yield Blind(f"memory, disks and network of {_nodes(names)}", "no node_exporter of theirs is read")


def _shown(node: Node) -> Gpu | None:
    for gpu in node.gpus:
        if gpu.lost_at is None and gpu.layers:
            return gpu
    return None


def _told(gpu: Gpu) -> frozenset[str]:
    """What is told of a GPU."""
    keys = tuple(chain.from_iterable(layer.values for layer in gpu.layers))
    return _told_by(keys, with_processes=gpu.processes is not None)


@lru_cache(maxsize=256)
def _told_by(keys: tuple[str, ...], *, with_processes: bool) -> frozenset[str]:
    """What these values tell of: most GPUs of a fleet have the same ones, and have them for days."""
    found = {
        "ECC errors": any(key in keys for key in _ECC),
        "reasons for low clocks": "gpu.clock_event_reasons" in keys,
        "NVLink errors": any(key.startswith("gpu.nvlink") for key in keys),
        "processes": with_processes,
    }
    return frozenset(what for what, is_told in found.items() if is_told)


def _has_host(node: Node) -> bool:
    for layer in node.layers:  # noqa: SIM110 - runs for every node of a fleet
        if "node.memory_total" in layer.values:
            return True
    return False


def _servers(look: Look) -> Iterator[Blind]:
    """Model servers of which only the page or only the log is read."""
    logs = [one for one in look.snapshot.sources.values() if is_server_log(one) and not _is_unseen(one, look.now)]
    served = {node for one in logs if (node := look.home_of(one))}
    loose = sum(not look.home_of(one) for one in logs)
    names = [
        one.id
        for one in look.snapshot.services.values()
        if one.source in look.snapshot.sources and not served & set(look.homes.get(one.id, ()))
    ]
    if len(names) > loose:
        yield Blind(f"what model servers log: {_names(names)}", "no log of theirs is read: why one fails is not seen")
    if (
        logs
        and not look.snapshot.services
        and not any(family(one) == "server" for one in look.snapshot.sources.values())
    ):
        yield Blind("requests, queues and speed of the model servers", "only their logs are read, no page of metrics")


def _slurm(look: Look) -> Iterator[Blind]:
    """What Slurm itself would not tell."""
    if look.picture is not None:
        for note in look.picture.notes[:MOST_NOTES]:
            yield Blind("a part of Slurm", clean(note, 200))


def _nodes(names: list[str]) -> str:
    return f"{len(names)} nodes ({_names(names)})" if len(names) > 1 else names[0]


def _names(some: Iterable[str]) -> str:
    names = sorted(some, key=natural)
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return clean(f"{', '.join(names[:MOST_NAMES])}{more}", 200)
