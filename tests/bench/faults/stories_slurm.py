"""Single faults of Slurm's nodes, its daemons and jobs, as its commands and logs tell them."""
# ruff: noqa: E501 - lines of logs and tables read best unbroken

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from tests.bench.faults.plant import START
from tests.bench.faults.slurm_words import Job
from tests.bench.faults.story import FAULT_S, Stage, Story, Truth, variants

REFUSED = "Unable to contact slurm controller (connect failure)"


def silent_node(s: Stage) -> Truth:
    """Slurmd is dead, the machine is well."""
    s.slurm_node(FAULT_S, base="DOWN" if s.is_full else "", flags="NOT_RESPONDING", reason="Not responding", by="slurm")
    if s.variant == 2:
        s.say("slurmctld log", f"slurmctld: error: Nodes {s.node} not responding, setting DOWN")
    return Truth(("F1",), (s.node,), follows=("G2", "G7"))


def rebooted(s: Stage) -> Truth:
    """A machine started anew, and nobody had asked for it."""
    s.fail(f"{s.node}:9400", "no route", at=40.0, until=90.0)
    s.fail(f"{s.node}:9100", "no route", at=40.0, until=90.0)
    s.at(88.0, partial(s.plant.reboot, s.node))
    s.at(89.0, partial(s.plant.kernel, s.node, "Linux version 6.8.0-60-generic (buildd@lcy02) #63-Ubuntu SMP"))
    if s.is_full:
        s.slurm_node(95.0, base="DOWN", reason="Node unexpectedly rebooted", by="slurm")
        s.end_job(812, "NODE_FAIL", 95.0)
    return Truth(("F2",), (s.node,), begins=90.0, follows=("G2", "J1", "F1"))


def short_memory(s: Stage) -> Truth:
    """A memory module is gone."""
    s.slurm_node(FAULT_S, base="INVAL" if s.variant == 2 else "", flags="DRAIN",
                 reason="Low RealMemory (reported:1934464 < 100.00% of configured:2000000)", by="slurm")  # fmt: skip
    return Truth(("F3",), (s.node,))


def short_gpus(s: Stage) -> Truth:
    """Slurmd came up before the driver showed its GPUs."""
    has = (0, 7, 0)[s.variant - 1]
    s.slurm_node(
        FAULT_S, flags="DRAIN", reason=f"gres/gpu count reported lower than configured ({has} < 8)", by="slurm"
    )
    return Truth(("F4",), (s.node,))


def drained(code: str, *reasons: str, by: str = "slurm") -> Callable[[Stage], Truth]:
    """A drain with one of Slurm's own reasons."""

    def tell(s: Stage) -> Truth:
        s.slurm_node(FAULT_S, flags="DRAIN", reason=s.pick(*reasons), by=by)
        s.slurm_node(204.0)
        return Truth((code,), (s.node,), ends=204.0, follows=("F10", "F11"))

    return tell


def bad_registration(s: Stage) -> Truth:
    """The machine has another shape than slurm.conf says."""
    s.slurm_node(FAULT_S, base="INVAL" if s.variant == 1 else "", flags="DRAIN", by="slurm",
                 reason=s.pick("Low socket*core*thread count, Low CPUs", "Low TmpDisk", "Low CPUs"))  # fmt: skip
    return Truth(("F9",), (s.node,))


def controller(s: Stage) -> Truth:
    """Slurmctld does not answer."""
    s.fail("slurm", s.pick(REFUSED, "hangs", "slurm_receive_msg: Socket timed out on send/recv operation"), until=234.0)
    return Truth(("F13",), ("cluster",), for_s=30.0, follows=("J5",), ends=234.0)


def accounting(s: Stage) -> Truth:
    """Slurmdbd is down, and its messages pile up."""
    s.at(FAULT_S, lambda: setattr(s.plant, "dbd_queue", 2400))
    if s.is_full:
        for number in range(4):
            s.say(
                "slurmctld log",
                "slurmctld: error: slurmdbd: agent queue filling (2400), RESTART SLURMDBD NOW",
                at=FAULT_S + 60 * number,
            )
    return Truth(("F14",), ("cluster",), for_s=60.0 if s.is_full else 180.0)


def slow_scheduler(s: Stage) -> Truth:
    """The scheduler's cycle takes many seconds."""
    s.at(FAULT_S, lambda: setattr(s.plant, "cycle_us", (12_000_000, 45_000_000, 8_500_000)[s.variant - 1]))
    return Truth(("F15",), ("cluster",), for_s=490.0 if s.variant != 2 else 180.0)


def munge(s: Stage) -> Truth:
    """Credentials are refused, since a clock is off."""
    words = s.pick("Expired credential", "Rewound credential", "Invalid credential")
    for number in range(3):
        s.at(
            FAULT_S + 9 * number,
            partial(s.plant.service, s.node, "slurmd[2211]", f"error: Munge decode failed: {words}"),
        )
    return Truth(("F16",), (s.node,))


def out_of_memory(s: Stage) -> Truth:
    """A job met its memory limit."""
    if s.is_full:
        s.say(
            "job log",
            "slurmstepd: error: Detected 1 oom_kill event in StepId=815.batch. Some of the step tasks have been OOM Killed.",
        )
    s.end_job(815, "OUT_OF_MEMORY", FAULT_S + 1, "0:125")
    return Truth(("G1",), ("job 815",), follows=("I1",))


