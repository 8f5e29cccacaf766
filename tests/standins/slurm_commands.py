"""Slurm's commands as scripts in a folder: they print what a test has put there, late, wrong or without end.

Each command reads `state.json` beside it at every call and appends its words to `calls.log`. squeue prints rows in the
columns it is asked for, so a test gives values by their names.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_SCRIPT = """#!{python} -SE
import json, os, sys, time
here = os.path.dirname(os.path.abspath(sys.argv[0]))
name, words = os.path.basename(sys.argv[0]), sys.argv[1:]
with open(here + "/calls.log", "a") as log:
    log.write(json.dumps([name, *words]) + "\\n")
with open(here + "/environ.json", "w") as file:
    json.dump(dict(os.environ), file)
if name == "sbatch":
    with open(here + "/script", "wb") as script:
        script.write(sys.stdin.buffer.read())
state = json.load(open(here + "/state.json"))
line = " ".join([name, *words])
found = [said for key, said in state["answers"].items() if line.startswith(key)]
said = found[-1] if found else {{}}
time.sleep(said.get("sleep", 0))
sys.stderr.write(said.get("stderr", ""))
if "stdout" in said:
    sys.stdout.write(said["stdout"])
elif name == "squeue" and "-O" in words and not said.get("code"):
    columns = [column.split(":", 1) for column in words[words.index("-O") + 1].split(",")]
    for row in state["rows"]:
        print("".join(row.get(key, "N/A") + after for key, after in columns))
