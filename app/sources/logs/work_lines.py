"""What programs on GPUs and Slurm write: vLLM, PyTorch, NCCL, slurmstepd, slurmctld, health scripts. Pure.

vLLM's texts are those of 0.4 … 0.33, NCCL's of 2.18 and later as PyTorch logs them, Slurm's of 21.08 … 26.05. A line of a
program's log is the program's own word: whoever runs it can write anything there.
"""
# ruff: noqa: E501 - a row of signs reads best as one table line

from __future__ import annotations

import re
from dataclasses import replace

from app.sources.logs.sign import Find, Sign, find, sign

_GIB = r"[\d.]+ [KMG]i?B"
# fmt: off
CUDA_SIGNS: tuple[Sign, ...] = (
    sign("cuda.oom", "critical", "ut of memory", rf"(?:CUDA|HIP) out of memory\.?(?: Tried to allocate (?P<wanted>{_GIB}))?(?:.*?GPU (?P<gpu>\d+))?(?:.*?of which (?P<free>{_GIB}) is free)?"),
    sign("cuda.oom", "critical", "ut of memory", r"CUDA error: out of memory"),
    sign("cuda.illegal_access", "critical", "illegal memory access", r"CUDA error: an illegal memory access was encountered"),
    sign("cuda.nvlink", "critical", "uncorrectable NVLink error", r"uncorrectable NVLink error detected during the execution"),
    sign("cuda.ecc", "critical", "uncorrectable ECC error", r"CUDA error: uncorrectable ECC error encountered"),
    sign("cuda.launch_failure", "warning", "launch failure", r"CUDA error: unspecified launch failure"),
    sign("cuda.assert", "warning", "device-side assert", r"CUDA error: device-side assert triggered"),
    sign("cuda.not_initialized", "critical", "system not yet initialized"),
    sign("cuda.no_device", "critical", "no CUDA-capable device is detected"),
    sign("cuda.busy", "warning", "busy or unavailable", r"CUDA-capable device\(s\) is/are busy or unavailable"),
    sign("gpu.driver_mismatch", "critical", "Driver/library version mismatch"),
    sign("gpu.driver_missing", "critical", "communicate with the NVIDIA driver", r"NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver"),
    sign("gpu.driver_missing", "critical", "Driver Not Loaded", r"Failed to initialize NVML: Driver Not Loaded"),
    sign("gpu.inforom_corrupt", "warning", "nfoROM is corrupted", r"[iI]nfoROM is corrupted at gpu (?P<pci>[0-9a-fA-F:.]{7,20})"),
    sign("gpu.diag_failed", "critical", "Fail", r"^\|[ -]*(?P<test>[A-Za-z][\w ]{1,30}?) *\| *Fail(?: - GPUs?: (?P<gpu>\d+))?"),
    sign("gpu.off_bus", "critical", "Unable to determine the device handle for", r"device handle for (?:GPU ?(?P<gpu>\d+)?:? ?(?P<pci>[0-9a-fA-F:.]{7,20})?).*(?:GPU is lost|Unknown Error)"),
    sign("nccl.timeout", "critical", "Watchdog caught collective operation timeout", r"(?:\[?[Rr]ank ?(?P<rank>\d+)\]?.*?)?Watchdog caught collective operation timeout: WorkNCCL\(SeqNum=(?P<sequence>\d+), OpType=(?P<operation>\w+).*?Timeout\(ms\)=(?P<timeout_ms>\d+)"),
    sign("nccl.error", "warning", "NCCL error", r"NCCL [Ee]rror[^:]*: (?P<what>unhandled \w+ error|internal error|remote process (?:exited|has)[^.]*|invalid usage|[^.]{3,80})"),
    sign("nccl.remote_gone", "warning", "NCCL WARN", r"NCCL WARN .*?(?:Connection closed by remote peer|peer .*closed) ?(?P<peer>\S+)?"),
    sign("nccl.network_error", "warning", "NCCL WARN NET/IB", r"NCCL WARN NET/IB ?: (?P<what>Got (?:completion|async event).+)"),
    sign("nccl.socket", "info", "Using network Socket", r"NCCL INFO Using network Socket"),
    sign("job.shared_memory", "warning", "insufficient shared memory", r"[Bb]us error.*insufficient shared memory \(shm\)"),
    sign("job.loader_killed", "warning", "DataLoader worker", r"DataLoader worker \(pid\(?s?\)? (?P<pid>\d+)\).*(?:killed by signal|exited unexpectedly)"),
    sign("job.disk_full", "warning", "No space left on device"),
    sign("job.nan", "warning", "nan", r"\bloss[\"'=: ]+nan\b"),
)
VLLM_SIGNS: tuple[Sign, ...] = (
    sign("vllm.engine_dead", "critical", "EngineDeadError", r"EngineDeadError: (?P<what>.+)"),
    sign("vllm.engine_dead", "critical", "died unexpectedly", r"(?:(?:Engine core|Worker) proc (?P<process>.+?)|RayWorkerProc rank=\S+) died unexpectedly(?: \(exit code: (?P<status>-?\w+)\))?"),
    sign("vllm.engine_dead", "critical", "Engine loop has died"),
    sign("vllm.engine_dead", "critical", "encountered a fatal error", r"EngineCore encountered a fatal error"),
    sign("vllm.engine_dead", "critical", "(engine dead)", r"Request .{1,80} failed \(engine dead\)"),
    sign("vllm.engine_dead", "critical", "engine core exited unexpectedly"),
    sign("vllm.engine_dead", "critical", "Engine background task failed"),
    sign("vllm.iteration_timeout", "critical", "Engine iteration timed out"),
    sign("vllm.worker_dead", "critical", "died, exit code", r"Worker (?P<process>\S+) pid (?P<pid>\d+) died, exit code: (?P<status>-?\d+)"),
    sign("vllm.init_failed", "critical", "Engine core initialization failed"),
    sign("vllm.init_failed", "critical", "failed to start", r"(?:EngineCore|WorkerProc) failed to start"),
    sign("vllm.init_failed", "critical", "before responding to readiness probe", r"RPCServer process died before responding to readiness probe"),
    sign("vllm.no_model", "critical", "Model architectures", r"Model architectures (?P<what>\[[^\]]{1,120}\]) (?:are not supported|failed to be inspected)"),
    sign("vllm.no_model", "critical", "is not a valid model identifier", r"(?P<what>\S{1,120}) is not a local folder and is not a valid model identifier"),
    sign("vllm.no_model", "critical", "does not appear to have a file named", r"(?P<what>\S{1,120}) does not appear to have a file named"),
    sign("vllm.broadcast_stuck", "critical", "No available shared memory broadcast block", r"No available shared memory broadcast block found in (?P<seconds>\d+) ?s"),
    sign("vllm.broadcast_stuck", "critical", "No available block found in", r"No available block found in (?P<seconds>\d+) second"),
    sign("vllm.rpc_timeout", "critical", "RPC call to", r"TimeoutError: RPC call to (?P<call>\w+) timed out"),
    sign("vllm.kv_too_small", "critical", "stored in KV cache", r"max(?:imum)? seq(?:uence)? len(?:gth)? \((?P<context>\d+)\) is larger than .* KV cache \((?P<room>\d+)\)"),
    sign("vllm.kv_too_small", "critical", "KV cache is needed", r"(?P<wanted>[\d.]+) GiB KV cache is needed, which is larger than the available KV cache memory \((?P<room>[\d.]+) GiB\)"),
    sign("vllm.no_kv_memory", "critical", "No available memory for the cache blocks"),
    sign("vllm.gpu_not_empty", "critical", "less than desired GPU memory utilization", r"Free memory on device(?: \S+)? \((?P<free>[\d./ GiB]+)\).* is less than desired"),
    sign("vllm.port_in_use", "critical", "ddress already in use", r"(?:\[Errno \d+\] A|: a)ddress already in use"),
    sign("vllm.no_access", "critical", "gated repo", r"(?i)cannot access gated repo"),
    sign("vllm.no_access", "critical", "GatedRepoError"),
    sign("vllm.no_access", "critical", "401 Client Error", r"401 Client Error.*huggingface"),
    sign("vllm.preempted", "info", "preempted by", r"is preempted by (?P<mode>\S+) mode.*?total_num_cumulative_preemption=(?P<total>\d+)"),
    sign("vllm.throughput", "info", "Avg generation throughput", r"Avg generation throughput: (?P<rate>[\d.]+) tokens/s,? Running: (?P<running>\d+) reqs?,(?: Swapped: \d+ reqs?,)? (?:Waiting|Pending): (?P<waiting>\d+) reqs?, GPU KV cache usage: (?P<kv>[\d.]+)%"),
    sign("vllm.kv_cache", "info", "Maximum concurrency for", r"Maximum concurrency for (?P<context>[\d,]+) tokens per request: (?P<concurrency>[\d.]+)x"),
    sign("vllm.kv_cache", "info", "GPU KV cache size", r"GPU KV cache size: (?P<tokens>[\d,]+) tokens"),
    sign("vllm.weights_loading", "info", "checkpoint shards", r"Loading (?:safetensors|pt) checkpoint shards: +(?P<percent>\d+)%"),
    sign("vllm.weights_loaded", "info", "took", r"(?:Model loading|Loading model weights) took (?P<size>[\d.]+) Gi?B(?: (?:memory )?and (?P<seconds>[\d.]+) seconds)?"),
    sign("vllm.starting", "info", "vLLM API server version", r"vLLM API server version (?P<version>\S+)"),
    sign("vllm.starting", "info", "LLM engine", r"Initializing an? (?:V\d )?LLM engine"),
    sign("vllm.starting", "info", "Starting vLLM", r"Starting vLLM (?:API )?server(?: \d+)? on (?P<address>\S+)"),
    sign("vllm.ready", "info", "Application startup complete"),
    sign("vllm.shutdown", "info", "hutting down FastAPI HTTP server"),
    sign("vllm.shutdown", "info", "hutdown", r"(?:Shutdown initiated|[Rr]eceived shutdown signal|\[shutdown\] (?:API server: shutdown triggered|EngineCore: trigger received))"),
    sign("vllm.shutdown", "info", "racefully", r"(?:Gracefully stopping http server|Engine is gracefully shutting down)"),
    sign("vllm.shutdown", "info", "DPSupervisor received", r"DPSupervisor received \S+, shutting down"),
    sign("vllm.tool_call", "info", "tool call", r"Error (?:in extracting|trying to handle streaming) tool calls?"),
    sign("vllm.tool_call", "info", "tool calls", r"Error (?:extracting|in streaming) tool calls"),
)
_STEP = r"StepId=(?P<job>\d+)(?:[._+]\S*)?"
SLURM_SIGNS: tuple[Sign, ...] = (
    sign("slurm.oom", "warning", "oom_kill event", rf"Detected (?P<count>\d+) oom[_-]kill events? in {_STEP}"),
    sign("slurm.node_failed", "critical", "DUE TO NODE FAILURE", r"(?:JOB|STEP) (?P<job>\d+)\S* ON (?P<node>\S+) CANCELLED AT .* DUE TO NODE FAILURE"),
    sign("slurm.time_limit", "info", "DUE TO TIME LIMIT", r"(?:JOB|STEP) (?P<job>\d+)\S* (?:ON (?P<node>\S+) )?CANCELLED AT .* DUE TO TIME LIMIT"),
    sign("slurm.cancelled", "info", "CANCELLED AT", r"(?:JOB|STEP) (?P<job>\d+)\S* (?:ON (?P<node>\S+) )?CANCELLED AT \S+(?: DUE [Tt][Oo] (?P<why>[A-Za-z ]+))?"),
    sign("slurm.low_memory", "warning", "low real_memory size", r"Node (?P<node>\S+) has low real_memory size \((?P<has>\d+) < (?P<wanted>\d+)\)"),
    sign("slurm.low_memory", "warning", "Low RealMemory", r"Low RealMemory \(reported:(?P<has>\d+)"),
    sign("slurm.not_responding", "critical", "not responding", r"Nodes? (?P<node>\S+) not responding"),
    sign("slurm.responding", "info", "now responding", r"[Nn]ode (?P<node>\S+) now responding"),
    sign("slurm.responding", "info", "returned to service", r"node (?P<node>\S+) returned to service"),
    sign("slurm.gres_low", "critical", "count reported lower than configured", r"(?:node (?P<node>\S+) state to .*?)?gres/(?P<gres>\w+) count reported lower than configured \((?P<has>\d+) < (?P<wanted>\d+)\)"),
    sign("slurm.kill_failed", "warning", "Kill task failed"),
    sign("slurm.kill_failed", "warning", "NOT ENDING WITH SIGNALS", r"STEPD TERMINATED ON (?P<node>\S+) AT"),
    sign("slurm.prolog_failed", "warning", "rolog", r"(?:Prolog (?:failure|error|failed)(?: on node (?P<node>\S+))?|prolog (?:failed|exited))"),
    sign("slurm.health_drain", "warning", "epilog-", r"(?P<script>epilog[\w-]+) fatal: (?P<what>.+)"),
    sign("slurm.epilog_failed", "warning", "pilog", r"(?:Epilog (?:failure|error|failed)(?: on node (?P<node>\S+))?|epilog (?:failed|exited))"),
    sign("slurm.unavailable", "warning", "ReqNodeNotAvail", r"ReqNodeNotAvail,? ?(?:UnavailableNodes:(?P<nodes>[^)]*))?"),
    sign("slurm.batch_failed", "warning", "batch job complete failure"),
    sign("slurm.rebooted", "critical", "unexpectedly rebooted", r"(?:Node )?(?P<node>\S+)? ?unexpectedly rebooted"),
    sign("slurm.munge", "critical", "unge", r"Munge (?:decode|encode) failed: (?P<what>.+)"),
    sign("slurm.dbd", "warning", "slurmdbd: agent queue", r"slurmdbd: agent queue (?:filling|is full)"),
    sign("slurm.dbd", "warning", "persistent connection", r"failed to open persistent connection to \S*:6819"),
    sign("slurm.dbd", "warning", "PersistInit", r"Sending PersistInit msg: (?P<what>.+)"),
)
# fmt: on


