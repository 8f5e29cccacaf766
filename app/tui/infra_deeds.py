"""Deeds on deployments: what a key of the Infra page means, decided into a form, a question or a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, cast

from app.domain.deployment import ALL_NODES, InfraPlan, State, Wish
from app.domain.job_actions import Outcome, Plan
from app.present.cells import line_text
from app.present.infra_plan import money_line
from app.present.infra_rows import ORPHAN
from app.present.infra_told import billed_text
from app.present.infra_view import DOING, Held, RunVerb, dollars, money, ssh_text
from app.tui.dialogue import ask_first
from app.tui.feed import RefusedError
from app.tui.form_dialogue import Form, FormField, Values, ask_for
from app.tui.infra_asking import put
from app.tui.infra_desk import InfraDesk, may_deploy
from app.tui.infra_form import checked, fields_of, how_of, nodes_named, replace_check, scale_check, wish_of
from app.tui.infra_runs import Run

if TYPE_CHECKING:
    from textual.app import App

    from app.services.deploy.deploying import Deploys
    from app.services.deploy.plans import Confirm, Listen, Question
    from app.tui.desk import Desk


class InfraDeeds:
    """The deeds of one page."""

    def __init__(self, desk: Desk, infra: InfraDesk) -> None:
        self._desk = desk
        self._infra = infra

    def do(self, deed: str, held: Held | None, node: str) -> None:
        """Do what a key says to the chosen deployment, or to its chosen node. Raises RefusedError."""
        if deed == "new":
            may_deploy(self._desk)
            self._new()
            return
        if held is None:
            raise RefusedError("no deployment is chosen; N begins a new one")
        if deed == "copy":
            self._copy(held, node)
            return
        may_deploy(self._desk)
        deeds: Mapping[str, Callable[[Held, str], None]] = {
            "go": self._go, "plan": self._plan, "scale": self._scale, "replace": self._replace,
            "answer": self._answer, "stop": self._stop, "destroy": self._destroy,
        }  # fmt: skip
        deeds[deed](held, node)

    # ── making ──

    def _new(self) -> None:
        deploy = self._infra.ground.deploy

        def taken() -> frozenset[str]:
            return frozenset(one.name for one in self._infra.held() if one.run is not None or one.billed)

        async def perform(values: Values) -> Outcome:
            wish = wish_of(values, deploy, taken())
            self._deploy(wish)
            return Outcome(True, f"{wish.name}: a plan is being made; you are asked before anything is rented")

        there = {one.name for one in self._infra.held() if one.deployment.state is not State.DESTROYED}
        name = next((name for name in ("lab", *(f"lab-{number}" for number in range(2, 99))) if name not in there), "")
        about = "nothing is rented before you say yes"
        ask_for(
            self._desk,
            Form(
                "New deployment",
                about,
                fields_of(deploy, name, self._infra.helps or {}),
                checked(deploy, taken),
                perform,
                "make a plan",
            ),
        )

    def _deploy(self, wish: Wish | str) -> None:
        name = wish if isinstance(wish, str) else wish.name

        async def work(deploys: Deploys, tell: Listen, confirm: Confirm) -> str:
            done = await deploys.deploy(wish, tell=tell, confirm=confirm)
            return f"{name} is {done.state.value}: {money(done.billing.per_hour)}"

        self._infra.begin(name, "deploy", work).command = f"gpu-watchdog deploy {name}"

    def _go(self, held: Held, _node: str) -> None:
        self._deploy(held.name)

    def _plan(self, held: Held, _node: str) -> None:
        async def work(deploys: Deploys, tell: Listen, _confirm: Confirm) -> str:
            plan = await deploys.plan(held.name, tell=tell)
            self._infra.keep_plan(held.name, plan)
            return f"{held.name}: {_plan_text(plan, self._desk)}"

        self._infra.begin(held.name, "plan", work).command = f"gpu-watchdog deploy {held.name} --plan"

    def _scale(self, held: Held, _node: str) -> None:
        _is_there(held)
        now = max(len(held.deployment.nodes), held.deployment.wish.nodes)

        async def perform(values: Values) -> Outcome:
            nodes, how = int(values["nodes"]), how_of(values)

            async def work(deploys: Deploys, tell: Listen, confirm: Confirm) -> str:
                done = await deploys.scale(
                    held.name, nodes, tell=tell, confirm=confirm, how="cancel" if how == "cancel" else "wait"
                )
                return f"{held.name} has {len(done.nodes)} nodes: {money(done.billing.per_hour)}"

            fate = " --cancel" if how == "cancel" else ""
            run = self._infra.begin(held.name, "scale", work)
            run.command = f"gpu-watchdog deploy {held.name} --scale {nodes}{fate}"
            return Outcome(True, f"{held.name}: scaling to {nodes} nodes; you are asked first")

        fields = (
            FormField("nodes", "nodes", "", f"{now} now", "The head counted."),
            FormField("jobs", "their jobs", "wait", "wait or cancel", "What becomes of jobs on nodes that go."),
        )
        form = Form("Scale", f"{held.name}, {now} nodes", fields, scale_check(now), perform, "scale")
        ask_for(self._desk, form)

    def _replace(self, held: Held, node: str) -> None:
        _is_there(held)
        if node.startswith(ORPHAN):
            raise RefusedError("an orphan is no node of it: deploying or destroying it sweeps what belongs to nothing")
        self._infra.may_begin(held.name)
        rest = held.deployment.to_replace
        chosen = next((one.name for one in held.deployment.nodes if one.key == node), "")

        async def perform(values: Values) -> Outcome:
            called, how = nodes_named(values["nodes"]), how_of(values)
            self._begin_replace(held, called, how)
            return Outcome(True, f"{held.name}: replacing {', '.join(called)}; you are asked first")

        fields = (
            FormField(
                "nodes", "nodes", " ".join(one.name for one in rest) or chosen, "lab-w1 lab-w2, or all",
                "One after another: the next is drained when the one before has joined.",
            ),
            FormField("jobs", "their jobs", "wait", "wait or cancel", "What becomes of jobs on a node in its turn."),
        )  # fmt: skip
        about = f"{held.name}, {len(held.deployment.nodes)} nodes"
        ask_for(self._desk, Form("Replace", about, fields, replace_check(held.deployment), perform, "replace"))

    def _begin_replace(self, held: Held, called: tuple[str, ...], how: str) -> None:
        async def work(deploys: Deploys, tell: Listen, confirm: Confirm) -> str:
            await deploys.replace(
                held.name, called, tell=tell, confirm=confirm, how="cancel" if how == "cancel" else "wait"
            )
            are = "are other pods" if len(called) > 1 or called == (ALL_NODES,) else "is another pod"
            return f"{held.name}: {', '.join(called)} {are} now"

        words = "".join(f" --replace {one}" for one in called)
        run = self._infra.begin(held.name, "replace", work)
        run.command = f"gpu-watchdog deploy {held.name}{words}{' --cancel' if how == 'cancel' else ''}"

    # ── ending ──

    def _destroy(self, held: Held, _node: str) -> None:
        if held.deployment.state is State.DESTROYED and not held.billed and not held.deployment.volume_id:
            raise RefusedError(f"{held.name} is destroyed already, and nothing of it is left")
        self._infra.may_begin(held.name)
        one = held.deployment
        name, has_volume = held.name, one.wish.volume_gb > 0 or bool(one.volume_id)

        def check(values: Values) -> tuple[str, bool]:
            told = f"Ends {billed_text(held, self._desk.moment.now)}; jobs on it are lost. Nothing undoes this."
            if has_volume:
                goes = _yes(values.get("volume", ""))
                told += " The volume goes too." if goes else " The volume stays, and is billed on."
            return (told, True) if values["name"].strip() == name else (f"{told} Type {name} to do it.", False)

        async def perform(values: Values) -> Outcome:
            self._begin_destroy(held, volumes=has_volume and _yes(values.get("volume", "")))
            return Outcome(True, f"{name}: destroying; the provider is asked until nothing is left")

        fields = [FormField("name", "its name", "", name, "")]
        if has_volume:
            fields.append(FormField("volume", "volume too", "", "no", ""))
        form = Form(
            "Destroy", f"{name}, {money(held.per_hour)}", tuple(fields), check, perform, "destroy", is_severe=True
        )
        ask_for(self._desk, form)

    def _begin_destroy(self, held: Held, *, volumes: bool) -> None:
        """Destroy what was named; what the form did not show (another pod, jobs) is asked about once more."""
        from app.services.deploy.plans import Options, Removal  # noqa: PLC0415 - late: only who destroys needs it

        shown = frozenset(pod.id for pod in held.listed or ())
        runs: list[Run] = []

        async def work(deploys: Deploys, tell: Listen, confirm: Confirm) -> str:
            async def sure(question: Question) -> bool:
                if isinstance(question, Removal) and not question.jobs and {pod.id for pod in question.pods} <= shown:
                    self._infra.agreed(runs[0], question)
                    return True
                return await confirm(question)

            proof = await deploys.destroy(held.name, tell=tell, confirm=sure, options=Options(volumes=volumes))
            if proof.is_clean:
                return f"{held.name} is destroyed, and nothing of it is left; it cost {dollars(proof.spent)}"
            return f"{held.name}: {len(proof.left)} pods are still listed; destroying it again goes on"

        run = self._infra.begin(held.name, "destroy", work)
        runs.append(run)
        run.command = f"gpu-watchdog deploy {held.name} --destroy{' --delete-volume' if volumes else ''}"

    def _stop(self, held: Held, _node: str) -> None:
        run = self._infra.run(held.name)
        if run is None:
            self._stop_elsewhere(held)
            return
        if run.question is not None:
            run.answer(yes=False)
            return
        if run.is_stopping:
            raise RefusedError(f"{held.name} is being stopped: Terraform ends what may not be left half done")

        async def perform() -> Outcome:
            self._infra.stop(run)
            return Outcome(True, f"{held.name}: stopping; what Terraform is at is ended first")

        ask_first(self._desk, self._stop_plan(held, run.verb), perform)

    def _stop_elsewhere(self, held: Held) -> None:
        """A run that the daemon goes on with is stopped by it; any other by whoever began it."""
        if held.run is None:
            raise RefusedError(f"nothing goes on with {held.name}")
        if not self._infra.is_carried(held.name):
            raise RefusedError(f"{held.name} is worked on by another process: stop it where it was begun, with ctrl-c")

        async def perform() -> Outcome:
            self._infra.stop_carried(held.name)
            return Outcome(True, f"{held.name}: stopping; the daemon ends first what Terraform is at")

        ask_first(self._desk, self._stop_plan(held, held.run.verb), perform)

    def _stop_plan(self, held: Held, verb: RunVerb) -> Plan:
        return Plan(
            "stop", (held.name,), (), f"stop {DOING[verb]} {held.name}",
            (f"what is there stays, and is billed: {billed_text(held, self._desk.moment.now)}",),
            "deploying it again, which goes on at the step that is not done", is_severe=bool(held.billed),
        )  # fmt: skip

    def _answer(self, held: Held, _node: str) -> None:
        run = self._infra.run(held.name)
        if run is None or run.question is None:
            raise RefusedError(f"{held.name} asks nothing")
        put(self._desk, run, held)

    def _copy(self, held: Held, node: str) -> None:
        one = next((one for one in held.deployment.nodes if one.key == node), held.deployment.head)
        command = ssh_text(held, one.name if one is not None else "", self._infra.ground.environ.get("HOME", ""))
        if not command:
            raise RefusedError(f"nobody can log in on {held.name} yet: its pods were not reached")
        cast("App[None]", self._desk).copy_to_clipboard(command)
        self._desk.note(f"copied: {command}")


def _is_there(held: Held) -> None:
    if held.deployment.state in {State.NEW, State.PLANNED, State.DESTROYED, State.DESTROYING}:
        raise RefusedError(
            f"{held.name} is {held.deployment.state.value}: there is nothing to change yet; g deploys it"
        )


def _plan_text(plan: InfraPlan, desk: Desk) -> str:
    if plan.is_empty:
        return "nothing is to be changed at the provider"
    return f"{len(plan.changes)} changes; {' '.join(line_text(money_line(plan, desk.moment.look)).split())}"


def _yes(text: str) -> bool:
    return text.strip().lower() in {"y", "yes"}
