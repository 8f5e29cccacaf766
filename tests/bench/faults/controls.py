"""Controls: hours in which all is well, or looks as if it were not. Nothing in them is worth more than information."""
# ruff: noqa: E501 - lines of logs and tables read best unbroken

from __future__ import annotations

from dataclasses import replace
from functools import partial

from tests.bench.faults.control import SAYS, Control
from tests.bench.faults.controls_odd import ODD
from tests.bench.faults.pages import pci
from tests.bench.faults.plant import HEALTHY_LINES, START, Plant
from tests.bench.faults.slurm_words import Job
from tests.bench.faults.story import Stage
from tests.bench.faults.wires import VLLM_TARGET


def capping(s: Stage) -> None:
    """Everything runs against its power limit."""
    for node in ("gpu-1", "gpu-2"):
        for index in range(8):
            s.hold(
                1.0,
                (node, index),
                DEV_CLOCKS_EVENT_REASONS=4,
                DEV_POWER_USAGE=699.0,
                DEV_SM_CLOCK=1590.0 + 15 * (index % 3),
            )
            s.grow(1.0, (node, index), DEV_POWER_VIOLATION=4e8)


def planned_drain(s: Stage) -> None:
    """A person takes nodes out, with words of their own."""
    s.slurm_node(600.0, "gpu-4", flags="DRAIN", reason="swap fan, alice, ticket 4411", by="alice")
    s.slurm_node(900.0, "gpu-2", flags="DRAIN", reason="gpu test after lunch", by="bob")
    s.slurm_node(5400.0, "gpu-2")


def maintenance(s: Stage) -> None:
    """A reservation for maintenance; machines go away and come back within it."""
    for node in ("gpu-3", "gpu-4"):
        s.slurm_node(600.0, node, flags="MAINTENANCE+RESERVED", reason="")
    for number in (815, 817, 820):
        s.end_job(number, "COMPLETED", 580.0)
    s.say("vllm log", SAYS + "INFO STAMP [launcher.py:99] Shutting down FastAPI HTTP server.", at=570.0)
    for target in ("gpu-4:9400", "gpu-4:9100"):
        s.fail(target, "no route", at=1800.0, until=2200.0)
    s.fail(VLLM_TARGET, "refused", at=575.0)
    s.kernel("reboot: Restarting system", at=1795.0, node="gpu-4")
    s.at(2190.0, partial(s.plant.reboot, "gpu-4"))
    s.kernel("Linux version 6.8.0-60-generic (buildd@lcy02) #63-Ubuntu SMP", at=2191.0, node="gpu-4")


