"""The picture turned around: what is taken over from the picture before, and what jobs hold together."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from app.domain.pieces import whole
from app.domain.slurm import SlurmJob, SlurmNode, SlurmPicture
from app.engine.supply import Supply, Usage
from tests.engine.slurm_builders import job, node, picture, running

NODES = [f"n{number}" for number in range(6)]


def supply(seen: SlurmPicture, before: Supply | None = None) -> Supply:
    """The supply of a picture that follows another, or none."""
    found = Supply(seen)
    whole(found.fill(before))
    return found


def test_a_supply_that_follows_another_is_as_one_made_anew() -> None:
    """Whatever of jobs and nodes changed from one picture to the next, no stock is left as it was."""
    dice = Random(5)
    jobs: dict[str, SlurmJob] = {}
    nodes = {name: node(name, used=None) for name in NODES}
    before: Supply | None = None
    for turn in range(300):
        _change(dice, jobs, nodes, turn)
        seen = picture(tuple(jobs.values()), tuple(nodes.values()))

        followed, anew = supply(seen, before), supply(seen)

        assert anew.stocks == followed.stocks
        before = followed


def _change(dice: Random, jobs: dict[str, SlurmJob], nodes: dict[str, SlurmNode], turn: int) -> None:
    """One of what happens to a cluster."""
    name = dice.choice(NODES)
    match dice.randrange(5):
        case 0:
            one = running(100 + turn, name, dice.randrange(4))
            jobs[one.id] = one
        case 1 if jobs:
            jobs.pop(dice.choice(list(jobs)))
        case 2 if jobs:
            key = dice.choice(list(jobs))
            jobs[key] = replace(jobs[key], end_at=dice.choice((None, 2e9, 3e9)), gpus=dice.randrange(4))
        case 3:
            nodes[name] = replace(nodes[name], cpu_load=dice.random(), flags=dice.choice(((), ("DRAIN",))))
        case _:
            nodes[name] = node(name, used=dice.choice((None, 0, 3)), state=dice.choice(("IDLE", "MIXED", "DOWN")))


def test_usage_counts_whose_jobs_are_asked_for() -> None:
    """Jobs count for their account, their QOS, and their user in either; a name that is not there holds nothing."""
    seen = picture(
        (
            running(1, "n1", 2, user="ana", account="nlp", qos="high"),
            running(2, "n1", 1, user="ben", account="nlp", qos="normal"),
            running(3, "n2", 4, user="ana", account="bio", qos="normal"),
            job(4, user="ana", account="nlp", qos="high"),
        )
    )
    found = supply(seen)

    assert (2, 3) == _jobs_and_gpus(found.usage("account", "nlp"))
    assert (1, 2) == _jobs_and_gpus(found.usage("account", "nlp", "user", "ana"))
    assert (2, 5) == _jobs_and_gpus(found.usage("qos", "normal"))
    assert (1, 4) == _jobs_and_gpus(found.usage("qos", "normal", "account", "bio"))
    assert Usage() == found.usage("qos", "low")


def _jobs_and_gpus(usage: Usage) -> tuple[int, int]:
    return usage.jobs, usage.gpus


def test_an_array_knows_all_its_tasks_and_how_many_run() -> None:
    """Of an array all tasks are known by its number; those that run are counted."""
    tasks = [
        running(20, "n1", 1, id="20_0", array_job_id=20, array_task="0"),
        job(20, id="20_1", array_job_id=20, array_task="1"),
    ]
    found = supply(picture((*tasks, job(30))))

    assert {20: tasks} == found.tasks
    assert {20: 1} == found.arrays
