"""Troubles that take more than a case of a table to provoke, and the walk: no row is only words."""

from __future__ import annotations

import ast
import asyncio
import re
from pathlib import Path

import pytest

from app.config.settings import Deploy, Settings
from app.domain.deployment import STEPS, Billing, DeployEvent, Deployment, Node, Offer, State, Told, Wish
from app.services.deploy import marks
from app.services.deploy.building import BASE_URL, deploying
from app.services.deploy.folder import folder_of
from app.services.deploy.journal import follow
from app.services.deploy.plans import Declined, Question
from app.services.deploy.ports import DeployError
from app.services.deploy.record import read_record, write_record
from app.services.deploy.run import Pace
from app.services.deploy.secrets import KEY_VARIABLE
from app.services.deploy.trouble_rows import ROWS
from app.transport.clock import SystemClock
from tests.services.deploy.stage import Stage
from tests.services.deploy.test_troubles import CASES, ELSEWHERE, on_pod
from tests.standins.runpod.emulator import Emulator

HERE = Path(__file__).parent


@pytest.mark.parametrize("nodes", [("w1",), ("head", "w1"), ("all",)], ids=str)
async def test_what_was_never_formed_is_brought_up_first(stage: Stage, nodes: tuple[str, ...]) -> None:
    """A plan was declined, so there is no pod to replace: nobody is asked, nothing is billed, the remedy works."""
    stage.agrees = False
    with pytest.raises(Declined):
        await stage.deploy()
    stage.questions.clear()

    with pytest.raises(DeployError) as caught:
        await stage.replace(*nodes)

    trouble, ended = caught.value.trouble, stage.events[-1]
    assert ("not_formed", "Bring it up first: gpu-watchdog deploy lab.") == (trouble.code, trouble.next)
    assert "No node of lab has a pod, so there is none to replace." == trouble.what
    assert (Told.ENDED, "no pod of lab is billed") == (ended.told, ended.text)
    assert ([], []) == (stage.questions, stage.world.billed())
    stage.agrees = True
    assert State.READY is (await stage.deploy("lab")).state


async def test_there_is_no_log_of_a_node_without_a_pod(stage: Stage) -> None:
    """A node that is only wished for is not looked for at an address it does not have."""
    await stage.deploy()
    stage.world.refusals = {"w1": ["HTTP 402 Payment Required"] * 9}
    with pytest.raises(DeployError):
        await stage.replace("w1")

    with pytest.raises(DeployError) as caught:
        await stage.deploys.logs("lab", "w1", "slurmd")

    assert "not_formed" == caught.value.trouble.code
    assert not any(one.startswith("logs") for one in stage.world.did)


async def test_an_interrupted_run_says_what_is_billed_and_goes_on(stage: Stage) -> None:
    """Ctrl-C while pods are made: those that are there are billed, the record names the trouble, the remedy works."""
    interrupt_at(stage, "created", 2)

    with pytest.raises(asyncio.CancelledError):
        await stage.deploy()

    record = stage.deploys.read("lab")
    failed, ended = stage.told(Told.FAILED)[-1], stage.events[-1]
    assert record.trouble is not None
    assert ("interrupted", "The run was interrupted.") == (record.trouble.code, record.trouble.what)
    assert "Run again to go on: gpu-watchdog deploy lab; or end all of it: gpu-watchdog deploy lab --destroy." == (
        record.trouble.next
    )
    assert (State.FAILED, "interrupted") == (record.state, failed.data["code"])
    assert stage.world.billed()
    assert sum(pod.cost_per_hour or 0.0 for pod in stage.world.pods.values()) == pytest.approx(ended.per_hour)
    assert (Told.ENDED, False, True) == (ended.told, ended.data["ok"], ended.data["billed"])
    made = await stage.deploy("lab")
    assert (State.READY, 3, None) == (made.state, len(stage.world.billed()), made.trouble)


def interrupt_at(stage: Stage, point: str, time: int) -> None:
    """Cancel the run when it comes to a point for the n-th time, once."""
    left = time

    def at(name: str) -> None:
        nonlocal left
        left -= name == point
        task = asyncio.current_task()
        if left == 0 and name == point and task is not None:
            stage.world.at_point = lambda _name: None
            task.cancel()

    stage.world.at_point = at


def settings(tmp_path: Path) -> Settings:
    """A configuration that names a token everybody could read."""
    token = tmp_path / "token"
    token.write_text("hf_x\n", encoding="utf-8")
    token.chmod(0o644)
    return Settings(deploy=Deploy(hf_token_file=str(token)))


