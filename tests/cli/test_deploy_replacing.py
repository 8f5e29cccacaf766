"""`deploy --replace`: several nodes are asked about at once, and what is still to be replaced is named."""

from __future__ import annotations

import json

from app.cli import errors
from app.domain.deployment import Turn
from tests.cli.conftest import Run
from tests.cli.deploying import FakeDeploys, deployment


def test_several_nodes_are_asked_about_at_once(run: Run, deploys: FakeDeploys) -> None:
    """The flag is repeated, or says all; the question lists pods and jobs, and that they go one after another."""
    deploys.records["lab"] = deployment()

    one = run("deploy", "--replace", "w1", "--yes")
    answer = run("deploy", "--replace", "w1", "--replace", "head", "--yes")
    everyone = run("deploy", "--replace", "all", "--yes", "--json")

    assert [("replace", "lab", nodes, "wait") for nodes in (("w1",), ("w1", "head"), ("all",))] == deploys.asked
    said = " ".join(answer.err.split())
    for part in (
        "2 nodes of lab are to get other pods, one after another",
        "gw-lab-ab12cd34-w1",
        "jobs 1 on them (812) end first",
        "turns one at a time: each is drained when the one before has joined",
        "head with it go the queue and its waiting jobs; all that run end first",
        "$0.80/h now; a new pod is billed in place of each; $0.02 so far",
    ):
        assert part in said
    assert "a node of lab is to get another pod" in one.err
    assert ("turns" in one.err, "queue" in one.err) == (False, False)
    (removal, result) = (json.loads(line) for line in everyone.out.splitlines())
    assert (["lab-w1", "lab-head"], "replace", 0) == (removal["nodes"], result["verb"], result["exit_code"])


def test_what_is_still_to_be_replaced_is_named(run: Run, deploys: FakeDeploys) -> None:
    """By a deploy that mended what was under way, by the status, and in the JSON of both."""
    turns = (Turn("w1", "p1"), Turn("head", "p0"))
    deploys.records["lab"] = deployment(turns=turns)
    command = "gpu-watchdog deploy lab --replace lab-w1 --replace lab-head"
    mended = run("deploy", "lab", "--replace", "w1", "--yes")
    status, told = run("deploy", "--status"), run("deploy", "--status", "--json").json

    assert f"rest lab-w1, lab-head: still to be replaced; `{command}` goes on" in " ".join(mended.out.split())
    assert f"lab-w1, lab-head still have the pods they were to lose; to go on: {command}" in " ".join(
        status.out.split()
    )
    assert ["lab-w1", "lab-head"] == told["deployment"]["to_replace"]
    assert errors.OK == status.code
