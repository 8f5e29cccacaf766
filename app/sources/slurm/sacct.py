"""`sacct -P` text to ended jobs and to steps: fields between bars, no header.

A bar in a job's name would move every field behind it, so the name is last and takes what is over. AllocGRES is gone
since 20.11; AllocTRES names the GPUs, typed where the site accounts for types.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.domain.naming import clean
from app.domain.slurm import SlurmJob
from app.sources.slurm import fields as text
from app.sources.slurm.gres import request
from app.sources.slurm.parsed import MOST_ITEMS, Parsed, Skips, SlurmParseError, lines_of

COMMAND = "sacct"
COLUMNS = (
    "JobID", "JobIDRaw", "User", "Account", "Partition", "QOS", "State", "Reason", "ExitCode", "NodeList", "NNodes",
    "NCPUS", "Submit", "Eligible", "Start", "End", "TimelimitRaw", "ElapsedRaw", "Priority", "AllocTRES", "ReqTRES",
    "Reservation", "JobName",
)  # fmt: skip
"""All there in 21.08 to 26.05."""
HISTORY_WORDS = ("-P", "-n", "-X", "-a", "-D", "-o", ",".join(COLUMNS))
"""Add `-S` and `-E`; `-D` tells of every run of a requeued job."""
STEP_COLUMNS = (
    "JobID", "State", "ExitCode", "Start", "Elapsed", "NTasks", "NCPUS", "NodeList", "TotalCPU", "MaxRSS", "AveRSS",
    "MaxRSSNode", "AllocTRES", "JobName",
)  # fmt: skip
STEP_WORDS = ("-P", "-n", "-o", ",".join(STEP_COLUMNS))
"""Add `-j`."""


def parse_sacct(output: bytes) -> Parsed[SlurmJob]:
    """The jobs of `sacct` with `HISTORY_WORDS`; of a job that was requeued the last run.

    Raises SlurmParseError where there is output and none of it is a row.
    """
    skips, jobs = Skips(COMMAND), dict[str, SlurmJob]()
    for number, line, said in _rows(output, COLUMNS, skips):
        job = _job(said)
        if job is None or (job.id not in jobs and len(jobs) == MOST_ITEMS):
            skips.add(number, "no job id or state" if job is None else f"more than {MOST_ITEMS} jobs", line)
            continue
        jobs.pop(job.id, None)
        jobs[job.id] = job
    if skips.count and not jobs:
        raise SlurmParseError(skips.notes[0])
    return skips.parsed(list(jobs.values()))


def parse_steps(output: bytes) -> tuple[Mapping[str, str], ...]:
    """The rows of `sacct` with `STEP_WORDS` by column, cleaned. Raises SlurmParseError."""
    skips = Skips(COMMAND)
    found = tuple(
        {key: clean(value, text.LONGEST_COMMENT) for key, value in said.items()}
        for _, _, said in _rows(output, STEP_COLUMNS, skips)
        if said["JobID"]
    )
    if skips.count and not found:
        raise SlurmParseError(skips.notes[0])
    return found[:MOST_ITEMS]


def _rows(output: bytes, columns: tuple[str, ...], skips: Skips) -> Iterator[tuple[int, str, dict[str, str]]]:
    """(line number, line, its fields); a row has as many fields as there are columns."""
    for number, line in enumerate(lines_of(output, COMMAND), 1):
        if not line or line.isspace():
            continue
        parts = line.split("|", len(columns) - 1)
        if len(parts) != len(columns):
            skips.add(number, f"{len(parts)} fields in place of {len(columns)}", line)
            continue
        yield number, line, dict(zip(columns, parts, strict=True))


def _job(said: Mapping[str, str]) -> SlurmJob | None:
    key, job_id = said["JobID"], text.int_of(said["JobIDRaw"])
    state, flags = text.ended_state(said["State"])
    if job_id is None or not state or text.ID.fullmatch(key) is None:
        return None
    array, is_task, task = key.partition("_")
    het, is_part, offset = key.partition("+")
    nodes = text.hosts_of(said["NodeList"])
    asked = request(said["AllocTRES"] or said["ReqTRES"], nodes=len(nodes) or None)
    start_at, end_at = text.epoch_of(said["Start"]), text.epoch_of(said["End"])
    exit_code, exit_signal = text.exit_of(said["ExitCode"]) if end_at is not None else (None, None)
    return SlurmJob(
        id=key, job_id=job_id, name=text.name_of(said["JobName"]), user=text.word_of(said["User"]),
        account=text.word_of(said["Account"]), partition=text.word_of(said["Partition"]),
        qos=text.word_of(said["QOS"]), state=state, flags=flags, reason=text.reason_of(said["Reason"]), nodes=nodes,
        node_count=text.int_of(said["NNodes"]), cpus=text.int_of(said["NCPUS"]), memory_mib=asked.memory_mib,
        # Sites that do not account for GPUs name none in TRES: then it is not known whether there were any.
        gpus=asked.gpus or None, gpu_type=asked.type, priority=text.int_of(said["Priority"]),
        submit_at=text.epoch_of(said["Submit"]), eligible_at=text.epoch_of(said["Eligible"]), start_at=start_at,
        end_at=end_at, time_limit_s=text.limit_s(said["TimelimitRaw"]),
        run_s=text.float_of(said["ElapsedRaw"]) if end_at is not None else None,
        array_job_id=text.int_of(array) if is_task else None, array_task=task.strip("[]") if is_task else None,
        het_job_id=text.int_of(het) if is_part else None, het_offset=text.int_of(offset) if is_part else None,
        reservation=text.text_of(said["Reservation"]), exit_code=exit_code, exit_signal=exit_signal,
    )  # fmt: skip
