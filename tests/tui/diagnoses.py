"""Frozen diagnoses for tests of the screen: a GPU off the bus with all that followed, a memory error, an ended stall."""

# ruff: noqa: E501 - a finding reads best with its sentences whole

from __future__ import annotations

from dataclasses import replace

from app.domain.affects import Affects
from app.domain.diagnosis import Blind, Diagnosis, Incident
from app.domain.finding import Advice, Evidence, Finding, FindingSubject
from tests.present.fleets import NOW

HOSTILE = "[b]evil[/b]\x1b[31m\u202egnp.exe\x00\x07 \n" + "x" * 5_000
"""A text that tries everything: markup, an escape, a right-to-left mark, NUL, a bell, a new line, length."""
AT = NOW - 2.0
"""When the diagnosis was made."""

LOST = Finding(
    "gpu.fell_off_bus", "B1", "GPU gpu-01/5: fell off the bus", "critical", FindingSubject("gpu-01", 5), NOW - 161, AT,
    (
        Evidence("kern.log@gpu-01", NOW - 161, "NVRM: Xid (PCI:0000:05:00): 79, pid=41205, name=python3, GPU has fallen off the bus."),
        Evidence("kern.log@gpu-01", NOW - 160, "NVRM: GPU 0000:05:00.0: GPU has fallen off the bus."),
        Evidence("exporter-gpu-01", NOW - 158, "no longer lists GPU 5: 7 of 8 seen, for 2 min"),
    ),
    "The driver lost the device on the PCIe bus; nothing on it can be reached until the node is rebooted or power-cycled. "
    "Looks alike: An exporter that crashed lists no GPU at all (J2). "
    "Looks alike: Xid 79 on all GPUs of a node at once is its power or its PCIe switch (E1).",
    (
        Advice("keep new jobs off gpu-01", "scontrol update nodename=gpu-01 state=drain reason=gpu-watchdog"),
        Advice("look at the slot's errors", "dmesg -T | grep -E 'AER|pcieport'", gated=False),
        Advice("when its jobs are through, reboot the node; if it comes back lost, reseat or replace the board"),
    ),
    Affects(("812",), 8, 23.84), "f-9", "i-17", True, (), ("f-10", "f-11", "f-12"),
)  # fmt: skip
_JOB = Finding(
    "slurm.job_hit", "C4", "job 812: lost a GPU and hangs in its collective", "critical", FindingSubject(job="812"), NOW - 149, AT,
    (Evidence("slurm-812.out", NOW - 149, "NCCL WARN [Rank 5] Cuda failure 999 'unknown error'"),),
    "One rank is gone; the 11 others wait for it until NCCL's time-out.",
    (Advice("put the job back into the queue, from its last checkpoint", "scontrol requeue 812"),),
    Affects(("812",), 12, 35.76), "f-10", "i-17", False, ("f-9",), ("f-11",),
)  # fmt: skip
_ENGINE = Finding(
    "service.engine_dead", "H1", "vllm-01: the engine is dead", "critical", FindingSubject(service="vllm-01#nvidia/Nemotron-3-Nano-30B-A3B"), NOW - 118, AT,
    (Evidence("vllm-01.log", NOW - 118, "EngineDeadError: EngineCore encountered an issue. See stack trace above for the root cause."),),
    "The process that runs the model has gone; the server answers nothing but errors.",
    (Advice("restart the server on GPUs that are well", gated=True),),
    Affects((), 4, 11.92), "f-11", "i-17", False, ("f-10", "f-9"),
)  # fmt: skip
_GRES = Finding(
    "slurm.gres_missing", "F6", "gpu-01: Slurm counts fewer GPUs than it should", "warning", FindingSubject("gpu-01"), NOW - 41, AT,
    (Evidence("slurm", NOW - 41, "gres/gpu count reported lower than configured (7 < 8)"),),
    "slurmd sees 7 of the 8 GPUs that slurm.conf promises, and Slurm takes the node out by itself.",
    (Advice("keep new jobs off gpu-01 until all are back", "scontrol update nodename=gpu-01 state=drain reason='gpu-watchdog: F6'"),),
    Affects(("812",), 8, 23.84), "f-12", "i-17", False, ("f-9",),
)  # fmt: skip
_MEMORY = Finding(
    "gpu.row_remap_pending", "A3", "GPU gpu-02/2: a memory row waits for a reset to be replaced", "warning", FindingSubject("gpu-02", 2), NOW - 5 * 3600, AT,
    (Evidence("gpu.row_remap_pending", AT, "1, for 5 hours"),),
    "A row was marked bad; a spare one takes its place at the next reset.",
    (Advice("reset the GPU when it is idle next", "nvidia-smi --gpu-reset -i 2"),),
    Affects(("816",), 1, 2.98), "f-4", "i-12", True,
)  # fmt: skip
_CAPPED = Finding(
    "gpu.power_capped", "D4", "GPU gpu-02/6: at its power limit", "info", FindingSubject("gpu-02", 6), NOW - 900, AT,
    (Evidence("gpu.clock_event_reasons", AT, "SW power cap, for 15 min"),),
    "It does as much as its limit allows: no fault.", (), Affects((), 1, 2.98), "f-7", "i-15", True,
)  # fmt: skip
_STALL = Finding(
    "host.nfs_stall", "K3", "gpu-02: NFS server filer-1 does not answer", "critical", FindingSubject("gpu-02"), NOW - 9000, NOW - 8220,
    (
        Evidence("kern.log@gpu-02", NOW - 9000, "nfs: server filer-1 not responding, still trying"),
        Evidence("kern.log@gpu-02", NOW - 8220, "nfs: server filer-1 OK"),
    ),
    "Whoever reads from it hangs until it answers.",
    (Advice("see whether the server can be reached", "ping -c 3 filer-1", gated=False),),
    Affects(("815", "816"), 8, 23.84), "f-2", "i-9", True, (), ("f-3",),
)  # fmt: skip
_HUNG = Finding(
    "host.hung_task", "K5", "gpu-02: processes hang in the kernel", "warning", FindingSubject("gpu-02"), NOW - 8860, NOW - 8230,
    (Evidence("kern.log@gpu-02", NOW - 8860, "INFO: task python3:33127 blocked for more than 120 seconds."),),
    "They wait for a device or a server and cannot be ended.", (), Affects(("815", "816"), 8, 23.84), "f-3", "i-9", False, ("f-2",),
)  # fmt: skip
BLIND = (
    Blind("the kernel log of gpu-02", "no [[log]] of it is configured"),
    Blind("NVLink errors", "no source publishes them; the pod exporter and dcgm-exporter with its full list do"),
)


