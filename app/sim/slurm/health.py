"""`sdiag` and `sprio` of the simulated Slurm."""

from __future__ import annotations

from app.sim.slurm.scene import Answer, Scene
from app.sim.slurm.show import ctime

PARTS = ("PRIORITY", "AGE", "FAIRSHARE", "JOBSIZE", "QOS")
_TEXT = """\
*******************************************************
sdiag output at {now_text} ({now})
Data since      {since_text} ({since})
*******************************************************
Server thread count:  {threads}
RPC queue enabled:    0
Agent queue size:     {queued}
Agent count:          {agents}
Agent thread count:   {agent_threads}
DBD Agent queue size: 0

Jobs submitted: {submitted}
Jobs started:   {runs}
Jobs completed: {runs}
Jobs canceled:  0
Jobs failed:    0

Job states ts:  {now_text} ({now})
Jobs pending:   {waits}
Jobs running:   {runs}

Main schedule statistics (microseconds):
\tLast cycle:   {cycle}
\tMax cycle:    {cycle_2}
\tTotal cycles: {calls}
\tMean cycle:   {cycle}
\tLast queue length: {waits}

Backfilling stats
\tLast cycle: {cycle_3}
\tMax cycle:  {cycle_6}
\tLast queue length: {waits}

Latency for 1000 calls to gettimeofday(): 19 microseconds

Remote Procedure Call statistics by message type
\tREQUEST_JOB_INFO                        ( 2003) count:{calls:<6} ave_time:{each:<6} total_time:{total}
\tREQUEST_NODE_INFO                       ( 2007) count:{calls:<6} ave_time:{each:<6} total_time:{total}

Remote Procedure Call statistics by user
\troot            (       0) count:{twice:<6} ave_time:{each:<6} total_time:{total_twice}

Pending RPC statistics
\tNo pending RPCs
"""


def diagnostics(scene: Scene) -> Answer:
    """Answer one call of sdiag."""
    if scene.words[:1] in (("--version",), ("-V",)):
        return scene.version()
    if (trouble := scene.unreachable("slurm_get_statistics")) is not None:
        return trouble
    is_slow = scene.acts("slurm-slow")
    cycle = 2_310_000 if is_slow else 4100 + len(scene.jobs)
    waits, runs = sum(job.is_pending for job in scene.jobs), sum(job.holds for job in scene.jobs)
    now, since = scene.times.epoch(scene.t), scene.times.epoch(scene.book.cluster.begins)
    calls, each = max(0, now - since) // 2, cycle // 20
    text = _TEXT.format(
        threads=193 if is_slow else 3, queued=2740 if is_slow else 0, agents=3 if is_slow else 0,
        agent_threads=9 if is_slow else 0, cycle=cycle, cycle_2=2 * cycle, cycle_3=3 * cycle, cycle_6=6 * cycle,
        waits=waits, runs=runs, submitted=runs + waits, now=now, since=since, now_text=ctime(now),
        since_text=ctime(since), calls=calls, each=each, total=calls * each, twice=2 * calls,
        total_twice=2 * calls * each,
    )  # fmt: skip
    return Answer(0, text.encode())


def priorities(scene: Scene) -> Answer:
    """Answer one call of sprio."""
    if scene.words[:1] in (("--version",), ("-V",)):
        return scene.version()
    if (trouble := scene.unreachable("slurm_load_jobs error")) is not None:
        return trouble
    lines = [" ".join([f"{'JOBID':>15} {'PARTITION':>9} {'USER':>8}", *(f"{one:>10}" for one in PARTS)])]
    for job in scene.jobs:
        if job.is_pending and job.priority:
            age = min(1000, int((scene.t - job.submit) / 60))
            rest = max(0, job.priority - age)
            parts = (job.priority, age, rest // 2, rest // 4, rest - rest // 2 - rest // 4)
            lines.append(f"{job.key:>15} {job.partition:<9} {job.user:>8} " + " ".join(f"{part:>10}" for part in parts))
    return Answer(0, "".join(f"{line}\n" for line in lines).encode())
