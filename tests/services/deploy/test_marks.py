"""What a pod's scripts print becomes facts, and their last word a trouble with something to do."""

import re
from pathlib import Path

from app.services.deploy import marks
from app.transport.process import Result


def result(stdout: bytes = b"", stderr: bytes = b"", status: int = 70) -> Result:
    return Result("bash", status, stdout, stderr, 0.1)


def test_facts_are_the_lines_with_a_key() -> None:
    """Anything else is passed over, the last of a key counts, and control characters do not come through."""
    raw = b"os=Ubuntu 24.04\nnote: hello\ngpus=1\ngpus=8\nBAD=1\ngpu_model=H100 \x1b[31m80GB\n=x\n"

    assert {"os": "Ubuntu 24.04", "gpus": "8", "gpu_model": "H100 [31m80GB"} == marks.facts_of(raw)


def test_facts_of_a_service_are_facts_too() -> None:
    """What belongs to a service is written behind its name and a dot."""
    raw = b"service.vllm=running\nmodel.reason=no GPU is free\nslurm.state=IDLE\nwatchdog.can_end=no\n.a=1\n"
    wanted = {
        "service.vllm": "running", "model.reason": "no GPU is free", "slurm.state": "IDLE", "watchdog.can_end": "no"
    }  # fmt: skip

    assert wanted == marks.facts_of(raw)


def test_advice_can_be_typed_as_it_stands() -> None:
    """A command names the deployment, the node and the log; the node's name tells which deployment it is of."""
    assert "See its log: gpu-watchdog deploy lab-2 --logs lab-2-w1 munge." in marks.next_of("munge_failed", "lab-2-w1")
    assert marks.next_of("no_gpu", "lab-head").endswith("gpu-watchdog deploy lab --replace lab-head.")
    assert "gpu-watchdog deploy NAME --replace NODE." in marks.next_of("no_gpu", "")


def test_a_pod_that_says_too_much_is_cut() -> None:
    """However many facts come, some hundred are kept."""
    raw = "".join(f"k{number}=1\n" for number in range(5000)).encode()

    assert marks.MOST_FACTS == len(marks.facts_of(raw))


def test_a_script_that_says_why_it_failed_is_believed() -> None:
    """Code, sentence and what to do come of its last line, what it said before are details."""
    said = b"installing slurmd (try 1 of 3)\ntrouble: apt_failed: Slurm could not be installed: E: no route\n"
    trouble = marks.failure("lab-w1", "install.sh", result(stderr=said))

    assert "lab-w1: Slurm could not be installed: E: no route." == trouble.what
    assert ("apt_failed", "lab-w1") == (trouble.code, trouble.node)
    assert ("installing slurmd (try 1 of 3)",) == trouble.details
    assert "run deploy again" in trouble.next


def test_a_script_that_says_nothing_of_use_is_told_by_its_status() -> None:
    """Without the line, what it said last stands for it."""
    trouble = marks.failure("lab-w1", "hosts.sh", result(stderr=b"bash: oops\n", status=127))

    assert ("script_failed", "hosts.sh on lab-w1 ended with status 127: bash: oops.") == (trouble.code, trouble.what)


def test_every_code_of_the_pods_has_something_to_do() -> None:
    """Each row of the pods' own list of troubles is known here, and names the node where it speaks of one."""
    page = (Path(__file__).parents[3] / "docs/pods.md").read_text(encoding="utf-8")
    codes = re.findall(r"^\| `([a-z_]+)` \|", page.partition("## Troubles")[2], re.MULTILINE)
    general = marks.next_of("a code nobody knows", "lab-w1")
    lacking = [code for code in codes if marks.next_of(code, "lab-w1") == general]

    assert len(codes) > 20
    assert {"no_key", "failed"} >= set(lacking)
    assert "{" not in "".join(marks.next_of(code, "lab-w1") for code in marks.NEXT)


def test_a_number_that_is_none_is_unknown() -> None:
    """A fact that should be a number and is not is None."""
    assert (1.5, None, None) == (
        marks.number({"a": "1.5"}, "a"),
        marks.number({"a": "much"}, "a"),
        marks.number({}, "a"),
    )
