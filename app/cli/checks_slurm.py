"""Checks that `doctor` makes of Slurm: the way to it, commands, controller, accounting, JSON, and how it is doing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence

from app.cli.checks import Check, State
from app.config.paths import deployments_dir
from app.config.settings import Settings
from app.present.units import format_age
from app.runtime.options import RuntimeOptions
from app.services.slurm_access import SlurmAccess, open_access
from app.sources.deployed import deployed
from app.sources.slurm.commands import SlurmCommands, config_of
from app.sources.slurm.parsed import SlurmParseError
from app.sources.slurm.rest import SlurmRest
from app.sources.slurm.sdiag import parse_sdiag
from app.sources.slurm.trouble import SlurmError
from app.sources.slurm_ways import way_of

GROUP = "Slurm"
TIMEOUT_S = 10.0
"""Seconds each question may take."""
NEEDED = ("squeue", "scontrol")
"""Without these nothing is read."""
USEFUL = {
    "sacct": "ended jobs come from this program's own history",
    "sdiag": "a busy controller is known by slow answers only",
    "sbatch": "no jobs can be submitted",
    "scancel": "no jobs can be cancelled",
}
"""Command → what is missing without it."""
SOON_S = 600.0
"""A token that runs out sooner is a warning."""
_JSON_SINCE = (23, 2)
"""Before this, asking for JSON lists every job: not asked then, and nothing of ours needs it."""


async def slurm_checks(settings: Settings, options: RuntimeOptions) -> list[Check]:
    """Everything about Slurm; one line where there is none."""
    slurm = settings.slurm
    if slurm.via == "off":
        return [Check(GROUP, "way", "note", "turned off (slurm.via is `off`)")]
    if way_of(slurm, options.environ) is None:
        slurm = deployed(deployments_dir(options.state_dir), settings.discover.terraform).slurm or slurm
    if way_of(slurm, options.environ) is None:
        advice = "set slurm.ssh, slurm.rest_url or slurm.bin_dir if there is a cluster"
        return [Check(GROUP, "way", "note", "none: this machine has no squeue that knows a cluster", advice)]
    try:
        async with open_access(slurm, options.state_dir, options.clock, options.environ) as access:
            if access is None:
                return [Check(GROUP, "way", "note", f"{slurm.exporter_url}: counts only; no jobs, and no actions")]
            return [one async for one in _of(access, options)]
    except ValueError as error:
        return [Check(GROUP, "way", "failed", f"[slurm]: {error}", "mend the configuration")]


async def _of(access: SlurmAccess, options: RuntimeOptions) -> AsyncIterator[Check]:
    who = f"{access.way} on {access.where}; actions run as {access.user}"
    yield Check(GROUP, "way", "ok", who)
    if access.commands is not None:
        async for one in command_checks(access.commands, options):
            yield one
    if access.rest is not None:
        async for one in rest_checks(access.rest, options):
            yield one


async def command_checks(commands: SlurmCommands, options: RuntimeOptions) -> AsyncIterator[Check]:
    """What the commands can do."""
    try:
        version = await commands.version(TIMEOUT_S)
    except SlurmError as error:
        yield Check(GROUP, "commands", "failed", str(error), "see settings: slurm.via, slurm.bin_dir, slurm.ssh")
        return
    yield await _present(commands, version)
    began = options.clock.monotonic()
    try:
        config = config_of(await commands.config(TIMEOUT_S))
    except SlurmError as error:
        yield Check(GROUP, "controller", "failed", str(error), "the last picture stays, and the GPUs go on")
        return
    took_ms = (options.clock.monotonic() - began) * 1000
    theirs = config.get("SLURM_VERSION", "")
    told = f"{config.get('ClusterName', '?')}: slurmctld {theirs or '?'} answers in {took_ms:.0f} ms"
    yield Check(GROUP, "controller", "ok" if took_ms < 1000 else "warning", told)
    if theirs and version and theirs != version:
        yield Check(GROUP, "versions", "note", f"commands are {version}, slurmctld is {theirs}")
    yield await _accounting(commands, config.get("AccountingStorageType", ""))
    yield await _json(commands, version)
    yield await _load(commands)


async def _present(commands: SlurmCommands, version: str) -> Check:
    """Which commands there are."""
    names = (*NEEDED[1:], *USEFUL)
    tried = await asyncio.gather(*(_runs(commands, name) for name in names))
    missing = [name for name, there in zip(names, tried, strict=True) if not there]
    if not missing:
        return Check(GROUP, "commands", "ok", f"{version}: {', '.join(('squeue', *names))}")
    state: State = "failed" if set(missing) & set(NEEDED) else "warning"
    without = "; ".join(USEFUL.get(name, "nothing but the queue is read") for name in missing)
    return Check(GROUP, "commands", state, f"{version}: without {', '.join(missing)}", without)


async def _runs(commands: SlurmCommands, name: str) -> bool:
    try:
        await commands.text(name, "--version", timeout_s=TIMEOUT_S)
    except SlurmError:
        return False
    return True


async def _accounting(commands: SlurmCommands, kind: str) -> Check:
    if not kind or kind.endswith("/none") or kind == "(null)":
        text = "there is none: ended jobs come from this program's own history, and no GPU counts from TRES"
        return Check(GROUP, "accounting", "note", text)
    try:
        await commands.text("sacct", "-X", "-n", "-P", "-o", "JobID", "-S", "now-1minutes", timeout_s=TIMEOUT_S)
    except SlurmError as error:
        return Check(GROUP, "accounting", "warning", f"{kind}: {error}", "ended jobs come from this program's history")
    return Check(GROUP, "accounting", "ok", f"{kind} answers")


async def _json(commands: SlurmCommands, version: str) -> Check:
    """Whether the JSON plugin is there; nothing of ours needs it."""
    found = re.match(r"(\d+)\.(\d+)", version)
    if not found or (int(found[1]), int(found[2])) < _JSON_SINCE:
        return Check(
            GROUP, "JSON", "note", f"not asked for: {version or 'this Slurm'} would list every job; not needed"
        )
    try:
        await commands.text("scontrol", "ping", "--json", timeout_s=TIMEOUT_S)
    except SlurmError as error:
        return Check(GROUP, "JSON", "note", f"not there, and not needed: {error}")
    return Check(GROUP, "JSON", "ok", "there, and not needed")


async def _load(commands: SlurmCommands) -> Check:
    try:
        said = parse_sdiag(await commands.diagnostics(TIMEOUT_S))
    except (SlurmError, SlurmParseError) as error:
        return Check(GROUP, "load", "note", f"not known: {error}")
    return Check(GROUP, "load", "ok", f"{said.server_threads} threads, {said.agent_queue} messages queued")


async def rest_checks(rest: SlurmRest, options: RuntimeOptions) -> AsyncIterator[Check]:
    """What slurmrestd can do."""
    try:
        await rest.get("ping", TIMEOUT_S)  # finds the version, and loads the client
        began = options.clock.monotonic()
        await rest.get("diag", TIMEOUT_S)
    except SlurmError as error:
        yield Check(GROUP, "slurmrestd", "failed", str(error), "see settings: slurm.rest_url, slurm.token_file")
        return
    took_ms = (options.clock.monotonic() - began) * 1000
    yield Check(GROUP, "slurmrestd", "ok", f"API {rest.version} as {rest.user()}, answers in {took_ms:.0f} ms")
    until = rest.token_until()
    if until is not None:
        left_s = until - options.clock.now()
        state: State = "ok" if left_s > SOON_S else "warning"
        told = f"runs out in {format_age(left_s)}" if left_s > 0 else "has run out"
        yield Check(GROUP, "token", state, told, "" if state == "ok" else "`scontrol token lifespan=SECONDS`")
    cannot: Sequence[str] = ("requeue", "suspend", "logs and scripts of jobs")
    yield Check(GROUP, "actions", "note", f"slurmrestd has no {', '.join(cannot)}: these need Slurm's commands")
