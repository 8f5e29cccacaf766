"""`deploy`: what it asks of the service, when it asks a person, what it prints, how it ends."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from app.cli import errors
from app.domain.deployment import STEPS, Billing, State, Step, Trouble, Wish
from app.services.deploy.plans import Drift, Look, Proof, Removal, Standing
from tests.cli.conftest import Answer, Run, schema
from tests.cli.deploying import AT, FakeDeploys, deployment, pod


class Terminal(io.StringIO):
    """A person at a terminal, who types this."""

    def isatty(self) -> bool:
        return True


def objects(answer: Answer) -> list[dict[str, Any]]:
    """The lines of `--json`, each valid by the schema."""
    found = [json.loads(line) for line in answer.out.splitlines()]
    valid = jsonschema.Draft202012Validator(schema("deploy"))
    for one in found:
        valid.validate(one)
    return found


def test_a_first_deployment_is_planned_confirmed_and_brought_up(run: Run, deploys: FakeDeploys) -> None:
    """Configuration gives what flags leave open; the plan and each step stand on stderr, what came of it on stdout."""
    answer = run(
        "deploy", "--yes", "--gpu", "NVIDIA A40", "--gpu", "NVIDIA L4", "--max-cost-per-hour", "$2", "--ttl=12h"
    )

    assert errors.OK == answer.code, answer.err
    ((verb, wish, options),) = deploys.asked
    wanted = Wish("lab", nodes=3, gpu_types=("NVIDIA A40", "NVIDIA L4"), max_cost_per_hour=2.0, ttl_s=43200.0)
    assert ("deploy", wanted, None) == (verb, wish, options.timeout_s)
    said = " ".join(answer.err.split())
    for part in ("+ rent head", "$0.00/h to $0.80/h", "it may cost $2.00/h", "destroyed by itself after 12 h", "watch"):
        assert part in said
    assert "lab is ready: 2 nodes, 2 GPUs; $0.80/h, $" in answer.out
    assert "gpu-watchdog deploy lab --destroy" in answer.out


def test_json_is_events_a_plan_and_a_result_last(run: Run, deploys: FakeDeploys) -> None:
    """Every line fits the schema; only the last one is a result."""
    answer = run("deploy", "lab", "--yes", "--json")
    found = objects(answer)

    assert errors.OK == answer.code
    assert ["plan", *["event"] * 21, "result"] == [one["kind"] for one in found]
    result = found[-1]
    assert (True, 0, "deploy", "ready") == (
        result["ok"], result["exit_code"], result["verb"], result["deployment"]["state"]
    )  # fmt: skip
    assert [step.value for step in STEPS] == result["deployment"]["done"]


def test_going_on_needs_no_flags_and_says_nothing_new(run: Run, deploys: FakeDeploys) -> None:
    """What lives is named alone, whatever the configuration says now; a flag that differs is a wish."""
    deploys.records["lab"] = deployment(state=State.FAILED, done=STEPS[:3])

    assert errors.OK == run("deploy", "--yes").code
    assert errors.OK == run("deploy", "lab", "--yes", "--nodes", "2").code
    assert errors.OK == run("deploy", "lab", "--yes", "--ttl", "2h").code
    assert ["lab", "lab", Wish("lab", ttl_s=7200.0)] == [asked[1] for asked in deploys.asked]


def test_what_was_destroyed_is_wished_for_anew(run: Run, deploys: FakeDeploys) -> None:
    """Its old record says nothing about a new one of the same name."""
    deploys.records["lab"] = deployment(state=State.DESTROYED)

    run("deploy", "lab", "--yes")
    assert Wish("lab", nodes=3) == deploys.asked[0][1]


@pytest.mark.parametrize("verb", [[], ["--destroy"], ["--scale", "3"], ["--replace", "w1"]], ids=str)
def test_without_a_terminal_nothing_is_done(
    run: Run, deploys: FakeDeploys, monkeypatch: pytest.MonkeyPatch, verb: list[str]
) -> None:
    """A script must say --yes, and hears so before the service is asked at all."""
    deploys.records["lab"] = deployment()
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    answer = run("deploy", "lab", *verb)

    assert (errors.USAGE, []) == (answer.code, deploys.asked)
    assert "--yes" in answer.err


@pytest.mark.parametrize(("typed", "code"), [("yes\n", errors.OK), ("y\n", errors.NOT_DONE), ("", errors.NOT_DONE)])
def test_a_typed_yes_does_it_and_nothing_else(
    run: Run, deploys: FakeDeploys, monkeypatch: pytest.MonkeyPatch, typed: str, code: int
) -> None:
    """Enter, `y` and the end of the input do nothing."""
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    answer = run("deploy", "lab")

    assert code == answer.code
    assert ("nothing was done" in answer.err) == (code != errors.OK)


@pytest.mark.parametrize(
    ("typed", "code"), [("lab\n", errors.OK), ("yes\n", errors.NOT_DONE), ("Lab\n", errors.NOT_DONE)]
)
def test_destroying_asks_for_the_name(
    run: Run, deploys: FakeDeploys, monkeypatch: pytest.MonkeyPatch, typed: str, code: int
) -> None:
    """A yes is too easy; what goes and what it saves stands above the question."""
    deploys.records["lab"] = deployment()
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    answer = run("deploy", "--destroy")

    assert code == answer.code
    for part in ("all of lab is to be destroyed", "gw-lab-ab12cd34-w1", "$0.80/h is no longer billed", "type lab"):
        assert part in answer.err


def test_destroying_ends_with_a_proof(run: Run, deploys: FakeDeploys) -> None:
    """What was asked of the provider, and what it cost."""
    deploys.records["lab"] = deployment()
    answer = run("deploy", "lab", "--destroy", "--yes", "--delete-volume")

    assert errors.OK == answer.code
    assert deploys.asked[0][2].volumes
    assert (
        "lab is destroyed: 2 pods ended; the provider was asked 3 times for pods called gw-lab-ab12cd34-…" in answer.out
    )
    assert "$0.03 by our own clock" in answer.out


def test_what_is_left_is_no_success(run: Run, deploys: FakeDeploys) -> None:
    """A pod the provider still lists is named with its price, on the way to exit code 3."""
    deploys.records["lab"] = deployment()
    deploys.proof = Proof(
        "lab", "gw-lab-ab12cd34-", (Look(AT, (pod("w1", "p1"),)),), ("p0",), volumes_kept=(("v1", "w"),)
    )
    answer = run("deploy", "lab", "--destroy", "--yes")

    assert errors.BILLED == answer.code
    for part in (
        "NOT wholly destroyed",
        "gw-lab-ab12cd34-w1  p1  $0.40/h",
        "network volume w (v1) stays and is billed",
    ):
        assert part in answer.out
    deploys.records["lab"] = deployment()
    (result,) = (
        one for one in objects(run("deploy", "lab", "--destroy", "--yes", "--json")) if one["kind"] == "result"
    )
    assert (False, ["p1"]) == (result["ok"], [one["id"] for one in result["proof"]["left"]])


def test_a_failure_says_what_happened_what_is_billed_and_what_to_do(run: Run, deploys: FakeDeploys) -> None:
    """And where the log is; something is billed, so the code is 3, and nothing in it steers the terminal."""
    deploys.trouble = Trouble(
        "sshd of lab-w1 \x1b[2Jnever answered.", "Run again.", Step.REACH, "lab-w1", ("refused\x07",), "no_ssh_answer"
    )
    folder = deploys.folder("lab")
    folder.make()
    folder.log.write_text("…")
    answer = run("deploy", "lab", "--yes")

    assert errors.BILLED == answer.code
    assert "" == answer.out
    for part in (
        "lab stopped at `reach`: sshd of lab-w1 [2Jnever answered.",
        "    refused\n",
        "billed  $0.80/h for lab-head, lab-w1",
        "do      Run again.",
        f"log     {folder.log}",
    ):
        assert part in answer.err
    assert "\x1b" not in answer.err


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [("held", errors.BUSY), ("no_terraform", errors.UNAVAILABLE), ("wish_differs", errors.USAGE), ("no_capacity", 1)],
)
def test_exit_codes_tell_failures_apart(run: Run, deploys: FakeDeploys, code: str, exit_code: int) -> None:
    """Busy, a part that is missing, a wrong wish, and a failure that costs nothing; the JSON says the same."""
    deploys.trouble = Trouble("No.", "Do.", code=code)

    answer = run("deploy", "lab", "--plan", "--json")
    (result,) = objects(answer)
    assert (exit_code, exit_code, code) == (answer.code, result["exit_code"], result["trouble"]["code"])


def test_a_plan_is_printed_and_changes_nothing(run: Run, deploys: FakeDeploys) -> None:
    """It needs no --yes, and is on stdout."""
    answer = run("deploy", "lab", "--plan", "--nodes", "2")

    assert (errors.OK, ["plan"], {}) == (answer.code, [asked[0] for asked in deploys.asked], deploys.records)
    assert "$0.00/h" in answer.out
    assert "it is billed until you destroy it (see --ttl)" in answer.out
    (result,) = objects(run("deploy", "lab", "--plan", "--json"))
    assert (0.8, ["create", "create"]) == (
        result["plan"]["per_hour_after"],
        [change["action"] for change in result["plan"]["changes"]],
    )


def test_scaling_and_replacing_hand_on_what_was_said(run: Run, deploys: FakeDeploys) -> None:
    """Jobs are waited for unless they are to be cancelled."""
    deploys.records["lab"] = deployment()

    assert errors.OK == run("deploy", "--scale", "1", "--cancel", "--yes").code
    answer = run("deploy", "--replace", "w1", "--yes")
    assert errors.OK == answer.code
    assert [("scale", "lab", 1, "cancel"), ("replace", "lab", ("w1",), "wait")] == deploys.asked


def test_status_shows_nodes_pods_drift_orphans_and_money(run: Run, deploys: FakeDeploys) -> None:
    """Whatever is astray makes it exit 1; a provider that does not answer 2."""
    deploys.records["lab"] = deployment()
    well = run("deploy", "--status")
    assert errors.OK == well.code
    for part in ("lab", "ready", "$0.80/h", "lab-head", "lab-w1", "running", "A40"):
        assert part in well.out

    drift = (Drift("lab-w1", "p1", "its pod was terminated outside", "gone"),)
    deploys.standing = Standing(deployment(), AT, {"head": pod("head", "p0")}, drift, (pod("w9", "p9"),))
    bad = run("deploy", "--status")
    assert errors.FOUND == bad.code
    assert "terminated outside" in bad.out
    assert "p9" in bad.out
    (told,) = objects(run("deploy", "--status", "--json"))
    assert (["gone"], ["p9"]) == ([one["code"] for one in told["drift"]], [one["id"] for one in told["orphans"]])

    deploys.standing = Standing(deployment(), AT, problem="api.runpod.io: connection refused")
    unknown = run("deploy", "--status")
    assert (errors.INCOMPLETE, True) == (unknown.code, "not asked: api.runpod.io" in unknown.out)
    (told,) = objects(run("deploy", "--status", "--json"))
    assert told["per_hour"] is None


def test_names_from_outside_steer_nothing(run: Run, deploys: FakeDeploys) -> None:
    """Names, ids and words of the provider are text, also in the question before a destroy."""
    hostile = replace(pod("w1", "p1\x1b]0;x\x07"), name="gw-lab\x1b[2J\r[b]w1", gpu_type="\u202eA40")
    deploys.records["lab"] = deployment()
    drift = (Drift("lab-w1", "p1", "gone\x1b[31m", "gone"),)
    deploys.standing = Standing(deployment(), AT, {"w1": hostile}, drift, (hostile,), held_by="\x1bme")
    deploys.removal = Removal(
        "lab", "destroy", (hostile,), ("lab-\x1bw1",), ("8\x1b12",), "cancel", (("v\x1b", "n\x1b"),)
    )

    said = [run("deploy", "--status"), run("deploy", "--destroy", "--yes")]
    assert [] == [char for one in said for char in "\x1b\r\u202e\x07" if char in one.out + one.err]
    assert "[b]w1" in said[1].err


def test_list_shows_every_record(run: Run, deploys: FakeDeploys) -> None:
    """Those destroyed included; with none, how to make one."""
    assert "there is no deployment" in run("deploy", "--list").out
    deploys.records = {
        "lab": deployment(),
        "old": deployment("old", state=State.DESTROYED, billing=Billing(1.5, 0, AT)),
    }

    answer = run("deploy", "--list")
    assert errors.OK == answer.code
    assert all(word in answer.out for word in ("lab", "ready", "old", "destroyed", "$1.50"))
    (told,) = objects(run("deploy", "--list", "--json"))
    assert ["lab", "old"] == [one["name"] for one in told["deployments"]]


def test_list_tells_of_what_cannot_be_read_and_of_volumes_that_are_billed(run: Run, deploys: FakeDeploys) -> None:
    """Both may cost money, and both say how to end that."""
    deploys.broken = {"torn": "deployment.json: Expecting value\x1b[2J"}
    deploys.records = {"old": deployment("old", state=State.DESTROYED, volume_id="vol1", volume_center="EU-SE-1")}

    answer = run("deploy", "--list")
    said = " ".join(answer.out.split())
    assert ("torn unreadable" in said, "\x1b" in answer.out) == (True, False)
    for part in (
        "its record cannot be read: deployment.json: Expecting value",
        "gpu-watchdog deploy torn --destroy",
        "vol1 in EU-SE-1 stays, and is billed",
        "`gpu-watchdog deploy old --destroy --delete-volume` ends it",
    ):
        assert part in said
    (told,) = objects(run("deploy", "--list", "--json"))
    assert [{"name": "torn", "problem": "deployment.json: Expecting value\x1b[2J"}] == told["unreadable"]
    assert {"id": "vol1", "data_center": "EU-SE-1"} == told["deployments"][0]["volume"]
    deploys.standing = Standing(deploys.records["old"], AT)
    assert "vol1 in EU-SE-1 stays" in " ".join(run("deploy", "old", "--status").out.split())


@pytest.mark.parametrize(("given", "retry_s"), [([], 600.0), (["--retry", "0"], 0.0), (["--retry", "5m"], 300.0)])
def test_retry_says_how_long_capacity_is_waited_for(
    run: Run, deploys: FakeDeploys, given: list[str], retry_s: float
) -> None:
    """Ten minutes where nobody says; nought takes the first answer."""
    run("deploy", "lab", "--yes", *given)

    assert retry_s == deploys.asked[0][2].retry_s


def test_several_need_a_name(run: Run, deploys: FakeDeploys) -> None:
    """Above all before one is destroyed; the refusal is a result for programs, too."""
    deploys.records = {"lab": deployment(), "two": deployment("two")}

    answer = run("deploy", "--destroy", "--yes", "--json")
    assert (errors.USAGE, []) == (answer.code, deploys.asked)
    assert "lab, two" in answer.err
    (result,) = objects(answer)
    assert ("which_one", None) == (result["trouble"]["code"], result["deployment"])
    assert "billed  $1.60/h for lab, two" in answer.err


def test_logs_are_cleaned(run: Run, deploys: FakeDeploys) -> None:
    """A pod's words do not steer the terminal."""
    deploys.records["lab"] = deployment()

    assert "slurmctld: ready\n[31mred\n" == run("deploy", "--logs", "head", "slurmctld", "--lines", "7").out
    assert ("logs", "lab", "head", "slurmctld", 7) == deploys.asked[-1]


