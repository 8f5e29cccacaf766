"""Submitting a script: the plan that a person sees, what Slurm would make of it, and what speaks against it. Pure.

A script goes to sbatch through its standard input, whole and unchanged; options are words of their own and win over the
script's lines. Sources: sbatch(1); the lines of `--test-only` from 20.02 to 26.05.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from app.domain.frozen import frozen
from app.domain.hostlist import compress, expand
from app.domain.job_actions import Plan
from app.domain.naming import clean
from app.domain.slurm import SlurmNode, SlurmPartition, SlurmPicture
from app.services.action_hits import gpus_text, span_text
from app.services.action_targets import sbatch_options
from app.services.scripts import Asked, asked, directives, options

_WOULD = re.compile(
    r"Job (?P<id>\d+)\S* to start at (?P<at>\S+)(?: a?)? ?using (?P<cpus>\d+) processors? on (?:nodes? )?(?P<nodes>\S+)"
    r"(?: in partition (?P<partition>\S+))?"
)
_PARSABLE = re.compile(r"^(?P<id>\d{1,10})(?:;[\w.-]*)?$", re.ASCII)


@frozen
class Estimate:
    """What `sbatch --test-only` says."""

    starts_at: float | None
    nodes: tuple[str, ...]
    partition: str | None
    said: str


def plan_submit(script: str, given: Sequence[str], *, name: str = "", folder: str = "") -> Plan:
    """A plan that submits a script.

    `name` is what the job is called where neither script nor options say it, `folder` where it runs. Raises
    ActionError for options that are none.
    """
    words = list(sbatch_options(given))
    said = {**directives(script), **options(words)}
    if name and "job-name" not in said:
        words.insert(0, f"--job-name={clean(name, 60)}")
    if folder and "chdir" not in said:
        words.insert(0, f"--chdir={folder}")
    checked = sbatch_options(words)
    what = clean(said.get("job-name", "") or name or "a job", 60)
    return Plan(
        verb="submit",
        targets=(),
        commands=(("sbatch", "--parsable", *checked),),
        summary=f"submit {what}",
        hits=(wish_text(asked(script, checked)),),
        undo="gpu-watchdog cancel ID (the id is told)",
        stdin=script,
    )


def wish_text(wish: Asked) -> str:
    """What a script asks for, in a line."""
    parts = []
    nodes = wish.nodes or 1
    if wish.gpus_per_node is not None:
        kind = f" {wish.gpu_type}" if wish.gpu_type else ""
        each = " on each" if nodes > 1 else ""
        parts.append(f"{wish.gpus_per_node}{clean(kind, 40)} GPU{'' if wish.gpus_per_node == 1 else 's'}{each}")
    elif wish.gpus is not None:
        parts.append(gpus_text(wish.gpus))
    else:
        parts.append("no GPU")
    parts.append(f"{nodes} node" + ("" if nodes == 1 else "s"))
    if wish.partition:
        parts.append(f"partition {clean(wish.partition, 60)}")
    if wish.time_limit_s is not None:
        limit = wish.time_limit_s
        parts.append("no time limit" if math.isinf(limit) else f"at most {span_text(limit)}")
    return "asks for " + ", ".join(parts) + (" a task of the array" if wish.is_array else "")


def submitted_id(stdout: bytes) -> str | None:
    """The id that `sbatch --parsable` printed (`813`, `813;cluster`)."""
    lines = [line.strip() for line in stdout.decode("utf-8", "replace").splitlines()]
    found = [match for line in lines if (match := _PARSABLE.match(line))]
    return found[-1]["id"] if found else None


def estimate_of(said: Iterable[str]) -> Estimate | None:
    """The estimate among sbatch's lines; of a heterogeneous job the part that starts last; None where there is none."""
    found = [
        Estimate(_moment(match["at"]), expand(match["nodes"]), match["partition"], clean(line, 300))
        for line in said
        if (match := _WOULD.search(line))
    ]
    return max(found, key=lambda one: one.starts_at or 0.0, default=None)