sys.stdout.write("x" * said.get("bytes", 0))
sys.exit(said.get("code", 0))
"""
NAMES = ("squeue", "scontrol", "sinfo", "sacct", "sdiag", "sbatch", "scancel", "sstat")
NODES = (
    "NodeName=node-1 Arch=x86_64 CPUAlloc=8 CPUEfctv=64 CPUTot=64 CPULoad=0.50 Gres=gpu:h100:8(S:0-1)"
    " GresUsed=gpu:h100:2(IDX:0,3) NodeAddr=10.0.0.1 NodeHostName=node-1 Version=22.05.8 RealMemory=1000000"
    " AllocMem=16000 FreeMem=900000 State=MIXED+DYNAMIC_NORM Partitions=gpu BootTime=1764000000\n"
)
PARTITIONS = (
    "PartitionName=gpu AllowGroups=ALL AllowAccounts=ALL AllowQos=ALL Default=YES DefaultTime=01:00:00"
    " MaxTime=UNLIMITED Nodes=node-1 PriorityTier=1 State=UP TotalCPUs=64 TotalNodes=1\n"
)
CONFIG = "Configuration data as of 1764000000\nClusterName             = c1\nSLURM_VERSION           = 22.05.8\n"
SDIAG = "Server thread count:  3\nAgent queue size:     0\n"


def row(job: int, *, gpus: int = 2, state: str = "RUNNING", **more: str) -> dict[str, str]:
    """A row of squeue by column."""
    runs = state == "RUNNING"
    said = {
        "JobArrayID": str(job),
        "JobID": str(job),
        "TimeUsed": "10:00" if runs else "0:00",
        "State": state,
        "Reason": "None" if runs else "Resources",
        "UserName": "ana",
        "Account": "lab",
        "Partition": "gpu",
        "QOS": "normal",
        "NodeList": "node-1" if runs else "",
        "NumNodes": "1",
        "NumCPUs": "8",
        "NumTasks": "1",
        "PriorityLong": "100",
        "SubmitTime": "1763999000",
        "EligibleTime": "1763999000",
        "StartTime": "1763999400" if runs else "N/A",
        "EndTime": "1764003000" if runs else "N/A",
        "TimeLimit": "1:00:00",
        "tres-alloc": f"cpu=8,mem=16000M,node=1,billing=8,gres/gpu={gpus}" if runs else "N/A",
        "tres-per-node": f"gres:gpu:{gpus}" if gpus else "N/A",
        "Name": "train",
    }
    return {**said, **more}


def detail(job: int, indices: str = "0,3", count: int = 2) -> str:
    """A line of `scontrol -o -d show job`."""
    return (
        f"JobId={job} JobName=train UserId=ana(2001) GroupId=ana(2001) Priority=100 Account=lab QOS=normal"
        " JobState=RUNNING Reason=None Requeue=1 Restarts=0 RunTime=00:10:00 TimeLimit=01:00:00 SubmitTime=1763999000"
        " StartTime=1763999400 EndTime=1764003000 Partition=gpu NodeList=node-1 BatchHost=node-1 NumNodes=1 NumCPUs=8"
        f" JOB_GRES=gpu:h100:{count} Nodes=node-1 CPU_IDs=0-7 Mem=16000 GRES=gpu:h100:{count}(IDX:{indices})"
        f" Command=/home/ana/train.sh WorkDir=/home/ana StdOut=/home/ana/slurm-{job}.out TresPerNode=gres:gpu:{count}\n"
    )


@dataclass
class FakeSlurm:
    """The folder of the commands, and what they say."""

    folder: Path
    rows: Sequence[Mapping[str, str]] = ()
    answers: dict[str, dict[str, object]] = field(default_factory=dict)
    """Beginning of a command line → `stdout`, `stderr`, `code`, `sleep` (seconds), `bytes` (of noise)."""

    def __post_init__(self) -> None:
        for name in NAMES:
            script = self.folder / name
            script.write_text(_SCRIPT.format(python=sys.executable))
            script.chmod(0o755)
        self.answers = {
            "scontrol -o -d show node": {"stdout": NODES},
            "scontrol -o show partition": {"stdout": PARTITIONS},
            "scontrol -o -d show job": {"stdout": "No jobs in the system\n"},
            "scontrol show config": {"stdout": CONFIG},
            "sdiag": {"stdout": SDIAG},
            **self.answers,
        }
        self.save()

    def save(self) -> None:
        """Make what is set here what the commands say."""
        state = {"rows": [dict(one) for one in self.rows], "answers": self.answers}
        (self.folder / "state.json").write_text(json.dumps(state))

    def says(self, command: str, **answer: object) -> None:
        """Let a command line that begins like this answer so."""
        self.answers.pop(command, None)
        self.answers[command] = answer
        self.save()

    def queue(self, *rows: Mapping[str, str]) -> None:
        """Let squeue have these rows, and scontrol the details of those that run."""
        self.rows = rows
        running = [int(one["JobID"]) for one in rows if one["State"] == "RUNNING"]
        self.says("scontrol -o -d show job", stdout="".join(detail(job) for job in running))
        for job in running:
            self.says(f"scontrol -o -d show job {job}", stdout=detail(job))

    @property
    def calls(self) -> list[str]:
        """Every command line so far, shortened to its first words."""
        log = self.folder / "calls.log"
        lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return [" ".join(words[:6]) if words[0] != "squeue" else "squeue" for words in lines]

    @property
    def argv(self) -> list[list[str]]:
        """Every command line so far, word by word."""
        log = self.folder / "calls.log"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    @property
    def acts(self) -> list[list[str]]:
        """Of these the ones that change something."""
        verbs = ("update", "hold", "release", "requeue", "suspend", "resume", "top", "delete")
        return [
            words
            for words in self.argv
            if words[0] == "scancel"
            or (words[0] == "sbatch" and "--test-only" not in words)
            or (words[0] == "scontrol" and words[1] in verbs)
        ]

    @property
    def script(self) -> str:
        """What the last sbatch was given on its standard input."""
        return (self.folder / "script").read_text()

    def forget_calls(self) -> None:
        """Begin the log anew."""
        (self.folder / "calls.log").unlink(missing_ok=True)

    @property
    def environ(self) -> dict[str, str]:
        """What the last command was run in."""
        found: dict[str, str] = json.loads((self.folder / "environ.json").read_text())
        return found