def _incident(root: Finding, *others: Finding, users: tuple[str, ...] = (), ended: float | None = None) -> Incident:
    """One incident out of its findings, the gravest of which comes first here."""
    findings = (root, *others)
    hit = max(findings, key=lambda one: one.affects.gpus).affects
    jobs = tuple(dict.fromkeys(job for one in findings for job in one.affects.jobs))
    severity = min((one.severity for one in findings), key=("critical", "warning", "info").index)
    last = max(one.last_seen for one in findings)
    return Incident(
        root.incident, root.id, root.title, severity, root.first_seen, last, tuple(one.id for one in findings),
        replace(hit, jobs=jobs), users, ended,
    )  # fmt: skip


def troubles() -> Diagnosis:
    """A GPU off the bus with three consequences, a row that waits, a power cap, an NFS stall that is over."""
    open_findings = (LOST, _JOB, _ENGINE, _GRES, _MEMORY, _CAPPED)
    incidents = (
        _incident(LOST, _JOB, _ENGINE, _GRES, users=("ana",)),
        _incident(_MEMORY, users=("svc",)),
        _incident(_CAPPED),
    )
    over = _incident(_STALL, _HUNG, users=("bo", "svc"), ended=NOW - 8215)
    return Diagnosis(AT, open_findings, incidents, BLIND, (over,), (_STALL, _HUNG))


def calm() -> Diagnosis:
    """Nothing is wrong, and one thing was not looked at."""
    return Diagnosis(AT, blind=BLIND[:1])


def hostile() -> Diagnosis:
    """One incident whose every text is made to do harm."""
    bad = FindingSubject(HOSTILE, 1)
    root = Finding(
        "x", HOSTILE, HOSTILE, "critical", bad, NOW - 60, AT, (Evidence(HOSTILE, NOW - 60, HOSTILE),), HOSTILE,
        (Advice(HOSTILE, HOSTILE),), Affects((HOSTILE,), 1, 1.0), "f-1", "i-1", True,
    )  # fmt: skip
    after = replace(root, id="f-2", root=False, caused_by=("f-1",), subject=FindingSubject(job=HOSTILE))
    return Diagnosis(AT, (root, after), (_incident(root, after, users=(HOSTILE,)),), (Blind(HOSTILE, HOSTILE),))


def many(incidents: int = 500, consequences: int = 0) -> Diagnosis:
    """So many incidents, the first of them with so many consequences."""
    roots = [
        replace(LOST, id=f"f-{number}", incident=f"i-{number}", first_seen=NOW - 60 - number, subject=FindingSubject(f"gpu-{number:03}", 5),
                title=f"GPU gpu-{number:03}/5: fell off the bus")
        for number in range(incidents)
    ]  # fmt: skip
    followed = [
        replace(_JOB, id=f"c-{number}", incident="i-0", caused_by=("f-0",), subject=FindingSubject(job=f"{900 + number}"),
                title=f"job {900 + number}: lost a GPU", first_seen=NOW - 59 + number / 20)
        for number in range(consequences)
    ]  # fmt: skip
    found = [_incident(roots[0], *followed), *(_incident(one) for one in roots[1:])]
    return Diagnosis(AT, (*roots, *followed), tuple(found))