def _moment(text: str) -> float | None:
    """Epoch seconds, as we ask for them; an ISO time is the machine's own."""
    if text.isdigit():
        return float(text)
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def findings_of(wish: Asked, picture: SlurmPicture | None) -> tuple[str, ...]:
    """What the picture says for and against a wish, the worst first; nothing where there is no picture."""
    if picture is None or not picture.nodes:
        return ()
    found: list[str] = []
    partition, missing = _partition(wish, picture)
    if missing:
        return (missing,)
    if partition is not None:
        found += _against_limits(wish, partition)
    nodes = [one for name, one in picture.nodes.items() if partition is None or name in partition.nodes]
    return (*found, *_room(wish, nodes or list(picture.nodes.values())))


def _partition(wish: Asked, picture: SlurmPicture) -> tuple[SlurmPartition | None, str]:
    """The partition that a wish means, and what is wrong with its name."""
    if not picture.partitions:
        return None, ""
    if wish.partition is None:
        return next((one for one in picture.partitions.values() if one.is_default), None), ""
    known = [picture.partitions[name] for name in wish.partition.split(",") if name in picture.partitions]
    if not known:
        names = ", ".join(list(picture.partitions)[:10])
        return None, f"there is no partition {clean(wish.partition, 60)}; there are: {clean(names, 200)}"
    return known[0], ""


def _against_limits(wish: Asked, partition: SlurmPartition) -> list[str]:
    found = []
    if partition.state != "UP":
        found.append(f"partition {partition.name} is {clean(partition.state, 20)}: nothing starts there")
    limit, wanted = partition.time_limit_s, wish.time_limit_s
    if limit is not None and wanted is not None and wanted > limit:
        asks = "no time limit" if math.isinf(wanted) else span_text(wanted)
        found.append(f"asks for {asks}; partition {partition.name} allows {span_text(limit)}")
    if partition.max_nodes is not None and (wish.nodes or 1) > partition.max_nodes:
        found.append(f"asks for {wish.nodes} nodes; partition {partition.name} allows {partition.max_nodes}")
    return found


def _room(wish: Asked, nodes: Sequence[SlurmNode]) -> list[str]:
    """Free GPUs against those asked for."""
    number = wish.nodes or 1
    each = wish.gpus_per_node
    if each is None and wish.gpus is not None:
        if number > 1 or not wish.gpus:
            return []  # Slurm may spread them as it likes
        each = wish.gpus
    if not each:
        return []
    kind = f"{clean(wish.gpu_type, 40)} " if wish.gpu_type else ""
    able = [node for node in nodes if _has(node, wish.gpu_type) >= each]
    if len(able) < number:
        most = max((_has(node, wish.gpu_type) for node in nodes), default=0)
        return [f"asks for {number} × {each} {kind}GPUs; {len(able)} nodes have that many, the largest has {most}"]
    free = [node for node in able if node.takes_jobs and _free(node, wish.gpu_type) >= each]
    if len(free) >= number:
        where = compress([node.name for node in free[:50]])
        have = "1 node has" if len(free) == 1 else f"{len(free)} nodes have"
        return [f"{have} {each} free {kind}GPUs now: {clean(where, 80)}"]
    most = max((_free(node, wish.gpu_type) for node in able if node.takes_jobs), default=0)
    return [
        f"will wait: needs {number} nodes with {each} free {kind}GPUs, {len(free)} have them; the best has {most} free"
    ]


def _has(node: SlurmNode, kind: str | None) -> int:
    return sum(one.count for one in node.gres if one.name == "gpu" and (kind is None or one.type == kind))


def _free(node: SlurmNode, kind: str | None) -> int:
    used = sum(one.count for one in node.gres_used or () if one.name == "gpu" and (kind is None or one.type == kind))
    return max(0, _has(node, kind) - used)
