"""What a script would meet if it were submitted now: Slurm's own opinion, and what the picture and the folders say."""

from __future__ import annotations

import posixpath
from pathlib import Path

from app.domain.job_actions import Plan, SubmitCheck
from app.domain.slurm import SlurmPicture
from app.services.action_errors import refusal_of
from app.services.scripts import asked, directives, options, problems
from app.services.slurm_access import SlurmAccess
from app.services.submitting import Estimate, estimate_of, findings_of
from app.sources.slurm.trouble import SlurmError, words_of

TIMEOUT_S = 15.0


async def check(access: SlurmAccess, plan: Plan, picture: SlurmPicture | None) -> SubmitCheck:
    """Ask `sbatch --test-only`, and look at what is known here; a script that cannot be one is not sent."""
    script, given = plan.stdin, plan.commands[0][2:]
    wrong = problems(script)
    if not script.strip():
        return SubmitCheck(False, findings=wrong)
    ours = (
        *wrong,
        *(_folders(script, given) if access.way == "local" else ()),
        *findings_of(asked(script, given), picture),
    )
    if access.commands is None:
        return SubmitCheck(not wrong, findings=(*ours, "slurmrestd cannot test a script: Slurm itself was not asked"))
    argv = access.commands.argv("sbatch", "--test-only", *given)
    try:
        result = await access.commands.result(argv, TIMEOUT_S, stdin=script.encode("utf-8", "surrogateescape"))
    except SlurmError as error:
        return SubmitCheck(False, findings=(str(error), *ours))
    said = words_of(result.stderr) + words_of(result.stdout)
    estimate = estimate_of(said)
    if result.ok:
        return _accepted(estimate, said, ours, is_good=not wrong)
    refusal = refusal_of(said, access.user)
    why = refusal.text if refusal is not None else f"sbatch ended with status {result.returncode} and no word"
    return SubmitCheck(False, said="; ".join(said)[:500], findings=(f"Slurm refuses it: {why}", *ours))


def _accepted(estimate: Estimate | None, said: tuple[str, ...], ours: tuple[str, ...], *, is_good: bool) -> SubmitCheck:
    if estimate is None:
        return SubmitCheck(is_good, said="; ".join(said)[:500], findings=ours)
    return SubmitCheck(is_good, estimate.starts_at, estimate.nodes, estimate.said, ours)


def _folders(script: str, given: tuple[str, ...]) -> tuple[str, ...]:
    """Folders that the job names and this machine lacks: Slurm starts such a job, and it fails without a word."""
    said = {**directives(script), **options(given)}
    found = []
    chdir = said.get("chdir", "")
    if chdir and posixpath.isabs(chdir) and not Path(chdir).is_dir():
        found.append(f"there is no folder {chdir} here (--chdir): the job would fail at once")
    for name in ("output", "error"):
        folder = posixpath.dirname(said.get(name, ""))
        base = Path(chdir) if chdir else Path.cwd()
        if folder and "%" not in folder and not (base / folder).is_dir():
            found.append(f"there is no folder {folder} here (--{name}): the job would fail without a word")
    return tuple(found)
