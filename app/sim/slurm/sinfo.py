"""`sinfo` of the simulated Slurm."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence

from app.domain.hostlist import compress, expand
from app.sim.slurm.columns import Column, parse
from app.sim.slurm.json_out import envelope, partition_json, used_gres
from app.sim.slurm.names import VERSION
from app.sim.slurm.nodes import Node
from app.sim.slurm.partitions import Partition
from app.sim.slurm.scene import Answer, Scene
from app.sim.slurm.words import Options, UsageError

SHORT = (
    "hnoheader aall NNode llong Rlist-reasons Vversion ssummarize eexact O=Format o=format p=partition n=nodes "
    "t=states S=sort"
)
LONG = (
    *(
        "noheader",
        "all",
        "Node",
        "long",
        "list-reasons",
        "version",
        "json?",
        "summarize",
        "exact",
        "Format=",
        "format=",
    ),
    *("partition=", "nodes=", "states=", "sort=", "responding", "dead", "help"),
)
PLAIN, LINES, REASONS = "%#P %.5a %.10l %.6D %.6t %N", "%#N %.6D %#P %6t", "%20E %9u %19H %N"
_FIELD = re.compile(r"%([.#]?)(\d*)([A-Za-z])([^%]*)")

Row = tuple[Partition, Sequence[Node]]
Value = Callable[[Row, Scene], str]


def _first(row: Row) -> Node:
    return row[1][0]


def _name(row: Row) -> str:
    return row[0].name + ("*" if row[0].is_default else "")


def _cpus(row: Row) -> str:
    used, total = sum(node.cpus_used for node in row[1]), sum(node.sim.cpus for node in row[1])
    other = sum(node.sim.cpus for node in row[1] if node.state == "DOWN" or "DRAIN" in node.flags) - (
        sum(node.cpus_used for node in row[1] if node.state == "DOWN" or "DRAIN" in node.flags)
    )
    return f"{used}/{total - used - other}/{other}/{total}"


def _limit(row: Row, scene: Scene) -> str:
    return "infinite" if math.isinf(row[0].longest) else scene.times.short(row[0].longest)


def _reason(row: Row, place: int, none: str) -> str:
    reason = _first(row).reason
    return str(reason[place]) if reason is not None else none


def _since(row: Row, scene: Scene) -> str:
    reason = _first(row).reason
    return scene.times.stamp(reason[2]) if reason is not None else "Unknown"


SHORTER = {"allocated": "alloc", "drained": "drain", "draining": "drng", "mixed": "mix", "planned": "plnd"}
# fmt: off
COLUMNS: dict[str, tuple[str, Value]] = {
    "nodelist": ("NODELIST", lambda r, _s: compress([node.name for node in r[1]])),
    "nodehost": ("HOSTNAMES", lambda r, _s: _first(r).name),
    "nodeaddr": ("NODE_ADDR", lambda r, _s: _first(r).name),
    "statelong": ("STATE", lambda r, _s: _first(r).word),
    "statecompact": ("STATE", lambda r, _s: SHORTER.get(_first(r).word.rstrip("*"), _first(r).word)),
    "statecomplete": ("STATE", lambda r, _s: _first(r).text.lower()),
    "partition": ("PARTITION", lambda r, _s: _name(r)),
    "partitionname": ("PARTITION", lambda r, _s: r[0].name),
    "available": ("AVAIL", lambda _r, _s: "up"),
    "time": ("TIMELIMIT", _limit),
    "nodes": ("NODES", lambda r, _s: str(len(r[1]))),
    "gres": ("GRES", lambda r, _s: _first(r).gres),
    "gresused": ("GRES_USED", lambda r, _s: used_gres(_first(r))),
    "cpusstate": ("CPUS(A/I/O/T)", lambda r, _s: _cpus(r)),
    "cpus": ("CPUS", lambda r, _s: str(_first(r).sim.cpus)),
    "cpusload": ("CPU_LOAD", lambda r, _s: f"{_first(r).cores_busy:.2f}"),
    "memory": ("MEMORY", lambda r, _s: str(_first(r).sim.memory_mib)),
    "allocmem": ("ALLOCMEM", lambda r, _s: str(_first(r).mib_used)),
    "freemem": ("FREE_MEM", lambda r, _s: str(int(_first(r).sim.memory_mib - 0.4 * _first(r).mib_used))),
    "features": ("AVAIL_FEATURES", lambda r, _s: _first(r).model),
    "featuresact": ("ACTIVE_FEATURES", lambda r, _s: _first(r).model),
    "version": ("VERSION", lambda _r, _s: VERSION),
    "reason": ("REASON", lambda r, _s: _reason(r, 0, "none")),
    "user": ("USER", lambda r, _s: _reason(r, 1, "Unknown")),
    "timestamp": ("TIMESTAMP", _since),
}
# fmt: on
LETTERS = {
    "N": "nodelist",
    "n": "nodehost",
    "T": "statelong",
    "t": "statecompact",
    "P": "partition",
    "R": "partitionname",
    "a": "available",
    "l": "time",
    "D": "nodes",
    "G": "gres",
    "C": "cpusstate",
    "c": "cpus",
    "m": "memory",
    "O": "cpusload",
    "e": "freemem",
    "f": "features",
    "E": "reason",
    "u": "user",
    "H": "timestamp",
    "o": "nodeaddr",
}  # fmt: skip


def run(scene: Scene) -> Answer:
    """Answer one call."""
    try:
        given = Options(scene.words, SHORT, LONG)
    except UsageError as error:
        return Answer(1, b"", f'sinfo: {error}\nTry "sinfo --help" for more information\n'.encode())
    if "version" in given:
        return scene.version()
    if (trouble := scene.unreachable("slurm_load_partitions")) is not None:
        return trouble
    wanted = set(given.many("partition"))
    parts = [part for part in scene.book.parts.values() if not wanted or part.name in wanted]
    if "json" in given:
        groups = [_group(row, scene) for part in parts for row in _rows(scene, part, given)]
        return Answer(0, json.dumps(envelope(scene, "sinfo", sinfo=groups)).encode())
    return _printed(scene, given, [row for part in parts for row in _rows(scene, part, given)])


def _rows(scene: Scene, part: Partition, given: Options) -> list[Row]:
    """The nodes of a partition: each, or those alike together."""
    names = set(part.nodes)
    only = set(expand(given.get("nodes"))) if given.get("nodes") else names
    here = [node for node in scene.nodes if node.name in names and node.name in only]
    if "list-reasons" in given:
        here = [node for node in here if node.reason is not None]
    if "Node" in given:
        return [(part, [node]) for node in here]
    groups: dict[str, list[Node]] = {}
    for node in here:
        groups.setdefault(node.word, []).append(node)
    return [(part, group) for group in groups.values()]


def _printed(scene: Scene, given: Options, rows: list[Row]) -> Answer:
    if given.get("Format"):
        columns = parse(given.get("Format"))
    else:
        usual = REASONS if "list-reasons" in given else LINES if "Node" in given else PLAIN
        columns = _by_letters(given.get("format") or usual)
    bad = [one.name for one in columns if one.name not in COLUMNS]
    if bad:
        return Answer(1, b"", f"sinfo: error: Invalid node format specification: {bad[0]}\n".encode())
    table = [[COLUMNS[one.name][1](row, scene) for one in columns] for row in rows]
    if "list-reasons" in given:  # a node is in several partitions
        table = [list(line) for line in dict.fromkeys(tuple(line) for line in table)]
    if "noheader" not in given:
        table.insert(0, [COLUMNS[one.name][0] for one in columns])
    columns = [
        Column(one.name, max((len(line[at]) for line in table), default=1), one.is_right, one.behind)
        if one.width == 0
        else one
        for at, one in enumerate(columns)
    ]
    lines = ("".join(one.text(value) for one, value in zip(columns, line, strict=True)) for line in table)
    return Answer(0, "".join(f"{line}\n" for line in lines).encode())


def _by_letters(form: str) -> list[Column]:
    """The columns of a `-o` word; `#` makes one as wide as it must be."""
    found = []
    for sign, digits, letter, behind in _FIELD.findall(form):
        width = 0 if sign == "#" else int(digits) if digits else None
        found.append(Column(LETTERS.get(letter, letter), width, sign == ".", behind))
    return found


def _group(row: Row, scene: Scene) -> dict[str, object]:
    """One entry of `sinfo --json`."""
    part, group = row
    used = sum(1 for node in group if node.used)
    reason = group[0].reason
    since = scene.times.epoch(reason[2] if reason else None)
    return {
        "node": {"state": [group[0].state, *group[0].flags]},
        "nodes": {
            "allocated": used, "idle": sum(node.state == "IDLE" for node in group),
            "other": sum(node.state == "DOWN" for node in group), "total": len(group),
            "nodes": [node.name for node in group],
        },
        "gres": {"total": group[0].gres, "used": used_gres(group[0])},
        "reason": {
            "description": reason[0] if reason else "", "user": reason[1] if reason else "",
            "time": {"set": bool(reason), "infinite": False, "number": since},
        },
        "partition": partition_json(part, scene),
    }  # fmt: skip
