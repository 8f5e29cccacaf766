"""What really happens on a pod, or on the way to it, and the trouble that it becomes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import pytest

from app.config.secret import Secret
from app.domain.deployment import Address, Node, Offer, Pod, PodStatus, Trouble, Wish
from app.services.deploy import bundle, jobs, keys, marks, reach
from app.services.deploy.folder import folder_of
from app.services.deploy.forming import Forming
from app.services.deploy.hands import Ground, SshHands
from app.services.deploy.install import Bundle, Installing, read_bundle
from app.services.deploy.login import Pods
from app.services.deploy.patience import Patience
from app.services.deploy.ports import DRAINED, DeployError
from app.transport.failure import ScrapeError
from app.transport.process import Result, TimedOutError
from app.transport.runner import SshRunner
from app.transport.scrape import ScrapeClient
from app.transport.ssh import SshForwards
from tests.tools.fake_clock import HastyClock

SETUP = Path(__file__).parents[3] / "pod/setup"
HEAD, W1 = (Node(key, f"lab-{key}", Offer("H100", 1, "", "SECURE", None), f"p-{key}") for key in ("head", "w1"))
IDLE = "NodeName={} State=IDLE+DYNAMIC_NORM Gres=gpu:h100:1\n"
Answers = Callable[[Sequence[str]], "Result | Exception"]


class SilentClient:
    """No server answers."""

    async def get(self, *_: object, **__: object) -> bytes:
        raise ScrapeError("refused", "connection refused")


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answers], Pods]:
    """Pods on which commands end as a function says; the clock hurries."""

    def made(answer: Answers) -> Pods:
        async def run(_self: SshRunner, argv: Sequence[str], *_: object, **__: object) -> Result:
            found = answer(argv)
            if isinstance(found, Exception):
                raise found
            return found

        monkeypatch.setattr(SshRunner, "run", run)
        return Pods(cast("SshForwards", None), cast("ScrapeClient", SilentClient()), HastyClock())

    return made


def ended(stdout: str = "", stderr: str = "", status: int = 0) -> Result:
    """A command's end."""
    return Result("command", status, stdout.encode(), stderr.encode(), 0.1)


def unheard(_text: str, **_more: object) -> None:
    """Nobody listens."""


def forming(pods: Pods, tmp_path: Path) -> Forming:
    """What forms a cluster of them."""
    return Forming(pods, "lab", True, tmp_path / "id", Patience(join_s=5.0))


async def test_a_script_that_does_not_end_is_ended(answers: Callable[[Answers], Pods]) -> None:
    """It is named with the time it had."""
    pods = answers(lambda _argv: TimedOutError("took too long"))

    trouble = await caught(pods.script(W1, "hosts.sh", within_s=60))

    assert ("script_timeout", "lab-w1") == (trouble.code, trouble.node)
    assert "hosts.sh on lab-w1 did not end within 60 s and was ended." == trouble.what


async def caught(work: object) -> Trouble:
    """What some work ends in."""
    with pytest.raises(DeployError) as error:
        await work  # type: ignore[misc]  # a coroutine
    return error.value.trouble


async def test_a_controller_that_does_not_answer_is_told(answers: Callable[[Answers], Pods], tmp_path: Path) -> None:
    """With what Slurm's own command said."""
    said = "slurm_load_node error: Unable to contact slurm controller (connect failure)"
    pods = answers(lambda _argv: ended(stderr=said, status=1))

    trouble = await caught(forming(pods, tmp_path).await_idle(HEAD, (HEAD,), unheard))

    assert ("slurmctld_failed", "lab-head") == (trouble.code, trouble.node)
    assert "Slurm on lab-head does not answer" in trouble.what


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        (IDLE.format("lab-head") + "NodeName=lab-w1 State=IDLE+INVALID_REG Gres=gpu:h100:1\n", "node_invalid", "INVAL"),
        (IDLE.format("lab-head"), "slurmd_failed", "it has not joined yet"),
    ],
)
async def test_a_node_that_never_gets_ready_is_named(
    answers: Callable[[Answers], Pods], tmp_path: Path, said: str, code: str, words: str
) -> None:
    """One that Slurm calls unfit, and one that it does not know."""
    pods = answers(lambda argv: ended("slurmd: hello\n" if "log.sh" in " ".join(argv) else said))

    trouble = await caught(forming(pods, tmp_path).await_idle(HEAD, (HEAD, W1), unheard))

    assert (code, "lab-w1", ("slurmd: hello",)) == (trouble.code, trouble.node, trouble.details)
    assert words in trouble.what


