"""The cluster's configuration files, as text. Facts: slurm.conf(5), gres.conf(5), slurmdbd.conf(5)."""

from __future__ import annotations

from tests.real.slurm.releases import Version, cgroup_plugin

HEAD = "head"
GPUS = 8
CPUS = 64
SLURMD_TIMEOUT_S = 3
"""Slurm calls a silent node DOWN only some of its own rounds later: with 2 after 8-10 s, with 8 after 16-19 s."""

JWT_KEY = "/var/spool/slurmctld/jwt_hs256.key"
DATABASE = "slurm_acct_db"

_SLURM = {
    "ClusterName": "lab",
    "SlurmctldHost": HEAD,
    "SlurmUser": "slurm",
    "AuthType": "auth/munge",
    "AuthAltTypes": "auth/jwt",
    "AuthAltParameters": f"jwt_key={JWT_KEY}",
    "SlurmctldParameters": "enable_configless",
    # Workers promise more processors and memory than the machine has; without this they are INVALID_REG.
    "SlurmdParameters": "config_overrides",
    "StateSaveLocation": "/var/spool/slurmctld",
    "SlurmdSpoolDir": "/var/spool/slurmd",
    "SlurmctldPidFile": "/run/slurmctld.pid",
    "SlurmdPidFile": "/run/slurmd.pid",
    "SlurmctldLogFile": "/var/log/slurm/slurmctld.log",
    "SlurmdLogFile": "/var/log/slurm/slurmd.log",
    "ProctrackType": "proctrack/linuxproc",
    "TaskPlugin": "task/none",
    "JobAcctGatherType": "jobacct_gather/linux",
    "JobAcctGatherFrequency": "task=5",
    "MpiDefault": "none",
    "ReturnToService": "2",
    "SlurmctldTimeout": "10",
    "SlurmdTimeout": str(SLURMD_TIMEOUT_S),
    "MessageTimeout": "5",
    "KillWait": "2",
    "InactiveLimit": "0",
    "MinJobAge": "300",
    "Waittime": "0",
    "PropagateResourceLimits": "NONE",
    "SchedulerType": "sched/backfill",
    "SchedulerParameters": "sched_interval=2,bf_interval=2,batch_sched_delay=0",
    "SelectType": "select/cons_tres",
    "SelectTypeParameters": "CR_CPU_Memory",
    "DefMemPerCPU": "1000",
    "GresTypes": "gpu",
    "MaxNodeCount": "64",
    "TreeWidth": "65533",
    "JobRequeue": "1",
}
_ACCOUNTING = {
    "AccountingStorageType": "accounting_storage/slurmdbd",
    "AccountingStorageHost": HEAD,
    # Fatal without slurmdbd, so it stands here.
    "AccountingStorageTRES": "gres/gpu",
    "AccountingStoreFlags": "job_comment,job_script,job_env",
}
_PARTITIONS = (
    "NodeSet=gpunodes Feature=gpu\n"
    "PartitionName=gpu Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=01:00:00 State=UP\n"
    "PartitionName=debug Nodes=gpunodes MaxTime=00:10:00 State=UP\n"
)
_SLURMDBD = {
    "AuthType": "auth/munge",
    "AuthAltTypes": "auth/jwt",
    "AuthAltParameters": f"jwt_key={JWT_KEY}",
    "DbdHost": HEAD,
    "SlurmUser": "slurm",
    "LogFile": "/var/log/slurm/slurmdbd.log",
    "PidFile": "/run/slurmdbd/slurmdbd.pid",
    "StorageType": "accounting_storage/mysql",
    "StorageHost": "127.0.0.1",
    "StoragePort": "3306",
    "StorageUser": "slurm",
    "StoragePass": "slurm",
    "StorageLoc": DATABASE,
}
SSHD = """\
HostKey /etc/ssh/test_host_key
AuthorizedKeysFile /etc/ssh/test_authorized
PidFile none
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
"""


def files(version: Version, *, dbd: bool) -> dict[str, str]:
    """What stands in the head's /etc/slurm by name; the workers get it from slurmctld."""
    found = {
        "slurm.conf": _lines(_SLURM | (_ACCOUNTING if dbd else {})) + _PARTITIONS,
        # `File=` is needed: a bare count gives nodes with 0 GPUs that drain at once.
        "gres.conf": f"Name=gpu Type=h100 File=/dev/nvidia[0-{GPUS - 1}]\n",
        "cgroup.conf": f"CgroupPlugin={cgroup_plugin(version)}\n",
    }
    return found | ({"slurmdbd.conf": _lines(_SLURMDBD)} if dbd else {})


def node_line() -> str:
    """What a worker says of itself when it joins."""
    sockets = f"Boards=1 SocketsPerBoard=2 CoresPerSocket={CPUS // 2} ThreadsPerCore=1"
    return f"CPUs={CPUS} {sockets} RealMemory=1000000 Gres=gpu:h100:{GPUS} Feature=gpu"


def _lines(settings: dict[str, str]) -> str:
    return "".join(f"{key}={value}\n" for key, value in settings.items())
