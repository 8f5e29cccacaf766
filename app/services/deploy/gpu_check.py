"""The GPUs of a node as its exporter tells them: how many, and which of them nobody should be given."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from pathlib import Path

from app.config.settings import Target
from app.domain.apply import apply
from app.domain.deployment import Node, Trouble
from app.domain.health import gpu_health
from app.domain.naming import clean
from app.domain.snapshot import Gpu, Snapshot
from app.domain.xids import xid_severity
from app.engine.stress import judge
from app.engine.stress_results import Reader
from app.services.deploy import marks
from app.services.deploy.install import METRICS
from app.services.deploy.login import Pods
from app.services.deploy.patience import Patience
from app.services.deploy.ports import DeployError, GpusSeen, Tell
from app.services.stress_pack import BOOT, PackError, pack
from app.sources import registry

_INTERVAL_S = 5.0
_BURN_IN = ("--processes", "0", "--phase-seconds", "3", "--phases", "matmul,memory,pattern,sustained")
_GRAVE_WARNINGS = ("pending", "the driver asks")
"""Of a GPU's warnings, those that are about its memory; heat and clocks of a node that was just rented say nothing."""


async def see(pods: Pods, node: Node, token_file: Path, patience: Patience, tell: Tell) -> GpusSeen:
    """Wait until as many GPUs as were paid for are there, or time is over; what there is then.

    Raises DeployError where nobody tells.
    """
    clock, began, wanted = pods.clock, pods.clock.monotonic(), node.offer.gpus
    while True:
        gpus, why = await _look(pods, node, token_file)
        present = [gpu for gpu in gpus if not gpu.is_lost]
        if len(present) >= wanted or clock.monotonic() - began > patience.gpus_s:
            break
        await clock.sleep(patience.poll_s)
    if why:
        raise DeployError(marks.trouble("exporter_failed", node.name, f"the GPUs of {node.name} cannot be read: {why}"))
    model = next((gpu.model for gpu in present if gpu.model), "") or ""
    seen = GpusSeen(len(present), model, tuple(sick(gpus, clock.now())))
    tell(f"{node.name}: {seen.count} of {wanted} GPUs, {model or 'of no name'}", node=node.name, gpus=seen.count)
    return seen


async def _look(pods: Pods, node: Node, token_file: Path) -> tuple[tuple[Gpu, ...], str]:
    """The GPUs of its page now; why there is none."""
    target = Target(url=METRICS, node=node.name, name=node.name, ssh=node.name, token_file=str(token_file))
    source = registry.make(target, _INTERVAL_S, pods.client, pods.clock)
    try:
        reading = await source.read()
    finally:
        await source.close()
    after = apply(Snapshot(), source.spec, reading).snapshot
    return tuple(after.gpus()), reading.error or ""


def sick(gpus: Iterable[Gpu], now: float) -> list[str]:
    """A sentence for each GPU that nobody should be given."""
    found = []
    for gpu in gpus:
        reasons = [*_ill(gpu, now), *_xids(gpu)]
        if reasons:
            found.append(f"GPU {gpu.index}: {', '.join(reasons)}")
    return found


def _ill(gpu: Gpu, now: float) -> list[str]:
    if gpu.is_lost:
        return [clean(gpu.note or "lost", 160)]
    verdict = gpu_health(gpu, now)
    is_grave = verdict.state == "critical" or (
        verdict.state == "warning" and any(word in verdict.reason for word in _GRAVE_WARNINGS)
    )
    return [clean(verdict.reason, 160)] if is_grave else []


def _xids(gpu: Gpu) -> list[str]:
    """Xids of the hardware that were counted; those of programs are none of the GPU's."""
    return [
        f"Xid {one.code}" + (f" ({one.count} times)" if one.count > 1 else "")
        for one in gpu.xids
        if one.count and xid_severity(one.code) != "info"
    ]


async def burn_in(pods: Pods, node: Node, patience: Patience, tell: Tell) -> tuple[str, ...]:
    """Load every GPU of a node for some seconds; a sentence for each that is slow or wrong. Raises DeployError."""
    tell(f"{node.name}: every GPU is loaded for {patience.load_s:.0f} s", node=node.name)
    try:
        body = base64.b64encode(pack())
    except PackError as error:
        raise DeployError(Trouble(f"{error}.", marks.next_of("no_bundle", ""), code="no_bundle")) from error
    argv = ("python3", "-c", BOOT, *_BURN_IN, "--seconds", f"{patience.load_s:g}")
    result = await pods.command(node, argv, within_s=patience.burn_in_s, stdin=body)
    reader = Reader()
    reader.feed(result.stdout.decode("utf-8", "replace").splitlines())
    heard = reader.heard()
    if not heard.devices:
        raise DeployError(marks.failure(node.name, "the burn-in", result))
    report = judge(heard)
    for verdict in report.verdicts:
        if verdict.state == "unknown":
            why = clean("; ".join(verdict.reasons), 200)
            tell(f"{node.name}: GPU {verdict.device.index} could not be tested: {why}", node=node.name)
    return tuple(
        f"GPU {verdict.device.index}: {verdict.state} under load: {clean('; '.join(verdict.reasons), 200)}"
        for verdict in report.verdicts
        if verdict.state in ("slow", "faulty")
    )
