"""Single faults of a model server, as its page and its log tell them."""
# ruff: noqa: E501 - lines of logs and tables read best unbroken

from __future__ import annotations

from tests.bench.faults.plant import MODEL
from tests.bench.faults.story import FAULT_S, Stage, Story, Truth, variants
from tests.bench.faults.wires import VLLM_TARGET

SERVICE = f"vllm#{MODEL}"
DEAD = (
    "(APIServer pid=2291) ERROR STAMP [async_llm.py:480] vllm.v1.engine.exceptions.EngineDeadError: EngineCore "
    "encountered an issue. See stack trace (above) for the root cause."
)
BROADCAST = (
    "(EngineCore_DP0 pid=2400) INFO STAMP [shm_broadcast.py:466] No available shared memory broadcast block found in "
    "60 seconds. This typically happens when some processes are hanging or doing some time-consuming work (e.g. compilation)."
)
OOM = (
    "(Worker_TP1 pid=2410) ERROR STAMP [multiproc_executor.py:671] torch.OutOfMemoryError: CUDA out of memory. Tried to "
    "allocate 2.50 GiB. GPU 1 has a total capacity of 79.11 GiB of which 1.12 GiB is free."
)


def stop(s: Stage, at: float) -> None:
    """Nothing runs on the server any more."""
    s.at(at, lambda: flow(s, tokens=0.0, prompts=0.0, requests=0.0))


def flow(s: Stage, **values: float) -> None:
    """Other numbers of the server, from now on."""
    for name, value in values.items():
        setattr(s.plant.server, name, value)


def truth(code: str, *more: str, for_s: float = 0.0, severity: str = "warning", **rest: object) -> Truth:
    """A truth about the server."""
    return Truth((code, *more), (SERVICE,), severity, for_s, **rest)  # type: ignore[arg-type]  # checked there


def dead(s: Stage) -> Truth:
    """The engine died, and nothing says of what."""
    if s.variant == 1:
        s.say("vllm log", DEAD)
    elif s.variant == 2:
        s.say(
            "vllm log",
            "(APIServer pid=2291) ERROR STAMP [core_client.py:606] Engine core proc EngineCore_DP0 died unexpectedly, shutting down client.",
        )
    stop(s, FAULT_S)
    s.fail(VLLM_TARGET, "refused" if s.variant != 2 else "503", at=FAULT_S + 2, until=264.0)
    s.at(263.0, lambda: flow(s, tokens=900.0, prompts=2100.0, requests=4.0))
    s.say("vllm log", "(APIServer pid=3391) INFO:     Application startup complete.", at=264.0)
    return truth("H1", severity="critical", for_s=0.0 if s.is_full else 80.0, ends=264.0)


def wedged(s: Stage) -> Truth:
    """Requests wait, and no token comes; the page is well."""
    s.at(
        FAULT_S,
        lambda: flow(
            s, running=0.0 if s.variant == 1 else 9.0, waiting=5.0, tokens=0.0, prompts=0.0, requests=0.0, kv=0.0
        ),
    )
    if s.variant == 2:
        for number in range(8):
            s.say(
                "vllm log",
                "INFO STAMP [loggers.py:123] Engine 000: Avg prompt throughput: 0.0 tokens/s, Avg generation throughput: 0.0 tokens/s, Running: 0 reqs, Waiting: 5 reqs, GPU KV cache usage: 0.0%, Prefix cache hit rate: 31.0%",
                at=FAULT_S + 10 * number,
            )
    return truth("H2", for_s=60.0, follows=("H9",))


def broadcast(s: Stage) -> Truth:
    """Workers no longer take what the engine sends them."""
    s.at(FAULT_S - 20, lambda: flow(s, tokens=0.0, prompts=0.0, requests=0.0))
    for number in range(3):
        s.say("vllm log", BROADCAST, at=FAULT_S + 60 * number)
    if s.is_full:
        s.say(
            "vllm log",
            "(EngineCore_DP0 pid=2400) ERROR STAMP [core.py:700] TimeoutError: RPC call to sample_tokens timed out.",
            at=FAULT_S + 200,
        )
    return truth("H3", "H2", begins=FAULT_S, follows=("H2", "H3", "H9"))


def memory(s: Stage) -> Truth:
    """The GPU's memory does not suffice for a batch."""
    s.say(
        "vllm log",
        OOM if s.variant != 3 else OOM.replace("torch.OutOfMemoryError: CUDA", "torch.cuda.OutOfMemoryError: CUDA"),
    )
    if s.is_full:
        s.say("vllm log", DEAD, at=FAULT_S + 1)
        stop(s, FAULT_S)
        s.fail(VLLM_TARGET, "refused", at=FAULT_S + 3)
    return truth("H4", follows=("H1",))


def starting(s: Stage, line: str) -> None:
    """The server is started anew and fails with a line."""
    s.fail(VLLM_TARGET, "refused", at=14.0)
    s.say("vllm log", "(APIServer pid=2291) INFO STAMP [api_server.py:1805] vLLM API server version 0.11.0", at=15.0)
    s.say("vllm log", f"(EngineCore_DP0 pid=2400) ERROR STAMP [core.py:708] {line}")
    if s.is_full:
        s.say(
            "vllm log",
            "(APIServer pid=2291) RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}",
            at=FAULT_S + 1,
        )


def small_cache(s: Stage) -> Truth:
    """The context does not fit into the cache."""
    starting(s, s.pick(
        "ValueError: The model's max seq len (131072) is larger than the maximum number of tokens that can be stored in KV cache (86432). Try increasing `gpu_memory_utilization` or decreasing `max_model_len` when initializing the engine.",
        "ValueError: To serve at least one request with the models's max seq len (131072), (16.00 GiB KV cache is needed, which is larger than the available KV cache memory (10.55 GiB).",
        "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine.",
    ))  # fmt: skip
    return truth("H5", follows=("H13", "H1"))


