"""Lines that mean something become evidence, with what the lines before them add; all others become nothing."""
# ruff: noqa: E501 - a log line is as long as it is

from __future__ import annotations

import time
from datetime import UTC

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.evidence import LogEvidence, LogKind
from app.domain.naming import clean
from app.sources.logs.gpu_lines import DRIVER_SIGNS
from app.sources.logs.host_lines import KERNEL_SIGNS
from app.sources.logs.reader import MOST_A_BATCH, LogReader
from app.sources.logs.work_lines import CUDA_SIGNS, SLURM_SIGNS, VLLM_SIGNS

NOW = 1_772_366_400.0
LOG_KINDS: tuple[LogKind, ...] = ("kernel", "vllm", "job")


def read(*lines: str, kind: LogKind = "kernel", now: float = NOW) -> list[LogEvidence]:
    """What a fresh reader of node-1 finds."""
    return list(LogReader(kind, "log", "node-1", UTC).read_text(lines, now))


def test_xid_line_gives_all_it_names() -> None:
    """Code, board, process and the driver's own cause come out of one line."""
    (found,) = read(
        "[88.5] NVRM: Xid (PCI:0001:3B:00): 45, pid=991, name=python3, Ch 00000002 caused by previous Xid 149"
    )

    assert ("xid", 45, "0001:3b:00", 991, "python3", 149, "node-1") == (
        found.kind, found.code, found.pci, found.pid, found.process, found.caused_by, found.node,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rest", "process", "pid"),
    [
        ("13, pid='<unknown>', name=<unknown>, Graphics Exception", None, None),
        ("13, pid=7, name=VLLM::Worker TP0, Graphics Exception", "VLLM::Worker TP0", 7),
        ("13, pid=7", None, 7),
        ("13, Graphics Exception", None, None),
        ("13", None, None),
    ],
)
def test_process_of_an_xid_may_be_left_out(rest: str, process: str | None, pid: int | None) -> None:
    """All forms of the driver's process part are read, and `<unknown>` is nobody."""
    (found,) = read(f"NVRM: Xid (PCI:0000:3b:00): {rest}")

    assert (13, process, pid) == (found.code, found.process, found.pid)


def test_slice_of_an_xid_is_told() -> None:
    """An Xid inside a MIG slice names its GPU instance and keeps the board's address."""
    (found,) = read("NVRM: Xid (PCI:0000:3b:00 GPU-I:05 GPU-CI:01): 43, pid=7, name=a, Ch 1")

    assert ("0000:3b:00", "05", "01") == (found.pci, found.details["gi"], found.details["ci"])


def test_recovery_action_is_the_new_one() -> None:
    """Of Xid 154 the action that holds now is told, and its gravity follows it."""
    asked, gone = read(
        "NVRM: Xid (PCI:0000:3b:00): 154, GPU recovery action changed from 0x0 (None) to 0x2 (Node Reboot Required)",
        "NVRM: Xid (PCI:0000:3b:00): 154, GPU recovery action changed from 0x2 (Node Reboot Required) to 0x0 (None)",
    )

    assert [(2, "critical"), (0, "info")] == [(one.recovery, one.severity) for one in (asked, gone)]


def test_sentence_of_three_lines_names_its_gpu() -> None:
    """The driver's load error is told by its last line, about the GPU that its first one names."""
    (found,) = read(
        "NVRM: The NVIDIA GPU 0000:5e:00.0",
        "NVRM: (PCI ID: 10de:2330) installed in this system has",
        "NVRM: fallen off the bus and is not responding to commands.",
    )

    assert ("gpu.off_bus", "0000:5e:00") == (found.kind, found.pci)


def test_uuid_comes_from_the_line_before() -> None:
    """The driver writes a board's UUID before its first Xid, and the evidence has it."""
    (found,) = read(
        "NVRM: GPU at PCI:0000:5e:00: GPU-01234567-89ab-cdef-0123-456789abcdef",
        "NVRM: Xid (PCI:0000:5e:00): 62, 0000 0000",
    )

    assert "GPU-01234567-89ab-cdef-0123-456789abcdef" == found.uuid


def test_program_cannot_speak_for_the_kernel() -> None:
    """A line that a program wrote to syslog is no Xid, whatever it says; the kernel's own is."""
    text = "NVRM: Xid (PCI:0000:5e:00): 79, pid=1, name=a, GPU has fallen off the bus."

    assert [] == read(f"Feb 27 10:11:12 node-1 ana[9]: {text}")
    assert [79] == [one.code for one in read(f"Feb 27 10:11:12 node-1 kernel: {text}")]


def test_job_log_says_nothing_of_gpus() -> None:
    """A job may print any Xid into its own output: only the kernel's log counts for these."""
    assert [] == read("NVRM: Xid (PCI:0000:5e:00): 79, GPU has fallen off the bus.", kind="job")


