"""Everything that can be asked of one job on demand: its record, its script, its environment, its steps.

Each is one call, asked for when a person opens the job and not before. What a call does not bring is None with a
reason; only where the job's own record cannot be had at all is there an error.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote

from app.domain.job_actions import JobDetail
from app.domain.masking import MASK, TELLING, redact_url
from app.domain.naming import clean
from app.domain.redact import redact
from app.domain.slurm import SlurmJob
from app.services.job_files import output_path
from app.services.slurm_access import SlurmAccess
from app.sources.slurm.commands import SlurmCommands
from app.sources.slurm.trouble import SlurmError

TIMEOUT_S = 10.0
LONGEST_SCRIPT = 512 * 1024
MOST_VARIABLES = 2000
SSTAT_COLUMNS = ("JobID", "NTasks", "AveCPU", "AveRSS", "MaxRSS", "MaxRSSNode", "MaxRSSTask")
_SECRET_NAME = re.compile(rf"{TELLING}|passw|private|^aws_|auth", re.IGNORECASE)
_RULE = re.compile(r"^-{8,}$", re.MULTILINE)


async def read(access: SlurmAccess, job: SlurmJob) -> JobDetail:
    """All there is. Raises SlurmError where neither the record nor the accounting answers."""
    if access.commands is None:
        return await _by_rest(access, job)
    commands = access.commands
    async with asyncio.TaskGroup() as tasks:
        fields = tasks.create_task(_fields(commands, job))
        script = tasks.create_task(_script(commands, job))
        environment = tasks.create_task(_environment(commands, job))
        steps = tasks.create_task(_steps(commands, job))
    told = fields.result()
    if isinstance(told, SlurmError) and not steps.result() and script.result()[0] is None:
        raise told
    known = told if isinstance(told, Mapping) else {}
    text, note = script.result()
    placed = _placed(job, known)
    return JobDetail(
        fields=known,
        script=text,
        script_note=note,
        environment=environment.result(),
        steps=steps.result(),
        stdout=output_path(placed, "stdout"),
        stderr=output_path(placed, "stderr"),
    )


async def placed(access: SlurmAccess, job: SlurmJob) -> SlurmJob:
    """The job with the files that its record names, by one call. Raises SlurmError."""
    if access.commands is not None:
        fields = await _fields(access.commands, job)
        if isinstance(fields, SlurmError):
            raise fields
        return _placed(job, fields)
    return _placed(job, (await _by_rest(access, job)).fields)


async def history(access: SlurmAccess, since: float, until: float) -> tuple[SlurmJob, ...]:
    """Jobs that ran between two moments, from the accounting. Raises SlurmError."""
    if access.commands is None:
        raise SlurmError("accounting", "ended jobs are read by sacct: it needs Slurm's commands, here or through ssh")
    from app.sources.slurm.sacct import parse_sacct  # noqa: PLC0415 - late: for those who look back

    return parse_sacct(await access.commands.history(since, until, 6 * TIMEOUT_S)).items


def _placed(job: SlurmJob, fields: Mapping[str, str]) -> SlurmJob:
    """The job with the files that its record names."""
    return replace(
        job,
        work_dir=fields.get("WorkDir") or job.work_dir,
        stdout=fields.get("StdOut") or job.stdout,
        stderr=fields.get("StdErr") or job.stderr,
        nodes=job.nodes or tuple(one for one in (fields.get("BatchHost", ""),) if one),
    )


async def _fields(commands: SlurmCommands, job: SlurmJob) -> Mapping[str, str] | SlurmError:
    from app.sources.slurm.scontrol import job_fields  # noqa: PLC0415 - late: for those who open a job

    try:
        text = await commands.text("scontrol", "-o", "-d", "show", "job", job.id, timeout_s=TIMEOUT_S)
        return {key: value for key, value in job_fields(text).items() if value not in ("(null)", "")}
    except SlurmError as error:
        return error
    except ValueError as error:
        return SlurmError("failed", str(error))


async def _script(commands: SlurmCommands, job: SlurmJob) -> tuple[str | None, str]:
    """The batch script, from the controller while it knows the job, else from the accounting."""
    why = ""
    number = str(job.array_job_id or job.job_id)
    for name, words in (
        ("scontrol", ("write", "batch_script", str(job.job_id), "-")),
        ("sacct", ("--batch-script", "-n", "-X", "-j", number)),
    ):
        try:
            text = await commands.text(name, *words, timeout_s=TIMEOUT_S)
        except SlurmError as error:
            why = why or _why_no_script(error)
            continue
        if (script := _after_rule(text)).startswith("#!"):
            return script[:LONGEST_SCRIPT], ""
    return None, why or "Slurm keeps no script of it: an interactive job, or one that ended some time ago"


def _why_no_script(error: SlurmError) -> str:
    said = " ".join(error.said)
    if "denied" in said or "Invalid user" in said:
        return "only the job's user and operators see its script"
    if "Invalid job id" in said or "script not specified" in said or "No such file" in said:
        return ""
    return str(error)


def _after_rule(text: bytes) -> str:
    """A script as printed, without the title that sacct puts over it; tabs and line breaks stay, controls go."""
    shown = text[: 2 * LONGEST_SCRIPT].decode("utf-8", "replace")
    rule = _RULE.search(shown[:400])
    body = shown[rule.end() :].lstrip("\n") if rule is not None and not shown.startswith("#!") else shown
    return "\n".join(clean(line.expandtabs(4), 10_000) for line in body.split("\n"))


async def _environment(commands: SlurmCommands, job: SlurmJob) -> Mapping[str, str] | None:
    """The variables it was submitted with, where the accounting keeps them (AccountingStoreFlags=job_env, 21.08)."""
    number = str(job.array_job_id or job.job_id)
    try:
        text = await commands.text("sacct", "--env-vars", "-n", "-X", "-j", number, timeout_s=TIMEOUT_S)
    except SlurmError:
        return None
    pairs = [line.partition("=") for line in _after_rule(text).split("\n")]
    found = {
        name: masked(name, value) for name, equals, value in pairs[:MOST_VARIABLES] if equals and name.isidentifier()
    }
    return found or None


def masked(name: str, value: str) -> str:
    """A variable's value as it may be shown."""
    return MASK if value and _SECRET_NAME.search(name) else redact(redact_url(value[:2000]))