def not_empty(s: Stage) -> Truth:
    """Somebody else holds memory of the GPU."""
    starting(
        s,
        f"ValueError: Free memory on device {s.pick('', 'cuda:0 ')}(21.3/79.11 GiB) on startup is less than desired GPU memory utilization (0.9, 71.2 GiB). Decrease GPU memory utilization or reduce GPU memory used by other processes.",
    )
    return truth("H6", follows=("H13", "H1", "B16"))


def start_fails(s: Stage) -> Truth:
    """It cannot begin: no access, no such model, a port in use."""
    starting(s, s.pick(
        "OSError: You are trying to access a gated repo. huggingface_hub.errors.GatedRepoError: 401 Client Error.",
        "OSError: lab/none is not a local folder and is not a valid model identifier listed on 'https://huggingface.co/models'",
        "OSError: [Errno 98] Address already in use",
    ))  # fmt: skip
    return truth("H13", follows=("H1",))


def cache_full(s: Stage) -> Truth:
    """The cache is full and requests wait, for minutes."""
    s.at(
        FAULT_S,
        lambda: flow(s, running=60.0, waiting=(6.0, 9.0, 4.0)[s.variant - 1], kv=(0.96, 0.98, 0.94)[s.variant - 1]),
    )
    s.at(434.0, lambda: flow(s, running=14.0, waiting=0.0, kv=0.44))
    return truth("H7", for_s=300.0, follows=("H9", "H10", "H8"), ends=434.0)


def thrash(s: Stage) -> Truth:
    """Requests are thrown out of the batch and begun anew."""
    s.at(FAULT_S, lambda: flow(s, running=80.0, waiting=3.0, kv=0.99, preempts=(2.5, 4.0, 1.6)[s.variant - 1]))
    return truth("H8", "H7", for_s=120.0, follows=("H7", "H10", "H9", "H8"))


def long_queue(s: Stage) -> Truth:
    """More comes than it can do."""
    s.at(FAULT_S, lambda: flow(s, running=24.0, waiting=(70.0, 44.0, 120.0)[s.variant - 1], kv=0.6))
    return truth("H9", for_s=120.0, follows=("H10",))


def slow(s: Stage) -> Truth:
    """It answers late."""
    s.at(FAULT_S, lambda: flow(s, **({"ttft_s": 4.2} if s.is_full else {"itl_s": 0.15})))
    return truth("H10", for_s=130.0 if s.is_full else 310.0)


def parallel(s: Stage) -> Truth:
    """Its parts no longer reach each other over NVLink."""
    s.say("vllm log", s.pick(
        "(Worker_TP2 pid=2412) ERROR STAMP [multiproc_executor.py:671] torch.AcceleratorError: CUDA error: uncorrectable NVLink error detected during the execution",
        "(Worker_TP2 pid=2412) RuntimeError: CUDA error: uncorrectable NVLink error detected during the execution",
    ))  # fmt: skip
    if s.is_full:
        s.say("vllm log", DEAD, at=FAULT_S + 1)
        stop(s, FAULT_S)
        s.fail(VLLM_TARGET, "refused", at=FAULT_S + 3)
    return truth("H11", severity="critical", follows=("H1",))


def illegal(s: Stage) -> Truth:
    """A kernel reads where it must not."""
    s.say(
        "vllm log",
        "(Worker_TP0 pid=2410) ERROR STAMP [multiproc_executor.py:671] RuntimeError: CUDA error: an illegal memory access was encountered",
    )
    if s.is_full:
        s.say("vllm log", DEAD, at=FAULT_S + 1)
        stop(s, FAULT_S)
        s.fail(VLLM_TARGET, "503", at=FAULT_S + 3)
    return truth("H12", severity="critical", follows=("H1",))


def tool_calls(s: Stage) -> Truth:
    """Tool calls cannot be read."""
    for number in range(30):
        s.say(
            "vllm log",
            "(APIServer pid=2291) ERROR STAMP [hermes_tool_parser.py:118] Error in extracting tool call from response.",
            at=FAULT_S + 3 * number,
        )
    return truth("H15", for_s=60.0)


def no_metrics(s: Stage) -> Truth:
    """It answers, and its page of metrics is gone."""
    s.fail(VLLM_TARGET, s.pick("404", "web page", "404"))
    return truth("H16", for_s=320.0)


def failing(s: Stage) -> Truth:
    """Requests end in errors of its own, or in nonsense."""
    s.at(FAULT_S, lambda: flow(s, **({"errors": 0.4} if s.is_full else {"corrupted": 0.5})))
    return truth("H17", for_s=20.0)


SINGLES: tuple[Story, ...] = (
    *variants("H1 engine dead", dead, 340.0), *variants("H2 wedged", wedged), *variants("H3 broadcast stuck", broadcast),
    *variants("H4 CUDA out of memory", memory, 200.0), *variants("H5 cache too small", small_cache, 200.0),
    *variants("H6 GPU not empty", not_empty, 200.0), *variants("H7 cache saturated", cache_full, 500.0),
    *variants("H8 preemption", thrash), *variants("H9 queue", long_queue), *variants("H10 slow", slow, 420.0),
    *variants("H11 NVLink of a server", parallel, 200.0), *variants("H12 illegal access", illegal, 200.0),
    *variants("H13 start fails", start_fails, 200.0), *variants("H15 tool calls", tool_calls, 200.0),
    *variants("H16 metrics missing", no_metrics, 440.0), *variants("H17 requests fail", failing, 200.0),
)  # fmt: skip
