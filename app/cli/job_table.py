"""`job` for people: what it is, where it runs, its GPUs, its files and its steps. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from app.domain.hostlist import compress
from app.present.cells import Cell, Line, cells, fit, line, tidy, wrap
from app.present.units import MISSING, format_elapsed, format_power, format_size

_LABEL = 12
_GOING = ("PENDING", "RUNNING", "SUSPENDED")
_STEP_KEYS = ("JobID", "JobName", "State", "Elapsed", "NTasks", "TotalCPU", "AveCPU", "MaxRSS")


def job_page(job: Mapping[str, Any], width: int, now: float) -> list[Line]:
    """A job, as JSON has it, in lines of at most `width` columns."""
    width = max(60, width)
    title = f"job {job['id']}  {job['name']}"
    lines: list[Line] = [cells(fit(tidy(title), width).rstrip(), "strong")]
    for label, text in _facts(job, now):
        if text:
            lines += _pair(label, text, width)
    if job["pending_explained"]:
        lines += _pair("waits", job["pending_explained"], width)
    lines += _gpus(job)
    lines += _steps(job, width)
    if job["script_note"] and not job["script"]:
        lines += _pair("script", job["script_note"], width)
    if job["note"]:
        lines += _pair("mind", job["note"], width)
    return lines


def _facts(job: Mapping[str, Any], now: float) -> Iterator[tuple[str, str]]:
    state = "+".join((job["state"], *job["flags"]))
    yield "state", state + (f" ({job['reason']})" if job["reason"] else "")
    yield "user", job["user"] + (f", account {job['account']}" if job["account"] else "")
    yield "partition", job["partition"] + (f", QOS {job['qos']}" if job["qos"] else "")
    yield "nodes", compress(job["nodes"]) or (f"{job['node_count']} wanted" if job["node_count"] else "")
    kind = f" {job['gpu_type']}" if job["gpu_type"] else ""
    yield "GPUs", MISSING if job["gpus"] is None else f"{job['gpus']}{kind} (known: {job['gpu_binding']})"
    memory = f", {format_size(job['memory_mib'])}iB of memory" if job["memory_mib"] else ""
    yield "CPUs", f"{job['cpus']}{memory}" if job["cpus"] else ""
    limit = format_elapsed(job["time_limit_s"]) if job["time_limit_s"] is not None else "no limit known"
    yield "time", f"{format_elapsed(job['elapsed_s'])} of {limit}"
    yield "submitted", _moment(job["submit_at"])
    is_ahead = job["start_at"] is not None and job["start_at"] > now
    yield "starts" if is_ahead else "started", _moment(job["start_at"]) + (", by Slurm's estimate" if is_ahead else "")
    yield "ends by" if job["state"] in _GOING else "ended", _moment(job["end_at"])
    if job["exit_code"] is not None and job["state"] not in _GOING:
        yield "exit", f"{job['exit_code']}" + (f", signal {job['exit_signal']}" if job["exit_signal"] else "")
    yield "waits for", job["dependency"] or ""
    yield "restarts", str(job["restarts"]) if job["restarts"] else ""
    yield "folder", job["work_dir"] or (job["fields"] or {}).get("WorkDir", "")
    yield "command", job["command"] or (job["fields"] or {}).get("Command", "")
    yield "output", job["stdout"] or ""
    yield "errors", job["stderr"] if job["stderr"] and job["stderr"] != job["stdout"] else ""
    yield "comment", job["comment"] or ""


def _pair(label: str, text: str, width: int) -> list[Line]:
    wrapped = wrap(tidy(text, 2000), width - _LABEL) or ("",)
    first = line(Cell(fit(label, _LABEL), "quiet"), wrapped[0])
    return [first, *(line(" " * _LABEL, part) for part in wrapped[1:])]


def _gpus(job: Mapping[str, Any]) -> list[Line]:
    lines: list[Line] = []
    for gpu in job["gpus_live"][:64]:
        use = MISSING if gpu["utilization_percent"] is None else f"{gpu['utilization_percent']:.0f} %"
        place = fit(tidy(f"{gpu['node']}/{gpu['index']}"), 18)
        memory = fit(format_size(gpu["memory_used_mib"]), 8, "right")
        lines.append(line("  ", place, fit(use, 6, "right"), "  ", memory, "  ", format_power(gpu["power_w"])))
    return [(), *lines] if lines else []


def _steps(job: Mapping[str, Any], width: int) -> list[Line]:
    lines: list[Line] = []
    for step in (job["steps"] or [])[:50]:
        told = [str(step[key]) for key in _STEP_KEYS if step.get(key)] or [
            f"{key}={value}" for key, value in step.items()
        ]
        lines.append(line("  ", fit(tidy("  ".join(told), 400), width - 2).rstrip()))
    return [(), cells("steps", "quiet"), *lines] if lines else []


def _moment(at: float | None) -> str:
    if at is None:
        return ""
    try:
        return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return ""