async def _steps(commands: SlurmCommands, job: SlurmJob) -> tuple[Mapping[str, str], ...]:
    """Steps from the accounting, and of a running job what sstat measures of them; either may be missing."""
    from app.sources.slurm.sacct import STEP_WORDS, parse_steps  # noqa: PLC0415 - late: for those who open a job

    try:
        kept = parse_steps(await commands.text("sacct", *STEP_WORDS, "-j", job.id, timeout_s=TIMEOUT_S))
    except (SlurmError, ValueError):
        kept = ()
    if not job.is_running:
        return kept
    words = ("-a", "-P", "-n", "-o", ",".join(SSTAT_COLUMNS), "-j", job.id)
    try:
        measured = parse_sstat(await commands.text("sstat", *words, timeout_s=TIMEOUT_S))
    except SlurmError:
        return kept
    known = {step.get("JobID", ""): step for step in kept}
    merged = {key: {**known.get(key, {}), **said} for key, said in measured.items()}
    return (*(merged.pop(key, step) for key, step in known.items()), *merged.values())


def parse_sstat(output: bytes) -> dict[str, dict[str, str]]:
    """`sstat -P` by step; a row that has other fields is left out. Pure."""
    found = {}
    for line in output[: 1 << 20].decode("utf-8", "replace").splitlines():
        values = [clean(value, 200) for value in line.split("|")]
        if len(values) == len(SSTAT_COLUMNS) and values[0]:
            found[values[0]] = {key: value for key, value in zip(SSTAT_COLUMNS, values, strict=True) if value}
    return found


async def _by_rest(access: SlurmAccess, job: SlurmJob) -> JobDetail:
    """What slurmrestd tells: the record; scripts and environments it keeps to itself."""
    if access.rest is None:
        raise SlurmError("setup", "Slurm cannot be asked about jobs here")
    fields = plain_fields(await access.rest.get(f"job/{quote(job.id, safe='')}", TIMEOUT_S))
    placed = _placed(job, fields)
    return JobDetail(
        fields=fields,
        script_note="slurmrestd does not give scripts: use Slurm's commands, here or through ssh",
        stdout=output_path(placed, "stdout"),
        stderr=output_path(placed, "stderr"),
    )


_AS_SCONTROL = {
    "standard_output": "StdOut",
    "standard_error": "StdErr",
    "stdout_expanded": "StdOut",
    "stderr_expanded": "StdErr",
    "current_working_directory": "WorkDir",
    "batch_host": "BatchHost",
}
"""Fields that are looked for by scontrol's names; the expanded ones (26.05) come last and win."""


def plain_fields(answer: bytes) -> dict[str, str]:
    """The plain values of a job's record as slurmrestd gives it, cleaned, numbers unwrapped. Raises SlurmError."""
    try:
        record = json.loads(answer)["jobs"][0]
        pairs = list(record.items())
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise SlurmError("failed", "slurmrestd's answer about the job cannot be read") from error
    found: dict[str, str] = {}
    for key, value in pairs:
        if isinstance(value, dict) and "number" in value:
            value = value["number"] if value.get("set") else None  # noqa: PLW2901 - unwrapped
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            value = ",".join(value)  # noqa: PLW2901 - as above
        if isinstance(value, str | int | float) and value not in ("", None):
            found[clean(key, 64)] = clean(str(value), 4096)
    return found | {name: found[key] for key, name in _AS_SCONTROL.items() if key in found}
