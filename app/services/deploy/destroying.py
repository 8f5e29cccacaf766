"""Ending all of a deployment, and proving it: Terraform first, then the provider is asked until nothing is listed.

The proof does not believe Terraform: a pod that was being made when it was interrupted is in no state. Ours is what
bears our prefix, so this also works where Terraform, its state or the record is lost.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from app.domain.deployment import Pod, State, Told
from app.services.deploy import scaling, sweep, volumes
from app.services.deploy.errors import stop
from app.services.deploy.plans import CLEAN_LOOKS, Look, Proof, Removal
from app.services.deploy.ports import DeployError, InfraError, ProviderError
from app.services.deploy.run import Run
from app.services.deploy.steps_plan import unlocked
from app.services.terraform.addresses import VOLUME_KEY

_PASSING = frozenset({"busy", "server", "network", "conflict"})


async def tear_down(run: Run) -> Proof:
    """Ask, destroy, prove. Raises DeployError, ProviderError, Declined."""
    found = await sweep.look(run)
    kept = await volumes.listed(run)
    spent = run.deployment.billing.until(run.clock.now())
    if found or any(node.pod_id for node in run.deployment.nodes) or kept:
        going = kept if run.options.volumes else ()
        names = tuple(node.name for node in run.deployment.nodes)
        jobs = await scaling.jobs_now(run)
        await run.agreed(Removal(run.name, "destroy", found, names, jobs, "cancel", going, spent))
    # Nothing but a volume is left of one that was destroyed: Terraform takes no cluster without a node.
    has_nodes = run.deployment.state is not State.DESTROYED
    run.keep(state=State.DESTROYING, trouble=None)
    if has_nodes:
        await _by_terraform(run, keeps_volume=bool(kept) and not run.options.volumes)
    looks, ended = await _swept(run, [pod.id for pod in found])
    deleted = await _without_volumes(run, kept) if run.options.volumes else ()
    await _forget(run)
    left = await volumes.listed(run)
    if run.options.volumes and left:
        raise stop("volume_stays", f"The volume {left[0][1]} ({left[0][0]}) is still listed", name=run.name)
    return _proven(run, Proof(run.name, run.deployment.prefix, looks, ended, deleted, left))


def _proven(run: Run, proof: Proof) -> Proof:
    """Write down that all of it is gone, and which volume is not."""
    now, kept = run.clock.now(), proof.volumes_kept
    run.bill(0.0)
    run.keep(
        state=State.DESTROYED,
        destroyed_at=now,
        done=(),
        deadline_at=None,
        nodes=(),
        turns=(),
        formed_on="",
        volume_id=kept[0][0] if kept else "",
        volume_center=volumes.center_of(run.deployment) if kept else "",
    )
    proof = replace(proof, spent=run.deployment.billing.until(now), finished_at=now)
    called = [one[1] for one in kept]
    run.say(_proof_words(proof), Told.DONE, ended=list(proof.ended), looks=len(proof.looks), volumes_kept=called)
    return proof


async def _by_terraform(run: Run, *, keeps_volume: bool) -> None:
    """Let Terraform destroy what it knows; what it cannot, or must not, is left to the sweep.

    The plan is made in any case: it waits for a Terraform that outlived a killed run, and that may still make pods.
    """
    if not run.folder.terraform.is_dir():
        return
    try:
        await sweep.lay_out(run)
        plan = await unlocked(run, partial(run.infra.plan, destroy=True))
        if plan.is_empty or keeps_volume:
            return
        applied = await run.infra.apply(plan, run.teller)
        for key, words in applied.errors:
            run.say(f"Terraform could not destroy {key or 'everything'}: {words}", Told.WARNING)
    except (InfraError, DeployError) as error:
        run.say(f"Terraform could not destroy it ({error}); the provider is asked instead", Told.WARNING)


async def _swept(run: Run, known: Sequence[str]) -> tuple[tuple[Look, ...], tuple[str, ...]]:
    """End what is listed and look again, until three looks in a row find nothing. Raises DeployError."""
    began = run.clock.monotonic()
    looks: list[Look] = []
    ended = list(known)
    asked: set[str] = set()
    is_again = False
    while len(looks) < CLEAN_LOOKS or any(look.pods for look in looks[-CLEAN_LOOKS:]):
        if is_again:
            await run.clock.sleep(run.pace.proof_s)
        is_again = True
        is_late = run.clock.monotonic() - began > run.pace.proof_most_s
        found = await _asked(run, is_late=is_late)
        if found is None:
            looks.clear()
            continue
        looks.append(Look(run.clock.now(), found))
        if found and is_late:
            told = [f"{pod.id} {pod.name} {pod.status.value}" for pod in found]
            what = f"{len(found)} pods are still listed {run.pace.proof_most_s:.0f} s after they were ended"
            raise stop("still_there", what, name=run.name, details=told)
        for pod in found:
            ended += [pod.id] if pod.id not in ended else []
            await _end(run, pod, is_first=pod.id not in asked)
            asked.add(pod.id)
    return tuple(looks), tuple(ended)


async def _asked(run: Run, *, is_late: bool) -> tuple[Pod, ...] | None:
    """What the provider lists; None where it does not answer for the moment. Raises DeployError."""
    try:
        return await sweep.look(run)
    except ProviderError as error:
        if error.kind not in _PASSING:
            raise
        if is_late:
            raise stop("unproven", f"Whether anything is left is not known: {error}", name=run.name) from error
        run.say(f"{error}; asked again", Told.WARNING)
        return None


async def _end(run: Run, pod: Pod, *, is_first: bool) -> None:
    if is_first:
        run.say(f"pod {pod.id} ({pod.name}) is ended", pod=pod.id)
    try:
        await run.provider.terminate(pod.id)
    except ProviderError as error:
        if error.kind not in _PASSING | {"missing"}:
            raise
        run.say(f"pod {pod.id}: {error}; tried again", Told.WARNING)


async def _without_volumes(run: Run, going: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Delete the volumes; one that is still listed afterwards is asked for again."""
    listed = going
    for _ in range(CLEAN_LOOKS):
        for identity, called in listed:
            run.say(f"volume {identity} ({called}) is deleted", volume=identity)
            await run.provider.delete_volume(identity)
        listed = await volumes.listed(run)
        if not listed:
            break
        await run.clock.sleep(run.pace.proof_s)
    return tuple(identity for identity, _ in going)


