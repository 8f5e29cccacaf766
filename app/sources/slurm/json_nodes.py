"""Nodes of `scontrol show node --json` (23.02+), `sinfo --json` (21.08, 22.05) and slurmrestd, in every dialect."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.slurm import Gres, SlurmNode
from app.sources.slurm import fields as text
from app.sources.slurm import json_values as said
from app.sources.slurm.gres import parse_gres
from app.sources.slurm.parsed import Parsed, Skips, once

COMMAND = "nodes as JSON"


def nodes_of(obj: object) -> Parsed[SlurmNode]:
    """The nodes of an answer; its errors and warnings are notes. Raises SlurmParseError where it lists none.

    `sinfo --json` of 23.02 and later has groups of nodes, not nodes: that is refused.
    """
    skips = Skips(COMMAND)
    rows = ((at, _node(said.mapping(one)), "") for at, one in enumerate(said.rows_of(obj, COMMAND, "nodes"), 1))
    nodes = once(rows, skips, lambda one: one.name, "node", "name or state")
    return skips.parsed(nodes, more_notes=said.told_of(obj, COMMAND))


def _node(one: Mapping[str, object]) -> SlurmNode | None:
    name, (state, flags) = text.host_of(said.raw_at(one, "name")), said.state_at(one, "state")
    if not name or not state:
        return None
    load = said.number(one.get("cpu_load"))
    return SlurmNode(
        name=name,
        state=state,
        flags=tuple(dict.fromkeys((*flags, *(flag.upper() for flag in said.words_at(one, "state_flags"))))),
        reason=said.said_at(one, "reason", text.LONGEST_COMMENT),
        reason_by=said.said_at(one, "reason_set_by_user"),
        reason_at=said.time_at(one, "reason_changed_at"),
        host=said.said_at(one, "hostname"),
        address=said.said_at(one, "address"),
        gres=parse_gres(said.raw_at(one, "gres")),
        gres_used=_used(one),
        cpus=said.count_at(one, "cpus"),
        cpus_used=said.count_at(one, "alloc_cpus"),
        memory_mib=_mib(one, "real_memory"),
        memory_used_mib=_mib(one, "alloc_memory"),
        memory_free_mib=_mib(one, "free_mem") if "free_mem" in one else _mib(one, "free_memory"),
        cpu_load=load / 100.0 if load is not None and 0 <= load < 1e8 else None,
        partitions=said.words_at(one, "partitions"),
        features=said.words_at(one, "active_features") or said.words_at(one, "features"),
        reservation=said.said_at(one, "reservation"),
        version=said.said_at(one, "version") or said.said_at(one, "slurmd_version"),
        boot_at=said.time_at(one, "boot_time"),
        slurmd_at=said.time_at(one, "slurmd_start_time"),
        busy_at=said.time_at(one, "last_busy"),
        comment=said.said_at(one, "comment", text.LONGEST_COMMENT),
        extra=said.said_at(one, "extra", text.LONGEST_COMMENT),
        instance_id=said.said_at(one, "instance_id"),
        instance_type=said.said_at(one, "instance_type"),
    )


def _used(one: Mapping[str, object]) -> tuple[Gres, ...] | None:
    used = one.get("gres_used")
    return parse_gres(used) if isinstance(used, str) else None


def _mib(one: Mapping[str, object], name: str) -> float | None:
    value = said.count_at(one, name)
    return None if value is None else float(value)
