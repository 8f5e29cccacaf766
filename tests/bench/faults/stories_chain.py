"""Chains: a cause, what it does to what is around it, and what people see first. The root is the cause alone."""
# ruff: noqa: E501 - lines of logs and tables read best unbroken

from __future__ import annotations

from functools import partial

from tests.bench.faults.pages import pci
from tests.bench.faults.stories_gpu import DBE, ROW
from tests.bench.faults.stories_serving import DEAD, SERVICE, stop
from tests.bench.faults.story import FAULT_S, Stage, Story, Truth, chains
from tests.bench.faults.wires import VLLM_TARGET

T = FAULT_S
WATCHDOG = (
    "[rank{rank}]:[E1128 07:10:11.123 ProcessGroupNCCL.cpp:616] [Rank {rank}] Watchdog caught collective operation timeout: "
    "WorkNCCL(SeqNum=203441, OpType=ALLREDUCE, NumelIn=4096, NumelOut=4096, Timeout(ms)=600000) ran for 600020 milliseconds "
    "before timing out."
)
KILLED = (
    "*** JOB 812 ON gpu-1 CANCELLED AT 2026-07-25T17:23:11 DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS ***",
)
SERVED = ("gpu-3", 1)


def give_up(s: Stage, at: float, log: str = "job log", rank: int = 3) -> None:
    """The job's ranks wait, the watchdog ends them, the job fails."""
    s.mood(812, "stuck", at - 40.0)
    s.say(log, WATCHDOG.format(rank=rank), at=at)
    s.end_job(812, "FAILED", at + 15.0, "1:0")


def server_dies(s: Stage, at: float, line: str = "") -> None:
    """The model server's engine dies."""
    if line:
        s.say("vllm log", line, at=at)
    s.say("vllm log", DEAD, at=at + 1.0)
    stop(s, at)
    s.fail(VLLM_TARGET, "refused" if s.variant == 1 else "503", at=at + 3.0)


def memory_error(s: Stage) -> Truth:
    """48, 63, 94, 45; the process dies, the job with it."""
    s.xid(48, DBE, process="?", is_metric=False)
    s.xid(63, f"Row Remapper: {ROW}", at=T + 0.02, process="?", is_metric=False)
    s.xid(94, "Contained: SM (0x1). RST: No, D-RST: No", at=T + 0.05, is_metric=False)
    s.xid(45, "Ch 00000010", at=T + 0.9)
    s.hold(T, s.place, DEV_ECC_DBE_VOL_TOTAL=1, DEV_UNCORRECTABLE_REMAPPED_ROWS=1, DEV_ROW_REMAP_PENDING=1)
    give_up(s, T + 60)
    return Truth(("A1",), (s.gpu,), "critical", follows=("A3", "B11", "G13", "G14", "B12", "E3"), must_not=("reboot",))


def fabric(s: Stage) -> Truth:
    """149 on one GPU, 145 on the others, 154 and 45 everywhere."""
    s.xid(
        149,
        "NETIR_LINK_EVT  Fatal   XC0 i0 Link 14 (0x0215c5c6 0x00000000 0x00000000 0x00000000 0x00000000 0x00000000)",
        process="?",
    )
    for other in range(8):
        place, late = (s.node, other), 0.2 + 0.05 * other
        if other != s.index:
            s.xid(
                145,
                "RLW_SRC_TRACK Nonfatal XC1 i0 Link 12 (0x040988e2 0x00000008 0x00000000 0x00000000)",
                at=T + late,
                place=place,
                process="?",
            )
        s.xid(
            154,
            "GPU recovery action changed from 0x0 (None) to 0x4 (Drain and Reset)",
            at=T + 0.7 + late,
            place=place,
            process="?",
        )
        s.xid(45, "Ch 00000001 caused by previous Xid 149", at=T + 1.5 + late, place=place, process="python3")
    give_up(s, T + 70)
    return Truth(("E2",), (s.gpu,), "critical", follows=("E2", "E3", "B11", "G13", "B12", "E1"))


def storage(s: Stage) -> Truth:
    """A file server stalls; tasks hang; Slurm cannot end a job; the node is drained."""
    server = s.pick("10.2.0.7", "store-2")
    s.kernel(f"nfs: server {server} not responding, {s.pick('timed out', 'still trying')}")
    s.kernel(
        "INFO: task python3:136986 blocked for more than 122 seconds.",
        "INFO: task jfsmount:136999 blocked for more than 122 seconds.",
        at=T + 125,
    )
    s.mood(812, "stalled", T + 10)
    s.end_job(812, "CANCELLED", T + 150)
    s.slurm_node(T + 215, flags="DRAIN", reason="Kill task failed", by="slurm")
    return Truth(("I3",), (s.node,), follows=("I2", "F5", "B12", "G9", "D7"), must_not=("kill -9",))


