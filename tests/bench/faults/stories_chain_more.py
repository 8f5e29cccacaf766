"""More chains: of machines, servers and Slurm; two faults at once; faults that come back."""
# ruff: noqa: E501 - lines of logs and tables read best unbroken

from __future__ import annotations

from functools import partial

from tests.bench.faults.pages import pci
from tests.bench.faults.plant import START
from tests.bench.faults.slurm_words import Job
from tests.bench.faults.stories_chain import SERVED, WATCHDOG, T, server_dies
from tests.bench.faults.stories_gpu import DBE
from tests.bench.faults.stories_serving import BROADCAST, OOM, SERVICE
from tests.bench.faults.story import Stage, Story, Truth, chains
from tests.bench.faults.wires import VLLM_TARGET


def clocks(s: Stage) -> Truth:
    """A clock runs away; credentials are refused; Slurm loses the node."""
    s.host(T, timex_offset_seconds=s.plant.dice.choice((400.0, 380.0)), timex_sync_status=0.0)
    s.at(T, lambda: s.plant.clock_off.update({s.node: 400.0}))
    for number in range(3):
        s.at(
            T + 20 + 5 * number,
            partial(s.plant.service, s.node, "slurmd[2211]", "error: Munge decode failed: Rewound credential"),
        )
    s.slurm_node(T + 120, flags="NOT_RESPONDING", reason="Not responding", by="slurm")
    return Truth(("I9",), (s.node,), follows=("F16", "F1", "G2"))


def controller_disk(s: Stage) -> Truth:
    """A disk fills up; prologs fail on it; a job is held."""
    name = 'filesystem_avail_bytes{device="/dev/nvme0n1p2",fstype="ext4",mountpoint="/"}'
    s.at(T, lambda: s.plant.hosts[s.node].update({name: 2e9}))
    s.slurm_node(T + 90, flags="DRAIN", reason=s.pick("Prolog error", "batch job complete failure"), by="slurm")
    return Truth(("I5",), (s.node,), follows=("F6", "F8", "G8"))


def leaked_start(s: Stage) -> Truth:
    """A server cannot start, since somebody's process holds the GPU's memory."""
    s.fail(VLLM_TARGET, "refused", at=20.0)
    s.say(
        "vllm log",
        "(EngineCore_DP0 pid=2400) ERROR STAMP [core.py:708] ValueError: Free memory on device (21.3/79.11 GiB) on startup is less than desired GPU memory utilization (0.9, 71.2 GiB).",
    )
    s.say(
        "vllm log",
        "(APIServer pid=2291) RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}",
        at=T + 1,
    )
    return Truth(("H6",), (SERVICE,), "critical", follows=("H13", "H1", "B16"))


def cuda_oom(s: Stage) -> Truth:
    """A server runs out of GPU memory, dies, and its clients wait."""
    server_dies(s, T, OOM)
    return Truth(("H4",), (SERVICE,), "critical", follows=("H1", "H9"))


def nvlink_server(s: Stage) -> Truth:
    """An NVLink of a server's GPU fails: its parts no longer reach each other."""
    s.xid(
        74, "NVLink: fatal error detected on link 14(0x10000, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0)", place=SERVED, process="?"
    )
    s.hold(T, SERVED, DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL=1)
    s.say("vllm log", BROADCAST, at=T + 60)
    server_dies(
        s,
        T + 2,
        "(Worker_TP1 pid=2410) ERROR STAMP RuntimeError: CUDA error: uncorrectable NVLink error detected during the execution"
        if s.variant == 1
        else "",
    )
    return Truth(("E1",), (f"{SERVED[0]}/{SERVED[1]}",), "critical", follows=("H11", "H1", "H3", "H2"))


def server_gpu_lost(s: Stage) -> Truth:
    """A server's GPU falls off the bus."""
    s.xid(79, "GPU has fallen off the bus.", place=SERVED, process="?", is_metric=False)
    s.lose(T + 3, SERVED)
    s.say(
        "vllm log", "(Worker_TP1 pid=2410) ERROR STAMP RuntimeError: CUDA error: unspecified launch failure", at=T + 2
    )
    server_dies(s, T + 3)
    return Truth(("B1",), (f"{SERVED[0]}/{SERVED[1]}",), "critical", follows=("H1", "H12", "J3", "F4"))