@pytest.mark.parametrize(
    ("said", "status", "code", "words"),
    [
        ("node=lab-head host=a gpus=0\n", 1, "job_failed", "lab-w1 did not answer"),
        ("node=lab-head host=a gpus=0\nnode=lab-w1 host=b gpus=0\n", 1, "job_failed", "it failed"),
        ("node=lab-head host=a gpus=0\nnode=lab-w1 host=b gpus=\n", 0, "job_without_gpu", "lab-w1 was given no GPU"),
    ],
)
async def test_a_job_that_does_not_go_through_says_where(
    answers: Callable[[Answers], Pods], said: str, status: int, code: str, words: str
) -> None:
    """A node that is silent, a step that failed, a node without a GPU."""

    def answer(argv: Sequence[str]) -> Result:
        is_step = argv[0] == "srun"
        return ended(said, "srun: error", status) if is_step else ended(IDLE.format("lab-head") + IDLE.format("lab-w1"))

    trouble = await caught(jobs.run_everywhere(answers(answer), HEAD, (HEAD, W1), Patience(), unheard))

    assert code == trouble.code
    assert words in trouble.what


async def test_nodes_that_jobs_have_are_proof_enough(answers: Callable[[Answers], Pods]) -> None:
    """All of one, or all its GPUs: a step would only wait for them, so it runs on the others."""
    asked: list[Sequence[str]] = []
    known = (
        "NodeName=lab-head State=IDLE Gres=gpu:h100:1\n"
        "NodeName=lab-w1 State=MIXED Gres=gpu:h100:1 GresUsed=gpu:h100:1(IDX:0)\n"
        "NodeName=lab-w2 State=ALLOCATED Gres=gpu:h100:1\n"
        "NodeName=lab-w3 State=MIXED Gres=gpu:h100:2 GresUsed=gpu:h100:1(IDX:0)\n"
    )
    everyone = [Node(key, f"lab-{key}", HEAD.offer) for key in ("head", "w1", "w2", "w3")]

    def answer(argv: Sequence[str]) -> Result:
        asked.append(argv)
        return ended("node=lab-head host=a gpus=0\nnode=lab-w3 host=b gpus=1\n" if argv[0] == "srun" else known)

    await jobs.run_everywhere(answers(answer), HEAD, everyone, Patience(), unheard)

    assert "lab-head,lab-w3" in asked[-1]


async def test_only_a_drain_of_ours_is_taken_back(answers: Callable[[Answers], Pods], tmp_path: Path) -> None:
    """A node that was to go and stays takes jobs again; one that a person drained, or of another pod, does not."""
    asked: list[Sequence[str]] = []
    everyone = [Node(key, f"lab-{key}", HEAD.offer) for key in ("head", "w1", "w2", "w3")]
    pods = {one.key: Pod(f"p-{one.key}", one.name, PodStatus.RUNNING) for one in everyone}
    known = (
        f"NodeName=lab-head State=MIXED+DRAIN Reason={DRAINED} [root@2026-11-29T06:00:00]\n"
        "NodeName=lab-w1 State=IDLE+DRAIN Reason=a fan is loud [ada@2026-11-29T06:00:00]\n"
        f"NodeName=lab-w2 State=DOWN+DRAIN Extra=another Reason={DRAINED} [root@2026-11-29T06:00:00]\n"
        "NodeName=lab-w3 State=IDLE\n"
    )

    def answer(argv: Sequence[str]) -> Result:
        asked.append(argv)
        return ended(known if "update" not in argv else "")

    await forming(answers(answer), tmp_path).take_back(HEAD, pods, everyone, unheard)

    assert [["scontrol", "update", "nodename=lab-head", "state=resume"]] == [list(one) for one in asked[1:]]


