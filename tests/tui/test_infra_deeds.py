"""Deeds on deployments: money is asked about first, runs go on while pages come and go, nobody works on one twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from textual.events import Key

from app.domain.deployment import State, Trouble, Turn, Wish
from app.services.deploy.folder import folder_of
from app.services.deploy.lock import locked
from app.services.deploy.plans import Removal
from app.services.deploy.ports import DeployError
from app.tui.form_dialogue import FormDialogue
from tests.tui.deployments import (
    H100,
    MENDING,
    FakeDeploys,
    astray,
    deployment,
    pod,
    ready,
    standing,
    wish,
    write,
)
from tests.tui.infra_driving import a_ready, fill, infra, row, said, settled


async def test_form_is_checked_while_one_types(tmp_path: Path) -> None:
    """What is wrong stands below it, and enter does nothing until it is right."""
    fake = a_ready(tmp_path)
    async with infra(tmp_path, fake, settings={"gpu": (H100,), "ttl": "12h"}) as drive:
        await drive.press("N")
        for key, value, said in (
            ("name", "lab", "lab exists"),
            ("name", "Lab 2", "is no name"),
            ("nodes", "0", "nodes: 1 to 64"),
            ("gpus", "nine", "GPUs a node: write a number"),
            ("cap", "cheap", "at most $/h: write an amount"),
            ("ttl", "10s", "5 minutes at least"),
            ("volume", "3", "volume GB: 10 to 4096"),
        ):
            await fill(drive, name="next", nodes="2", gpus="8", cap="", ttl="12h", volume="")
            await fill(drive, **{key: value})
            assert said in drive.text, (key, drive.text)
        await drive.press("enter")
        assert isinstance(drive.app.screen, FormDialogue)
        assert [] == fake.done


async def test_enter_comes_behind_what_was_typed_in_one_go(tmp_path: Path) -> None:
    """Over a slow line letters and enter arrive together, and the field has not taken the letters in yet."""
    fake = a_ready(tmp_path)
    async with infra(tmp_path, fake) as drive:
        await drive.press("s")
        for key, letter in (("2", "2"), ("enter", "\r")):
            drive.app.post_message(Key(key, letter))
        await drive.until(lambda: bool(fake.done))

        assert [("scale", "lab", 2, "wait")] == fake.done


async def test_new_deployment_asks_with_its_plan_before_anything_is_rented(tmp_path: Path) -> None:
    """The form makes a wish; the run asks with changes and money; `y` lets it go on."""
    fake = FakeDeploys(tmp_path)
    async with infra(tmp_path, fake, settings={"gpu": (H100,), "order": "price"}) as drive:
        await drive.press("N")
        await fill(drive, name="next", nodes="4", gpus="8", cap="90", ttl="12h")
        await drive.press("enter")
        await drive.shows("4 to rent")
        wished = Wish("next", 4, 8, (H100,), by_price=True, max_cost_per_hour=90.0, ttl_s=43200.0)
        assert [("deploy", wished)] == fake.done
        assert "$0.00/h → $76.48/h" in drive.text
        assert "gpu-watchdog deploy next" in drive.text

        await drive.press("y")
        await drive.shows("next is ready")


async def test_any_other_key_is_a_no(tmp_path: Path) -> None:
    """And the run says that nothing was done."""
    fake = FakeDeploys(tmp_path)
    write(tmp_path, deployment(State.PLANNED, 2, 0), ())
    fake.standings = {"lab": standing(deployment(State.PLANNED, 2, 0))}
    async with infra(tmp_path, fake) as drive:
        await drive.press("g")
        await drive.shows("4 to rent;")
        await drive.press("n")

        await drive.shows("lab: nothing was done")


async def test_plan_only_looks(tmp_path: Path) -> None:
    """It is shown beside the nodes, what is lost first, with the money before and after."""
    fake = a_ready(tmp_path)
    fake.plan_made = MENDING
    async with infra(tmp_path, fake) as drive:
        await drive.press("p")
        await drive.shows("± replace w3")

        assert [("plan", "lab")] == fake.done
        assert [] == fake.asked
        assert "$57.36/h → $76.88/h" in drive.text


async def test_run_goes_on_while_other_pages_are_open(tmp_path: Path) -> None:
    """Its end is told wherever one is then."""
    fake = a_ready(tmp_path)
    fake.gate = asyncio.Event()
    async with infra(tmp_path, fake) as drive:
        await drive.press("g")
        await drive.shows("4 to rent;")
        await drive.press("y", "1")
        assert "home" == drive.app.page_id
        assert drive.app.bridge.infra is not None
        assert ["lab"] == [run.name for run in drive.app.bridge.infra.runs]
        fake.gate.set()

        await drive.shows("lab is ready")


async def test_question_waits_where_another_page_is_open(tmp_path: Path) -> None:
    """It opens over no other page, and comes when the page does."""
    fake = a_ready(tmp_path)
    async with infra(tmp_path, fake) as drive:
        assert drive.app.bridge.infra is not None
        drive.app.action_verb("open_page", "home")
        await drive.pilot.pause()

        async def work(deploys, tell, confirm) -> str:  # type: ignore[no-untyped-def]  # as the page's own
            await deploys.deploy("lab", tell=tell, confirm=confirm)
            return "lab is ready"

        drive.app.bridge.infra.begin("lab", "deploy", work)
        await drive.shows("a plan waits for your word")
        assert "home" == drive.app.page_id
        await drive.press("6")
        await drive.shows("4 to rent;")
        await drive.press("y")

        await drive.shows("lab is ready")


async def test_second_run_on_the_same_deployment_is_refused(tmp_path: Path) -> None:
    """One at a time, here and in other processes."""
    fake = a_ready(tmp_path)
    fake.gate = asyncio.Event()
    async with infra(tmp_path, fake) as drive:
        await drive.press("p")
        await drive.until(lambda: bool(fake.done))
        await drive.press("g")
        await drive.shows("lab is being worked on already")
        fake.gate.set()
    with locked(folder_of(tmp_path, "lab"), "scale"):
        async with infra(tmp_path, a_ready(tmp_path)) as drive:
            assert "scaling" in row(drive, " lab ")
            await drive.press("X")
            await drive.shows("is being worked on by process")


async def test_destroying_wants_the_name_typed(tmp_path: Path) -> None:
    """Enter alone does nothing; the wrong name does nothing; the right one destroys without asking again."""
    fake = a_ready(tmp_path)
    async with infra(tmp_path, fake) as drive:
        await drive.press("X")
        assert "Ends 4 pods at $76.48/h" in drive.text
        await drive.press("enter")
        await fill(drive, name="lba")
        await drive.press("enter")
        assert [] == fake.done
        await fill(drive, name="lab")
        await drive.press("enter")
        await drive.shows("lab is destroyed, and nothing of it is left; it cost $84.98")

        assert [("destroy", "lab", False)] == fake.done


async def test_destroying_asks_again_for_what_the_form_did_not_show(tmp_path: Path) -> None:
    """A pod that came to light since, or a job that runs, was never agreed to."""
    one = ready(tmp_path)
    fake = FakeDeploys(tmp_path, {"lab": standing(one)})
    stray = replace(pod(one.nodes[0]), id="stray", name="gw-lab-3f9a1c07-w9")
    fake.removal = Removal("lab", "destroy", (pod(one.nodes[0]), stray), ("lab-head",), ("812",), "cancel")
    async with infra(tmp_path, fake) as drive:
        await drive.press("X")
        await fill(drive, name="lab")
        await drive.press("enter")
        await drive.shows("gw-lab-3f9a1c07-w9")
        assert "job 812 runs there and is cancelled" in drive.text
        await drive.press("y")

        await drive.shows("lab is destroyed")


async def test_volume_is_kept_unless_it_is_named(tmp_path: Path) -> None:
    """A model's weights take an hour to fetch."""
    one = replace(ready(tmp_path), wish=replace(wish(), volume_gb=200))
    write(tmp_path, one, ())
    fake = FakeDeploys(tmp_path, {"lab": standing(one)})
    async with infra(tmp_path, fake) as drive:
        await drive.press("X")
        await fill(drive, name="lab", volume="")
        assert "The volume stays" in said(drive)
        await fill(drive, volume="yes")
        assert "The volume goes too" in said(drive)
        await drive.press("enter")
        await drive.until(lambda: bool(fake.done))

        assert [("destroy", "lab", True)] == fake.done


