"""Getting a pod for every node: a place is chosen, Terraform tries it, and what was refused goes on to the next place.

Only nodes without a pod are placed; what was made stays, and is billed, while the others are still tried. Before each
try the cap is held against what it would cost then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from app.domain.deployment import HEAD, InfraPlan, Node, Offer, State, Step, Told
from app.domain.naming import clean
from app.domain.refusals import Kind, Then, kind_in, then
from app.engine.placing import Placing, Refusal, Why, place, priced
from app.services.deploy import money, sweep, volumes
from app.services.deploy.errors import code_of_kind, stop
from app.services.deploy.plan_check import checked
from app.services.deploy.ports import Applied, DeployError, InfraError, ProviderError
from app.services.deploy.run import Run, before, finish

MOST_TRIES = 4
"""Times that the same candidate is tried when an error passes by itself (429, 5xx, no answer)."""
UNPLACED = Offer("", 0, "", "", None)
"""Of a node that has no place yet."""


class Search:
    """The search for places in one run: what was refused so far, and until when it goes on."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.refused: list[Refusal] = []
        self.tries: dict[str, int] = {}
        self.bound: Mapping[str, str] = {}
        """By node key: the only data centre that it can go to."""
        self.until = run.clock.monotonic() + run.options.retry_s

    async def places(self, *, may_wait: bool = True) -> None:
        """Give every node without a pod the first candidate there is. Raises DeployError where there is none.

        While candidates only lack capacity they are waited for, as long as the run may.
        """
        run = self.run
        while missing := tuple(node.key for node in run.deployment.nodes if not node.pod_id):
            placing = await self._placing(missing)
            if placing.is_possible:
                self._assign(placing)
                return
            pause_s = self._pause(placing) if may_wait else None
            if pause_s is None or run.clock.monotonic() + pause_s > self.until:
                raise self._nowhere(placing, missing)
            text = f"no candidate has capacity now; tried again in {pause_s:.0f} s"
            run.say(text, Told.WARNING, reasons=list(placing.reasons))
            await run.clock.sleep(pause_s)
            # A new round: before its end, none that was refused is tried again, or the last would never have its turn.
            self.refused = [one for one in self.refused if one.kind != Kind.CAPACITY]

    async def elsewhere(self, keys: Sequence[str]) -> None:
        """Give these nodes a candidate although they have a pod. Raises DeployError where there is none now."""
        nodes = tuple(replace(one, pod_id="") if one.key in keys else one for one in self.run.deployment.nodes)
        self.run.keep(nodes=nodes)
        await self.places(may_wait=False)

    async def could_go_elsewhere(self, keys: Sequence[str]) -> None:
        """See that there is a candidate for them now. Raises DeployError where there is none; they keep their pods."""
        nodes = self.run.deployment.nodes
        try:
            await self.elsewhere(keys)
        finally:
            self.run.keep(nodes=nodes)

    async def _placing(self, missing: Sequence[str]) -> Placing:
        run = self.run
        wish = run.deployment.wish
        offers = priced(await run.provider.offers(wish.gpus_per_node, wish.cloud), run.parts.prices)
        placed = [node for node in run.deployment.nodes if node.pod_id]
        self.bound = await volumes.bound(run) if HEAD in missing else {}
        now = run.clock.now()
        return place(wish, offers, missing, placed=placed, refused=self.refused, now=now, pinned=self.bound)

    def _assign(self, placing: Placing) -> None:
        run = self.run
        for key, offer in placing.first.items():
            node = run.node(key)
            if node.offer != offer:
                run.keep_node(replace(node, offer=offer))
                words = [one.words for one in placing.candidates[key]]
                why = f", beside its network volume {run.deployment.volume_id}" if key in self.bound else ""
                text = f"{node.name}: {offer.words}{_price_words(offer)}{why}"
                run.say(text, node=node.name, candidates=words, reasons=list(placing.reasons))
            if key == HEAD and run.deployment.wish.volume_gb:
                run.keep(volume_center=offer.data_center)  # before it is made there
        total = [node.offer.price for node in run.deployment.nodes]
        per_hour = None if None in total else sum(price for price in total if price is not None)
        if money.over_cap(run.deployment, per_hour):
            raise self._over_cap(per_hour)

    def _pause(self, placing: Placing) -> float | None:
        """Seconds after which asking again may help; None: it cannot."""
        if not any(one.why is Why.NO_CAPACITY for one in placing.passed):
            return None
        return self.run.pace.again_s

    def took(self, applied: Applied) -> float:
        """Learn from what an apply could not make; the pause before the next try. Raises DeployError to stop."""
        run, pause_s = self.run, 0.0
        missing = [node for node in run.deployment.nodes if not node.pod_id]
        told = {key: clean(words, 500) for key, words in applied.errors}
        general = told.pop("", "")
        unsaid = not any(told.get(node.key, general) for node in missing)
        if missing and unsaid:
            return self._once_more(missing[0], Kind.SERVER, "Terraform made no pod for it and did not say why")
        for node in missing:
            words = told.get(node.key, general)
            if not words:  # it waited for another that failed
                continue
            kind = kind_in(words)
            match then(kind):
                case Then.STOP:
                    what = f"{node.name} was not made: {words}"
                    raise stop(code_of_kind(kind), what, name=run.name, node=node.name)
                case Then.ELSEWHERE:
                    self.refused.append(Refusal(node.offer, words, kind, run.clock.now(), node.key))
                    run.say(f"{node.offer.words} refused: {words}", Told.WARNING, node=node.name, kind=str(kind))
                case Then.AGAIN:
                    pause_s = max(pause_s, self._once_more(node, kind, words))
        if not missing and not applied.ok:
            pause_s = self._of_others(general, next(iter(told.values()), "Terraform failed"))
        return pause_s

    def _once_more(self, node: Node, kind: Kind, words: str) -> float:
        tries = self.tries[node.key] = self.tries.get(node.key, 0) + 1
        if tries >= MOST_TRIES:
            what = f"{node.name} was not made after {tries} tries: {words}"
            raise stop(code_of_kind(kind), what, name=self.run.name, node=node.name)
        self.run.say(f"{words}; tried again", Told.WARNING, node=node.name, kind=str(kind))
        return float(self.run.pace.retry_s * 2 ** (tries - 1))

    def _of_others(self, general: str, of_node: str) -> float:
        """No pod is missing, and yet something failed: a volume, a pod's change, or the answer to a create got lost."""
        words = general or of_node
        kind = kind_in(words)
        tries = self.tries[""] = self.tries.get("", 0) + 1
        if (general and then(kind) is not Then.AGAIN) or tries >= MOST_TRIES:
            code = "terraform_failed" if kind is Kind.REQUEST else code_of_kind(kind)
            raise stop(code, f"Terraform could not change everything: {words}", name=self.run.name)
        self.run.say(f"{clean(words, 300)}; tried again", Told.WARNING, kind=str(kind))
        return float(self.run.pace.retry_s * 2 ** (tries - 1))

    def _over_cap(self, per_hour: float | None) -> Exception:
        cap = self.run.deployment.wish.max_cost_per_hour or 0.0
        if per_hour is None:
            what = f"A node's price is not known, so the cap of ${cap:.2f}/h cannot be kept."
            return stop("price_unknown", what, name=self.run.name)
        what = f"It would cost ${per_hour:.2f}/h; the cap is ${cap:.2f}/h."
        return stop("over_budget", what, name=self.run.name)

    def _nowhere(self, placing: Placing, missing: Sequence[str]) -> Exception:
        """Why there is no place for a node."""
        run = self.run
        names = ", ".join(run.node(key).name for key in missing)
        whys = {one.why for one in placing.passed}
        if Why.NO_CAPACITY in whys:
            code, what = "no_capacity", f"No capacity for {names}: {len(placing.passed)} candidates were passed over."
        elif Why.TOO_DEAR in whys:
            cap = run.deployment.wish.max_cost_per_hour or 0.0
            code, what = "over_budget", f"Every candidate for {names} breaks the cap of ${cap:.2f}/h."
        elif Why.NO_PRICE in whys:
            code, what = "price_unknown", f"No candidate for {names} has a known price, and there is a cap."
        elif self.refused and all(one.kind in {Kind.REQUEST, Kind.FORBIDDEN} for one in self.refused):
            last = self.refused[-1]
            code = code_of_kind(last.kind)
            what = f"Every candidate for {names} was refused: {last.words}"
        else:
            code, what = "no_offer", f"The catalogue has nothing that fits {names}."
        details = placing.reasons
        if self.bound and not placing.candidates[HEAD]:
            tie = f"{run.node(HEAD).name} can only go to {volumes.bound_words(run.deployment)}"
            what, details = f"{what.rstrip('.')}; {tie}.", (*details, tie)
        return stop(code, what, name=run.name, node=names if len(missing) == 1 else "", details=details)


