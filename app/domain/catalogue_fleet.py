"""Catalogue rows of the fleet as a whole: counts and cost, folded by `app.domain.fleet.fleet_values`."""
# ruff: noqa: E501 - a catalogue row reads best as one table line

from __future__ import annotations

from app.domain.metric import Metric

# fmt: off
FLEET_METRICS: tuple[Metric, ...] = (
    Metric("fleet.gpus", "", "GPUs", "GPUs present: known and not lost.", fold="last"),
    Metric("fleet.gpus_busy", "", "busy", "GPUs whose utilization is at least 5 %.", fold="last"),
    Metric("fleet.gpus_lost", "", "lost", "GPUs that a source listed before and no longer lists.", fold="last"),
    Metric("fleet.gpus_allocated", "", "allocated", "GPUs that Slurm has given to jobs.", fold="last"),
    Metric("fleet.jobs_running", "", "running", "Jobs that run, by Slurm.", fold="last"),
    Metric("fleet.jobs_pending", "", "pending", "Jobs that wait, by Slurm; tasks of an array count each.", fold="last"),
    Metric("fleet.nodes", "", "nodes", "Nodes known.", fold="last"),
    Metric("fleet.nodes_down", "", "nodes down", "Nodes of which no source answers.", fold="last"),
    Metric("fleet.cost_per_hour", "$/h", "cost", "What providers bill, and the price of all other GPUs whose price is known; lost ones are paid for too.", fold="last", quantum=0.0001),
    Metric("fleet.idle_cost_per_hour", "$/h", "idle cost", "Price of the GPUs known not to be busy.", fold="last", quantum=0.0001),
)
# fmt: on