def braked(s: Stage) -> Truth:
    """The power brake slows one GPU; it falls behind; its job's others wait for it until the watchdog ends it."""
    s.hold(T, s.place, DEV_CLOCKS_EVENT_REASONS=0x88, DEV_SM_CLOCK=600.0, DEV_POWER_USAGE=210.0)
    s.say("job log", WATCHDOG.format(rank=s.index), at=T + 240)
    s.end_job(812, "FAILED", T + 260, "1:0")
    return Truth(("D4",), (s.gpu,), for_s=20.0, follows=("D7", "G13", "D3"))


def gsp_gap(s: Stage) -> Truth:
    """A GPU's own processor is stuck; the exporter hangs on it; everything looks well, since nothing comes."""
    for number in range(3):
        s.xid(119, f"Timeout after 6s of waiting for RPC response from GPU{s.index} GSP! Expected function 76 (GSP_RM_CONTROL) (0x20801348 0x410).",
              at=T + 6 * number, process="dcgm-exporter", is_metric=False)  # fmt: skip
    s.fail(f"{s.node}:9400", "silent", at=T + 3)
    give_up(s, T + 120)
    return Truth(("B2",), (s.gpu,), "critical", follows=("J2", "J1", "G13", "J3"))


def fault_restart(s: Stage) -> Truth:
    """A page fault ends a server's worker; the engine dies; it is started anew."""
    s.xid(
        31,
        "Ch 00000030, intr 00000000. MMU Fault: ENGINE GRAPHICS GPCCLIENT_T1_3 faulted @ 0x7f2c_3b000000. Fault is of type FAULT_PDE ACCESS_TYPE_VIRT_READ",
        place=SERVED,
        process="VLLM::Worker_TP1",
    )
    server_dies(
        s,
        T + 2,
        "(Worker_TP1 pid=2410) ERROR STAMP [multiproc_executor.py:671] RuntimeError: CUDA error: an illegal memory access was encountered"
        if s.variant == 1
        else "",
    )
    s.at(T + 180, lambda: s.plant.failing.pop(VLLM_TARGET, None))
    s.say("vllm log", "(APIServer pid=3391) INFO:     Application startup complete.", at=T + 180)
    return Truth(
        ("B8", "H12"), (f"{SERVED[0]}/{SERVED[1]}", SERVICE), "info", follows=("H12", "H1", "B8"), also=("H12",)
    )


def cut_off(s: Stage) -> Truth:
    """A cable fails; NCCL waits in vain; the job ends."""
    s.at(T, lambda: s.plant.ports[s.node][6].update(state_id=1, link_downed_total=2))
    s.at(T, partial(s.plant.service, s.node, "systemd-networkd[5398]", "ib6: Lost carrier"))
    if s.variant == 1:
        s.kernel("mlx5_core 0000:9a:00.0: Port module event: module 0, Cable unplugged")
    s.say(
        "job log",
        "gpu-1:41822:41999 [2] NCCL WARN NET/IB : Got completion from peer 10.4.0.2<51234> with status=12 opcode=0 len=0 vendor err 129",
        at=T + 30,
    )
    give_up(s, T + 90)
    return Truth(("C4",), (s.node,), follows=("G13", "G14", "C5", "B12", "C7"))


def worker_killed(s: Stage) -> Truth:
    """The machine runs out of memory; the kernel kills a server's worker; the engine dies."""
    s.kernel(
        "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0-1,global_oom,task_memcg=/system.slice,task=VLLM::Worker_TP,pid=2410,uid=0",
        "Out of memory: Killed process 2410 (VLLM::Worker_TP) total-vm:2012345678kB, anon-rss:1912345678kB",
        node="gpu-3",
    )
    server_dies(
        s,
        T + 2,
        "(EngineCore_DP0 pid=2400) ERROR STAMP [multiproc_executor.py:230] Worker proc VllmWorker-1 died unexpectedly, shutting down executor."
        if s.variant == 1
        else "",
    )
    return Truth(("I1",), ("gpu-3",), follows=("H1",))


def slot(s: Stage) -> Truth:
    """A flood of link errors, then the GPU is gone, then the node's job."""
    for number in range(30):
        s.kernel(f"pcieport 0000:16:01.0: AER: Corrected error received: {pci(s.index)}.0", at=T - 40 + number)
    s.kernel(
        f"nvidia {pci(s.index)}.0: PCIe Bus Error: severity=Uncorrected (Fatal), type=Transaction Layer, (Receiver ID)",
        at=T,
    )
    s.xid(79, "GPU has fallen off the bus.", at=T + 1, process="?", is_metric=False)
    s.lose(T + 3)
    s.slurm_node(T + 40, base="DOWN", reason="gres/gpu count reported lower than configured (7 < 8)", by="slurm")
    s.end_job(812, "NODE_FAIL", T + 41)
    return Truth(("C3", "C2"), (s.gpu,), follows=("B1", "J3", "F4", "F1", "G2", "C2"), also=("C2",))


