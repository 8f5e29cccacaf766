"""`sinfo -N -O` text to nodes, for sites where `scontrol show node` is not allowed: one line a node and partition.

The same columns in 21.08 to 26.05. Reasons come last, since an operator's words may hold anything. A node stands once
for each of its partitions: those are gathered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.domain.slurm import SlurmNode
from app.sources.slurm import fields as text
from app.sources.slurm.gres import parse_gres
from app.sources.slurm.parsed import MOST_ITEMS, Parsed, Skips, SlurmParseError, lines_of
from app.sources.slurm.squeue import SEPARATOR

COMMAND = "sinfo"
COLUMNS = (
    "NodeList", "NodeHost", "NodeAddr", "StateLong", "Partition", "Gres", "GresUsed", "CPUsState", "CPUsLoad",
    "Memory", "AllocMem", "FreeMem", "Features", "Version", "Reason",
)  # fmt: skip
NODE_WORDS = ("-h", "-N", "-a", "-O", ",".join(f"{name}:{SEPARATOR}" for name in COLUMNS))


def parse_sinfo(
    output: bytes, *, columns: Sequence[str] = COLUMNS, separator: str | None = SEPARATOR
) -> Parsed[SlurmNode]:
    """The nodes of `sinfo` with `NODE_WORDS`, or of another call that printed these columns; None: between blanks.

    Raises SlurmParseError where there is output and none of it is a row.
    """
    skips, nodes = Skips(COMMAND), dict[str, SlurmNode]()
    folded = [name.lower() for name in columns]
    for number, line in enumerate(lines_of(output, COMMAND), 1):
        if not line or line.isspace():
            continue
        parts = line.split() if separator is None else line.split(separator)
        if separator is not None and len(parts) == len(folded) + 1:
            parts.pop()
        if len(parts) != len(folded):
            skips.add(number, f"{len(parts)} fields in place of {len(folded)}", line)
            continue
        node = _node(dict(zip(folded, parts, strict=True)))
        known = nodes.get(node.name) if node is not None else None
        if node is None or (known is None and len(nodes) == MOST_ITEMS):
            skips.add(number, "no name or state" if node is None else f"more than {MOST_ITEMS} nodes", line)
        elif known is None:
            nodes[node.name] = node
        else:
            partitions = tuple(dict.fromkeys((*known.partitions, *node.partitions)))
            nodes[node.name] = replace(known, partitions=partitions)
    if skips.count and not nodes:
        raise SlurmParseError(skips.notes[0])
    return skips.parsed(list(nodes.values()))


def _node(said: dict[str, str]) -> SlurmNode | None:
    def get(name: str) -> str:
        return said.get(name, "").strip()

    name, (state, flags) = text.host_of(get("nodelist")), text.node_state(get("statelong") or get("statecomplete"))
    if not name or not state:
        return None
    cpus = get("cpusstate").split("/")
    used, total = (text.int_of(cpus[0]), text.int_of(cpus[3])) if len(cpus) == 4 else (None, None)
    return SlurmNode(
        name=name,
        state=state,
        flags=flags,
        reason=text.reason_of(get("reason")),
        host=text.text_of(get("nodehost")),
        address=text.text_of(get("nodeaddr")),
        gres=parse_gres(get("gres")),
        gres_used=parse_gres(get("gresused")) if "gresused" in said else None,
        cpus=total,
        cpus_used=used,
        memory_mib=text.float_of(get("memory")),
        memory_used_mib=text.float_of(get("allocmem")),
        memory_free_mib=text.float_of(get("freemem")),
        cpu_load=text.float_of(get("cpusload")),
        partitions=text.list_of(get("partition").removesuffix("*")),
        features=text.list_of(get("features")),
        version=text.text_of(get("version")),
    )
