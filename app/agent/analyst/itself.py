"""Answers about the analyst itself: what it is, what can be asked, what it did not understand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.agent.analyst.inquiry import Inquiry, text
from app.agent.analyst.intents import INTENTS
from app.agent.analyst.known import Known

_WHAT_I_AM = (
    "I am the offline analyst: no language model. I recognise the questions that people ask of a cluster, look it up, "
    "and write what I find from templates."
)
_MORE = (
    "Follow-ups work (`why?`, `since when?`), and so do wishes (`drain …`, `cancel job …`): these only "
    "make a proposal, which a person's key carries out. With a model (`[agent] base_url`) you may ask freely."
)
_PLACES = re.compile(r"\{(\w+)\}")
_FEW = ("trouble", "why_slow", "why_pending", "happened", "waste", "free", "safe_drain")


async def about_itself(ask: Inquiry) -> str:
    """What it is and what can be asked."""
    names = await _names(ask)
    seen = await ask.look("current_metrics", node=names.get("node"), metrics=["utilization"])
    gpus = [text(one, "gpu") for one in seen.rows("gpus")]
    lines = examples(ask.known, {**names, **dict(zip(("gpu", "gpu2"), gpus, strict=False))})
    return "\n\n".join((
        f"**{_WHAT_I_AM}**",
        "You can ask, for example:\n\n" + "\n".join(f"- `{one}`" for one in lines),
        _MORE,
    ))  # fmt: skip


async def not_understood(ask: Inquiry) -> str:
    """One line that says so, and what can be asked."""
    some = ", ".join(f"`{one}`" for one in examples(ask.known, await _names(ask), _FEW)[:5])
    return (
        "**I did not understand that**; I am the offline analyst, no language model, and answer questions like "
        f"{some}. `what can you do?` lists more."
    )


async def _names(ask: Inquiry) -> Mapping[str, str]:
    """Names for examples, out of what the cluster shows now."""
    wanted: list[tuple[str, Mapping[str, Any]]] = [("cluster_status", {})]
    if ask.known.has_slurm:
        wanted.append(("jobs", {}))
    status, *queue = await ask.look_at(*wanted)
    nodes = [text(one, "node") for one in status.rows("nodes")]
    jobs = queue[0].rows("jobs") if queue else []
    running = [text(one, "job") for one in jobs if text(one, "state") == "RUNNING"]
    waiting = [text(one, "job") for one in jobs if text(one, "state") == "PENDING"]
    named = zip(("node", "job", "pending"), (nodes, running, waiting), strict=True)
    return {name: some[0] for name, some in named if some}


def unknown_names(ask: Inquiry) -> str:
    """That something named is not there, with what is."""
    names = ask.reading.slots.unknown
    shown = ", ".join(f"`{_harmless(one)}`" for one in names[:3])
    there = _there(ask.known, names)
    return f"**There is no {shown} here.** {there}"


def _harmless(name: str) -> str:
    return name.replace("`", "ˋ")[:60]


def _there(known: Known, names: Sequence[str]) -> str:
    if any(one.startswith("user ") for one in names):
        users = list(known.users.values())
        return f"Users with jobs: {_some(users)}." if users else "No user has a job now."
    gpu = next((one for one in names if "/" in one), None)
    node = known.node(gpu.rpartition("/")[0]) if gpu is not None else None
    if node is not None and known.gpus.get(node):
        has = [str(one) for one in known.gpus[node]]
        return f"The GPUs of {node} are {_some(has, 16)}."
    return f"The nodes are {_some(list(known.nodes.values()))}." if known.nodes else "No node is seen here yet."


def _some(names: Sequence[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (" and more" if len(names) > most else "")


def which_node(ask: Inquiry) -> str:
    """Which of several nodes is meant."""
    indices = ask.reading.slots.indices
    names = list(ask.known.nodes.values())
    if indices:
        first = f"{names[0]}/{indices[0]}" if names else f"NODE/{indices[0]}"
        return f"**On which node?** GPU {indices[0]} is there on several: write it as `{first}`."
    return (
        f"**Which node do you mean?** The nodes are {_some(names)}."
        if names
        else "**Which node do you mean?** None is seen here yet."
    )


def examples(known: Known, names: Mapping[str, str], keys: Sequence[str] = ()) -> list[str]:
    """Questions that fit this cluster: with its own names, and none about what it has not."""
    return [
        one.example.format(**names)
        for one in INTENTS
        if one.example
        and (not keys or one.key in keys)
        and _is_here(one.key, known)
        and all(name in names for name in _PLACES.findall(one.example))
    ]


def _is_here(key: str, known: Known) -> bool:
    """Whether there is anything to be asked about."""
    if key in ("slurm", "jobs", "why_pending", "job", "job_failed", "usage", "waste"):
        return known.has_slurm or key == "waste"
    return key != "vllm" or bool(known.services)
