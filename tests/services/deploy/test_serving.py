"""A model's start is followed by its log: told phase by phase, given up when it cannot come up, and not before."""

import pytest

from app.domain.model_start import ModelStart, Phase
from app.services.deploy import jobs, serving
from app.services.deploy.serving import Failures

STARTING = {"model": "starting", "service.vllm": "running"}
GATED = "OSError: You are trying to access a gated repo. 401 Client Error."


def start(standing: str, attempts: int, why: str = "") -> ModelStart:
    return ModelStart(standing, (Phase("weights", done=1, of=4),), why=why, attempts=attempts)  # type: ignore[arg-type]  # a word of the table


def test_the_first_failure_may_pass_and_the_second_does_not() -> None:
    """The pod tries again by itself; what fails twice is given up with the server's own words."""
    failures, why = Failures(), "CUDA out of memory"
    found = [
        failures.final(start("starting", 1), STARTING, ()),
        failures.final(start("failed", 1, why), STARTING, ()),
        failures.final(start("starting", 2), STARTING, ()),
        failures.final(start("failed", 2, why), STARTING, ()),
    ]

    assert ["", "", "", why] == found


def test_a_refusal_is_not_tried_again() -> None:
    """A gated model stays gated, however often it is started."""
    failures = Failures()
    failures.final(start("starting", 1), STARTING, ())

    assert GATED == failures.final(start("failed", 1, GATED), STARTING, ())


def test_a_start_is_over_when_the_guard_says_so() -> None:
    """Whatever the server's own words were: some errors are known to nobody here."""
    lines = ("vllm guard: start 1", GATED, "vllm guard: it ended with status 1; the next start is in 5 s")
    failures = Failures()
    failures.final(start("starting", 1), STARTING, lines[:1])

    assert GATED == failures.final(start("starting", 1), STARTING, lines)


def test_failures_of_earlier_runs_do_not_count() -> None:
    """A log that tells of nine starts before ours has told of none that failed now."""
    failures = Failures()

    assert ("", "") == (
        failures.final(start("starting", 10), STARTING, ("ValueError: old",)),
        failures.final(start("failed", 10, "x"), STARTING, ()),
    )


@pytest.mark.parametrize("facts", [{"model": "failed", "model.reason": "no GPU"}, {"service.vllm": "stopped"}])
def test_what_the_pod_gave_up_is_over(facts: dict[str, str]) -> None:
    """Its supervisor's word ends it, with whatever is known of the reason."""
    found = Failures().final(ModelStart(), facts, ())

    assert found == facts.get("model.reason", "it ended without a word")


@pytest.mark.parametrize(
    ("why", "code"),
    [
        (GATED, "model_refused"),
        ("torch.OutOfMemoryError: CUDA out of memory.", "model_memory"),
        ("ValueError: No available memory for the cache blocks.", "model_memory"),
        ("OSError: x/y is not a local folder and is not a valid model identifier", "no_model"),
        ("OSError: [Errno 28] No space left on device", "disk_full"),
        ("RuntimeError: Engine core initialization failed.", "model_failed"),
    ],
)
def test_the_servers_words_have_a_meaning(why: str, code: str) -> None:
    """What vLLM or the hub says is told with what to do about it."""
    trouble = serving.failed("lab-head", "org/m", why, ("line 1", "line 2"))

    assert (code, "lab-head") == (trouble.code, trouble.node)
    assert why.rstrip(".") in trouble.what
    assert ("line 1", "line 2") == trouble.details


def test_the_consequence_is_explained_by_the_lines_before_it() -> None:
    """Where the last word says nothing, an earlier line may."""
    lines = ("torch.OutOfMemoryError: CUDA out of memory.", "RuntimeError: Engine core initialization failed.")

    assert "model_memory" == serving.failed("lab-head", "org/m", lines[-1], lines).code


def test_a_phase_is_told_with_how_far_it_is() -> None:
    """Its title and its parts; nothing for a start that nobody has heard of."""
    assert "Model: weights 1 of 4 (start 2)" == serving.words_of(start("starting", 2), 0.0)
    assert "" == serving.words_of(ModelStart(), 0.0)


def test_a_nodes_answer_tells_its_gpus() -> None:
    """Whatever else is printed is passed over; a node without a GPU says so."""
    raw = b"hello\nnode=lab-w1 host=x gpus=0,1\nnode=lab-head host=y gpus=\n"

    assert {"lab-w1": "0,1", "lab-head": ""} == jobs.answers_of(raw)


def test_a_model_that_is_late_says_why_in_the_pods_own_words() -> None:
    """Where it is, and what `status.sh` says of it."""
    late = serving.too_slow("lab-head", "m", start("starting", 1), 60.0, (), "it waits for port 8000.")

    assert "model_timeout" == late.code
    assert late.what.endswith(": it waits for port 8000.")
