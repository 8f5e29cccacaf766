"""Builders of Slurm's output: rows of squeue, records of scontrol, JSON of two dialects. All of it is made up."""

from __future__ import annotations

from typing import Any

from app.sources.slurm.queue_rows import COLUMNS
from app.sources.slurm.squeue import MARK, SEPARATOR

START = 1_800_000_000
QUEUE = {
    "JobArrayID": "812", "TimeUsed": "1:00:00", "JobID": "812", "State": "RUNNING", "Reason": "None",
    "UserName": "ana", "Account": "lab", "Partition": "gpu", "QOS": "normal", "NodeList": "gpu-[01-02]",
    "NumNodes": "2", "NumCPUs": "16", "NumTasks": "2", "PriorityLong": "4294901757", "SubmitTime": str(START - 60),
    "EligibleTime": str(START - 60), "StartTime": str(START), "EndTime": str(START + 7200), "TimeLimit": "2:00:00",
    "ArrayTaskID": "N/A", "ArrayJobID": "812", "HetJobID": "N/A", "HetJobOffset": "N/A", "Dependency": "(null)",
    "Reservation": "(null)", "Feature": "(null)", "ReqNodes": "", "RestartCnt": "0", "Requeue": "1",
    "exit_code": "0:0", "LastSchedEval": str(START), "tres-alloc": "cpu=16,mem=64G,node=2,billing=16,gres/gpu=8",
    "tres-per-job": "N/A", "tres-per-node": "gres/gpu:h100:4", "tres-per-socket": "N/A", "tres-per-task": "N/A",
    "Name": "llama-ft",
}  # fmt: skip


def queue_row(mark: str = MARK, **changes: str) -> str:
    """One row of squeue; names of columns with a hyphen are given with an underscore."""
    cells = QUEUE | {name if name in QUEUE else name.replace("_", "-"): value for name, value in changes.items()}
    first, *rest = (cells[name] for name in COLUMNS)
    return SEPARATOR.join([first, mark, *rest]) + SEPARATOR


def queue(*rows: str) -> bytes:
    """What squeue prints."""
    return "".join(f"{row}\n" for row in rows).encode("utf-8", "surrogateescape")


PENDING = {
    "State": "PENDING", "Reason": "Resources", "NodeList": "", "StartTime": "N/A", "EndTime": "N/A", "TimeUsed": "0:00"
}  # fmt: skip

JOB = """JobId=812 JobName=llama-ft
   UserId=ana(2001) GroupId=ana(2001) MCS_label=N/A
   Priority=4294901757 Nice=0 Account=lab QOS=normal
   JobState=RUNNING Reason=None Dependency=(null)
   Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode=0:0
   RunTime=01:00:00 TimeLimit=02:00:00 TimeMin=N/A
   SubmitTime=1799999940 EligibleTime=1799999940
   StartTime=1800000000 EndTime=1800007200 Deadline=N/A
   SuspendTime=None SecsPreSuspend=0 LastSchedEval=1800000000 Scheduler=Main
   Partition=gpu AllocNode:Sid=head:0
   ReqNodeList=(null) ExcNodeList=gpu-09
   NodeList=gpu-[01-03]
   BatchHost=gpu-02
   NumNodes=3 NumCPUs=24 NumTasks=3 CPUs/Task=8 ReqB:S:C:T=0:0:*:*
   ReqTRES=cpu=24,mem=96G,node=3,billing=24,gres/gpu=12
   AllocTRES=cpu=24,mem=96G,node=3,billing=24,gres/gpu=12
   Socks/Node=* NtasksPerN:B:S:C=0:0:*:* CoreSpec=*
   JOB_GRES=gpu:h100:12
     Nodes=gpu-02 CPU_IDs=0-7 Mem=32768 GRES=gpu:h100:4(IDX:4-7)
     Nodes=gpu-[01,03] CPU_IDs=0-7 Mem=32768 GRES=gpu:h100:4(IDX:0-2,5)
   MinCPUsNode=8 MinMemoryNode=32G MinTmpDiskNode=0
   Features=(null) DelayBoot=00:00:00
   OverSubscribe=OK Contiguous=0 Licenses=(null) Network=(null)
   Command=/home/ana/train.sh --lr=3 LR=4
   WorkDir=/home/ana
   Comment=first try
   StdErr=/home/ana/llama-ft-812.err
   StdIn=/dev/null
   StdOut=/home/ana/llama-ft-812.out
   TresPerNode=gres/gpu:h100:4
"""
NODE = """NodeName=gpu-01 Arch=x86_64 CoresPerSocket=32
   CPUAlloc=16 CPUEfctv=64 CPUTot=64 CPULoad=3.25
   AvailableFeatures=h100,nvlink
   ActiveFeatures=h100,nvlink
   Gres=gpu:h100:8(S:0-1)
   GresDrain=N/A
   GresUsed=gpu:h100:4(IDX:0-2,5)
   NodeAddr=10.0.0.1 NodeHostName=gpu-01 Version=23.11.4
   OS=Linux 5.15.0 #1 SMP PREEMPT
   RealMemory=1000000 AllocMem=32768 FreeMem=900000 Sockets=2 Boards=1
   State=MIXED+DRAIN+DYNAMIC_NORM ThreadsPerCore=1 TmpDisk=0 Weight=1 Owner=N/A MCS_label=N/A
   Partitions=gpu,debug
   BootTime=1799990000 SlurmdStartTime=1799990060
   LastBusyTime=1800000000
   CfgTRES=cpu=64,mem=1000000M,billing=64,gres/gpu=8
   AllocTRES=cpu=16,mem=32G,gres/gpu=4
   Reason=fell off the bus [root@1800000300]
   InstanceId=pod-7 InstanceType=H100x8
"""
PARTITION = """PartitionName=gpu
   AllowGroups=ALL AllowAccounts=lab,ops AllowQos=ALL
   AllocNodes=ALL Default=YES QoS=N/A
   DefaultTime=01:00:00 DisableRootJobs=NO ExclusiveUser=NO GraceTime=0 Hidden=NO
   MaxNodes=4 MaxTime=7-00:00:00 MinNodes=0 LLN=NO MaxCPUsPerNode=UNLIMITED
   Nodes=gpu-[01-03]
   PriorityJobFactor=1 PriorityTier=5 RootOnly=NO ReqResv=NO OverSubscribe=NO
   State=DRAIN TotalCPUs=192 TotalNodes=3 SelectTypeParameters=NONE
"""


