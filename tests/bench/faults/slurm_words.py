"""Slurm's own words for a small cluster: what squeue, scontrol and sdiag print of it."""
# ruff: noqa: E501 - lines of logs and tables read best unbroken

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.domain.hostlist import compress
from app.sources.slurm.queue_rows import COLUMNS
from app.sources.slurm.squeue import SEPARATOR

CPUS = 192
MEMORY_MIB = 2_000_000
GPUS = 8


@dataclass(frozen=True, slots=True)
class Job:
    """One job."""

    id: int
    user: str
    name: str
    state: str = "RUNNING"
    gpus: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Node → the indices that it holds there."""
    wants: int = 0
    """GPUs, of one that waits."""
    reason: str = "None"
    submitted: float = 0.0
    started: float | None = None
    ended: float | None = None
    limit_s: float = 172800.0
    exit: str = "0:0"
    requeued: int = 0
    held: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """What one that ended had held."""

    @property
    def count(self) -> int:
        """GPUs it has or wants."""
        return sum(map(len, (self.gpus or self.held).values())) or self.wants

    @property
    def hosts(self) -> str:
        """Its host list."""
        return compress(list(self.gpus or self.held))

    def over(self, state: str, at: float, code: str = "0:0") -> Job:
        """The job once it has ended."""
        return replace(self, state=state, ended=at, exit=code, gpus={}, held=self.gpus or self.held)


@dataclass(frozen=True, slots=True)
class NodeWords:
    """What Slurm says of a node beside what its jobs tell."""

    flags: str = ""
    """`DRAIN`, `NOT_RESPONDING`, …, joined by `+`."""
    base: str = ""
    """State in place of the one its jobs give it: `DOWN`, `INVAL`."""
    reason: str = ""
    by: str = "root"
    at: float = 0.0
    boot_at: float | None = None


def queue(jobs: Sequence[Job], now: float, mark: str) -> str:
    """The answer of squeue."""
    return "".join(_row(job, now, mark) for job in jobs)


def _row(job: Job, now: float, mark: str) -> str:
    ran = max(0.0, (job.ended or now) - job.started) if job.started is not None else 0.0
    hours, rest = divmod(int(ran), 3600)
    tres = f"cpu={8 * job.count},mem={100 * job.count}G,node={max(1, len(job.gpus or job.held))},billing=8"
    tres += f",gres/gpu={job.count}" if job.count else ""
    end = job.ended if job.ended is not None else (job.started or now) + job.limit_s if job.started else None
    cells = {
        "JobArrayID": str(job.id), "TimeUsed": f"{hours}:{rest // 60:02d}:{rest % 60:02d}", "JobID": str(job.id),
        "State": job.state, "Reason": job.reason, "UserName": job.user, "Account": "lab", "Partition": "gpu",
        "QOS": "normal", "NodeList": job.hosts, "PriorityLong": "1000", "SubmitTime": _stamp(job.submitted),
        "EligibleTime": _stamp(job.submitted), "StartTime": _stamp(job.started), "EndTime": _stamp(end),
        "LastSchedEval": _stamp(job.started), "ArrayTaskID": "N/A", "ArrayJobID": str(job.id),
        "TimeLimit": _limit(job.limit_s), "NumNodes": str(max(1, len(job.gpus or job.held))),
        "NumCPUs": str(8 * job.count or 8), "NumTasks": str(max(1, job.count)), "HetJobID": "N/A",
        "HetJobOffset": "N/A", "Dependency": "(null)", "Reservation": "(null)", "Feature": "(null)", "ReqNodes": "",
        "RestartCnt": str(job.requeued), "Requeue": "1", "exit_code": job.exit.partition(":")[0], "tres-alloc": tres,
        "tres-per-job": "N/A", "tres-per-node": "N/A", "tres-per-socket": "N/A", "tres-per-task": "N/A",
        "Name": job.name,
    }  # fmt: skip
    first, *others = COLUMNS
    row = f"{cells[first]}{SEPARATOR}{mark}{SEPARATOR}"
    return row + "".join(f"{cells[name]}{SEPARATOR}" for name in others) + "\n"


def _stamp(at: float | None) -> str:
    return "N/A" if at is None else f"{at:.0f}"


def _limit(seconds: float) -> str:
    days, rest = divmod(int(seconds), 86400)
    return (
        f"{days}-{rest // 3600:02d}:{rest % 3600 // 60:02d}:00"
        if days
        else f"{rest // 3600}:{rest % 3600 // 60:02d}:00"
    )


def details(jobs: Sequence[Job]) -> str:
    """The answer of `scontrol -o -d show job`."""
    return "".join(map(_job, jobs)) or "No jobs in the system\n"


def _job(job: Job) -> str:
    places = " ".join(
        f"Nodes={node} CPU_IDs=0-{8 * len(held) - 1} Mem={100 * len(held)} "
        f"GRES=gpu:h100:{len(held)}(IDX:{','.join(map(str, held))})"
        for node, held in job.gpus.items()
    )
    tres = f"cpu={8 * job.count},mem={100 * job.count}G,node={max(1, len(job.gpus or job.held))},billing=8"
    tres += f",gres/gpu={job.count}"
    alloc = tres if job.gpus else "(null)"
    end = job.ended if job.ended is not None else None if job.started is None else job.started + job.limit_s
    return (
        f"JobId={job.id} JobName={job.name} UserId={job.user}(2001) GroupId={job.user}(2001) MCS_label=N/A "
        f"Priority=1000 Nice=0 Account=lab QOS=normal JobState={job.state} Reason={job.reason} Dependency=(null) "
        f"Requeue=1 Restarts={job.requeued} BatchFlag=1 Reboot=0 ExitCode={job.exit} RunTime=00:10:00 "
        f"TimeLimit={_limit(job.limit_s)} TimeMin=N/A SubmitTime={_stamp(job.submitted)} "
        f"EligibleTime={_stamp(job.submitted)} AccrueTime=Unknown StartTime={_stamp(job.started)} "
        f"EndTime={_stamp(end)} Deadline=N/A SuspendTime=None SecsPreSuspend=0 Partition=gpu AllocNode:Sid=head:4000 "
        f"ReqNodeList=(null) ExcNodeList=(null) NodeList={job.hosts or '(null)'} "
        f"NumNodes={max(1, len(job.gpus or job.held))} NumCPUs={8 * job.count or 8} NumTasks={max(1, job.count)} "
        f"CPUs/Task=8 ReqB:S:C:T=0:0:*:* ReqTRES={tres} AllocTRES={alloc} Socks/Node=* NtasksPerN:B:S:C=0:0:*:* "
        f"CoreSpec=* {places} MinCPUsNode=8 MinMemoryNode=100G MinTmpDiskNode=0 Features=(null) DelayBoot=00:00:00 "
        f"OverSubscribe=OK Contiguous=0 Licenses=(null) Network=(null) Command=/home/{job.user}/run.sh "
        f"WorkDir=/home/{job.user} StdErr=/home/{job.user}/{job.id}.err StdIn=/dev/null "
        f"StdOut=/home/{job.user}/{job.id}.out\n"
    )


def nodes(words: Mapping[str, NodeWords], jobs: Sequence[Job], boots: Mapping[str, float], now: float) -> str:
    """The answer of `scontrol -o -d show node`."""
    return "".join(_node(name, said, jobs, said.boot_at or boots[name], now) for name, said in words.items())


def _node(name: str, said: NodeWords, jobs: Sequence[Job], boot_at: float, now: float) -> str:
    used = sorted(index for job in jobs for index in job.gpus.get(name, ()))
    state = said.base or ("IDLE" if not used else "ALLOCATED" if len(used) == GPUS else "MIXED")
    state += f"+{said.flags}" if said.flags else ""
    indices = ",".join(map(str, used)) or "N/A"
    reason = f" Reason={said.reason} [{said.by}@{said.at or now:.0f}]" if said.reason else ""
    return (
        f"NodeName={name} Arch=x86_64 CoresPerSocket=96 CPUAlloc={8 * len(used)} CPUEfctv={CPUS} CPUTot={CPUS} "
        f"CPULoad=40.10 AvailableFeatures=h100 ActiveFeatures=h100 Gres=gpu:h100:{GPUS}(S:0-1) "
        f"GresDrain=N/A GresUsed=gpu:h100:{len(used)}(IDX:{indices}) NodeAddr={name} NodeHostName={name} Version=24.11.5 "
        f"OS=Linux 6.8.0-60-generic #63-Ubuntu SMP PREEMPT_DYNAMIC RealMemory={MEMORY_MIB} "
        f"AllocMem={100_000 * len(used)} FreeMem=900000 Sockets=2 Boards=1 State={state} ThreadsPerCore=1 TmpDisk=0 "
        f"Weight=1 Owner=N/A MCS_label=N/A Partitions=gpu BootTime={boot_at:.0f} SlurmdStartTime={boot_at + 60:.0f} "
        f"LastBusyTime={now:.0f} ResumeAfterTime=None CfgTRES=cpu={CPUS},mem={MEMORY_MIB}M,billing={CPUS},gres/gpu={GPUS} "
        f"AllocTRES=gres/gpu={len(used)} CurrentWatts=0 AveWatts=0{reason}\n"
    )


def partitions(names: Sequence[str]) -> str:
    """The answer of `scontrol -o show partition`."""
    count = len(names)
    return (
        "PartitionName=gpu AllowGroups=ALL AllowAccounts=ALL AllowQos=ALL AllocNodes=ALL Default=YES QoS=N/A "
        "DefaultTime=1-00:00:00 DisableRootJobs=NO ExclusiveUser=NO GraceTime=0 Hidden=NO MaxNodes=UNLIMITED "
        f"MaxTime=7-00:00:00 MinNodes=0 Nodes={compress(list(names))} PriorityJobFactor=1 PriorityTier=1 State=UP "
        f"TotalCPUs={CPUS * count} TotalNodes={count} SelectTypeParameters=NONE "
        f"TRES=cpu={CPUS * count},mem={MEMORY_MIB * count}M,node={count},billing={CPUS * count},gres/gpu={GPUS * count}\n"
    )


def diagnostics(*, cycle_us: int = 3600, dbd: int = 0, threads: int = 1) -> str:
    """The answer of sdiag."""
    return (
        "*******************************************************\nsdiag output at Fri Jul 31 03:53:19 2026\n"
        f"*******************************************************\nServer thread count:  {threads}\n"
        f"RPC queue enabled:    0\nAgent queue size:     0\nAgent count:          0\nDBD Agent queue size: {dbd}\n\n"
        "Jobs submitted: 14\nJobs started:   8\nJobs pending:   1\nJobs running:   4\n\n"
        f"Main schedule statistics (microseconds):\n\tLast cycle:   {cycle_us}\n\tMax cycle:    {cycle_us}\n"
        f"\tTotal cycles: 50\n\tMean cycle:   {cycle_us}\n\tCycles per minute: 5\n\tLast queue length: 14\n\n"
        "Backfilling stats\n\tTotal cycles: 10\n\tLast cycle: 900\n"
    )
