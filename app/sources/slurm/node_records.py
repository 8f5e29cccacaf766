"""`scontrol show node` to nodes, again and again: of a node where only its measurements moved, only these are read.

Load and free memory of every node move from one look to the next, and all else stays for hours. So a record is
remembered by what is left of it without its moving values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from operator import attrgetter

from app.domain.pieces import Pieces, whole
from app.domain.slurm import SlurmNode
from app.sources.slurm import fields as text
from app.sources.slurm.gres import parse_gres
from app.sources.slurm.parsed import MOST_ITEMS, PIECE, Parsed, Skips
from app.sources.slurm.records import Fields, first_of_each, records

COMMAND = "scontrol show node"

_READ = ("CPULoad", "FreeMem", "LastBusyTime")
"""Moving values that a node has."""
# A value without blanks and equals signs neither begins nor ends a field: another in its place changes no other field.
_MOVING = re.compile(
    r" (C(?:PULoad|urrentWatts|onsumedJoules)|FreeMem|L(?:astBusyTime|owestJoules)|AveWatts)=([^\s=]*)(?![^ ])"
)
_BY = re.compile(r"(.*?)\s*\[([^\[\]@]{1,256})@([^\[\]]{1,64})\]\s*(.*)", re.DOTALL)
_NAMES = tuple(one.name for one in fields(SlurmNode))
_VALUES = attrgetter(*_NAMES)
_LOAD, _FREE, _BUSY = (_NAMES.index(name) for name in ("cpu_load", "memory_free_mib", "busy_at"))


class NodeReader:
    """Reads the nodes of one cluster again and again: one that says the same as the last time is the same object."""

    def __init__(self) -> None:
        self._known: dict[int, SlurmNode] = {}
        """Nodes of the last look by the hashes of their records without the moving values: the texts are a megabyte."""

    def read(self, output: bytes) -> Parsed[SlurmNode]:
        """The nodes of one answer. Raises SlurmParseError where there is output and none of it is a record."""
        return whole(self.reading(output))

    def reading(self, output: bytes) -> Pieces[Parsed[SlurmNode]]:
        """As `read`, in pieces."""
        skips, nodes = Skips(COMMAND), dict[str, SlurmNode]()
        for number, (line, record) in enumerate(records(output, COMMAND, "NodeName", skips)):
            if number % PIECE == PIECE - 1:
                yield
            parts = _MOVING.split(record)
            rest = hash((*parts[::3], *parts[1::3]))
            moving = dict(zip(parts[1::3], parts[2::3], strict=True))
            before = self._known.get(rest)
            # Hashes of texts cannot be foreseen, and one that is another's by chance would have to be of the same node.
            if before is None or not record.startswith(f"NodeName={before.name}"):
                said = first_of_each(record)
                node, is_kept = node_of(said), _is_told_apart(said, moving, parts)
            else:
                node, is_kept = _moved(before, moving), True
            if node is None or node.name in nodes or len(nodes) >= MOST_ITEMS:
                skips.add(line, "no name or state" if node is None else f"node {node.name} a second time", record)
                continue
            nodes[node.name] = node
            if is_kept:
                self._known[rest] = node
        for gone in [rest for rest, node in self._known.items() if nodes.get(node.name) is not node]:
            del self._known[gone]
        return skips.parsed(list(nodes.values()))


def _is_told_apart(said: Mapping[str, str], moving: Mapping[str, str], parts: Sequence[str]) -> bool:
    """Whether the moving values of a record, split at them, are fields of their own and no piece of somebody's text."""
    if len(parts) != 1 + 3 * len(moving) or any(said.get(key) != value for key, value in moving.items()):
        return False
    return not any(f"{key}=" in part for key in (*_READ, *moving) for part in parts[::3])


def _moved(before: SlurmNode, moving: Mapping[str, str]) -> SlurmNode:
    """The node with the values that moved; the same one where none did."""
    load, free = text.float_of(moving.get("CPULoad", "")), text.float_of(moving.get("FreeMem", ""))
    busy_at = text.epoch_of(moving.get("LastBusyTime", ""))
    if (load, free, busy_at) == (before.cpu_load, before.memory_free_mib, before.busy_at):
        return before
    # By place: `dataclasses.replace` takes three times as long, of a thousand nodes at every look.
    values = list(_VALUES(before))
    values[_LOAD], values[_FREE], values[_BUSY] = load, free, busy_at
    return SlurmNode(*values)


def node_of(said: Fields) -> SlurmNode | None:
    """The node of a record's fields; None where they name no node and state."""
    name, (state, flags) = text.host_of(said["NodeName"]), text.node_state(said["State"])
    if not name or not state:
        return None
    reason, by, at = reason_by(said["Reason"])
    return SlurmNode(
        name=name,
        state=state,
        flags=flags,
        reason=reason,
        reason_by=by,
        reason_at=at,
        host=text.text_of(said["NodeHostName"]),
        address=text.text_of(said["NodeAddr"]),
        gres=parse_gres(said["Gres"]),
        gres_used=parse_gres(said["GresUsed"]) if "GresUsed" in said else None,
        cpus=text.int_of(said["CPUTot"]),
        cpus_used=text.int_of(said["CPUAlloc"]),
        memory_mib=text.float_of(said["RealMemory"]),
        memory_used_mib=text.float_of(said["AllocMem"]),
        memory_free_mib=text.float_of(said["FreeMem"]),
        cpu_load=text.float_of(said["CPULoad"]),
        partitions=text.list_of(said["Partitions"]),
        features=text.list_of(said["ActiveFeatures"] or said["AvailableFeatures"]),
        reservation=text.text_of(said["ReservationName"]),
        version=text.text_of(said["Version"]),
        boot_at=text.epoch_of(said["BootTime"]),
        slurmd_at=text.epoch_of(said["SlurmdStartTime"]),
        busy_at=text.epoch_of(said["LastBusyTime"]),
        comment=text.text_of(said["Comment"], text.LONGEST_COMMENT),
        extra=text.text_of(said["Extra"], text.LONGEST_COMMENT),
        instance_id=text.text_of(said["InstanceId"]),
        instance_type=text.text_of(said["InstanceType"]),
    )


def reason_by(said: str) -> tuple[str | None, str | None, float | None]:
    """Reason, who gave it and when, out of `Not responding [slurm@2026-11-23T12:49:45]`."""
    found = _BY.fullmatch(said[:8192])
    if found is None:
        return text.reason_of(said), None, None
    words, by, at, rest = found.groups()
    return text.reason_of(f"{words} {rest}".strip()), text.text_of(by), text.epoch_of(at)