async def test_scaling_says_what_becomes_of_the_jobs(tmp_path: Path) -> None:
    """More, fewer, the same: each is told before enter."""
    fake = a_ready(tmp_path)
    async with infra(tmp_path, fake) as drive:
        await drive.press("s")
        await fill(drive, nodes="6")
        assert "2 more" in drive.text
        await fill(drive, nodes="4")
        assert "it has 4 nodes already" in drive.text
        await fill(drive, nodes="2", jobs="c")
        assert "their jobs are cancelled" in drive.text
        await drive.press("enter")
        await drive.shows("4 to rent;")
        await drive.press("y")
        await drive.until(lambda: bool(fake.done))

        assert [("scale", "lab", 2, "cancel")] == fake.done


async def test_chosen_node_is_replaced(tmp_path: Path) -> None:
    """It stands in the form; its jobs stand in the question."""
    fake = a_ready(tmp_path)
    async with infra(tmp_path, fake) as drive:
        await drive.press("enter", "down", "R")
        assert "lab-w1; their jobs are waited for" in said(drive)
        await drive.press("enter")
        await drive.shows("replace lab-w1: $19.12/h now, and a new pod is billed instead")
        assert "job 812 runs there and is waited for" in drive.text
        await drive.press("y")
        await drive.shows("lab-w1 is another pod now")

        assert [("replace", "lab", ("lab-w1",), "wait")] == fake.done


