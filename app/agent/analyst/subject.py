"""The one thing that an answer is about, and how tools are asked of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from app.agent.analyst.inquiry import Inquiry
from app.domain.frozen import frozen


@frozen
class Subject:
    """A GPU, a node, a job or an incident."""

    kind: str
    name: str
    """As `diagnose` takes it."""
    told: str
    """As a sentence has it."""
    tool: str = ""
    """What tells its details."""
    arguments: Mapping[str, Any] = field(default_factory=dict)


def subject_of(ask: Inquiry) -> Subject | None:
    """What is asked about, the most exact first; None: the whole cluster."""
    found = subjects_of(ask)
    return found[0] if found else None


def subjects_of(ask: Inquiry) -> list[Subject]:
    """Everything that is named."""
    slots = ask.reading.slots
    found = [Subject("incident", slots.incident, f"incident {slots.incident}")] if slots.incident else []
    found += [gpu(one) for one in slots.gpus]
    found += [job(one) for one in slots.jobs]
    found += [node(one) for one in slots.nodes]
    return found


def gpu(name: str) -> Subject:
    """A GPU, `node/index`."""
    return Subject("gpu", name, name, "gpu_details", {"gpu": name})


def node(name: str) -> Subject:
    """A node."""
    return Subject("node", name, name, "node_details", {"node": name})


def job(key: str) -> Subject:
    """A job."""
    return Subject("job", f"job {key}", f"job {key}", "job_details", {"job": key})


def node_of_gpu(name: str) -> str:
    """The node a GPU is in."""
    return name.rpartition("/")[0]