async def _forget(run: Run) -> None:
    """Terraform, ssh and whoever watches let go of what is gone; none of it costs money, so nothing here stops us."""
    for node in run.deployment.nodes:
        try:
            await run.forget(node)
        except DeployError as error:
            run.log(f"{node.name} is not forgotten: {error}")
    try:
        for key in await run.infra.pods():
            await run.infra.forget(key)
        if run.options.volumes and run.deployment.wish.volume_gb:
            await run.infra.forget(VOLUME_KEY)
    except (InfraError, DeployError) as error:
        run.say(f"Terraform's state still names what is gone: {error}", Told.WARNING)
    run.parts.unwatch(run.folder)


def _proof_words(proof: Proof) -> str:
    kept = "".join(f"; the volume {called} ({identity}) is kept, and billed" for identity, called in proof.volumes_kept)
    count = len(proof.looks)
    return f"the provider was asked {count} times and lists no pod that begins with {proof.prefix}{kept}"


def ids_at(pods: Sequence[Pod], name: str) -> tuple[str, ...]:
    """Ids of deployments of a name, as the names of listed pods tell: for where the record is lost."""
    pattern = re.compile(rf"gw-{re.escape(name)}-([0-9a-f]{{8}})-(?:head|w\d+)")
    return tuple(dict.fromkeys(match[1] for pod in pods if pod.is_billed and (match := pattern.fullmatch(pod.name))))
