"""A healthy fleet over days: how many alarms a day and 100 GPUs there are at most, by the rule of three."""

from __future__ import annotations

import asyncio
from collections import Counter
from time import process_time

from app.domain.diagnosis import Diagnosis
from tests.bench.faults.plant import HEALTHY_LINES, START
from tests.bench.faults.play import watch_quietly
from tests.bench.faults.slurm_words import GPUS, Job
from tests.bench.faults.tick import fleet
from tests.bench.report import Report, Target

INTERVAL_S = 30.0
NONE_SEEN = 3.0
"""Where none was seen, the true number is below this with 95 % certainty (rule of three)."""
LASTS_S = 14_400.0
"""A job of the fleet runs so long, then another one begins in its place."""


def watch_healthy(report: Report, hours: float, nodes: int, interval_s: float = INTERVAL_S) -> None:
    """Watch a healthy fleet for so long and report what was raised."""
    plant = fleet(nodes)
    plant.noise_lines = HEALTHY_LINES
    alarms: dict[str, str] = {}
    began = process_time()

    def turn_over(seconds: float) -> None:
        """Jobs end and begin, one after the other; fewer than one in ten does not end well."""
        for number, job in list(plant.jobs.items()):
            if job.started is not None and START + seconds - job.started > LASTS_S + 60.0 * (number % 60):
                state = "FAILED" if number % 17 == 0 else "COMPLETED"
                plant.end_job(number, state)
                again = Job(
                    number + 1000, job.user, job.name, gpus=job.gpus, submitted=START + seconds, started=START + seconds
                )
                plant.jobs[again.id] = again
            elif job.ended is not None and START + seconds - job.ended > 300.0:
                del plant.jobs[number]

    def hear(_seconds: float, diagnosis: Diagnosis) -> None:
        for one in diagnosis.findings:
            if one.root and one.severity != "info":
                alarms[f"{one.code} {one.subject}"] = one.severity

    asyncio.run(watch_quietly(plant, interval_s, int(hours * 3600.0 / interval_s), turn_over, hear))
    hundreds = hours / 24.0 * nodes * GPUS / 100.0
    count = Counter(alarms.values())
    total = sum(count.values())
    bound = (NONE_SEEN if not total else total + 2.0 * total**0.5 + 2.0) / hundreds
    report.add(f"{hours:g} h of {nodes * GPUS:,} healthy GPUs: alarms a day and 100 GPUs", "", total / hundreds)
    report.add("the same, at most (95 %)", "", bound, Target(at_most=0.1))
    report.add("CPU", "s", process_time() - began)
    for what, severity in list(alarms.items())[:20]:
        report.note(f"{severity} {what}")
