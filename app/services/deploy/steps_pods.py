"""The steps from pods to a cluster: reach, install, count GPUs, form Slurm, run a job, serve the model, watch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.domain.deployment import Node, Pod, PodStatus, Step, Told
from app.services.deploy import sweep
from app.services.deploy.crowd import on_each
from app.services.deploy.errors import stop
from app.services.deploy.placing_pods import renew
from app.services.deploy.ports import DeployError, ProviderError
from app.services.deploy.run import Run, must_have_head

GONE_LOOKS = 3
"""Looks in a row without a pod after which it is gone: a list may leave one out for a moment."""
STOPPED_LOOKS = 6
"""The same for one that is stopped: what Terraform has just started is listed as stopped for a moment."""
MOST_SILENCE = 6
"""Looks in a row that may fail before the provider counts as down."""
MOST_NAMES = 3
"""Nodes that are told by their names."""


@dataclass(slots=True)
class Watch:
    """What the looks at starting pods found so far."""

    missing: dict[str, int] = field(default_factory=dict)
    """Looks in a row, by node key."""
    stopped: dict[str, int] = field(default_factory=dict)
    told: str = ""

    def broken(self, node: Node, pod: Pod | None) -> str:
        """Why a node's pod will never be ready; empty: it may be."""
        self.missing[node.key] = self.missing.get(node.key, 0) + 1 if pod is None else 0
        is_stopped = pod is not None and pod.status is PodStatus.EXITED
        self.stopped[node.key] = self.stopped.get(node.key, 0) + 1 if is_stopped else 0
        if pod is not None and pod.status is PodStatus.ERROR:
            return f"pod {pod.id} of {node.name} ended in ERROR"
        if self.missing[node.key] >= GONE_LOOKS:
            return f"pod {node.pod_id} of {node.name} was ended outside"
        if self.stopped[node.key] >= STOPPED_LOOKS:
            return f"pod {node.pod_id} of {node.name} stopped"
        return ""


async def reach(run: Run) -> None:
    """Every pod runs and lets us in."""
    pods = await running(run)

    async def one(node: Node) -> None:
        await run.hands.reach(node, pods[node.key], run.teller)

    await on_each(run.deployment.nodes, one)


async def running(run: Run) -> dict[str, Pod]:
    """Wait until every node's pod runs and has an address; one that breaks is replaced, once. By node key.

    Raises DeployError.
    """
    watch, began = Watch(), run.clock.monotonic()
    while True:
        await _listed(run)
        pods = run.pods
        broken = [(node, why) for node in run.deployment.nodes if (why := watch.broken(node, pods.get(node.key)))]
        if broken:
            await _replaced(run, broken, watch)
            continue
        waited_for = [node for node in run.deployment.nodes if not _is_ready(pods.get(node.key))]
        if not waited_for:
            return dict(pods)
        _tell_progress(run, watch, waited_for)
        if run.clock.monotonic() - began > run.pace.ready_s:
            raise _never_ready(run, waited_for[0], len(waited_for))
        await run.clock.sleep(run.pace.poll_s)


async def _listed(run: Run) -> None:
    """Look at the list; orphans that came late are settled, and a provider that is silent is waited for a while."""
    for silence in range(MOST_SILENCE):
        try:
            found = await sweep.look(run)
            ids = {node.pod_id for node in run.deployment.nodes}
            if not run.options.skip_infra and any(pod.id not in ids for pod in found):
                await sweep.settle(run)
        except ProviderError as error:
            if error.kind not in {"busy", "server", "network"} or silence + 1 == MOST_SILENCE:
                raise
            run.say(f"{error}; asked again", Told.WARNING)
            await run.clock.sleep(run.pace.poll_s * (silence + 1))
        else:
            return


async def _replaced(run: Run, broken: Sequence[tuple[Node, str]], watch: Watch) -> None:
    """Replace broken pods where that was not done yet. Raises DeployError."""
    again = [(node, why) for node, why in broken if node.key in run.renewed]
    if again or run.options.skip_infra:
        node, why = (again or list(broken))[0]
        code = "pod_gone" if why.endswith("outside") else "pod_error"
        raise stop(code, why[:1].upper() + why[1:], name=run.name, node=node.name)
    run.gone |= {node.pod_id for node, why in broken if why.endswith("outside")}
    await renew(run, broken)
    watch.missing.clear()
    watch.stopped.clear()


def _is_ready(pod: Pod | None) -> bool:
    return pod is not None and pod.status is PodStatus.RUNNING and pod.ssh is not None


