"""What Slurm says of a planned cluster, as files that `slurm_fake.c` prints: tables, records and JSON of 24.11's shape.

A line holds for a span of time: a job that starts has one line for its waiting and one for its running. What changes
with every call (times used, free memory, loads) is a mark in the text that the program fills in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from app.domain.hostlist import compress
from tests.bench.slurm_cluster import CPUS_OF_GPU, DOWN, GPUS_OF_NODE, KINDS, MIB_OF_GPU, Job, Plan, host
from tests.bench.slurm_json import job_json

CPUS, MIB = CPUS_OF_GPU * GPUS_OF_NODE, 2_000_000
SEP = "\x1f"
_FOREVER = 4_000_000_000
_FREE_MIB, _LOAD = "9" + 5 * "\x01d", "4\x01d.\x01d\x01d"


def write(plan: Plan, folder: Path) -> None:
    """Write everything that the commands print."""
    jobs = list(_spans(plan))
    head = SEP.join(queue_row(plan.jobs[0], runs=True))
    rows = (
        _said(a, b, _compact(job, runs) + SEP + SEP.join(queue_row(job, runs).values())) for job, runs, a, b in jobs
    )
    _save(folder / "queue.tab", (head, *rows))
    whole = [(job, runs, a, b) for job, runs, a, b in jobs if _compact(job, runs) != "-"]
    _save(folder / "job.rec", (_said(a, b, job_record(job, runs)) for job, runs, a, b in whole))
    _save(
        folder / "json.rec",
        (
            '{"meta":{"plugin":{"data_parser":"data_parser/v0.0.42"},"slurm":{"release":"24.11.5"}},"errors":[],"jobs":[',
            *(_said(a, b, _json(job, runs)) for job, runs, a, b in whole),
        ),
    )
    nodes = list(_node_spans(plan))
    _save(
        folder / "sinfo.tab",
        (SEP.join(node_row(0, 0)), *(_said(a, b, SEP.join(node_row(n, u).values())) for n, u, a, b in nodes)),
    )
    _save(folder / "node.rec", (_said(a, b, node_record(n, u)) for n, u, a, b in nodes))
    _save(folder / "partition.rec", (_said(0, _FOREVER, _partition(kind)) for kind in KINDS))
    config = "Configuration data\nClusterName = bench-lab\nSLURM_VERSION = 24.11.5\nPriorityType = priority/multifactor"
    _save(folder / "config.rec", (_said(0, _FOREVER, line) for line in config.split("\n")))
    sdiag = "Server thread count:  3\nAgent queue size:     0\n\tLast cycle:   21500\n\tMean cycle:   19800"
    _save(folder / "sdiag.rec", (_said(0, _FOREVER, line) for line in sdiag.split("\n")))


def _json(job: Job, runs: bool) -> str:
    # JSON writes the mark as an escape; the program looks for the mark itself.
    return json.dumps(job_json(job, runs, queue_row(job, runs)), separators=(",", ":")).replace("\\u0001", "\x01")


def _said(since: int, until: int, text: str) -> str:
    return f"{since}{SEP}{until}{SEP}{text}"


def _save(path: Path, lines: Iterable[str]) -> None:
    path.write_text("\n".join(lines) + "\n")


def _spans(plan: Plan) -> Iterator[tuple[Job, bool, int, int]]:
    """Job, whether it runs, from when and until when; squeue's order would be by state, here it is by number."""
    for job in plan.jobs:
        since = job.submit if job.submit > plan.begin else 0
        if job.start is None or job.start > plan.begin:
            yield job, False, since, job.start or _FOREVER
        if job.start is not None:
            yield job, True, job.start if job.start > plan.begin else 0, job.end or _FOREVER


def _node_spans(plan: Plan) -> Iterator[tuple[int, int, int, int]]:
    """Node, bits of the GPUs in use, from when and until when."""
    for node, uses in plan.uses.items():
        for at, (since, bits) in enumerate(uses):
            yield node, bits, since, uses[at + 1][0] if at + 1 < len(uses) else _FOREVER