def scheduler(s: Stage) -> Truth:
    """Slurmctld hangs: no command of Slurm's answers, and all that was known of jobs grows old."""
    s.fail("slurm", "hangs" if s.variant == 1 else "slurm_receive_msg: Socket timed out on send/recv operation")
    s.say("slurmctld log", "slurmctld: error: slurmdbd: agent queue filling (9100), RESTART SLURMDBD NOW", at=T + 60)
    return Truth(("F13",), ("cluster",), for_s=30.0, follows=("J5", "F14", "F15"), also=("F14",))


def room(s: Stage) -> Truth:
    """A power supply fails: all GPUs of a machine are braked, the job crawls."""
    s.at(
        T,
        partial(
            s.plant.service, s.node, "ipmievd[1822]", "Power Supply sensor PS2 Status  - Failure detected Asserted"
        ),
    )
    for index in range(8):
        s.hold(T + 2, (s.node, index), DEV_CLOCKS_EVENT_REASONS=0x88, DEV_SM_CLOCK=700.0, DEV_POWER_USAGE=220.0)
    s.say("job log", WATCHDOG.format(rank=2), at=T + 200)
    return Truth(("D8",), (s.node,), follows=("D4", "D7", "D3", "G13"))


def file_server_all(s: Stage) -> Truth:
    """One file server stalls for every machine at once: one incident."""
    for number, node in enumerate(("gpu-1", "gpu-2", "gpu-3")):
        s.kernel("nfs: server 10.2.0.7 not responding, timed out", at=T + number, node=node)
        s.kernel("INFO: task python3:136986 blocked for more than 122 seconds.", at=T + 125 + number, node=node)
    s.mood(812, "stalled", T + 10)
    return Truth(("I3",), ("gpu-1", "gpu-2", "gpu-3"), follows=("I2", "B12", "D7", "H2", "I3"))


def arrival(s: Stage) -> Truth:
    """A job asks for nodes that a fault has taken out."""
    s.slurm_node(T, base="DOWN", flags="NOT_RESPONDING", reason="Not responding", by="slurm")
    s.end_job(812, "NODE_FAIL", T + 1)
    waiting = Job(
        850, "fay", "train-z", "PENDING", wants=8, reason=f"ReqNodeNotAvail,_UnavailableNodes:{s.node}", submitted=START
    )
    s.at(T + 40, lambda: s.plant.jobs.update({850: waiting}))
    return Truth(("F1",), (s.node,), "critical", follows=("G2", "G7"), for_s=60.0)


def two_at_once(s: Stage) -> tuple[Truth, Truth]:
    """Two faults that have nothing to do with each other, on one machine."""
    s.xid(79, "GPU has fallen off the bus.", process="?", is_metric=False)
    s.lose(T + 3)
    name = 'filesystem_avail_bytes{device="/dev/nvme0n1p2",fstype="ext4",mountpoint="/"}'
    s.at(T + 20, lambda: s.plant.hosts[s.node].update({name: 1e10}))
    return (
        Truth(("B1",), (s.gpu,), "critical", follows=("J3", "F4")),
        Truth(("I5",), (s.node,), begins=T + 20),
    )


def two_boards(s: Stage) -> tuple[Truth, Truth]:
    """The same fault of two boards in two machines: no common cause."""
    other = (s.other_node, 6)
    s.xid(48, DBE, process="?", is_metric=False)
    s.xid(94, "Contained: SM (0x1). RST: No, D-RST: No", at=T + 0.05)
    s.xid(48, DBE, process="?", at=T + 100, place=other, is_metric=False)
    s.xid(94, "Contained: SM (0x1). RST: No, D-RST: No", at=T + 100.05, place=other)
    return (
        Truth(("A1",), (s.gpu,), "critical"),
        Truth(("A1",), (f"{other[0]}/{other[1]}",), "critical", begins=T + 100),
    )


def power_loss(s: Stage) -> Truth:
    """A machine loses power: no last word, only silence, and then Slurm's."""
    for port in (9400, 9100):
        s.fail(f"{s.node}:{port}", "no route" if s.variant == 1 else "unreachable")
    s.fail(f"kernel {s.node}", f"ssh {s.node}: connect to host {s.node} port 22: No route to host")
    s.slurm_node(T + 60, flags="NOT_RESPONDING", reason="Not responding", by="slurm")
    s.slurm_node(T + 180, base="DOWN", flags="NOT_RESPONDING", reason="Not responding", by="slurm")
    s.end_job(812, "NODE_FAIL", T + 181)
    return Truth(("J1", "F1"), (s.node,), for_s=60.0, follows=("G2", "J6", "J3", "J2"))


