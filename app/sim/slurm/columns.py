"""Columns of `squeue -O` and `-o`, and `sinfo -O`: heading and value, and how a row is set.

Names and headings are those of src/squeue/opts.c and print.c of 24.11. A column without a width has 20 characters, cut;
`:` alone lets it be as wide as its text, `:N` gives N, what follows stands behind the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from app.domain.frozen import frozen
from app.sim.slurm.job import Job
from app.sim.slurm.times import Times

Value = Callable[[Job, Times, float], str]
_SIZE = re.compile(r"(\.?)(\d*)(.*)", re.DOTALL)


@frozen
class Column:
    """One column as it was asked for."""

    name: str
    width: int | None
    """None: as wide as the text."""
    is_right: bool
    behind: str

    def text(self, value: str) -> str:
        """The value in its place."""
        if self.width is not None:
            value = value[: self.width]
            value = value.rjust(self.width) if self.is_right else value.ljust(self.width)
        return value + self.behind


COMPACT = {
    "PENDING": "PD", "RUNNING": "R", "SUSPENDED": "S", "COMPLETED": "CD", "CANCELLED": "CA", "FAILED": "F",
    "TIMEOUT": "TO", "NODE_FAIL": "NF", "OUT_OF_MEMORY": "OOM",
}  # fmt: skip


def parse(text: str) -> list[Column]:
    """The columns of a `-O` word, which commas part."""
    found = []
    for part in text.split(","):
        name, colon, size = part.partition(":")
        match = _SIZE.fullmatch(size)
        dot, digits, behind = match.groups() if match is not None else ("", "", "")
        width = (int(digits) if digits else None) if colon else 20
        found.append(Column(name.strip().lower(), width, bool(dot), behind))
    return found


def _task(job: Job) -> str:
    return job.tasks or ("N/A" if job.task is None else str(job.task))


def _reason(job: Job) -> str:
    return job.reason or "None"


def _where(job: Job) -> str:
    return f"({_reason(job)})" if job.is_pending else job.node_list


def _end(job: Job) -> float | None:
    if job.end is not None:
        return job.end
    return job.must_end() if job.start is not None else None


def _array_id(job: Job) -> str:
    return str(job.array or job.number)


def _gres(job: Job) -> str:
    return job.gres or "N/A"


def _exit(job: Job, _times: Times, _t: float) -> str:
    return f"{job.exit_code}:{job.exit_signal}" if job.exit_signal else str(job.exit_code)


def _waited(job: Job, times: Times, t: float) -> str:
    return str(int(times.span((t if job.is_pending else job.start or t) - job.submit)))


def _left(job: Job, times: Times, t: float) -> str:
    return times.short(max(0.0, job.limit - job.ran(t)))


# fmt: off
QUEUE: dict[str, tuple[str, Value]] = {
    "jobarrayid": ("JOBID", lambda j, _x, _t: j.key),
    "jobid": ("JOBID", lambda j, _x, _t: str(j.number)),
    "arrayjobid": ("ARRAY_JOB_ID", lambda j, _x, _t: _array_id(j)),
    "arraytaskid": ("ARRAY_TASK_ID", lambda j, _x, _t: _task(j)),
    "state": ("STATE", lambda j, _x, _t: j.state),
    "statecompact": ("ST", lambda j, _x, _t: COMPACT.get(j.state, j.state[:2])),
    "reason": ("REASON", lambda j, _x, _t: _reason(j)),
    "reasonlist": ("NODELIST(REASON)", lambda j, _x, _t: _where(j)),
    "username": ("USER", lambda j, _x, _t: j.user),
    "userid": ("USER", lambda j, _x, _t: str(j.uid)),
    "groupname": ("GROUP", lambda j, _x, _t: j.user),
    "account": ("ACCOUNT", lambda j, _x, _t: j.account),
    "partition": ("PARTITION", lambda j, _x, _t: j.partition),
    "qos": ("QOS", lambda j, _x, _t: j.qos),
    "nodelist": ("NODELIST", lambda j, _x, _t: j.node_list),
    "numnodes": ("NODES", lambda j, _x, _t: str(j.node_count)),
    "numcpus": ("CPUS", lambda j, _x, _t: str(j.cpus)),
    "numtasks": ("TASKS", lambda j, _x, _t: str(j.node_count)),
    "minmemory": ("MIN_MEMORY", lambda j, _x, _t: f"{j.mib // max(1, j.node_count) // 1024}G"),
    "prioritylong": ("PRIORITY", lambda j, _x, _t: str(j.priority)),
    "priority": ("PRIORITY", lambda j, _x, _t: f"{j.priority / 2**32:.14f}"),
    "nice": ("NICE", lambda j, _x, _t: str(j.nice)),
    "submittime": ("SUBMIT_TIME", lambda j, x, _t: x.stamp(j.submit)),
    "eligibletime": ("ELIGIBLE_TIME", lambda j, x, _t: x.stamp(j.eligible)),
    "starttime": ("START_TIME", lambda j, x, _t: x.stamp(j.start)),
    "endtime": ("END_TIME", lambda j, x, _t: x.stamp(_end(j))),
    "timelimit": ("TIME_LIMIT", lambda j, x, _t: x.short(j.limit)),
    "timeused": ("TIME", lambda j, x, t: x.short(j.ran(t))),
    "timeleft": ("TIME_LEFT", _left),
    "pendingtime": ("PENDING_TIME", _waited),
    "hetjobid": ("HET_JOB_ID", lambda j, _x, _t: str(j.het) if j.het else "N/A"),
    "hetjoboffset": ("HET_JOB_OFFSET", lambda j, _x, _t: str(j.offset) if j.offset is not None else "N/A"),
    "dependency": ("DEPENDENCY", lambda j, _x, _t: f"{j.dependency}(unfulfilled)" if j.dependency else "(null)"),
    "reservation": ("RESERVATION", lambda _j, _x, _t: "(null)"),
    "feature": ("FEATURES", lambda _j, _x, _t: "(null)"),
    "reqnodes": ("REQ_NODES", lambda j, _x, _t: j.required),
    "schednodes": ("SCHEDNODES", lambda _j, _x, _t: "(null)"),
    "restartcnt": ("RESTART_COUNT", lambda j, _x, _t: str(j.restarts)),
    "requeue": ("REQUEUE", lambda _j, _x, _t: "1"),
    "exit_code": ("EXIT_CODE", _exit),
    "lastschedeval": ("LAST_SCHED_EVAL", lambda j, x, _t: x.stamp(j.start if j.holds else j.submit)),
    "tres-alloc": ("TRES_ALLOC", lambda j, _x, _t: j.tres()),
    "tres-per-job": ("TRES_PER_JOB", lambda _j, _x, _t: "N/A"),
    "tres-per-node": ("TRES_PER_NODE", lambda j, _x, _t: _gres(j)),
    "tres-per-socket": ("TRES_PER_SOCKET", lambda _j, _x, _t: "N/A"),
    "tres-per-task": ("TRES_PER_TASK", lambda _j, _x, _t: "N/A"),
    "gres": ("TRES_PER_NODE", lambda j, _x, _t: _gres(j)),
    "comment": ("COMMENT", lambda j, _x, _t: j.comment or "(null)"),
    "command": ("COMMAND", lambda j, _x, _t: j.command or "(null)"),
    "workdir": ("WORK_DIR", lambda j, _x, _t: j.work_dir),
    "stdout": ("STDOUT", lambda j, _x, _t: j.stdout),
    "stderr": ("STDERR", lambda j, _x, _t: j.stderr or j.stdout),
    "batchhost": ("EXEC_HOST", lambda j, _x, _t: j.nodes[0] if j.nodes else "n/a"),
    "name": ("NAME", lambda j, _x, _t: j.name),
}
"""Columns of a job."""
# fmt: on
MOVING = frozenset({"timeused", "timeleft", "pendingtime"})
"""Those that change while the job does not."""
LETTERS = {
    "i": "jobarrayid", "A": "jobid", "F": "arrayjobid", "K": "arraytaskid", "T": "state", "t": "statecompact",
    "r": "reason", "R": "reasonlist", "u": "username", "U": "userid", "a": "account", "P": "partition", "q": "qos",
    "N": "nodelist", "D": "numnodes", "C": "numcpus", "m": "minmemory", "Q": "prioritylong", "p": "priority",
    "V": "submittime", "S": "starttime", "e": "endtime", "l": "timelimit", "M": "timeused", "L": "timeleft",
    "E": "dependency", "v": "reservation", "f": "feature", "n": "reqnodes", "b": "tres-per-node", "j": "name",
    "k": "comment", "o": "command", "Z": "workdir", "y": "nice", "g": "groupname", "B": "batchhost", "Y": "schednodes",
}  # fmt: skip
"""`%i` of `-o` by the name of the same column."""
