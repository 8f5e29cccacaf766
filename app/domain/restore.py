"""What a new start knows from the run before: GPUs that were lost or silent, and how many a node should have.

Pure. The past is put under what was heard since the start, reading by reading, so that a GPU is found, replaced, or
lost after a restart by the same rules as without one (`app.domain.apply`), and nothing is told twice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from app.domain.apply import Applied, Change, apply
from app.domain.naming import same_node, uuid_key
from app.domain.reading import Reading, SourceSpec
from app.domain.series import Event
from app.domain.snapshot import Gpu, Node, Snapshot

REMEMBER_S = 7 * 86400.0
"""A GPU last seen longer before the start than this is forgotten: a board taken out for good goes by itself."""

Heard = tuple[SourceSpec, Reading, int]
"""A reading with its source and the slots it had missed by then."""


def restore(
    start: Snapshot, past: Snapshot, heard: Sequence[Heard], sources: Collection[str] | None, oldest: float
) -> Applied:
    """What stands after a start that heard some readings, on top of the last picture of the run before.

    `start` is the picture before anything was heard; `past` needs, for each GPU, a layer of every source that listed
    it. `sources` are the names of those configured now (None: not known yet, none is held to be gone); what only others
    spoke of is forgotten, and so is a GPU last seen before `oldest`. Slurm's picture comes back with its age.
    A simulated past is for simulated pages only, a real one for real machines. Changes and events are those of the
    readings.
    """
    if past.mode != ("simulated" if any(reading.simulated for _, reading, _ in heard) else start.mode):
        return replay(start, heard)
    answered = {spec.name for spec, reading, _ in heard if reading.error is None}
    boards = _listed(heard, past.aliases)
    kept = {
        name: node
        for name, before in past.nodes.items()
        if (node := _node(before, sources, oldest, answered, boards)) is not None
    }
    aliases = {host: name for host, name in past.aliases.items() if name in kept}
    slurm = past.slurm if past.slurm is not None and (sources is None or past.slurm.source in sources) else None
    return replay(replace(start, nodes=kept, aliases=aliases, slurm=slurm), heard)


def replay(start: Snapshot, heard: Sequence[Heard]) -> Applied:
    """Apply readings one after another."""
    snapshot = start
    changes: list[Change] = []
    events: list[Event] = []
    for spec, reading, missed_slots in heard:
        applied = apply(snapshot, spec, reading, missed_slots)
        snapshot = applied.snapshot
        changes.extend(applied.changes)
        events.extend(applied.events)
    return Applied(snapshot, tuple(changes), tuple(events))


def _listed(heard: Sequence[Heard], aliases: Mapping[str, str]) -> dict[str, set[str]]:
    """Which boards are listed by now → the names their nodes may go by."""
    found: dict[str, set[str]] = {}
    for spec, reading, _ in heard:
        for node in reading.nodes:
            if spec.node and len(reading.nodes) == 1:
                names = {spec.node}
            else:
                names = {node.name, aliases.get(node.name, node.name)}
            for gpu in node.gpus or ():
                board = uuid_key(gpu.uuid)
                if board is not None:
                    found.setdefault(board, set()).update(names)
    return found


def _node(
    node: Node,
    sources: Collection[str] | None,
    oldest: float,
    answered: Collection[str],
    boards: Mapping[str, Collection[str]],
) -> Node | None:
    """A node as it is remembered; None where nothing of it is."""
    gpus = tuple(_gpu(gpu) for gpu in node.gpus if _is_kept(gpu, sources, oldest, boards))
    speakers = tuple(name for name in node.sources if sources is None or name in sources)
    if not gpus or not speakers:
        return None
    # A count above the GPUs seen was said by a source. One that answers says it again, or says another by now.
    is_heard = any(layer.source in answered for gpu in node.gpus for layer in gpu.layers)
    expected = node.gpus_expected if len(gpus) == len(node.gpus) and not is_heard else len(gpus)
    return replace(node, gpus=gpus, gpus_expected=expected, sources=speakers)


def _is_kept(gpu: Gpu, sources: Collection[str] | None, oldest: float, boards: Mapping[str, Collection[str]]) -> bool:
    """Whether a GPU is remembered: not too old, listed by somebody who is still asked, and not elsewhere by now."""
    if max(gpu.seen_at, gpu.lost_at or 0.0) < oldest:
        return False
    if sources is not None and gpu.layers and not any(layer.source in sources for layer in gpu.layers):
        return False
    names = boards.get(uuid_key(gpu.uuid) or "")
    return names is None or any(same_node(gpu.node, name) for name in names)


def _gpu(gpu: Gpu) -> Gpu:
    """A GPU as it is remembered: its last values with their own times, but nobody's work and no passing remark."""
    if gpu.is_lost:
        return replace(gpu, processes=None, processes_at=None)
    return replace(gpu, processes=None, processes_at=None, hpc_jobs=(), note=None)
