"""`sdiag` to the few numbers that tell how busy slurmctld is. Text of every version, JSON and REST alike."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field

from app.domain.frozen import frozen
from app.domain.naming import clean
from app.sources.slurm.json_values import count_at, list_at, mapping, mapping_at, text_at
from app.sources.slurm.parsed import SlurmParseError, lines_of

COMMAND = "sdiag"
MOST_RPCS = 1024
"""Kinds of calls and users that are read."""
_LINE = re.compile(r"\s*([A-Za-z][A-Za-z0-9 ()]{2,60}):\s+(\d{1,18})\s*$", re.ASCII)
_RPC = re.compile(
    r"\s*(\S{1,128})\s+\(\s*(\d{1,12})\)\s+count:(\d{1,18})\s+ave_time:(\d{1,18})\s+total_time:(\d{1,20})"
)
_SECTIONS = {
    "Main schedule": "main",
    "Backfilling": "backfill",
    "Remote Procedure Call statistics by message": "types",
    "Remote Procedure Call statistics by user": "users",
    "Pending RPC": "pending",
}


@frozen
class Sdiag:
    """How busy slurmctld is. None where it does not say."""

    server_threads: int | None = None
    """Calls being answered now; its limit is 256."""
    agent_queue: int | None = None
    dbd_agent_queue: int | None = None
    """Messages waiting for slurmdbd."""
    last_cycle_us: int | None = None
    """Of the main scheduler."""
    mean_cycle_us: int | None = None
    backfill_last_us: int | None = None
    jobs_pending: int | None = None
    jobs_running: int | None = None
    rpcs: Mapping[str, int] = field(default_factory=dict)
    """Calls by kind since the statistics began."""
    rpcs_by_user: Mapping[str, int] = field(default_factory=dict)

    @property
    def counts(self) -> Mapping[str, float]:
        """What it says, by the names that an exporter's counts have here (`app.sources.slurm.counts`)."""
        said = {
            "scheduler_threads": self.server_threads,
            "scheduler_queue": self.agent_queue,
            "scheduler_last_cycle_us": self.last_cycle_us,
            "dbd_agent_queue": self.dbd_agent_queue,
        }
        return {name: float(value) for name, value in said.items() if value is not None}


def parse_sdiag(output: bytes) -> Sdiag:
    """The numbers of `sdiag`. Raises SlurmParseError where it is not that."""
    section = ""
    said: dict[tuple[str, str], int] = {}
    counts: dict[str, dict[str, int]] = {"types": {}, "users": {}}
    for line in lines_of(output, COMMAND):
        section = next((name for start, name in _SECTIONS.items() if line.startswith(start)), section)
        if (rpc := _RPC.match(line)) is not None and section in counts:
            if len(counts[section]) < MOST_RPCS:
                counts[section][clean(rpc[1], 128)] = int(rpc[3])
        elif (found := _LINE.match(line)) is not None:
            said.setdefault((section, found[1].lower()), int(found[2]))
    if ("", "server thread count") not in said:
        raise SlurmParseError(
            f"{COMMAND} line 1: no server thread count: {clean(output[:60].decode('utf-8', 'replace'))!r}"
        )
    return Sdiag(
        server_threads=said["", "server thread count"],
        agent_queue=said.get(("", "agent queue size")),
        dbd_agent_queue=said.get(("", "dbd agent queue size")),
        last_cycle_us=said.get(("main", "last cycle")),
        mean_cycle_us=said.get(("main", "mean cycle")),
        backfill_last_us=said.get(("backfill", "last cycle")),
        jobs_pending=said.get(("", "jobs pending")),
        jobs_running=said.get(("", "jobs running")),
        rpcs=counts["types"],
        rpcs_by_user=counts["users"],
    )


def sdiag_of(obj: object) -> Sdiag:
    """The same of `sdiag --json` or of `/slurm/…/diag`. Raises SlurmParseError where it is not that."""
    said = mapping_at(mapping(obj), "statistics")

    def get(name: str) -> int | None:
        return count_at(said, name)

    if get("server_thread_count") is None:
        raise SlurmParseError(f"{COMMAND} JSON line 1: no statistics.server_thread_count")
    rpcs = [mapping(one) for one in list_at(said, "rpcs_by_message_type")[:MOST_RPCS]]
    users = [mapping(one) for one in list_at(said, "rpcs_by_user")[:MOST_RPCS]]
    return Sdiag(
        server_threads=get("server_thread_count"),
        agent_queue=get("agent_queue_size"),
        dbd_agent_queue=get("dbd_agent_queue_size"),
        last_cycle_us=get("schedule_cycle_last"),
        mean_cycle_us=get("schedule_cycle_mean"),
        backfill_last_us=get("bf_cycle_last"),
        jobs_pending=get("jobs_pending"),
        jobs_running=get("jobs_running"),
        rpcs={text_at(one, "message_type"): count_at(one, "count") or 0 for one in rpcs},
        rpcs_by_user={text_at(one, "user"): count_at(one, "count") or 0 for one in users},
    )