def never_starts(s: Stage) -> Truth:
    """A job waits for what will not come."""
    reason = s.pick("InvalidAccount", "BadConstraints", "DependencyNeverSatisfied")
    s.at(
        FAULT_S,
        lambda: s.plant.jobs.update(
            {840: Job(840, "eve", "train-x", "PENDING", wants=8, reason=reason, submitted=START)}
        ),
    )
    return Truth(("G5",), ("job 840",))


def launch_failed(s: Stage) -> Truth:
    """A job could not be started and is held."""
    reason = s.pick("launch_failed_requeued_held", "user_env_retrieval_failed_requeued_held", "JobHoldMaxRequeue")
    held = Job(841, "eve", "train-y", "PENDING", wants=8, reason=reason, submitted=START, requeued=3)
    s.at(FAULT_S, lambda: s.plant.jobs.update({841: held}))
    return Truth(("G8",), ("job 841",))


def completing(s: Stage) -> Truth:
    """A job does not end."""

    def deed() -> None:
        job = s.plant.jobs[815]
        s.plant.jobs[815] = replace(job, state="COMPLETING", ended=s.plant.now)

    s.at(FAULT_S, deed)
    return Truth(("G9",), ("job 815",), for_s=300.0)


def collective(s: Stage) -> Truth:
    """Ranks wait for each other until the watchdog ends it; nobody saw why."""
    s.mood(812, "stuck", FAULT_S)
    s.say("job log", s.pick(
        "[rank3]:[E1128 07:10:11.123 ProcessGroupNCCL.cpp:616] [Rank 3] Watchdog caught collective operation timeout: "
        "WorkNCCL(SeqNum=203441, OpType=ALLREDUCE, NumelIn=4096, NumelOut=4096, Timeout(ms)=600000) ran for 600020 milliseconds before timing out.",
        "[rank11]:[E1128 07:10:11.123 ProcessGroupNCCL.cpp:632] [Rank 11] Watchdog caught collective operation timeout: "
        "WorkNCCL(SeqNum=91, OpType=_ALLGATHER_BASE, NumelIn=16, NumelOut=256, Timeout(ms)=1800000) ran for 1800081 milliseconds before timing out.",
    ), at=FAULT_S + 30)  # fmt: skip
    if s.is_full:
        s.end_job(812, "FAILED", FAULT_S + 40, "1:0")
    # Where Slurm is not asked, the machine whose log it is stands for the job.
    return Truth(("G13",), ("job 812", "gpu-1"), "critical", begins=FAULT_S + 30, follows=("B12", "G14"))


def nccl_crash(s: Stage) -> Truth:
    """NCCL itself fails."""
    match s.variant:
        case 1:
            s.kernel(
                "pt_main_thread[2536443]: segfault at 7f797fe00000 ip 00007f8b2c sp 00007ffe error 4 in libnccl.so.2[7f8b20000000+9000000]"
            )
        case 2:
            s.say(
                "job log",
                "torch.distributed.DistBackendError: NCCL error in: ProcessGroupNCCL.cpp:1970, unhandled system error (run with NCCL_DEBUG=INFO for details), NCCL version 2.21.5",
            )
        case _:
            s.say(
                "job log",
                "gpu-1:41822:41999 [2] NCCL WARN NET/IB : Got completion from peer 10.4.0.2<51234> with status=12 opcode=0 len=0 vendor err 129",
            )
    return Truth(("G14",), ("job 812", "gpu-1"))


SINGLES: tuple[Story, ...] = (
    *variants("F1 node silent for Slurm", silent_node), *variants("F2 unasked reboot", rebooted),
    *variants("F3 memory short", short_memory, 200.0), *variants("F4 GPUs short for Slurm", short_gpus, 200.0),
    *variants("F5 kill task failed", drained("F5", "Kill task failed"), 260.0),
    *variants("F6 prolog", drained("F6", "Prolog error", "prolog error"), 260.0),
    *variants("F7 epilog", drained("F7", "Epilog error", "epilog-gpu-validator fatal: row-remap-failure:gpu1"), 260.0),
    *variants("F8 batch job", drained("F8", "batch job complete failure"), 260.0),
    *variants("F9 bad registration", bad_registration, 200.0),
    *variants("F11 health check", drained("F11", "NHC: check_hw_ib:  no IB port at 400", "healthcheck: gpu count 7", "gpud: xid 79 on gpu 3", by="root"), 260.0),
    *variants("F12 power saving", drained("F12", "ResumeTimeout reached"), 260.0),
    *variants("F13 slurmctld silent", controller), *variants("F14 slurmdbd down", accounting, 420.0),
    *variants("F15 scheduler slow", slow_scheduler, 720.0), *variants("F16 credentials refused", munge, 200.0),
    *variants("F17 strange jobs", drained("F17", "Duplicate jobid", "Duplicate jobid", "Could not unpack gres data"), 260.0),
    *variants("G1 job out of memory", out_of_memory, 200.0), *variants("G5 never starts", never_starts, 200.0),
    *variants("G8 launch failed", launch_failed, 200.0), *variants("G9 stuck completing", completing, 420.0),
    *variants("G13 collective time-out", collective, 200.0), *variants("G14 NCCL fails", nccl_crash, 200.0),
)  # fmt: skip