def _compact(job: Job, runs: bool) -> str:
    """What a list that keeps arrays together says in this row's place; `-`: nothing."""
    if job.array is None or runs:
        return ""
    number, task, last = job.array
    return f"{number}_[0-{last}%8]" if task == last else "-"


def _hosts(job: Job) -> str:
    return compress([host(node) for node, _ in job.places])


def _id(job: Job) -> str:
    if job.array is not None:
        return f"{job.array[0]}_{job.array[1]}"
    return f"{job.het[0]}+{job.het[1]}" if job.het is not None else str(job.number)


def _tres(job: Job) -> str:
    gpus = job.nodes * job.gpus
    return (
        f"cpu={gpus * CPUS_OF_GPU},mem={gpus * MIB_OF_GPU}M,node={job.nodes},billing={gpus * CPUS_OF_GPU},"
        f"gres/gpu={gpus},gres/gpu:{job.kind}={gpus}"
    )


def _limit(seconds: int) -> str:
    days, hours = divmod(seconds // 3600, 24)
    return f"{days}-{hours:02d}:00:00" if days else f"{hours:02d}:00:00"


def _index_text(indices: Iterable[int]) -> str:
    return compress([str(at) for at in indices]).strip("[]") or "N/A"


def queue_row(job: Job, runs: bool) -> dict[str, str]:
    """The columns of squeue that anybody asks for; the id is the first."""
    start, end = (job.start or 0, (job.start or 0) + job.limit_s) if runs else (0, 0)
    cpus = str(job.nodes * job.gpus * CPUS_OF_GPU)
    log = f"/home/{job.user}/runs/slurm-{job.number}.out"
    array, task = (str(job.array[0]), str(job.array[1])) if job.array else (str(job.number), "N/A")
    return {
        "JobArrayID": _id(job), "JobID": str(job.number if runs or not job.array else job.array[0]),
        "Name": job.name, "UserName": job.user, "Account": job.account, "Partition": job.kind, "QOS": "normal",
        "State": "RUNNING" if runs else "PENDING", "StateCompact": "R" if runs else "PD",
        "Reason": "None" if runs else job.reason, "TimeUsed": f"\x01e{start};" if runs else "0:00",
        "TimeLeft": f"\x01l{end};" if runs else _limit(job.limit_s), "TimeLimit": _limit(job.limit_s),
        "StartTime": f"\x01t{start};" if runs else "N/A", "EndTime": f"\x01t{end};" if runs else "N/A",
        "SubmitTime": f"\x01t{job.submit};", "EligibleTime": f"\x01t{job.submit};",
        "NodeList": _hosts(job) if runs else "", "NumNodes": str(job.nodes), "NumCPUs": cpus,
        "NumTasks": str(job.nodes), "MinMemory": f"{job.gpus * MIB_OF_GPU}M", "Nice": "0",
        "PriorityLong": str(job.priority),
        "ArrayJobID": array, "ArrayTaskID": task, "HetJobID": str(job.het[0]) if job.het else "N/A",
        "HetJobOffset": str(job.het[1]) if job.het else "N/A",
        "Dependency": f"afterok:{job.number - 1}(unfulfilled)" if job.reason == "Dependency" and not runs else "(null)",
        "Reservation": "(null)", "Feature": "(null)", "ReqNodes": "", "RestartCnt": "0", "Requeue": "1",
        "exit_code": "0:0", "LastSchedEval": f"\x01t{start or job.submit};",
        "tres-alloc": _tres(job) if runs else "N/A", "tres-per-job": "N/A", "tres-per-socket": "N/A",
        "tres-per-node": f"gres/gpu:{job.kind}:{job.gpus}",
        "tres-per-task": "N/A", "STDOUT": log, "STDERR": log, "Command": f"/home/{job.user}/runs/job.sh",
        "WorkDir": f"/home/{job.user}/runs",
    }  # fmt: skip


def job_record(job: Job, runs: bool) -> str:
    """A line of `scontrol -o -d show job`."""
    row = queue_row(job, runs)
    array = (
        f" ArrayJobId={job.array[0]} ArrayTaskId={job.array[1] if runs else f'0-{job.array[2]}%8'}" if job.array else ""
    )
    het = (
        f" HetJobId={job.het[0]} HetJobOffset={job.het[1]} HetJobIdSet={job.het[0]}-{job.het[0] + 1}" if job.het else ""
    )
    held = "".join(
        f" Nodes={host(node)} CPU_IDs=0-{len(at) * CPUS_OF_GPU - 1} Mem={len(at) * MIB_OF_GPU}"
        f" GRES=gpu:{job.kind}:{len(at)}(IDX:{_index_text(at)})"
        for node, at in job.places
        if runs
    )
    gres = f" JOB_GRES=gpu:{job.kind}:{job.nodes * job.gpus}{held}" if runs else ""
    return (
        f"JobId={row['JobID']}{array}{het} JobName={row['Name']} UserId={job.user}(2001) GroupId=staff(50)"
        f" MCS_label=N/A Priority={job.priority} Nice=0 Account={job.account} QOS=normal JobState={row['State']}"
        f" Reason={row['Reason'].replace(' ', '_')} Dependency={row['Dependency']} Requeue=1 Restarts=0 BatchFlag=1"
        f" Reboot=0 ExitCode=0:0 DerivedExitCode=0:0 RunTime={row['TimeUsed'].replace(chr(1) + 'e', chr(1) + 'E')}"
        f" TimeLimit={row['TimeLimit']} TimeMin=N/A SubmitTime={row['SubmitTime']} EligibleTime={row['EligibleTime']}"
        f" AccrueTime={row['SubmitTime']} StartTime={row['StartTime'].replace('N/A', 'Unknown')}"
        f" EndTime={row['EndTime'].replace('N/A', 'Unknown')} Deadline=N/A SuspendTime=None SecsPreSuspend=0"
        f" LastSchedEval={row['LastSchedEval']} Scheduler=Backfill Partition={job.kind} AllocNode:Sid=login-1:41288"
        f" ReqNodeList=(null) ExcNodeList=(null) NodeList={row['NodeList']}"
        f"{f' BatchHost={host(job.places[0][0])}' if runs else ''} NumNodes={job.nodes} NumCPUs={row['NumCPUs']}"
        f" NumTasks={job.nodes} CPUs/Task={job.gpus * CPUS_OF_GPU} ReqB:S:C:T=0:0:*:* ReqTRES={_tres(job)}"
        f" AllocTRES={_tres(job) if runs else '(null)'} Socks/Node=* NtasksPerN:B:S:C=0:0:*:* CoreSpec=*{gres}"
        f" MinCPUsNode={job.gpus * CPUS_OF_GPU} MinMemoryNode={row['MinMemory']} MinTmpDiskNode=0 Features=(null)"
        f" DelayBoot=00:00:00 OverSubscribe=OK Contiguous=0 Licenses=(null) LicensesAlloc=(null) Network=(null)"
        f" Command={row['Command']} WorkDir={row['WorkDir']} StdErr={row['STDERR']} StdIn=/dev/null"
        f" StdOut={row['STDOUT']} TresPerNode=gres/gpu:{job.kind}:{job.gpus} "
    )


def _state(node: int, used: int) -> tuple[str, str]:
    """A node's state for scontrol, and sinfo's short word."""
    if node in DOWN:
        return "DOWN+NOT_RESPONDING", "down*"
    words, short = ("IDLE", "idle") if not used else ("MIXED", "mix") if used != 0xFF else ("ALLOCATED", "alloc")
    return (f"{words}+DRAIN", "drng" if used else "drain") if node % 53 == 7 else (words, short)


def _gres_used(node: int, used: int) -> str:
    at = [bit for bit in range(GPUS_OF_NODE) if used >> bit & 1]
    return f"gpu:{_kind(node)}:{len(at)}(IDX:{_index_text(at)})"


def _kind(node: int) -> str:
    return next(kind for kind, (first, last) in KINDS.items() if first <= node < last)


def node_row(node: int, used: int) -> dict[str, str]:
    """The columns of sinfo that anybody asks for."""
    cpus = used.bit_count() * CPUS_OF_GPU
    other = CPUS - cpus if node in DOWN else 0
    return {
        "NodeHost": host(node), "NodeList": host(node), "StateCompact": _state(node, used)[1], "CPUs": str(CPUS),
        "CPUsState": f"{cpus}/{CPUS - cpus - other}/{other}/{CPUS}", "Memory": str(MIB), "FreeMem": _FREE_MIB,
        "CPUsLoad": _LOAD,
        "Gres": f"gpu:{_kind(node)}:{GPUS_OF_NODE}(S:0-1)", "GresUsed": _gres_used(node, used),
        "Partition": _kind(node), "SocketCoreThread": "2:48:1", "Reason": _reason(node) or "none",
    }  # fmt: skip


def _reason(node: int) -> str:
    return "Not responding" if node in DOWN else "Xid 79 on GPU 3, RMA 4411" if node % 53 == 7 else ""


def node_record(node: int, used: int) -> str:
    """A line of `scontrol -o -d show node`."""
    kind, gpus, why = _kind(node), used.bit_count(), _reason(node)
    tres = f"cpu={gpus * CPUS_OF_GPU},mem={gpus * MIB_OF_GPU}M,gres/gpu={gpus},gres/gpu:{kind}={gpus}"
    return (
        f"NodeName={host(node)} Arch=x86_64 CoresPerSocket=48  CPUAlloc={gpus * CPUS_OF_GPU} CPUEfctv={CPUS}"
        f" CPUTot={CPUS} CPULoad={_LOAD} AvailableFeatures={kind},nvlink,ib ActiveFeatures={kind},nvlink,ib"
        f" Gres=gpu:{kind}:{GPUS_OF_NODE}(S:0-1) GresDrain=N/A GresUsed={_gres_used(node, used)}"
        f" NodeAddr=10.{node // 250}.{node % 250}.1 NodeHostName={host(node)} Version=24.11.5"
        f" OS=Linux 5.15.0-130-generic #140-Ubuntu SMP"
        f" RealMemory={MIB} AllocMem={gpus * MIB_OF_GPU} FreeMem={_FREE_MIB} Sockets=2 Boards=1"
        f" State={_state(node, used)[0]} ThreadsPerCore=1 TmpDisk=0 Weight=1 Owner=N/A MCS_label=N/A"
        f" Partitions={kind}  BootTime=\x01t1764000000; SlurmdStartTime=\x01t1764000100; LastBusyTime=\x01t1764600000;"
        f" ResumeAfterTime=None CfgTRES=cpu={CPUS},mem={MIB}M,billing={CPUS},gres/gpu={GPUS_OF_NODE}"
        f",gres/gpu:{kind}={GPUS_OF_NODE} AllocTRES={tres if gpus else ''} CurrentWatts=0 AveWatts=0"
        f" {f'Reason={why} [root@2026-01-02T03:04:05]' if why else ''}"
    )


def _partition(kind: str) -> str:
    first, last = KINDS[kind]
    return (
        f"PartitionName={kind} AllowGroups=ALL AllowAccounts=ALL AllowQos=ALL AllocNodes=ALL"
        f" Default={'YES' if first == 0 else 'NO'} QoS=N/A DefaultTime=04:00:00 DisableRootJobs=NO ExclusiveUser=NO"
        f" GraceTime=0 Hidden=NO MaxNodes=UNLIMITED MaxTime=7-00:00:00 MinNodes=0 LLN=NO"
        f" Nodes=gpu-[{first + 1:04d}-{last:04d}] PriorityJobFactor=1 PriorityTier=1 RootOnly=NO ReqResv=NO"
        f" OverSubscribe=NO State=UP TotalCPUs={(last - first) * CPUS} TotalNodes={last - first}"
    )