def test_one_kill_is_told_once() -> None:
    """The two lines of one kill for want of memory are one piece of evidence, with the job whose limit it was."""
    (found,) = read(
        "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0-1,"
        "oom_memcg=/slurm/uid_1000/job_812,task_memcg=/slurm/uid_1000/job_812/step_0,task=python,pid=4711,uid=1000",
        "Memory cgroup out of memory: Killed process 4711 (python) total-vm:9kB, anon-rss:8kB",
    )

    assert ("host.oom", "812", 4711, "warning") == (found.kind, found.job, found.pid, found.severity)


def test_machine_out_of_memory_is_graver_than_a_job() -> None:
    """A kill without a limit means that the machine itself ran out."""
    (found,) = read("Out of memory: Killed process 4711 (python) total-vm:9kB")

    assert "critical" == found.severity


def test_repeated_message_counts() -> None:
    """The syslog daemon's `last message repeated` counts for the line before it, and for nothing where that meant nothing."""
    xid = "Feb 27 10:11:12 node-1 kernel: NVRM: Xid (PCI:0000:5e:00): 31, pid=1, name=a, MMU Fault"

    assert [4] == [one.repeats for one in read(xid, "Feb 27 10:11:13 node-1 kernel: last message repeated 3 times")]
    assert [] == read(
        "Feb 27 10:11:12 node-1 kernel: hello", "Feb 27 10:11:13 node-1 kernel: last message repeated 3 times"
    )


def test_storm_is_bounded() -> None:
    """Ten thousand lines at once are folded, the gravest kept, and the rest counted."""
    lines = [f"NVRM: Xid (PCI:0000:5e:00): 45, pid={pid}, name=a, Ch 1" for pid in range(10_000)]
    lines.insert(7_000, "NVRM: Xid (PCI:0000:5e:00): 79, GPU has fallen off the bus.")
    found = read(*lines)

    assert MOST_A_BATCH >= len(found)
    assert 10_001 == sum(one.repeats for one in found)
    assert 79 in {one.code for one in found}
    assert "log.flood" == found[-1].kind


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("(EngineCore_0 pid=12) ERROR 02-27 10:11:12 [core.py:9] vllm.v1.engine.exceptions.EngineDeadError: gone", "vllm.engine_dead"),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 3 has", "cuda.oom"),
        ("ERROR 02-27 10:11:12 Worker VllmWorkerProcess pid 44 died, exit code: -9", "vllm.worker_dead"),
        ("INFO 02-27 10:11:12 [gpu_model_runner.py:1] Model loading took 57.1 GiB and 88.5 seconds", "vllm.weights_loaded"),
        ("Loading safetensors checkpoint shards:  43% Completed | 6/14 [00:11<00:15,  1.93s/it]", "vllm.weights_loading"),
        ("INFO 02-27 10:11:12 [kv_cache_utils.py:1] GPU KV cache size: 400,000 tokens", "vllm.kv_cache"),
        ("ERROR 02-27 10:11:12 [multiproc_executor.py:1] Worker proc VllmWorker-1 died unexpectedly (exit code: -9), shutting down executor.", "vllm.engine_dead"),
        ("ERROR 02-27 10:11:12 [core.py:1] EngineCore encountered a fatal error.", "vllm.engine_dead"),
        ("INFO 02-27 10:11:12 [async_llm.py:1] Request cmpl-1 failed (engine dead).", "vllm.engine_dead"),
        ("ERROR 02-27 10:11:12 [core.py:1] EngineCore failed to start.", "vllm.init_failed"),
        ("ValueError: Model architectures ['NewForCausalLM'] are not supported for now.", "vllm.no_model"),
        ("OSError: [Errno 98] Address already in use", "vllm.port_in_use"),
        ("huggingface_hub.errors.GatedRepoError: 401 Client Error.", "vllm.no_access"),
        ("WARNING 02-27 10:11:12 shm_broadcast.py:396] No available block found in 60 second.", "vllm.broadcast_stuck"),
        ("INFO 02-27 10:11:12 [core.py:1] Initializing a V1 LLM engine (v0.32.0) with config: model='m'", "vllm.starting"),
        ("INFO 02-27 10:11:12 [entry.py:1] Starting vLLM server on http://127.0.0.1:8011", "vllm.starting"),
        ("INFO 02-27 10:11:12 [launcher.py:1] Shutting down FastAPI HTTP server.", "vllm.shutdown"),
        ("INFO 02-27 10:11:12 [launcher.py:1] [shutdown] API server: shutdown triggered", "vllm.shutdown"),
        ("ERROR 02-27 10:11:12 [hermes_tool_parser.py:1] Error in extracting tool call from response.", "vllm.tool_call"),
    ],
)  # fmt: skip
def test_model_servers_lines_are_known(line: str, kind: str) -> None:
    """The lines of a model server that matter are told apart."""
    assert [kind] == [one.kind for one in read(line, kind="vllm")]