def _tell_progress(run: Run, watch: Watch, waited_for: Sequence[Node]) -> None:
    count = len(run.deployment.nodes)
    by_word: dict[str, list[str]] = {}
    for node in waited_for:
        by_word.setdefault(_word(run.pods.get(node.key)), []).append(node.name)
    states = "; ".join(said_of(names, word) for word, names in by_word.items())
    if states != watch.told:
        watch.told = states
        run.say(states, Told.PROGRESS, fraction=(count - len(waited_for)) / count)


def said_of(names: Sequence[str], word: str) -> str:
    """`lab-head and lab-w1 are STARTING`; many are counted."""
    if len(names) == 1:
        return f"{names[0]} {word}"
    words = word.replace("is ", "are ", 1).replace("has ", "have ", 1)
    told = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) <= MOST_NAMES else f"{len(names)} nodes"
    return f"{told} {words}"


def _word(pod: Pod | None) -> str:
    if pod is None:
        return "is not listed"
    return "has no ssh port yet" if pod.status is PodStatus.RUNNING else f"is {pod.status.value}"


def _never_ready(run: Run, node: Node, count: int) -> DeployError:
    pod = run.pods.get(node.key)
    is_running = pod is not None and pod.status is PodStatus.RUNNING
    others = f", nor are {count - 1} others" if count > 1 else ""
    what = f"{node.name} {_word(pod)} after {run.pace.ready_s:.0f} s{others}."
    return stop("no_address" if is_running else "pod_never_ready", what, name=run.name, node=node.name)


async def install(run: Run) -> None:
    """The scripts and the exporter are on every pod."""

    async def one(node: Node) -> None:
        await run.hands.install(node, run.teller)

    await on_each(run.deployment.nodes, one)


async def gpus(run: Run) -> None:
    """As many GPUs as are paid for are seen, and healthy."""
    wanted = run.deployment.wish.gpus_per_node

    async def one(node: Node) -> None:
        seen = await run.hands.gpus(node, run.teller, burn_in=await _may_load(run, node))
        if seen.count < wanted:
            what = f"{node.name} has {seen.count} of {wanted} GPUs"
            raise stop("gpus_missing", what, name=run.name, node=node.name, details=seen.sick)
        if seen.sick:
            what = f"{node.name}: {seen.sick[0]}"
            raise stop("gpus_sick", what, name=run.name, node=node.name, details=seen.sick)
        run.say(f"{node.name} has {seen.count} {seen.model or 'GPUs'}", Told.PROGRESS, node=node.name, gpus=seen.count)

    await on_each(run.deployment.nodes, one)


async def _may_load(run: Run, node: Node) -> bool:
    """Whether a node's GPUs are to be loaded: where somebody's job or the model has them, they are known to work."""
    wish, head = run.deployment.wish, run.deployment.head
    if not wish.burn_in or head is None or not run.deployment.is_formed:
        return wish.burn_in
    if (node.is_head and wish.model) or await run.hands.jobs_on(head, node):
        run.say(f"{node.name} is in use: its GPUs are not loaded", Told.PROGRESS, node=node.name)
        return False
    return True


async def slurm(run: Run) -> None:
    """The head's controller is up and every worker has joined it."""
    head = must_have_head(run)
    await run.hands.form(head, run.deployment.workers, await known_pods(run), run.teller)
    waiting = {node.key for node in run.deployment.to_replace}
    run.keep(formed_on=head.pod_id, turns=tuple(one for one in run.deployment.turns if one.key in waiting))


async def job(run: Run) -> None:
    """A job runs on all nodes that compute: the head does, unless it serves a model and has workers."""
    wish = run.deployment.wish
    nodes = run.deployment.workers if wish.model and run.deployment.workers else run.deployment.nodes
    await run.hands.run_job(must_have_head(run), nodes, run.teller)


async def model(run: Run) -> None:
    """The model server answers, where one is wished for."""
    name = run.deployment.wish.model
    if not name:
        run.say("no model is wished for", Told.SKIPPED)
        return
    await run.hands.serve_model(must_have_head(run), name, run.teller)


async def watch(run: Run) -> None:
    """Targets, prices and addresses stand where screen, commands and daemon look for them."""
    run.parts.watch(run.folder, run.deployment, await known_pods(run))


async def known_pods(run: Run) -> dict[str, Pod]:
    """The pods by node key, looked up where this run has not yet. Raises ProviderError, DeployError."""
    if any(node.key not in run.pods for node in run.deployment.nodes):
        await _listed(run)
    for node in run.deployment.nodes:
        if node.key not in run.pods:
            what = f"pod {node.pod_id} of {node.name} is not listed any more"
            raise stop("pod_gone", what[:1].upper() + what[1:], name=run.name, node=node.name)
    return dict(run.pods)


AFTER_PODS = (Step.REACH, Step.INSTALL, Step.GPUS, Step.SLURM, Step.JOB, Step.MODEL, Step.WATCH)