async def test_a_token_that_cannot_be_read_is_told_before_anything_is_rented(tmp_path: Path) -> None:
    """A model may need it after half an hour of paid time; without a model, nobody asks for it."""
    with Emulator(key="test-key") as runpod:
        environ = {"PATH": "", BASE_URL: runpod.url, KEY_VARIABLE: "test-key"}
        events: list[DeployEvent] = []
        async with deploying(settings(tmp_path), tmp_path, environ, SystemClock()) as deploys:
            with pytest.raises(DeployError) as caught:
                await deploys.deploy(Wish("lab", model="m"), tell=events.append, confirm=agree)
            with pytest.raises(DeployError) as other:
                await deploys.deploy(Wish("two"), tell=lambda _event: None, confirm=agree)
        pods = dict(runpod.pods)

    trouble = caught.value.trouble
    assert ("no_hf_token", {}) == (trouble.code, pods)
    assert str(tmp_path / "token") in trouble.what
    assert "[deploy] hf_token_file" in trouble.next
    assert (Told.ENDED, "no pod of lab is billed") == (events[-1].told, events[-1].text)
    assert "no_terraform" == other.value.trouble.code


async def test_a_token_that_cannot_be_read_does_not_keep_pods_alive(tmp_path: Path) -> None:
    """What is rented is ended all the same: nobody needs a token for that."""
    folder = folder_of(tmp_path, "lab")
    node = Node("head", "lab-head", Offer("NVIDIA A40", 1, "EU-SE-1", "SECURE", 0.4), "gone")
    billing = Billing(0.1, 0.4, 1000.0)
    write_record(
        folder, Deployment(Wish("lab", 1, model="m"), "ab12cd34", 1000.0, State.READY, STEPS, (node,), None, billing)
    )
    with Emulator(key="test-key") as runpod:
        environ = {"PATH": "", BASE_URL: runpod.url, KEY_VARIABLE: "test-key"}
        pace = Pace(proof_s=0.01)
        async with deploying(settings(tmp_path), tmp_path, environ, SystemClock(), pace) as deploys:
            proof = await deploys.destroy("lab", tell=lambda _event: None, confirm=agree)

    assert (True, State.DESTROYED) == (proof.is_clean, read_record(folder).state)
    assert Told.ENDED is follow(folder.events)[0][-1].told


async def agree(_question: Question) -> bool:
    """Whoever is asked."""
    return True


@pytest.mark.parametrize("code", sorted(marks.NEXT))
async def test_every_trouble_of_a_pod_stops_the_run_with_its_own_remedy(stage: Stage, code: str) -> None:
    """Whatever a script on a pod says: its code is kept, all pods are billed, what to do can be typed as it stands."""
    on_pod("install", "lab-w1", code)(stage)

    with pytest.raises(DeployError) as caught:
        await stage.deploy()

    trouble, ended = caught.value.trouble, stage.events[-1]
    assert (code, "lab-w1", marks.next_of(code, "lab-w1")) == (trouble.code, trouble.node, trouble.next)
    assert not {"{", "NODE", "NAME"} & set(trouble.next.replace(".", " ").split())
    assert 3 == len(stage.world.billed())
    assert pytest.approx(4.92) == ended.per_hour
    assert ended.text.startswith("3 pods of lab cost $4.92/h until ended")


def test_every_row_is_provoked_somewhere() -> None:
    """No row of the table is only words: a case provokes it, or a test that is there and names its code."""
    provoked = {case.code for case in CASES}

    assert set() == set(ROWS) - provoked - set(ELSEWHERE)
    assert set() == provoked - set(ROWS) - set(marks.NEXT)
    assert [] == [(code, name) for code, name in ELSEWHERE.items() if f'"{code}"' not in body_of(name)]
    assert len(CASES) >= 30


def test_every_code_of_the_pods_is_named_where_its_cause_is_tried() -> None:
    """Each is the expected value of some test beside this one, or of one on real pods."""
    tests = HERE.parents[1]
    folders = (HERE, tests / "real/deploy", tests / "real/pod")
    named = {
        word
        for folder in folders
        for path in folder.glob("test_*.py")
        if path not in {HERE / "test_troubles.py", Path(__file__)}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for word in re.findall(r"[a-z_]+", node.value)
    }

    assert [] == sorted(set(marks.NEXT) - named)


def body_of(test: str) -> str:
    """The source of a test of this folder; empty where there is none of that name."""
    for path in HERE.glob("test_*.py"):
        source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == test:
                return ast.get_source_segment(source, node) or ""
    return ""