def test_ssh_becomes_ssh_with_the_deployments_own_configuration(
    run: Run, deploys: FakeDeploys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a node's key or name; what stands behind -- is run there. The provider's key does not come along."""
    deploys.records["lab"] = deployment()
    became: list[tuple[str, ...]] = []
    monkeypatch.setenv("RUNPOD_API_KEY", "canary")

    def become(_: str, words: Sequence[str], environ: Mapping[str, str]) -> None:
        assert "RUNPOD_API_KEY" not in environ
        became.append(tuple(words))

    monkeypatch.setattr("os.execvpe", become)
    assert errors.UNAVAILABLE == run("deploy", "--ssh", "head").code

    folder = deploys.folder("lab")
    folder.make()
    folder.ssh_config.write_text("Host lab-head\n")
    run("deploy", "--ssh", "head", "--", "nvidia-smi", "-L")
    run("deploy", "lab", "--ssh", "lab-w1")
    config = str(folder.ssh_config)
    assert [("ssh", "-F", config, "lab-head", "nvidia-smi", "-L"), ("ssh", "-F", config, "lab-w1")] == became
    refused = run("deploy", "--ssh", "w7")
    assert (errors.UNAVAILABLE, True) == (refused.code, "there are: lab-head, lab-w1" in refused.err)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["Lab!"], "cannot be called 'Lab!'"),
        (["--status", "--destroy"], "not allowed with argument"),
        (["--scale", "0", "--yes"], "--scale must be 1 or more"),
        (["--cancel"], "--cancel goes with --scale and --replace"),
        (["--destroy", "--skip-infra"], "--skip-infra goes with deploy"),
        (["--", "ls"], "name it with --ssh NODE"),
        (["--nodes", "two", "--yes"], "argument --nodes: invalid int value"),
        (["--ttl", "soon", "--yes"], "--ttl: 'soon' is not a span"),
        (["--max-cost-per-hour", "cheap", "--yes"], "must be dollars an hour"),
        (["--timeout", "nan", "--yes"], "--timeout must be seconds"),
        (["--gpu", "a\nb", "--yes"], "is not a plain name"),
        (["--clod", "x"], "did you mean --cloud?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_refused_before_anything_is_asked(
    run: Run, deploys: FakeDeploys, words: list[str], said: str
) -> None:
    """In one sentence."""
    answer = run("deploy", *words)

    assert (errors.USAGE, []) == (answer.code, deploys.asked)
    assert said in answer.err
