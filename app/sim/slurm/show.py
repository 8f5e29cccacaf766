"""What `scontrol show` prints in the simulated Slurm: records of `Key=value`, in one line or over several."""

from __future__ import annotations

import math
import time

from app.domain.hostlist import compress
from app.sim.slurm.job import CPUS_EACH, Job, memory, ranges
from app.sim.slurm.json_out import node_tres, used_gres
from app.sim.slurm.names import CLUSTER, HEAD, VERSION
from app.sim.slurm.nodes import Node
from app.sim.slurm.partitions import Partition
from app.sim.slurm.scene import Scene


def record(lines: list[str], *, is_one_line: bool) -> str:
    """A record as it is printed."""
    return (" ".join(lines) + "\n") if is_one_line else "\n   ".join(lines) + "\n\n"


def job_lines(job: Job, scene: Scene, *, has_details: bool) -> list[str]:
    """One job."""
    lines = [*_head(job), *_times(job, scene), *_place(job)]
    if has_details and job.holds and job.gpus:
        lines += _details(job)
    each = job.mib // max(1, job.node_count)
    lines += [
        f"MinCPUsNode={job.cpus // max(1, job.node_count)} MinMemoryNode={memory(each)} MinTmpDiskNode=0",
        "Features=(null) DelayBoot=00:00:00",
        "OverSubscribe=OK Contiguous=0 Licenses=(null) LicensesAlloc=(null) Network=(null)",
        f"Command={job.command or '(null)'}",
        f"WorkDir={job.work_dir}",
        *([f"Comment={job.comment}"] if job.comment else []),
        f"StdErr={job.stderr or job.stdout}",
        "StdIn=/dev/null",
        f"StdOut={job.stdout}",
    ]
    return [*lines, f"TresPerNode={job.gres}"] if job.per_node else lines


def _head(job: Job) -> list[str]:
    numbers = f"JobId={job.number}"
    if job.task is not None:
        numbers += f" ArrayJobId={job.array} ArrayTaskId={job.tasks or job.task}"
        numbers += f" ArrayTaskThrottle={job.throttle}" if job.throttle else ""
    if job.offset is not None:
        numbers += f" HetJobId={job.het} HetJobOffset={job.offset}"
    dependency = f"{job.dependency}(unfulfilled)" if job.dependency else "(null)"
    return [
        f"{numbers} JobName={job.name}",
        f"UserId={job.user}({job.uid}) GroupId={job.user}({job.uid}) MCS_label=N/A",
        f"Priority={job.priority} Nice={job.nice} Account={job.account} QOS={job.qos}",
        f"JobState={job.state} Reason={job.reason or 'None'} Dependency={dependency}",
        f"Requeue=1 Restarts={job.restarts} BatchFlag=1 Reboot=0 ExitCode={job.exit_code}:{job.exit_signal}",
    ]


def _times(job: Job, scene: Scene) -> list[str]:
    times, t = scene.times, scene.t
    until = job.end if job.end is not None else job.must_end() if job.start is not None else None
    is_suspended = job.state == "SUSPENDED"
    before = int(times.span(job.ran(t))) if is_suspended or job.paused_s else 0
    return [
        f"RunTime={times.long(job.ran(t))} TimeLimit={times.long(job.limit)} TimeMin=N/A",
        f"SubmitTime={times.stamp(job.submit)} EligibleTime={times.stamp(job.eligible, 'Unknown')}",
        f"AccrueTime={times.stamp(job.eligible, 'Unknown')}",
        f"StartTime={times.stamp(job.start, 'Unknown')} EndTime={times.stamp(until, 'Unknown')} Deadline=N/A",
        (
            f"SuspendTime={times.stamp(job.suspended_at, 'None')} SecsPreSuspend={before} "
            f"LastSchedEval={times.stamp(job.start if job.holds else job.submit)} Scheduler=Backfill"
        ),
    ]


def _place(job: Job) -> list[str]:
    wants = job.tres()
    return [
        f"Partition={job.partition} AllocNode:Sid={HEAD}:{4000 + job.id % 1000}",
        f"ReqNodeList={job.required or '(null)'} ExcNodeList=(null)",
        f"NodeList={job.node_list}",
        *([f"BatchHost={job.nodes[0]}"] if job.nodes else []),
        (
            f"NumNodes={job.node_count} NumCPUs={job.cpus} NumTasks={job.node_count} "
            f"CPUs/Task={job.cpus // max(1, job.node_count)} ReqB:S:C:T=0:0:*:*"
        ),
        f"ReqTRES={wants}",
        f"AllocTRES={'(null)' if job.is_pending else wants}",
        "Socks/Node=* NtasksPerN:B:S:C=0:0:*:* CoreSpec=*",
    ]


def _details(job: Job) -> list[str]:
    """Where the GPUs are: nodes with the same ones share a line."""
    lines = [f"JOB_GRES=gpu:{job.model}:{job.gpu_count}"]
    groups: dict[tuple[int, ...], list[str]] = {}
    for node, indices in job.by_node.items():
        groups.setdefault(indices, []).append(node)
    for indices, names in groups.items():
        cpus = ranges(tuple(cpu for one in indices for cpu in range(CPUS_EACH * one, CPUS_EACH * (one + 1))))
        mib = job.mib // max(1, job.gpu_count) * len(indices)
        lines.append(
            f"  Nodes={compress(names)} CPU_IDs={cpus} Mem={mib} "
            f"GRES=gpu:{job.model}:{len(indices)}(IDX:{ranges(indices)})"
        )
    return lines