async def test_several_nodes_are_replaced_one_after_another(tmp_path: Path) -> None:
    """Names or `all`; what is wrong is told while one types, what it means before anything is asked of anybody."""
    fake = a_ready(tmp_path)
    async with infra(tmp_path, fake) as drive:
        await drive.press("enter", "R")
        for nodes, jobs, words in (
            ("", "wait", "name the nodes that are to get another pod, or write all"),
            ("lab-w1 lab-w9", "wait", "'lab-w9' is no node of it: lab-head, lab-w1, lab-w2, lab-w3, or all"),
            ("w1, lab-w1", "wait", "lab-w1 is named twice"),
            ("w1", "perhaps", "write wait or cancel"),
            ("w2 head", "wait", "lab-w2, lab-head, one after another; their jobs are waited for"),
            ("all", "c", "all 4 nodes, one after another, the head last; their jobs are cancelled"),
        ):
            await fill(drive, nodes=nodes, jobs=jobs)
            assert words in said(drive)
        await drive.press("enter")
        await drive.shows("one after another: each is drained when the one before has joined")
        assert "with the head go the queue and its waiting jobs" in said(drive)
        assert "gpu-watchdog deploy lab --replace all --cancel" in said(drive)
        await drive.press("y")
        await drive.shows("lab: all are other pods now")

        assert [("replace", "lab", ("all",), "cancel")] == fake.done


async def test_what_is_still_to_be_replaced_is_shown_and_offered(tmp_path: Path) -> None:
    """After a run that did not come to its end: the command stands above the steps, the names in the form."""
    made = ready(tmp_path)
    rest = tuple(Turn(node.key, node.pod_id) for node in (*made.nodes[2:], made.nodes[0]))
    one = replace(made, turns=(*rest, Turn("w1", "former")))
    write(tmp_path, one, ())
    fake = FakeDeploys(tmp_path, {"lab": standing(one)})
    async with infra(tmp_path, fake) as drive:
        assert "replace lab-w2, lab-w3, lab-head still have the" in drive.text
        assert "gpu-watchdog deploy lab --replace lab-w2" in drive.text
        await drive.press("R", "enter")
        await drive.shows("replace lab-head, lab-w2, lab-w3")
        await drive.press("y")
        await drive.shows("are other pods now")

        assert [("replace", "lab", ("lab-w2", "lab-w3", "lab-head"), "wait")] == fake.done


async def test_orphan_is_not_replaced(tmp_path: Path) -> None:
    """It is no node."""
    fake = FakeDeploys(tmp_path, {"lab": astray(ready(tmp_path))})
    async with infra(tmp_path, fake) as drive:
        await drive.press("enter", "end", "R")

        await drive.shows("an orphan is no node of it")


async def test_stopping_says_what_stays_billed(tmp_path: Path) -> None:
    """Before it is stopped and after."""
    fake = a_ready(tmp_path)
    fake.gate = asyncio.Event()
    async with infra(tmp_path, fake) as drive:
        await drive.press("g")
        await drive.shows("4 to rent;")
        await drive.press("y")
        await settled(drive)
        await drive.press("x")
        assert "is billed: 4 pods at $76.48/h" in drive.text
        await drive.press("y")
        await drive.shows("lab: 4 pods of lab cost $76.48/h until ended")

        assert ["lab"] == fake.cancelled


async def test_run_that_fails_says_what_happened_and_what_to_do(tmp_path: Path) -> None:
    """The sentences are the trouble's own."""
    fake = a_ready(tmp_path)
    fake.fails = DeployError(Trouble("No capacity anywhere.", "Try again later."))
    async with infra(tmp_path, fake) as drive:
        await drive.press("p")

        await drive.shows("lab: No capacity anywhere. · Try again later.")


async def test_mistake_of_ours_ends_the_run_and_not_the_screen(tmp_path: Path) -> None:
    """It is told in one line."""
    fake = a_ready(tmp_path)
    fake.fails = ZeroDivisionError("oh")
    async with infra(tmp_path, fake) as drive:
        await drive.press("p")

        await drive.shows("lab: this did not go well: oh")


@pytest.mark.parametrize("key", ["N", "g", "p", "s", "R", "x", "X", "y"])
async def test_read_only_forbids_all_but_looking(tmp_path: Path, key: str) -> None:
    """Every deed says so; copying a command is looking."""
    fake = a_ready(tmp_path)
    async with infra(tmp_path, fake, read_only=True) as drive:
        await drive.press(key)

        assert "--read-only: deployments are only looked at from here" in drive.text
        assert [] == fake.done


async def test_ssh_command_is_shown_and_copied(tmp_path: Path) -> None:
    """Of the chosen node, also where nothing may be done."""
    async with infra(tmp_path, a_ready(tmp_path), read_only=True) as drive:
        await drive.press("enter", "down", "c")
        path = folder_of(tmp_path, "lab").ssh_config

        assert f"ssh -F {path} lab-w1" == drive.app.clipboard
        await drive.shows("copied: ssh -F")
