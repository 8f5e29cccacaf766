"""Checks that `doctor` makes by asking: the history, the daemon, this machine's driver, and every source once."""

from __future__ import annotations

import asyncio
from pathlib import Path

from app.cli.checks import Check
from app.config.settings import Settings
from app.domain.snapshot import Snapshot, SourceState
from app.present.units import format_age
from app.runtime.looking import look_once
from app.runtime.options import RuntimeOptions, store_path
from app.services.client import AttachedFeed, DaemonError
from app.services.detect import found_here
from app.services.targets import targets_of
from app.store.sqlite import open_store
from app.transport.peer import owner_is_trusted
from app.transport.scrape import ScrapeClient


async def live_checks(settings: Settings, options: RuntimeOptions) -> list[Check]:
    """All of them; the slowest source decides how long it takes."""
    groups = await asyncio.gather(
        _store_checks(settings, options),
        _daemon_checks(settings, options),
        _member_checks(settings, options),
        _driver_checks(settings, options),
        _source_checks(settings, options),
        _prometheus_checks(settings, options),
        _slurm_checks(settings, options),
        _deploy_checks(settings, options),
        _agent_checks(settings, options),
    )
    return [check for group in groups for check in group]


async def _store_checks(settings: Settings, options: RuntimeOptions) -> list[Check]:
    path = store_path(settings, options)
    if path is None:
        return [Check("history", "store", "note", "turned off (store.path is `none`)")]
    if not path.is_file():
        return [Check("history", "store", "ok", f"{path}: made when the screen or the daemon first runs")]
    history = await open_store(path, options.clock.now, want_lease=False)
    try:
        health = await history.health()
    finally:
        await history.close()
    told = f"{path}: {health.size_bytes / 1e6:,.1f} MB, {health.samples:,} samples"
    if health.oldest is not None:
        told += f", the oldest {format_age(options.clock.now() - health.oldest)} old"
    if health.state in ("ok", "read-only"):  # this command only reads, so somebody else may hold the lease
        return [Check("history", "store", "ok", told)]
    return [Check("history", "store", "failed", f"{told}; {health.text}", "see docs/history.md")]


async def _daemon_checks(settings: Settings, options: RuntimeOptions) -> list[Check]:
    found = [path for path in options.sockets if path.exists()]
    checks = [await _socket_check(path, settings, options) for path in found]
    if not checks:
        return [Check("daemon", "socket", "note", "no daemon runs; screens and commands collect for themselves")]
    return checks


async def _socket_check(path: Path, settings: Settings, options: RuntimeOptions) -> Check:
    if not path.is_socket():  # noqa: ASYNC240 - one look at a local folder
        return Check("daemon", str(path), "failed", "is there, but is no socket", "remove it, or set serve.socket")
    if not owner_is_trusted(path, settings.serve.user):
        return Check("daemon", str(path), "warning", "belongs to neither root nor you: not used", "set serve.user")
    async with ScrapeClient() as client:
        try:
            health = await AttachedFeed(path, client, options.clock).health()
        except (DaemonError, LookupError) as error:
            return Check("daemon", str(path), "warning", str(error), "start `gpu-watchdog serve` again")
    serves = health.get("config") or "this machine"
    same = health.get("config") == settings.origin
    note = "" if same else "; this configuration is another, so it is collected here"
    return Check("daemon", str(path), "ok" if same else "note", f"answers, serves {serves}{note}")


async def _member_checks(settings: Settings, options: RuntimeOptions) -> list[Check]:
    if not settings.member:
        return []
    from app.cli.checks_members import member_checks  # noqa: PLC0415 - late: for who has several daemons

    return await member_checks(settings, options)


async def _driver_checks(settings: Settings, options: RuntimeOptions) -> list[Check]:
    """This machine's own GPUs, where the sources do not name them already."""
    if any(target.url == "nvml:" for target in targets_of(settings, {})) or not settings.discover.local:
        return []
    here = await found_here(Settings(), options.clock, {})
    driver = next((find for find in here.finds if find.is_driver), None)
    if driver is None:
        return [Check("this machine", "NVML", "note", f"no GPUs of its own: {here.driver_error or 'none listed'}")]
    return [Check("this machine", "NVML", "ok", driver.text)]