def heat(s: Stage) -> Truth:
    """A fan fails: one GPU is hot, is slowed down, and its job waits for it."""
    s.hold(
        T,
        s.place,
        DEV_GPU_TEMP=89.0,
        DEV_GPU_TEMP_LIMIT=-1.0,
        DEV_CLOCKS_EVENT_REASONS=0x48,
        DEV_SM_CLOCK=990.0,
        DEV_POWER_USAGE=300.0,
    )
    s.say("job log", WATCHDOG.format(rank=s.index), at=T + 240)
    return Truth(("D1", "D6"), (s.gpu,), follows=("D6", "D7", "G13", "D3", "D2", "D1"))


def off_bus(s: Stage) -> Truth:
    """A GPU falls off; the health check drains; the job ends with its node."""
    s.xid(79, "GPU has fallen off the bus.", process="?", is_metric=False)
    s.xid(
        154,
        "GPU recovery action changed from 0x0 (None) to 0x2 (Node Reboot Required)",
        at=T + 0.2,
        process="?",
        is_metric=False,
    )
    s.xid(45, "Ch 00000010", at=T + 0.5)
    s.lose(T + 3)
    s.say(
        "job log",
        "torch.distributed.DistBackendError: NCCL error in: ProcessGroupNCCL.cpp:1970, unhandled cuda error, NCCL version 2.21.5",
        at=T + 5,
    )
    s.slurm_node(
        T + 25,
        flags="DRAIN",
        reason=s.pick("NHC: check_nv_xid:  xid 79", "epilog-gpu-validator fatal: gpu-count:7"),
        by="root",
    )
    s.end_job(812, "FAILED", T + 8, "1:0")
    return Truth(("B1",), (s.gpu,), "critical", follows=("E3", "B11", "J3", "F4", "F11", "F7", "G14"))


def dead_machine(s: Stage) -> Truth:
    """The kernel panics; every page is silent; Slurm marks it down and its jobs with it."""
    s.kernel(
        s.pick("Kernel panic - not syncing: Fatal Machine check", "Kernel panic - not syncing: NMI: Not continuing")
    )
    for port in (9400, 9100):
        s.fail(f"{s.node}:{port}", "unreachable", at=T + 3)
    s.fail(f"kernel {s.node}", f"ssh {s.node}: connection timed out", at=T + 10 + s.plant.log_late_s)
    s.slurm_node(T + 80, base="DOWN", flags="NOT_RESPONDING", reason="Not responding", by="slurm")
    s.end_job(812, "NODE_FAIL", T + 81)
    s.say("job log", *KILLED, at=T + 81)
    return Truth(("I7",), (s.node,), "critical", follows=("J1", "F1", "G2", "J2", "J3", "J6"))


def dimm(s: Stage) -> Truth:
    """A memory module fails, the machine reboots by itself, and registers with less."""
    s.kernel("mce: [Hardware Error]: CPU 12: Machine Check Exception: 5 Bank 7: be00000000800400")
    for port in (9400, 9100):
        s.fail(f"{s.node}:{port}", "no route", at=T + 4, until=T + 120)
    s.at(T + 118, partial(s.plant.reboot, s.node))
    s.kernel("Linux version 6.8.0-60-generic (buildd@lcy02) #63-Ubuntu SMP", at=T + 119)
    s.slurm_node(T + 125, base="DOWN" if s.variant == 1 else "INVAL", flags="DRAIN",
                 reason=s.pick("Node unexpectedly rebooted", "Low RealMemory (reported:1934464 < 100.00% of configured:2000000)"), by="slurm")  # fmt: skip
    s.end_job(812, "NODE_FAIL", T + 126)
    return Truth(("I10",), (s.node,), "critical", follows=("F2", "F3", "G2", "J1", "F1", "J3"))


CHAINS: tuple[Story, ...] = (
    *chains("48-63-94-45, job dies", memory_error),
    *chains("149-145-154-45", fabric),
    *chains("NFS stall, D state, drain", storage),
    *chains("power brake, straggler, NCCL", braked),
    *chains("GSP, exporter stalls", gsp_gap),
    *chains("Xid 31, engine dead, restart", fault_restart),
    *chains("port down, NCCL, job fails", cut_off),
    *chains("OOM, worker, engine dead", worker_killed),
    *chains("AER flood, 79, NODE_FAIL", slot),
    *chains("heat, straggler, NCCL", heat),
    *chains("79, drain, job fails", off_bus),
    *chains("panic, silence, NODE_FAIL", dead_machine),
    *chains("MCE, reboot, short memory", dimm),
)