def user_code(s: Stage) -> None:
    """Programs that fail by themselves, on many GPUs, and jobs that are killed."""
    for number in range(12):
        at, index = 300.0 + 560.0 * number, 4 + (number + number // 4) % 4
        begun, job = at - 200, 860 + number
        held = {"gpu-4": (index,)}
        new = Job(job, f"u{number}", "infer-try", gpus=held, submitted=START, started=START + begun)
        s.at(begun, partial(_start, s.plant, new))
        _fail(s, number, at, ("gpu-4", index))
        s.end_job(job, ("FAILED", "CANCELLED")[number % 2], at + 5, "1:0")
        s.at(at + 400, partial(s.plant.jobs.pop, job, None))


def _fail(s: Stage, number: int, at: float, place: tuple[str, int]) -> None:
    """A program's own failure, of one kind or another."""
    match number % 4:
        case 0:
            s.xid(43, "Ch 00000008", at=at, place=place, process="pt_main_thread")
        case 1:
            for tpc in range(6):
                words = f"Graphics SM Warp Exception on (GPC {tpc % 4}, TPC {tpc}, SM 0): Out Of Range Address"
                s.xid(13, words, at=at, place=place)
        case 2:
            words = "Ch 00000030, intr 00000000. MMU Fault: ENGINE GRAPHICS GPCCLIENT_T1_3 faulted @ 0x7f2c_3b000000. Fault is of type FAULT_PDE ACCESS_TYPE_VIRT_READ"
            s.xid(31, words, at=at, place=place)
        case _:
            for channel in range(5):
                s.xid(45, f"Ch 0000000{channel}", at=at, place=place, process="python3")


def _start(plant: Plant, job: Job) -> None:
    plant.jobs[job.id] = job


def noise(s: Stage) -> None:
    """Kernel logs as healthy machines write them, a lot of it; and counters that stood there since boot."""
    for number in range(240):
        s.kernel(HEALTHY_LINES[number % len(HEALTHY_LINES)], at=20.0 + 29.0 * number, node=f"gpu-{1 + number % 4}")
    for index in range(8):
        s.hold(0.5, ("gpu-1", index), DEV_ECC_DBE_VOL_TOTAL=2, DEV_ECC_SBE_VOL_TOTAL=40000, DEV_PCIE_REPLAY_COUNTER=812,
               DEV_UNCORRECTABLE_REMAPPED_ROWS=6, DEV_XID_ERRORS=31, DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL=3,
               DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL=90000, DEV_THERMAL_VIOLATION=9e12)  # fmt: skip


def exporter_restarts(s: Stage) -> None:
    """Exporters are upgraded one after the other; each is away for one look."""
    for number in range(16):
        target = f"gpu-{1 + number % 4}:{(9400, 9100)[number // 4 % 2]}"
        at = 200.0 + 205.0 * number
        s.fail(target, "refused", at=at, until=at + 25.0)


def ordered_reboot(s: Stage) -> None:
    """`scontrol reboot ASAP`, and what comes of it."""
    s.slurm_node(300.0, "gpu-4", flags="DRAIN+REBOOT_REQUESTED", reason="Reboot ASAP : kernel update", by="root")
    s.end_job(817, "COMPLETED", 600.0)
    s.slurm_node(630.0, "gpu-4", base="DOWN", flags="REBOOT_ISSUED", reason="Reboot ASAP : kernel update", by="root")
    s.kernel("reboot: Restarting system", at=635.0, node="gpu-4")
    for target in ("gpu-4:9400", "gpu-4:9100"):
        s.fail(target, "no route", at=640.0, until=860.0)
    s.fail("kernel gpu-4", "ssh gpu-4: connection timed out", at=660.0, until=860.0)
    s.at(850.0, partial(s.plant.reboot, "gpu-4"))
    for number, line in enumerate((
        "Linux version 6.8.0-61-generic (buildd@lcy02) #64-Ubuntu SMP", "NVRM: loading NVIDIA UNIX Open Kernel Module for x86_64  570.148.08  Release Build",
        "mlx5_core 0000:12:00.0: Detected insufficient power on the PCIe slot (27W).", "mlx5_core 0000:12:00.0: Port module event: module 0, Cable plugged",
        "pcieport 0000:00:01.1: AER: Corrected error message received from 0000:01:00.0",
    )):  # fmt: skip
        s.kernel(line, at=851.0 + 2 * number, node="gpu-4")
    s.slurm_node(900.0, "gpu-4")


def warm_up(s: Stage) -> None:
    """A model server is started anew: minutes of loading and compiling."""
    s.say("vllm log", SAYS + "INFO STAMP [launcher.py:99] Shutting down FastAPI HTTP server.", at=295.0)
    s.fail(VLLM_TARGET, "refused", at=300.0, until=700.0)
    s.say("vllm log", SAYS + "INFO STAMP [api_server.py:1805] vLLM API server version 0.11.0", at=310.0)
    for share in range(0, 101, 10):
        s.say(
            "vllm log",
            f"(WorkerSAYS0 pid=2410) Loading safetensors checkpoint shards:  {share}% Completed | {share // 10}/10 [00:10<00:30]",
            at=330.0 + 2 * share,
        )
    s.say(
        "vllm log",
        "(EngineCore_DP0 pid=2400) INFO STAMP [shm_broadcast.py:466] No available shared memory broadcast block found in 60 seconds. This typically happens when some processes are hanging or doing some time-consuming work (e.g. compilation, weight/kv cache quantization).",
        at=600.0,
    )
    s.say("vllm log", SAYS + "INFO:     Application startup complete.", at=700.0)


def full_cache(s: Stage) -> None:
    """The cache is nearly full, nothing waits: a batch of the right size."""
    s.at(60.0, lambda: _flow(s.plant, running=90.0, waiting=0.0, kv=0.955, tokens=4000.0))


def slow_by_habit(s: Stage) -> None:
    """Long prompts: the first token always takes three seconds."""
    s.at(0.5, lambda: s.plant.counts.update(time_to_first_token_seconds_sum=62000.0))
    s.at(1.0, lambda: _flow(s.plant, ttft_s=3.1))


def _flow(plant: Plant, **values: float) -> None:
    for name, value in values.items():
        setattr(plant.server, name, value)


def renamed_aside(s: Stage) -> None:
    """An upgrade renames fields that nobody needs, and adds some that nobody knows."""
    s.at(
        600.0,
        lambda: s.plant.renamed.update(
            {"gpu-1": {"DEV_MEM_COPY_UTIL": "DEV_MEM_COPY_BUSY", "DEV_PERSISTENCE_MODE": "DEV_PERSISTENCE_STATE"}}
        ),
    )


def swaps(s: Stage) -> None:
    """One model makes way for another, several times."""
    for number in range(4):
        at = 400.0 + 800.0 * number
        s.say("vllm log", SAYS + "INFO STAMP [launcher.py:99] Shutting down FastAPI HTTP server.", at=at)
        s.fail(VLLM_TARGET, "refused", at=at + 1, until=at + 170)
        s.say("vllm log", SAYS + "INFO STAMP [api_server.py:1805] vLLM API server version 0.11.0", at=at + 20)
        s.at(at + 100, lambda: s.plant.counts.update(generation_tokens_total=0.0, prompt_tokens_total=0.0))
        s.say("vllm log", SAYS + "INFO:     Application startup complete.", at=at + 170)


def scale_in(s: Stage) -> None:
    """A server is no longer needed: its job is cancelled, it says goodbye, its page stays away."""
    s.say("vllm log", SAYS + "INFO STAMP [launcher.py:99] Shutting down FastAPI HTTP server.", at=600.0)
    s.end_job(820, "CANCELLED", 601.0)
    s.fail(VLLM_TARGET, "refused", at=602.0)


def ends(s: Stage) -> None:
    """Jobs that are preempted, cancelled, or run out of time."""
    for number, (state, words) in enumerate(
        (("CANCELLED", ""), ("TIMEOUT", "DUE TO TIME LIMIT"), ("PREEMPTED", "DUE TO PREEMPTION")) * 4
    ):
        job, at = 900 + number, 300.0 + 500.0 * number
        s.at(
            at - 250,
            partial(
                _start,
                s.plant,
                Job(
                    job,
                    f"u{number % 3}",
                    "train-small",
                    gpus={"gpu-4": (4, 5, 6, 7)},
                    submitted=START,
                    started=START + at - 250,
                ),
            ),
        )
        if words:
            s.say(
                "job log",
                f"slurmstepd: error: *** JOB {job} ON gpu-4 CANCELLED AT 2026-07-25T17:23:11 {words} ***",
                at=at,
            )
        s.xid(45, "Ch 00000003", at=at + 1, place=("gpu-4", 4), process="python3")
        s.end_job(job, state, at, "0:15")
        s.at(at + 240, partial(s.plant.jobs.pop, job, None))


def checkpoints(s: Stage) -> None:
    """Every twenty minutes all ranks wait for a checkpoint to be written."""
    for number in range(6):
        s.mood(812, "stalled", 600.0 + 1200.0 * number, until=780.0 + 1200.0 * number)
    s.kernel("nfs: server 10.2.0.7 not responding, still trying", at=1915.0, node="gpu-1")
    s.kernel("nfs: server 10.2.0.7 OK", at=1917.0, node="gpu-1")


def small_errors(s: Stage) -> None:
    """Errors that hardware corrects by itself, now and then."""
    for number in range(12):
        at = 250.0 + 590.0 * number
        s.kernel(
            "nvidia-nvswitch3: SXid (PCI:0000:06:00.0): 20009, Non-fatal, Link 04 RX Short Error Rate",
            at=at,
            node="gpu-1",
        )
        s.kernel(f"pcieport 0000:16:01.0: AER: Corrected error received: {pci(number % 8)}.0", at=at + 40, node="gpu-2")
        s.at(
            at + 70,
            lambda: s.plant.gpus["gpu-3", 2].__setitem__(
                "DEV_ECC_SBE_VOL_TOTAL", s.plant.gpus["gpu-3", 2]["DEV_ECC_SBE_VOL_TOTAL"] + 1
            ),
        )
    s.kernel(
        "EDAC MC0: 1 CE memory read error on CPU_SrcID#0_MC#0_Chan#1_DIMM#0 (channel:1 slot:0 page:0x1f)",
        at=900.0,
        node="gpu-3",
    )
    s.xid(
        63,
        "Row Remapper: New row (0x0000000018f31d80) marked for remapping, reset gpu to activate.",
        at=3000.0,
        place=("gpu-3", 7),
        process="?",
        is_metric=False,
    )


def single_polls(s: Stage) -> None:
    """A power brake, a thermal bit, a lost scrape: each for one look, on many GPUs."""
    for number in range(40):
        place, at = (f"gpu-{1 + number % 2}", number % 8), 200.0 + 170.0 * number
        s.hold(at, place, DEV_CLOCKS_EVENT_REASONS=0x84 if number % 2 else 0x24)
        s.let_go(at + 25.0, place, "DEV_CLOCKS_EVENT_REASONS")


def own_programs(s: Stage) -> None:
    """A user's program uses up its own GPU memory, another one crashes."""
    s.say(
        "job log",
        "[rank0]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.11 GiB of which 1.10 GiB is free.",
        at=600.0,
    )
    s.kernel(
        "python3[41822]: segfault at 10 ip 00007f1c2a3b sp 00007ffd12 error 4 in libcudart.so.12[7f1c2a000000+1b2000]",
        at=900.0,
        node="gpu-4",
    )
    s.end_job(817, "FAILED", 905.0, "1:0")
    s.say("job log", "slurmstepd: error: *** JOB 817 ON gpu-4 CANCELLED AT 2026-07-25T17:23:11 ***", at=906.0)


def brief_outages(s: Stage) -> None:
    """Slurmctld is restarted; a switch forgets one look."""
    for number in range(4):
        s.fail(
            "slurm",
            "Unable to contact slurm controller (connect failure)",
            at=500.0 + 700.0 * number,
            until=520.0 + 700.0 * number,
        )
    s.at(1500.0, lambda: s.plant.jobs.update({815: replace(s.plant.jobs[815], reason="None")}))


def tight_disk(s: Stage) -> None:
    """A disk that has been at 15 % for months, and a machine that is busy all day."""
    name = 'filesystem_avail_bytes{device="/dev/nvme0n1p2",fstype="ext4",mountpoint="/"}'
    s.at(0.5, lambda: s.plant.hosts["gpu-2"].update({name: 0.15 * 4.4e11}))
    s.at(0.5, lambda: s.plant.busy.add("gpu-2"))
    s.host(0.6, "gpu-2", load1=170.0, load5=165.0)


def short_idle(s: Stage) -> None:
    """Somebody thinks for twenty minutes, with GPUs allocated."""
    s.mood(815, "stalled", 600.0, until=1800.0)


CONTROLS: tuple[Control, ...] = (
    Control("power capping at full load", 2.0, capping),
    Control("planned drains", 2.0, planned_drain),
    Control("maintenance reservation", 1.5, maintenance),
    Control("Xids of user code, killed jobs", 2.0, user_code),
    Control("healthy dmesg, counters since boot", 2.0, noise),
    Control("exporter restarts", 1.0, exporter_restarts),
    Control("ordered reboot", 1.0, ordered_reboot),
    Control("vLLM warm-up", 0.5, warm_up),
    Control("KV cache full, no queue", 2.0, full_cache),
    Control("slow by habit", 1.0, slow_by_habit),
    Control("fields renamed that nobody needs", 0.5, renamed_aside),
    Control("model swaps", 1.0, swaps),
    Control("scale-in", 1.0, scale_in),
    Control("preempted, cancelled, timed out", 2.0, ends),
    Control("checkpoints", 2.0, checkpoints),
    Control("corrected errors now and then", 2.0, small_errors),
    Control("clock events of one poll", 2.0, single_polls),
    Control("users' own programs", 0.5, own_programs),
    Control("brief outages", 1.0, brief_outages),
    Control("tight disk, busy machine", 1.0, tight_disk),
    Control("short idleness", 0.7, short_idle),
    *ODD,
)