async def _slurm_checks(settings: Settings, options: RuntimeOptions) -> list[Check]:
    from app.cli.checks_slurm import slurm_checks  # noqa: PLC0415 - late: Slurm's modules are for its users

    return await slurm_checks(settings, options)


async def _deploy_checks(settings: Settings, options: RuntimeOptions) -> list[Check]:
    from app.cli.checks_deploy import deploy_checks  # noqa: PLC0415 - late: likewise

    return await deploy_checks(settings, options)


async def _prometheus_checks(settings: Settings, options: RuntimeOptions) -> list[Check]:
    from app.cli.checks_prometheus import prometheus_checks  # noqa: PLC0415 - late: for who has a server

    return await prometheus_checks(settings, options)


async def _agent_checks(settings: Settings, options: RuntimeOptions) -> list[Check]:
    from app.cli.checks_agent import agent_checks  # noqa: PLC0415 - late: as above

    return await agent_checks(settings, options)


async def _source_checks(settings: Settings, options: RuntimeOptions) -> list[Check]:
    if settings.is_empty:
        here = await found_here(settings, options.clock, options.environ)
        if not here.has_something:
            return [Check("sources", "targets", "note", here.text, "name one: gpu-watchdog init, or --target URL")]
        settings = here.settings
    snapshot = await look_once(settings, options)
    return [source_check(state, snapshot) for state in snapshot.sources.values()]


def source_check(state: SourceState, snapshot: Snapshot) -> Check:
    """What one look at a source brought."""
    name, page = state.spec.name, state.page
    if state.error is not None:
        return Check("sources", name, "failed", state.error)
    if state.spec.kind == "slurm":
        return _slurm_source_check(state, snapshot)
    if state.spec.kind == "log" and page is not None:
        told = f"{page.flavour}: {_counted(page.samples, 'line')} read, {page.known} that mean something"
        return Check("sources", name, "ok", f"{told} in {(state.duration_s or 0.0) * 1000:.0f} ms")
    if state.spec.kind == "prometheus" and page is None:
        found = sum(one.spec.kind == "prometheus" and one.spec.name != name for one in snapshot.sources.values())
        return Check(
            "sources", name, "ok", f"knows {_counted(found, 'target')} in {(state.duration_s or 0) * 1000:.0f} ms"
        )
    gpus = sum(any(layer.source == name for layer in gpu.layers) for gpu in snapshot.gpus())
    models = [service.model for service in snapshot.services.values() if service.source == name]
    parts = [f"{gpus} GPU{'s' if gpus != 1 else ''}"] if gpus else []
    parts += [f"model {model}" for model in models]
    told = f"{page.flavour if page else state.spec.kind}: {', '.join(parts) or 'no GPUs'}"
    told += f" in {(state.duration_s or 0.0) * 1000:.0f} ms"
    if page is None or not page.samples:
        return Check("sources", name, "ok", told)
    told += f"; {page.known} of {page.samples} samples known"
    if not page.bad_lines:
        return Check("sources", name, "ok", told)
    line, why = page.bad_examples[0] if page.bad_examples else (0, "unreadable")
    return Check("sources", name, "warning", told, f"{page.bad_lines} bad lines were left out; line {line}: {why}")


def _slurm_source_check(state: SourceState, snapshot: Snapshot) -> Check:
    """What one look at Slurm brought."""
    name, picture = state.spec.name, snapshot.slurm
    if picture is None:
        return Check("sources", name, "warning", "answered, and said nothing")
    parts = ["counts only" if picture.jobs is None else _counted(len(picture.jobs), "job")]
    parts += [_counted(len(picture.nodes), "node"), _counted(len(picture.partitions), "partition")]
    told = f"{picture.way}: {', '.join(parts)} in {(state.duration_s or 0.0) * 1000:.0f} ms"
    if not picture.notes:
        return Check("sources", name, "ok", told)
    return Check("sources", name, "warning", told, "; ".join(picture.notes[:3]))


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count != 1 else ''}"
