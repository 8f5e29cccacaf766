"""How long one look of everything takes at 8,192 GPUs: the diagnosis with all faults, and all alert rules."""

from __future__ import annotations

import asyncio
from time import process_time

from app.engine.alerting.round import AlertingState, evaluate_all
from app.engine.alerting.rulebook import built_in
from app.engine.alerting.signals import View
from app.engine.alerting.windows import Windows
from tests.bench.faults.plant import START, Plant
from tests.bench.faults.play import Doctor
from tests.bench.faults.slurm_words import GPUS, Job
from tests.bench.faults.wires import sources

NODES = 1024
LOOKS = 9
NEW = 3
"""Looks that are not counted."""
EACH = 8
"""Nodes of one job."""


def fleet(nodes: int = NODES) -> Plant:
    """A fleet at work: jobs over eight nodes each, and a few nodes that idle."""
    names = tuple(f"gpu-{number}" for number in range(1, nodes + 1))
    plant = Plant(nodes=names)
    plant.noise_lines = ()
    every = tuple(range(GPUS))
    for number, first in enumerate(range(0, nodes - EACH, EACH)):
        held = dict.fromkeys(names[first : first + EACH], every)
        job = Job(5000 + number, f"user{number % 40}", "train-llm", gpus=held, submitted=START - 90, started=START - 60)
        plant.jobs[job.id] = job
    return plant


def measure_ticks() -> dict[str, list[float]]:
    """Milliseconds of CPU of each look, by what took them; the first looks, at which all is new, are left out."""
    return asyncio.run(_measure())


async def _measure() -> dict[str, list[float]]:
    plant, interval_s = fleet(), 10.0
    doctor, state, windows = Doctor(), AlertingState(), Windows()
    some = sources(plant, interval_s)
    found: dict[str, list[float]] = {"watching jobs": [], "the diagnosis": [], "the alert rules": [], "all": []}
    for number in range(1, LOOKS + 1):
        now = START + number * interval_s
        plant.advance(now)
        await doctor.read(some)
        marks = [process_time()]
        findings = doctor.watched(now)
        marks.append(process_time())
        doctor.diagnosed(findings, now, interval_s)
        marks.append(process_time())
        state, _ = evaluate_all(built_in().enabled(), state, View(doctor.snapshot, now), windows)
        marks.append(process_time())
        if number > NEW:
            for name, since, until in zip(found, (0, 1, 2, 0), (1, 2, 3, 3), strict=True):
                found[name].append((marks[until] - marks[since]) * 1000.0)
    return found