async def test_an_exporter_without_a_page_is_told(answers: Callable[[Answers], Pods]) -> None:
    """It was started, and does not answer in its time."""
    installing = Installing(answers(lambda _argv: ended()), Bundle(b"", ""), Secret("token-token"), Patience())

    trouble = await caught(installing.start_exporter(W1))

    assert ("exporter_failed", "lab-w1") == (trouble.code, trouble.node)
    assert "connection refused" in trouble.what


async def test_an_installation_without_our_scripts_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is to be brought has to lie here."""

    def lost() -> bytes:
        raise bundle.BundleError("pod/setup is not there")

    monkeypatch.setattr(bundle, "bundle", lost)

    trouble = await caught(read_bundle())

    assert ("no_bundle", True) == (trouble.code, "pod/setup is not there" in trouble.what)


def test_a_token_of_ours_that_is_broken_is_told(tmp_path: Path) -> None:
    """Which file it is, and that it may be removed."""
    folder = folder_of(tmp_path, "lab")
    folder.make()
    keys.exporter_token_file(folder).write_text("")

    with pytest.raises(DeployError) as error:
        keys.tokens(folder)

    assert "bad_token" == error.value.trouble.code
    assert str(keys.exporter_token_file(folder)) in error.value.trouble.next


async def test_a_machine_without_ssh_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its key cannot be made, and it is said what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))

    trouble = await caught(keys.public_key(folder_of(tmp_path, "lab")))

    assert ("no_ssh", "Install OpenSSH's client.") == (trouble.code, trouble.next)


async def test_a_pod_whose_port_is_not_mapped_is_told(tmp_path: Path) -> None:
    """Nobody looks for it anywhere."""
    folder = folder_of(tmp_path, "lab")
    ground = Ground(folder, tmp_path, Wish("lab"), HastyClock(), keys.key_path(folder))

    async with SshHands(ground) as hands:
        trouble = await caught(hands.reach(W1, Pod("p1", "gw-lab-1-w1", PodStatus.RUNNING), unheard))

    assert ("no_address", "lab-w1") == (trouble.code, trouble.node)


async def test_an_address_that_leads_nowhere_is_told() -> None:
    """A name that cannot be one is no refusal and no silence."""
    assert "ssh_unreachable" == (await reach.look_at(Address("no..host", 22))).code


@pytest.mark.real("ssh")
async def test_an_sshd_that_gives_no_host_key_is_told(tmp_path: Path) -> None:
    """Whoever listens there is asked three times."""
    clock, pod = HastyClock(), Pod("p1", "gw-lab-1-w1", PodStatus.RUNNING)

    trouble = await caught(reach.take_key(W1, pod, Address("127.0.0.1", 9), folder_of(tmp_path, "lab"), clock))

    assert ("no_host_key", "lab-w1", [1.0, 1.0]) == (trouble.code, trouble.node, clock.slept)


@pytest.mark.parametrize(
    ("words", "user", "found", "code"),
    [
        (("slurm-leave.sh",), 0, 0, "usage"),
        (("slurm-leave.sh", "--node", "lab-w1"), 1000, 0, "not_root"),
        (("slurm-leave.sh", "--node", "lab-w1"), 0, 1, "no_slurm"),
        (("start-exporter.sh", "--node", "lab-w1", "--expect-gpus", "1"), 0, 1, "no_python"),
    ],
)
def test_a_script_says_what_it_was_not_given(words: tuple[str, ...], user: int, found: int, code: str) -> None:
    """A wrong word, another user than root, a pod without Slurm or Python: with the code of the table."""
    # Bash takes functions out of the environment: who asks, and what is installed, is what this test says.
    functions = {"BASH_FUNC_id%%": f"() {{ echo {user}; }}", "BASH_FUNC_command%%": f"() {{ return {found}; }}"}
    done = subprocess.run(
        ("/bin/bash", str(SETUP / words[0]), *words[1:]),
        check=False,
        capture_output=True,
        env={"PATH": "/usr/bin:/bin", **functions},
        timeout=20,
    )

    trouble = marks.failure("lab-w1", words[0], Result(words[0], done.returncode, done.stdout, done.stderr, 0.1))

    assert code == trouble.code, done.stderr