def _price_words(offer: Offer) -> str:
    return "" if offer.price is None else f" at ${offer.price:.2f}/h"


async def make_pods(run: Run, search: Search, plan: InfraPlan) -> None:
    """Apply a plan, and others after it, until every node has a pod. Raises DeployError, InfraError, ProviderError."""
    while True:
        applied = await apply(run, plan)
        missing = [node for node in run.deployment.nodes if not node.pod_id]
        if applied.ok and not missing:
            return
        if applied.was_interrupted:
            raise InfraError("Terraform was ended from outside", "interrupted")
        await run.clock.sleep(search.took(applied))
        await search.places()
        await sweep.lay_out(run)
        plan = checked(run, await run.infra.plan())
        if plan.is_empty and not missing:
            return


async def apply(run: Run, plan: InfraPlan) -> Applied:
    """Apply one plan. However it ends, what it made is found before this is left."""
    run.keep(state=State.DEPLOYING, trouble=None)
    making = frozenset(change.node for change in plan.changes if change.node and change.action in {"create", "replace"})
    try:
        applied = await run.infra.apply(plan, partial(_heard, run))
    except (asyncio.CancelledError, InfraError):
        if not await finish(after_interrupt(run, making), run.pace.finish_s):
            run.say("the search for pods that were just being made was cut short", Told.WARNING)
        raise
    refused = {key for key, words in applied.errors if key and then(kind_in(words)) is not Then.AGAIN}
    await sweep.settle_late(run, frozenset() if applied.ok else making - refused)
    await volumes.note(run)
    return applied