@pytest.mark.parametrize(
    ("line", "kind", "node"),
    [
        ("slurmctld: Node gpu-2 now responding", "slurm.responding", "gpu-2"),
        ("slurmctld: node_did_resp: node gpu-2 returned to service", "slurm.responding", "gpu-2"),
        ("slurmctld: error: Setting node gpu-2 state to INVAL with reason:gres/gpu count reported lower than configured (0 < 8)",
         "slurm.gres_low", "gpu-2"),
        ("slurmstepd: error: *** STEP 812.0 STEPD TERMINATED ON gpu-2 AT 2026-02-27T10:11:12 DUE TO JOB NOT ENDING WITH SIGNALS ***",
         "slurm.kill_failed", "gpu-2"),
        ("slurmctld: error: slurmdbd: agent queue filling (6000), MaxDBDMsgs=10000, RESTART SLURMDBD NOW", "slurm.dbd", None),
        ("slurmctld: error: Sending PersistInit msg: Connection refused", "slurm.dbd", None),
    ],
)  # fmt: skip
def test_lines_of_slurms_daemons_name_their_node(line: str, kind: str, node: str | None) -> None:
    """Which may be another than the one whose log it is."""
    (found,) = read(line, kind="job")
    assert (kind, node) == (found.kind, found.details.get("node"))


def test_busy_model_server_is_no_evidence() -> None:
    """Throughput lines mean something only when requests wait and nothing runs."""
    line = "INFO Avg prompt throughput: 9.0 tokens/s, Avg generation throughput: {} tokens/s, Running: {} reqs, Waiting: 4 reqs, GPU KV cache usage: 9.0%"

    assert [] == read(line.format("52.1", "8"), kind="vllm")
    assert ["vllm.waiting_idle"] == [one.kind for one in read(line.format("0.0", "0"), kind="vllm")]


SAMPLES = (
    "[88.5] NVRM: Xid (PCI:0000:3b:00): 145, pid=1, name=a b, RLW_RXPIPE Nonfatal XC0 i0 Link 13 (0x1 0x2 0x3 0x4 0x5 0x6)",
    "Feb 27 10:11:12 node-1 kernel: [88.5] nvidia-nvswitch1: SXid (PCI:0000:86:00.0): 20034, Fatal, Link 30 LTSSM",
    "4,812,4242500001,-;oom-kill:constraint=CONSTRAINT_MEMCG,x=/job_8/step_0,task=python,pid=47,uid=1",
    "2026-02-27T10:11:12,250000+00:00 pcieport 0000:00:01.0: PCIe Bus Error: severity=Uncorrectable (Fatal), type=T",
    "[Rank 3] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=2, OpType=GATHER, Timeout(ms)=60) ran",
    "slurmstepd: error: *** STEP 12.0 ON n1 CANCELLED AT 2026-02-27T10:11:12 DUE TO TIME LIMIT ***",
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A good line cut, doubled, or with other characters in it."""
    text = draw(st.sampled_from(SAMPLES))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        until = min(len(text), at + draw(st.integers(0, 12)))
        text = (
            text[:at]
            + draw(st.sampled_from(("", text[at:until] * 3, "9" * 30, "\x1b[", "٣", "))", "\n")))
            + text[until:]
        )
    return text + draw(st.text(max_size=20))


@settings(max_examples=400, deadline=None)
@given(st.lists(mutated(), max_size=5), st.sampled_from(LOG_KINDS))
def test_mutated_lines_never_break_the_reader(lines: list[str], kind: LogKind) -> None:
    """Whatever becomes of a line, the reader goes on, its texts are printable, and no time lies in the future."""
    for one in read(*lines, kind=kind):
        assert clean(one.text) == one.text
        assert NOW >= one.at
        assert 1 <= one.repeats
        assert one.pid is None or 0 <= one.pid


@pytest.mark.parametrize("kind", LOG_KINDS)
def test_hostile_lines_cost_little(kind: LogKind) -> None:
    """A line made of nothing but what the signs look for is read within a fraction of a second."""
    signs = {
        "kernel": (*KERNEL_SIGNS, *DRIVER_SIGNS),
        "vllm": (*VLLM_SIGNS, *CUDA_SIGNS),
        "job": (*SLURM_SIGNS, *CUDA_SIGNS),
    }
    needles = [one.needle for one in signs[kind]]
    lines = [one * (2000 // len(one)) for one in needles] + [" ".join(needles)] * 3
    lines += [f"{one} " + "task=mlx5_core rank1 GPU 1 (a " * 60 for one in needles]
    began = time.process_time()
    read(*lines, kind=kind)

    assert 2.0 > time.process_time() - began


@pytest.mark.parametrize(
    "line",
    [
        "WARNING 02-27 10:11:12 [parallel.py:1] Address already in use. Retrying with a new port.",
        "INFO 02-27 10:11:12 [network_utils.py:1] Port 5555 is already in use, trying port 5556",
        "INFO 02-27 10:11:12 [multiproc_executor.py:1] Parent process exited, terminating worker queues",
        "INFO 02-27 10:11:12 [async_llm.py:1] Aborted request(s) cmpl-1.",
        'INFO:     10.0.0.1:1 - "POST /v1/chat/completions HTTP/1.1" 400 Bad Request',
    ],
)
def test_everyday_lines_of_a_server_say_nothing(line: str) -> None:
    """They sound like trouble and are none."""
    assert [] == read(line, kind="vllm")
