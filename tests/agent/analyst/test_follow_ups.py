"""Follow-ups lean on the question before: the same of something else, why, since when, and then."""

from __future__ import annotations

import pytest

from tests.agent.analyst.names import intent, understood


@pytest.mark.parametrize(
    ("before", "typed", "meant", "gpus", "nodes", "jobs"),
    [
        ("how hot is gpu-02/3?", "and gpu 5?", "value", ("gpu-02/5",), (), ()),
        ("how hot is gpu-02/3?", "what about gpu-03/1", "value", ("gpu-03/1",), (), ()),
        ("how hot is gpu-02/3?", "and gpu-04?", "value", (), ("gpu-04",), ()),
        ("why is job 815 pending?", "and 812?", "why_pending", (), (), ("812",)),
        ("why is job 812 slow?", "and gpu-02/3?", "why_slow", ("gpu-02/3",), (), ()),
        ("is it safe to drain gpu-02?", "and gpu-03?", "safe_drain", (), ("gpu-03",), ()),
        ("details of job 812", "same for 815", "job", (), (), ("815",)),
        ("why is job 812 slow?", "is it still running?", "job", (), (), ("812",)),
        ("tell me about gpu-02", "is it safe to drain it?", "safe_drain", (), ("gpu-02",), ()),
        ("what happened to gpu-02 last night?", "and gpu-03?", "happened", (), ("gpu-03",), ()),
        ("job 812", "show its log", "logs", (), (), ("812",)),
        ("job 812", "cancel it", "cancel", (), (), ("812",)),
    ],
)  # fmt: skip
def test_a_follow_up_takes_what_it_does_not_say(
    before: str, typed: str, meant: str, gpus: tuple[str, ...], nodes: tuple[str, ...], jobs: tuple[str, ...]
) -> None:
    """The question stays, its place changes; or the place stays and the question changes."""
    found = understood(typed, before)

    assert meant == (found.intent.key if found.intent is not None else None)
    assert (gpus, nodes, jobs) == (found.slots.gpus, found.slots.nodes, found.slots.jobs)


@pytest.mark.parametrize(
    ("before", "meant"),
    [
        ("is everything ok?", "trouble"), ("why is job 815 pending?", "why_pending"),
        ("why is gpu-02 drained?", "node"),
        ("how is gpu-02/3?", "trouble"), ("which nodes are down?", "trouble"), ("job 812", "why_slow"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("typed", ["why?", "but why", "how come?", "what caused it?"])
def test_why_asks_for_the_reasons_of_what_was_told(before: str, meant: str, typed: str) -> None:
    """It goes to the cause, and says so."""
    found = understood(typed, before)

    assert (meant, True) == (found.intent.key if found.intent is not None else None, found.is_why)


def test_time_and_quantity_stay_from_one_follow_up_to_the_next() -> None:
    """`and gpu 5?` keeps the hour that was asked about; a new time keeps the GPU."""
    first = "temperature of gpu-02/3 over the last hour"
    then = understood("and gpu 5?", first)
    later = understood("and yesterday?", first, "and gpu 5?")

    assert ("history", ("gpu-02/5",)) == (then.intent.key if then.intent else None, then.slots.gpus)
    assert then.slots.span is not None
    assert ("history", ("gpu-02/5",)) == (later.intent.key if later.intent else None, later.slots.gpus)


def test_another_quantity_keeps_the_place() -> None:
    """`and the power?` is asked of the same GPU."""
    found = understood("and the power?", "how hot is gpu-02/3?")

    assert ("value", ("gpu-02/3",)) == (found.intent.key if found.intent else None, found.slots.gpus)
    assert found.slots.quantity is not None
    assert "gpu.power" == found.slots.quantity.key


def test_a_question_of_its_own_leans_on_nothing() -> None:
    """What names its own things, or asks of the whole, forgets what was before."""
    assert ("815",) == understood("why is job 815 pending?", "why is job 812 slow?").slots.jobs
    assert () == understood("who wastes GPUs?", "why is job 812 slow?").slots.jobs
    assert () == understood("is everything ok?", "how hot is gpu-02/3?").slots.gpus
    assert "history" == intent("temperature of gpu-02/3 over the last hour", "compare gpu-01 and gpu-02")


def test_without_anything_before_a_follow_up_is_not_understood() -> None:
    """`why?` as the first question means nothing."""
    assert intent("why?") is None
    assert intent("and now?") is None