def node_lines(node: Node, scene: Scene, *, has_details: bool) -> list[str]:
    """One node."""
    sim, times = node.sim, scene.times
    begins = scene.book.cluster.begins
    booted = times.stamp(begins - sim.up_s / scene.times.per_wall)
    used = f"cpu={node.cpus_used},mem={memory(node.mib_used)},gres/gpu={len(node.used)}" if node.used else ""
    lines = [
        f"NodeName={node.name} Arch=x86_64 CoresPerSocket={max(1, sim.cpus // 2)} ",
        f"CPUAlloc={node.cpus_used} CPUEfctv={sim.cpus} CPUTot={sim.cpus} CPULoad={node.cores_busy:.2f}",
        f"AvailableFeatures={node.model}",
        f"ActiveFeatures={node.model}",
        f"Gres={node.gres}",
        *(["GresDrain=N/A", f"GresUsed={used_gres(node)}"] if has_details else []),
        f"NodeAddr={node.name} NodeHostName={node.name} Version={VERSION}",
        "OS=Linux 6.8.0-60-generic #63-Ubuntu SMP PREEMPT_DYNAMIC ",
        (
            f"RealMemory={sim.memory_mib} AllocMem={node.mib_used} FreeMem={int(sim.memory_mib - 0.4 * node.mib_used)} "
            "Sockets=2 Boards=1"
        ),
        f"State={node.text} ThreadsPerCore=1 TmpDisk=0 Weight=1 Owner=N/A MCS_label=N/A",
        f"Partitions={','.join(node.partitions)} ",
        f"BootTime={booted} SlurmdStartTime={times.stamp(begins)}",
        f"LastBusyTime={times.stamp(node.busy_at)} ResumeAfterTime=None",
        f"CfgTRES={node_tres(node)}",
        f"AllocTRES={used}",
        "CurrentWatts=0 AveWatts=0",
    ]
    if node.reason is not None:
        why, by, at = node.reason
        lines.append(f"Reason={why} [{by}@{times.stamp(at)}]")
    return lines


def partition_lines(part: Partition, scene: Scene) -> list[str]:
    """One partition."""
    names = [name for name in part.nodes if name not in scene.book.deleted]
    gpus = scene.book.cluster.spec.gpus
    cpus = sum(scene.book.cluster.node(name).cpus for name in names)
    mib = sum(scene.book.cluster.node(name).memory_mib for name in names)
    longest = "UNLIMITED" if math.isinf(part.longest) else scene.times.long(part.longest)
    return [
        f"PartitionName={part.name}",
        "AllowGroups=ALL AllowAccounts=ALL AllowQos=ALL",
        f"AllocNodes=ALL Default={'YES' if part.is_default else 'NO'} QoS=N/A",
        (
            f"DefaultTime={scene.times.long(part.usual)} DisableRootJobs=NO ExclusiveUser=NO ExclusiveTopo=NO "
            "GraceTime=0 Hidden=NO"
        ),
        f"MaxNodes=UNLIMITED MaxTime={longest} MinNodes=0 LLN=NO MaxCPUsPerNode=UNLIMITED MaxCPUsPerSocket=UNLIMITED",
        f"Nodes={compress(names)}",
        f"PriorityJobFactor=1 PriorityTier={part.tier} RootOnly=NO ReqResv=NO OverSubscribe=NO",
        "OverTimeLimit=NONE PreemptMode=OFF",
        f"State=UP TotalCPUs={cpus} TotalNodes={len(names)} SelectTypeParameters=NONE",
        "JobDefaults=(null)",
        "DefMemPerNode=UNLIMITED MaxMemPerNode=UNLIMITED",
        f"TRES=cpu={cpus},mem={mib}M,node={len(names)},billing={cpus},gres/gpu={gpus * len(names)}",
    ]


def config_text(scene: Scene) -> str:
    """The controller's configuration, as far as somebody looks at it."""
    pairs = {
        "AccountingStorageTRES": "cpu,mem,energy,node,billing,gres/gpu",
        "AccountingStorageType": "accounting_storage/slurmdbd",
        "AccountingStoreFlags": "job_comment,job_script",
        "AuthType": "auth/munge",
        "BOOT_TIME": scene.times.stamp(scene.book.cluster.begins),
        "ClusterName": CLUSTER,
        "GresTypes": "gpu",
        "MaxArraySize": "1001",
        "MaxJobCount": "10000",
        "MinJobAge": "300 sec",
        "PriorityType": "priority/multifactor",
        "PrivateData": "none",
        "SchedulerType": "sched/backfill",
        "SelectType": "select/cons_tres",
        "SelectTypeParameters": "CR_CORE_MEMORY",
        "SlurmctldHost[0]": HEAD,
        "SlurmdTimeout": "30 sec",
        "SLURM_CONF": "/etc/slurm/slurm.conf",
        "SLURM_VERSION": VERSION,
    }
    lines = [f"Configuration data as of {scene.times.stamp(scene.t)}"]
    return "\n".join([*lines, *(f"{key:<23} = {value}" for key, value in pairs.items()), "", ""])


def ctime(epoch: float) -> str:
    """A moment as `ctime` writes it."""
    return time.strftime("%a %b %d %H:%M:%S %Y", time.localtime(epoch))
