"""What the labelled log lines must give, found with plain splitting of text and not with the program's own patterns."""
# ruff: noqa: E501 - a row of the table reads best as one line

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from app.domain.evidence import LogKind

Fields = Mapping[str, object]

KINDS: Mapping[str, str] = {
    "gpu.fallen_off_bus.noxid": "gpu.off_bus",
    "gpu.fallen_off_bus.atload.3": "gpu.off_bus",
    "gpu.init_fail": "gpu.init_failed",
    "nic.pcie_power": "nic.slot_power",
    "nic.module_temp": "nic.module_error",
    "nic.cmd_timeout.fatal": "nic.command_timeout",
    "nic.health.fatal": "nic.firmware_fatal",
    "nic.unrecoverable.fatal": "nic.firmware_fatal",
    "noise.access_reg": "nic.access_refused",
    "nic.tx_timeout": "nic.transmit_timeout",
    "nic.cable": "nic.cable",
    "host.hung_task": "host.hung_task",
    "host.soft_lockup": "host.soft_lockup",
    "host.raid": "disk.raid_failed",
    "host.fs_ro": "disk.read_only",
    "host.nvme_gone": "disk.nvme_gone",
    "host.nvme_timeout": "disk.nvme_timeout",
    "host.nfs_down": "fs.nfs_down",
    "host.nfs_ok": "fs.nfs_ok",
    "host.file_max": "host.file_limit",
    "host.panic": "host.panic",
    "host.oom": "host.oom",
    "host.ib_flap": "nic.link_down",
    "app.nccl_segv": "app.nccl_segfault",
    "app.peermem": "gpu.peermem",
    "slurm.job_oom": "slurm.oom",
    "slurm.node_fail": "slurm.node_failed",
    "slurm.low_mem": "slurm.low_memory",
    "slurm.not_responding": "slurm.not_responding",
    "slurm.gres_low": "slurm.gres_low",
    "slurm.kill_task": "slurm.kill_failed",
    "slurm.prolog": "slurm.prolog_failed",
    "slurm.pending.unavailable": "slurm.unavailable",
    "slurm.drain_by_epilog": "slurm.health_drain",
    "vllm.engine_dead": "vllm.engine_dead",
    "vllm.cuda_oom": "cuda.oom",
    "vllm.hang": "vllm.broadcast_stuck",
    "vllm.nccl_timeout": "nccl.timeout",
    "vllm.kv_too_small": "vllm.kv_too_small",
    "vllm.no_kv": "vllm.no_kv_memory",
    "vllm.wedged": "vllm.waiting_idle",
    "vllm.startup_ok": "vllm.kv_cache",
    "vllm.init_failed": "vllm.init_failed",
    "vllm.nvlink": "cuda.nvlink",
    "vllm.illegal": "cuda.illegal_access",
}
"""Label → the kind it must be; lines with an Xid or SXid in their text need no row."""
CONTEXT = ("gpu.fallen_off_bus.atload.1", "gpu.fallen_off_bus.atload.2")
"""The beginning of a sentence that a later line ends: by themselves they say nothing."""
ENDING = "gpu.fallen_off_bus.atload.3"


def _between(text: str, begin: str, end: str = " ") -> str:
    return text.split(begin, 1)[1].split(end, 1)[0]


