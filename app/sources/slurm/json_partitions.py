"""Partitions of `scontrol show partition --json`, `sinfo --json` (23.02+, nested in its groups) and slurmrestd."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.slurm import SlurmPartition
from app.sources.slurm import fields as text
from app.sources.slurm import json_values as said
from app.sources.slurm.parsed import Parsed, Skips

COMMAND = "partitions as JSON"


def partitions_of(obj: object) -> Parsed[SlurmPartition]:
    """The partitions of an answer; its errors and warnings are notes. Raises SlurmParseError where it lists none."""
    skips, found = Skips(COMMAND), dict[str, SlurmPartition]()
    is_groups = not isinstance(said.mapping(obj).get("partitions"), list)
    for at, row in enumerate(said.rows_of(obj, COMMAND, "partitions", "sinfo"), 1):
        one = said.mapping(row)
        partition = _partition(said.mapping_at(one, "partition") if is_groups else one)
        if partition is None:
            skips.add(at, "no name")
        elif partition.name not in found:
            found[partition.name] = partition
        elif not is_groups:
            skips.add(at, f"partition {partition.name} a second time")
    return skips.parsed(list(found.values()), more_notes=said.told_of(obj, COMMAND))


def _partition(one: Mapping[str, object]) -> SlurmPartition | None:
    name = said.text_at(one, "name")
    if not name:
        return None
    if isinstance(one.get("nodes"), dict) or isinstance(one.get("maximums"), dict):
        return _nested(one, name)
    return _flat(one, name)


def _nested(one: Mapping[str, object], name: str) -> SlurmPartition:
    """v0.0.39 and later; v0.0.39 has no state."""
    state, _ = said.state_at(said.mapping_at(one, "partition"), "state")
    maximums = said.mapping_at(one, "maximums")
    qos = said.mapping_at(one, "qos")
    return SlurmPartition(
        name=name,
        state=state or "UNKNOWN",
        is_default=_is_default(one),
        nodes=text.hosts_of(said.raw_at(said.mapping_at(one, "nodes"), "configured")),
        time_limit_s=said.minutes_at(maximums, "time"),
        default_time_s=said.minutes_at(said.mapping_at(one, "defaults"), "time"),
        priority_tier=said.count_at(said.mapping_at(one, "priority"), "tier"),
        max_nodes=_most(maximums, "nodes"),
        qos=said.said_at(qos, "assigned"),
        allow_groups=_allowed(said.mapping_at(one, "groups"), "allowed"),
        allow_accounts=_allowed(said.mapping_at(one, "accounts"), "allowed"),
        allow_qos=_allowed(qos, "allowed"),
    )


def _flat(one: Mapping[str, object], name: str) -> SlurmPartition:
    """v0.0.37 and v0.0.38."""
    return SlurmPartition(
        name=name,
        state=said.text_at(one, "state").upper() or "UNKNOWN",
        is_default=_is_default(one),
        nodes=text.hosts_of(said.raw_at(one, "nodes")),
        time_limit_s=said.minutes_at(one, "max_time_limit"),
        default_time_s=said.minutes_at(one, "default_time_limit"),
        priority_tier=said.count_at(one, "priority_tier"),
        max_nodes=_most(one, "maximum_nodes_per_job"),
        qos=said.said_at(one, "qos"),
        allow_groups=_allowed(one, "allowed_groups"),
        allow_accounts=_allowed(one, "allowed_accounts"),
        allow_qos=_allowed(one, "allowed_qos"),
    )


def _is_default(one: Mapping[str, object]) -> bool:
    return "DEFAULT" in (flag.upper() for flag in said.words_at(one, "flags"))


def _most(one: Mapping[str, object], name: str) -> int | None:
    """Nodes of one job at most; None for no limit."""
    return said.count_at(one, name)


def _allowed(one: Mapping[str, object], name: str) -> str | None:
    return text.everyone_of(said.text_at(one, name, text.LONGEST_COMMENT))