_ECHO = re.compile(
    r"(?:^|[\] ])(?:Received request\b|.{0,80}\bprompt(?:_token_ids)?: )|^.{0,200}\bGenerated response\b"
)
"""A request or an answer that the server logs: whoever asks it anything has written what follows."""


def is_echo(text: str) -> bool:
    """Whether a line of a model server repeats what somebody asked it, or what it answered: no word of its own."""
    return _ECHO.search(text) is not None


def vllm_find(text: str) -> Find | None:
    """What a line of a model server says; what somebody asked it, or it answered, is no word of its own."""
    if is_echo(text):
        return None
    found = find(VLLM_SIGNS, text)
    if found is None:
        return find(CUDA_SIGNS, text)
    return _wedged(found) if found.kind == "vllm.throughput" else found


def job_find(text: str) -> Find | None:
    """What a line of a job's output, or of Slurm's daemons, says."""
    return find(SLURM_SIGNS, text) or find(CUDA_SIGNS, text)


def slurm_find(text: str) -> Find | None:
    """What a line of Slurm's daemons says."""
    return find(SLURM_SIGNS, text)


def _wedged(found: Find) -> Find | None:
    """Requests wait and nothing runs: the engine may be stuck. All else of that line the metrics tell better."""
    said = found.details
    if said.get("running") == "0" and said.get("waiting", "0") != "0" and float(said.get("rate", "0")) == 0.0:
        return replace(found, kind="vllm.waiting_idle", severity="warning")
    return None