OTHER_FIELDS: Mapping[str, Callable[[str], Fields]] = {
    "gpu.fallen_off_bus.noxid": lambda text: {"pci": _place(_between(text, "GPU ", ": GPU"))},
    "gpu.init_fail": lambda text: (
        {"gpu": int(_between(text, "GPU"))} if "kgsp" in text else {"pci": _place(_between(text, "GPU ", ": Rm"))}
    ),
    "nic.pcie_power": lambda text: {"device": _between(text, "mlx5_core ", ": "), "watts": _between(text, "slot (", "W)")},
    "nic.module_temp": lambda text: {"device": _between(text, "mlx5_core ", ": "), "module": _between(text, ": module ", ",")},
    "nic.cable": lambda text: {"device": _between(text, "mlx5_core ", ": "), "module": _between(text, ": module ", ",")},
    "nic.cmd_timeout.fatal": lambda text: {"device": _between(text, "mlx5_core ", ": "), "command": _between(text, "): ", "(")},
    "nic.health.fatal": lambda text: {"device": _between(text, "mlx5_core ", ": ")},
    "nic.tx_timeout": lambda text: {"device": _between(text, "WATCHDOG: "), "queue": _between(text, "queue ")},
    "host.hung_task": lambda text: {
        "process": _between(text, "task ", ":"),
        "pid": int(_between(text, "task ").split(":")[1]),
        "seconds": _between(text, "more than "),
    },
    "host.soft_lockup": lambda text: {
        "pid": int(text.rstrip("]").rsplit(":", 1)[1]),
        "process": _between(text, "[", ":"),
        "cpu": _between(text, "CPU#"),
    },
    "host.raid": lambda text: {"device": _between(text, "failure on ")},
    "host.fs_ro": lambda text: {"device": _between(text, "(", ")")},
    "host.nvme_gone": lambda text: {"device": _between(text, "nvme ", ":"), "status": text.rsplit(" ", 1)[1]},
    "host.nvme_timeout": lambda text: {"device": _between(text, "nvme ", ":")},
    "host.nfs_down": lambda text: {"server": _between(text, "server ")},
    "host.nfs_ok": lambda text: {"server": _between(text, "server ")},
    "host.file_max": lambda text: {"limit": _between(text, "limit ")},
    "host.oom": lambda text: (
        {"pid": int(_between(text, "pid=", ",")), "process": _between(text, "task=", ",")}
        if "pid=" in text
        else {"pid": int(_between(text, "process ")), "process": _between(text, "(", ")")}
    ),
    "host.ib_flap": lambda text: {"device": _between(text, "]: ", ":"), "node": text.split()[3]},
    "app.nccl_segv": lambda text: {"pid": int(_between(text, "pt_main_thread[", "]")), "process": "pt_main_thread"},
    "slurm.job_oom": lambda text: {"job": _between(text, "StepId=", "."), "count": _between(text, "Detected ")},
    "slurm.node_fail": lambda text: {"job": _between(text, "JOB "), "node": _between(text, "ON ")},
    "slurm.low_mem": lambda text: {"node": _between(text, "Node "), "has": _between(text, "size ("), "wanted": _between(text, "< ", ")")},
    "slurm.not_responding": lambda text: {"node": _between(text, "Nodes ")},
    "slurm.gres_low": lambda text: {"has": _between(text, "configured ("), "wanted": _between(text, "< ", ")")},
    "slurm.prolog": lambda text: {"node": text.rsplit(" ", 1)[1]},
    "slurm.pending.unavailable": lambda text: {"nodes": _between(text, "UnavailableNodes:", ")")},
    "slurm.drain_by_epilog": lambda text: {"what": text.split("fatal: ")[1]},
    "vllm.cuda_oom": lambda text: {"gpu": int(_between(text, "GPU ")), "wanted": _between(text, "allocate ", ". GPU")},
    "vllm.hang": lambda text: {"seconds": _between(text, "found in ")},
    "vllm.nccl_timeout": lambda text: {
        "rank": _between(text, "Rank ", "]"),
        "sequence": _between(text, "SeqNum=", ","),
        "operation": _between(text, "OpType=", ","),
        "timeout_ms": _between(text, "Timeout(ms)=", ")"),
    },
    "vllm.kv_too_small": lambda text: {"context": _between(text, "len (", ")"), "room": _between(text, "cache (", ")")},
    "vllm.wedged": lambda text: {"waiting": _between(text, "Waiting: "), "running": _between(text, "Running: ")},
    "vllm.startup_ok": lambda text: {"context": _between(text, "concurrency for "), "concurrency": _between(text, "request: ", "x")},
}  # fmt: skip
"""Label → what its line names, under the names that evidence and its details have."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One labelled line and what it must give."""

    label: str
    line: str
    log: LogKind
    kind: str | None
    fields: Fields


def labelled_lines(folder: Path) -> list[Labelled]:
    """The labelled lines of a folder of captures, in their order."""
    rows = (folder / "gpu/lines/labelled-log-lines.tsv").read_text("utf-8").splitlines()[1:]
    found = [_labelled(row.split("\t")) for row in rows]
    begun = next(one.line for one in found if one.label == CONTEXT[0])
    ended = {"pci": _place(begun.rsplit(" ", 1)[1])}
    return [replace(one, fields=ended) if one.label == ENDING else one for one in found]


def xid_lines(folder: Path) -> list[str]:
    """Kernel lines with an Xid or SXid from other projects' tests."""
    text = (folder / "ib-kernel-logs/xid-sxid-lines.jsonl").read_text("utf-8")
    return [json.loads(row)["text"] for row in text.splitlines()]


def numbered(text: str) -> tuple[str, Fields]:
    """Kind and fields of a line with an Xid or SXid."""
    kind = "sxid" if "SXid (" in text else "xid"
    place, rest = text.split("Xid (", 1)[1].split(")", 1)
    digits = rest.removeprefix(": ")
    count = next((at for at, char in enumerate(digits) if not char.isdigit()), len(digits))
    fields: dict[str, object] = {"code": int(digits[:count]), "pci": _place(place)}
    if "pid=" in rest and _between(rest, "pid=", ",").isdigit():
        fields["pid"] = int(_between(rest, "pid=", ","))
    if "name=" in rest and "<unknown>" not in rest:
        fields["process"] = _between(rest, "name=", ",")
    if "previous Xid " in rest:
        fields["caused_by"] = int(rest.split("previous Xid ")[1])
    if " to 0x" in rest:
        fields["recovery"] = int(_between(rest, " to 0x"), 16)
    for word in ("Link ", "link "):
        number = _between(rest, word).split("(")[0].rstrip(",.") if word in rest else ""
        if number.isdigit():
            fields["link"] = int(number)
    if "(GPC " in rest:
        fields |= {"gpc": _between(rest, "GPC ", ","), "tpc": _between(rest, "TPC ", ",")}
    if "from GPU" in rest and " GSP!" in rest:
        fields["gpu"] = int(_between(rest, "from GPU"))
    return kind, fields


def _labelled(row: list[str]) -> Labelled:
    label, line = row[0], row[-1]
    log: LogKind = "vllm" if label.startswith("vllm.") else "job" if label.startswith("slurm.") else "kernel"
    if "Xid (" in line:
        kind, fields = numbered(line)
        return Labelled(label, line, log, kind, fields)
    if label in CONTEXT:
        return Labelled(label, line, log, None, {})
    found = OTHER_FIELDS.get(label)
    return Labelled(label, line, log, KINDS[label], found(line) if found else {})


def _place(text: str) -> str:
    """An address without `PCI:` and function."""
    return text.removeprefix("PCI:").split(".")[0].lower()
