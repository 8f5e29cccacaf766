"""The first three steps: look before anything is changed, say what would be, and get the pods."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from app.domain.deployment import COMMUNITY, HEAD, NAME, Deployment, InfraPlan, Node, Pod, State, Step, Told, Wish
from app.services.deploy import money, sweep, volumes
from app.services.deploy.errors import stop
from app.services.deploy.placing_pods import UNPLACED, Search, make_pods
from app.services.deploy.plan_check import checked
from app.services.deploy.ports import InfraError
from app.services.deploy.run import Run, must_have_time

MOST_NODES = 64
MOST_GPUS = 16
LEAST_VOLUME_GB = 10


def faults_of(wish: Wish) -> str:
    """What cannot be built about a wish, for a person; empty: it can."""
    if not NAME.fullmatch(wish.name):
        return (
            f"a deployment cannot be called {wish.name!r}: small letters, digits and dashes, a letter first, 24 at most"
        )
    bounds = (
        ("nodes", wish.nodes, 1, MOST_NODES),
        ("GPUs per node", wish.gpus_per_node, 1, MOST_GPUS),
        ("GB of disk", wish.disk_gb, 5, 16_384),
    )
    for what, number, least, most in bounds:
        if not least <= number <= most:
            return f"{number} {what}: it must be {least} to {most}"
    if wish.volume_gb and not LEAST_VOLUME_GB <= wish.volume_gb <= 4096:
        return f"a network volume of {wish.volume_gb} GB: it must be {LEAST_VOLUME_GB} to 4096"
    if wish.cloud == COMMUNITY and wish.nodes > 1:
        return "the community cloud has no private network between pods, so no cluster of several nodes"
    for what, limit in (("cap", wish.max_cost_per_hour), ("time to live", wish.ttl_s), ("idle time", wish.idle_s)):
        if limit is not None and not limit > 0:
            return f"a {what} of {limit:g}: it must be above 0"
    return ""


def with_nodes(deployment: Deployment) -> Deployment:
    """The deployment with a node for each that is wished for; those it has stay, new ones have no place yet."""
    have = {node.key for node in deployment.nodes}
    wanted = [HEAD] if HEAD not in have else []
    number = 1
    while len(have) + len(wanted) < deployment.wish.nodes:
        key = f"w{number}"
        wanted += [key] if key not in have else []
        number += 1
    added = tuple(Node(key, f"{deployment.name}-{key}", UNPLACED) for key in wanted)
    return replace(deployment, nodes=tuple(sorted((*deployment.nodes, *added), key=_order)))


async def check(run: Run) -> None:
    """Wish, key and time to live are looked at; nothing is changed."""
    deployment = run.deployment
    fault = faults_of(deployment.wish)
    if fault:
        raise stop("bad_wish", fault[:1].upper() + fault[1:], name=run.name)
    must_have_time(run)
    run.parts.needed(deployment)
    found = await sweep.look(run)
    if found:
        run.say(f"the provider lists {len(found)} pods of {run.name}", pods=[pod.id for pod in found])
    run.deployment = with_nodes(deployment)
    rate = money.assumed_rate(run.deployment)
    if money.over_cap(run.deployment, rate):
        cap = deployment.wish.max_cost_per_hour or 0.0
        raise stop("over_budget", f"What runs costs ${rate:.2f}/h; the cap is ${cap:.2f}/h", name=run.name)


async def plan(run: Run) -> None:
    """Orphans find their place, the missing nodes a candidate; then Terraform says what it would change."""
    await take_listed(run)
    search, center = Search(run), volumes.center_of(run.deployment)
    await search.places()
    await sweep.lay_out(run)
    # First: it waits for a Terraform that outlived a run that was killed, and what that one made is in its state then.
    made = await unlocked(run, run.infra.plan)
    has_volume = await volumes.settle(run, center)
    settled = await sweep.settle(run)
    if settled.has_changed or has_volume:
        await search.places()
        await sweep.lay_out(run)
        made = await run.infra.plan()
    run.plan = told_plan(run, made)
    if run.plan.is_empty:
        run.say("Terraform has nothing to change", changes=[])
        return
    if run.deployment.state is State.NEW:
        run.keep(state=State.PLANNED)
    await run.agreed(run.plan)


async def only_plan(run: Run) -> InfraPlan:
    """The same without a change at the provider: what belongs to no node is named, not ended."""
    for pod in await take_listed(run):
        run.say(f"pod {pod.id} ({pod.name}) belongs to no node; deploy takes it over or ends it", Told.WARNING)
    await Search(run).places(may_wait=False)
    await sweep.lay_out(run)
    return told_plan(run, await run.infra.plan())


async def unlocked(run: Run, make: Callable[[], Awaitable[InfraPlan]]) -> InfraPlan:
    """A plan, waited for while another Terraform holds the state. Raises InfraError."""
    began = run.clock.monotonic()
    while True:
        try:
            return await make()
        except InfraError as error:
            if error.kind != "locked" or run.clock.monotonic() - began > run.pace.locked_s:
                raise
            run.say(f"{error}", Told.PROGRESS)
            await run.clock.sleep(run.pace.poll_s)


def told_plan(run: Run, plan_: InfraPlan) -> InfraPlan:
    """What Terraform would change, held against what was asked for, and told."""
    made = checked(run, plan_)
    for change in made.drift:
        run.say(f"changed outside: {change.address} ({change.action})", Told.WARNING, address=change.address)
    if not made.is_empty:
        per_hour = made.per_hour_after
        words = "at a price nobody knows" if per_hour is None else f"then ${per_hour:.2f}/h"
        run.say(
            f"Terraform would change {len(made.changes)} resources, {words}",
            changes=[{"address": one.address, "action": one.action, "price": one.price} for one in made.changes],
            per_hour_after=per_hour,
        )
    return made


async def take_listed(run: Run) -> tuple[Pod, ...]:
    """Let nodes have the pods that are listed under their names; those that are left belong to no node.

    Only the record changes, so that no place is looked for where a pod is; Terraform's state follows when it settles.
    """
    listed = await sweep.look_for_all(run)
    verdict = sweep.judge(run.deployment, {node.key: node.pod_id for node in run.deployment.nodes}, listed)
    found = dict(verdict.adopt)
    here = {pod.id: pod for pod in listed}
    nodes = []
    for node in run.deployment.nodes:
        pod = found.get(node.key) or here.get(node.pod_id)
        if pod is None:
            nodes.append(replace(node, pod_id=""))
        else:
            nodes.append(replace(node, pod_id=pod.id, offer=money.offer_of(pod, node.offer)))
    changed = tuple(nodes)
    if changed != run.deployment.nodes:
        await sweep.take_over(run, {node.key: node.pod_id for node in changed})
        run.keep(nodes=changed)
    return verdict.end


async def pods(run: Run) -> None:
    """Terraform applies what was agreed on; where there is no capacity, the next candidate is tried."""
    plan_, run.plan = run.plan, None
    if plan_ is not None and not plan_.is_empty:
        await _made(run, plan_)
    count = len(run.deployment.nodes)
    run.say("its node has a pod" if count == 1 else f"all {count} nodes have a pod", fraction=1.0)


async def _made(run: Run, plan_: InfraPlan) -> None:
    """What a plan lacks is made; its time to live begins with the first pod."""
    wish = run.deployment.wish
    if run.deployment.deadline_at is None and wish.ttl_s is not None:
        run.keep(deadline_at=run.clock.now() + wish.ttl_s)
    await make_pods(run, Search(run), plan_)


def _order(node: Node) -> tuple[bool, int, str]:
    number = node.key.removeprefix("w")
    return not node.is_head, int(number) if number.isdigit() else 0, node.key


PLANNING = (Step.CHECK, Step.PLAN, Step.PODS)
"""These are done in every run: that nothing is to be changed is found out by asking."""