def _heard(run: Run, text: str, node: str = "", fraction: float | None = None, **more: object) -> None:
    """Pass on what Terraform tells; a pod that it has just made is billed from here on, and written down."""
    made = next((one for one in run.deployment.nodes if node in (one.name, one.key)), None)
    pod_id = more.get("pod")
    is_made = more.get("action") == "create" and more.get("stage") == "complete" and isinstance(pod_id, str)
    if made is not None and is_made and not made.pod_id:
        run.bill(run.deployment.billing.per_hour + (made.offer.price or 0.0))
        nodes = tuple(replace(one, pod_id=str(pod_id)) if one is made else one for one in run.deployment.nodes)
        run.keep(nodes=nodes, done=before(Step.REACH))
    run.teller(text, node, fraction, **more)


async def after_interrupt(run: Run, making: frozenset[str]) -> None:
    """Find the pods of an apply that did not end by itself; where nobody answers, say so."""
    try:
        await sweep.settle_late(run, making)
        await volumes.note(run)
    except (ProviderError, InfraError, OSError) as error:
        run.say(f"what was made meanwhile could not be looked for: {error}; the next run does", Told.WARNING)
        run.bill(max(run.deployment.billing.per_hour, money.assumed_rate(run.deployment)))


async def renew(run: Run, broken: Sequence[tuple[Node, str]]) -> None:
    """Give nodes whose pod broke another one, once in a run; `broken` says of each why. Raises DeployError.

    Another place is preferred; where there is none, the same is tried again.
    """
    search = Search(run)
    for node, why in broken:
        run.renewed.add(node.key)
        run.say(f"{why}: it gets another pod", Told.WARNING, node=node.name)
        search.refused.append(Refusal(node.offer, why, Kind.CAPACITY, run.clock.now(), node.key))
        await run.forget(node)
    keys = frozenset(node.key for node, _ in broken)
    run.keep(done=before(Step.REACH))
    await sweep.settle(run)
    try:
        await search.elsewhere(tuple(keys))
    except DeployError as error:
        run.say(f"there is no other place for it: {error.trouble.what}", Told.WARNING)
    await sweep.lay_out(run)
    held = keys.intersection(await sweep.known(run))
    plan = checked(run, await run.infra.plan(replace=sorted(held)), ends=keys)
    await make_pods(run, search, plan)