def one_line(record: str) -> str:
    """A record as `scontrol -o` prints it."""
    return " ".join(line.strip() for line in record.splitlines())


def job_record(**changes: str) -> str:
    """A job's record in one line, with the first word of some of its values changed."""
    text = one_line(JOB)
    for key, value in changes.items():
        old = next(word for word in text.split(" ") if word.startswith(f"{key}="))
        text = text.replace(old, f"{key}={value}", 1)
    return text


def struct(number: float | None = None, *, infinite: bool = False) -> dict[str, Any]:
    """A number of v0.0.39 and later."""
    return {"set": number is not None, "infinite": infinite, "number": number or 0}


def json_job(**changes: object) -> dict[str, Any]:
    """A job of v0.0.40 and later."""
    return {
        "job_id": 812, "array_job_id": struct(0), "array_task_id": struct(), "array_task_string": "",
        "array_max_tasks": struct(0), "het_job_id": struct(0), "het_job_offset": struct(0), "name": "llama-ft",
        "user_name": "ana", "account": "lab", "partition": "gpu", "qos": "normal", "job_state": ["RUNNING"],
        "state_reason": "None", "nodes": "gpu-[02,01]", "node_count": struct(2), "cpus": struct(16),
        "tasks": struct(2), "priority": struct(100), "submit_time": struct(START - 60),
        "start_time": struct(START), "end_time": struct(START + 7200), "time_limit": struct(120),
        "gres_detail": ["gpu:h100:2(IDX:4-5)", "gpu:h100:2(IDX:0-1)"], "tres_alloc_str": "cpu=16,mem=64G,node=2",
        "tres_req_str": "", "tres_per_job": "", "tres_per_node": "gres/gpu:h100:2", "tres_per_socket": "",
        "tres_per_task": "", "requeue": True, "restart_cnt": 0, "standard_output": "/home/ana/%x-%j.out",
        "current_working_directory": "/home/ana", "exit_code": {"status": ["SUCCESS"], "return_code": struct(0)},
    } | changes  # fmt: skip


def old_json_job(**changes: object) -> dict[str, Any]:
    """A job of v0.0.37 and v0.0.38."""
    return {
        "job_id": 812, "array_job_id": 0, "array_task_id": None, "array_task_string": "", "het_job_id": 0,
        "het_job_offset": 0, "name": "llama-ft", "user_name": "ana", "account": "lab", "partition": "gpu",
        "qos": "normal", "job_state": "RUNNING", "state_reason": "None", "nodes": "gpu-[02,01]", "node_count": 2,
        "cpus": 16, "tasks": 2, "priority": 100, "submit_time": START - 60, "start_time": START,
        "end_time": START + 7200, "time_limit": 120, "gres_detail": ["gpu:h100:2(IDX:4-5)", "gpu:h100:2(IDX:0-1)"],
        "tres_alloc_str": "cpu=16,mem=64G,node=2", "tres_req_str": "", "tres_per_job": "",
        "tres_per_node": "gres:gpu:h100:2", "tres_per_socket": "", "tres_per_task": "", "requeue": True,
        "restart_cnt": 0, "standard_output": "/home/ana/%x-%j.out", "current_working_directory": "/home/ana",
        "exit_code": 0,
    } | changes  # fmt: skip


def answer(key: str, *rows: object, **more: object) -> dict[str, Any]:
    """An answer of v0.0.44."""
    meta = {
        "plugin": {"type": "openapi/slurmctld", "data_parser": "data_parser/v0.0.44"},
        "slurm": {"version": {"major": "25"}, "release": "25.11.0", "cluster": "c1"},
    }
    return {key: list(rows), "meta": meta, "errors": [], "warnings": []} | more