def job_memory(s: Stage) -> Truth:
    """A job meets its own limit: kernel, slurmstepd and Slurm all say so."""
    s.kernel(
        "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=step_0,mems_allowed=0-1,oom_memcg=/system.slice/slurmstepd.scope/job_815/step_0,task_memcg=/system.slice/slurmstepd.scope/job_815/step_0/user/task_0,task=python3,pid=51822,uid=2001",
        "Memory cgroup out of memory: Killed process 51822 (python3) total-vm:212345678kB, anon-rss:209715200kB",
        node="gpu-3",
    )
    s.host(T, "gpu-3", vmstat_oom_kill=1.0)
    s.say(
        "job log",
        "slurmstepd: error: Detected 1 oom_kill event in StepId=815.0. Some of the step tasks have been OOM Killed.",
        at=T + 1,
    )
    s.end_job(815, "OUT_OF_MEMORY", T + 3, "0:125")
    return Truth(("G1", "I1"), ("job 815", "gpu-3"), follows=("G1", "I1"))


def narrow_link(s: Stage) -> Truth:
    """A GPU's PCIe link comes up with fewer lanes; it falls behind, and its job waits for it."""
    s.hold(
        T,
        s.place,
        DEV_PCIE_LINK_WIDTH=4.0,
        DEV_SM_CLOCK=1980.0,
        DEV_POWER_USAGE=430.0,
        DEV_GPU_UTIL=71.0,
        PROF_SM_ACTIVE=0.5,
    )
    s.grow(T, s.place, DEV_PCIE_REPLAY_COUNTER=3.0)
    return Truth(("C1", "C2"), (s.gpu,), for_s=10.0, follows=("C1", "C2", "D7"))


def wrong_clock(s: Stage) -> Truth:
    """The machine's clock is minutes off, so its lines have the wrong time."""
    at = "2026-07-25T17:1{}:00.000000+00:00"
    line = f"{at.format(s.pick('6', '9'))} {s.node} kernel: NVRM: Xid (PCI:{pci(s.index)}): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."
    s.at(T, lambda: s.plant.write(f"kernel {s.node}", line))
    s.lose(T + 3)
    s.end_job(812, "FAILED", T + 9, "1:0")
    return Truth(("B1",), (s.gpu,), "critical", follows=("J3", "F4", "I9"))


def twice(s: Stage) -> Truth:
    """The same file server stalls twice: one incident, which comes back."""
    for at in (T, T + 180):
        s.kernel("nfs: server 10.2.0.7 not responding, timed out", at=at)
        s.kernel("nfs: server 10.2.0.7 OK", at=at + 90)
    return Truth(("I3",), (s.node,), ends=T + 270)


def crash_loop(s: Stage) -> Truth:
    """A server is started anew again and again, each time without enough memory."""
    for number in range(4):
        at = T + 80 * number
        s.say(
            "vllm log",
            "(APIServer pid=2291) INFO STAMP [api_server.py:1805] vLLM API server version 0.11.0",
            at=at - 30,
        )
        s.say("vllm log", OOM, at=at)
        s.say(
            "vllm log",
            "(APIServer pid=2291) RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}",
            at=at + 1,
        )
    s.fail(VLLM_TARGET, "refused", at=T - 30)
    return Truth(("H4",), (SERVICE,), "critical", follows=("H1", "H13"))


CHAINS: tuple[Story, ...] = (
    *chains("clock, munge, not responding", clocks),
    *chains("disk full, prolog", controller_disk),
    *chains("GPU not empty, start fails", leaked_start),
    *chains("CUDA OOM, engine dead", cuda_oom),
    *chains("NVLink, server dies", nvlink_server),
    *chains("79, server dies", server_gpu_lost),
    *chains("slurmctld hangs", scheduler),
    *chains("PSU, all braked, NCCL", room),
    *chains("NFS stalls everywhere", file_server_all),
    *chains("node down, job waits", arrival),
    *chains("two faults at once", two_at_once),
    *chains("two boards, no common cause", two_boards),
    *chains("power loss", power_loss),
    *chains("a job's own memory", job_memory),
    *chains("narrow link, straggler", narrow_link),
    *chains("79 with a wrong clock", wrong_clock),
    *chains("file server stalls twice", twice),
    *chains("server in a crash loop", crash_loop),
)
