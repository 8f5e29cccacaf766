"""Answers to: how are the GPUs connected, are the NVLinks up; compare two things."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.agent.analyst.draft import Draft
from app.agent.analyst.incidents import grave_first, is_grave, tell_incident
from app.agent.analyst.inquiry import Inquiry, Seen, number, part, text, texts
from app.agent.analyst.subject import Subject, node_of_gpu, subjects_of
from app.agent.analyst.telling import figure, many, named, own, valued

_LINKS = ("nvlink", "link", "pcie", "fabric", "switch", "infiniband", "ib_")


async def topology(ask: Inquiry) -> str:
    """How the GPUs of a node, or the nodes, hang together."""
    slots = ask.reading.slots
    node = slots.nodes[0] if slots.nodes else node_of_gpu(slots.gpus[0]) if slots.gpus else ask.known.only_node
    seen, diagnosed = await ask.look_at(
        ("topology", {"node": node} if node else {}), ("diagnose", {"about": node} if node else {})
    )
    draft = Draft()
    if not seen.is_there:
        return draft.say(f"I cannot say: {seen.use.error} {seen.cite}").text
    faults = [
        one
        for one in grave_first(diagnosed)
        if is_grave(one) and any(word in text(part(one, "root_cause"), "fault") for word in _LINKS)
    ]
    draft.say(_lead_of_node(node, seen, is_faulty=bool(faults)) if node else _lead(seen))
    for one in faults[:2]:
        tell_incident(draft, one, diagnosed.cite, ask.now)
    if node:
        _links(draft, seen)
    else:
        _shapes(draft, seen)
    unknown = texts(seen.found, "not_known")
    if unknown:
        draft.say(f"Not told by any source here: {named(unknown)}. {seen.cite}")
    if node:
        draft.steps([f"see the matrix of the machine itself: `ssh {node} nvidia-smi topo -m`"], "Next")
    return draft.text


def _shapes(draft: Draft, seen: Seen) -> None:
    shapes, domains = seen.part("shapes").items(), list(seen.part("nvlink_domains").items())[:8]
    partitions = ((text(one, "partition"), number(one, "node_count") or 0) for one in seen.rows("partitions")[:8])
    draft.points(
        "Nodes by their GPUs",
        [f"{many(float(count), 'node')} with {own(shape, 80)} {seen.cite}" for shape, count in shapes],
    )
    draft.points("Partitions", [f"{own(name, 40)} has {figure(count)} nodes {seen.cite}" for name, count in partitions])
    draft.points(
        "NVLink domains", [f"{own(name, 60)}: {figure(float(count))} GPUs {seen.cite}" for name, count in domains]
    )


def _lead(seen: Seen) -> str:
    shapes = list(seen.part("shapes"))
    lead = "All nodes are alike" if len(shapes) == 1 else "There are several kinds of nodes"
    return f"**{lead}: {named([own(str(one), 80) for one in shapes])}.** {seen.cite}"


def _lead_of_node(node: str, seen: Seen, *, is_faulty: bool) -> str:
    ups = {number(one, "nvlinks_up") for one in seen.rows("gpus") if number(one, "nvlinks_up") is not None}
    shape = seen.text("gpus") if isinstance(seen.found.get("gpus"), str) else ""
    if is_faulty:
        return f"**The links of {node} are not all well.** {seen.cite}"
    if not ups:
        return f"**{node}{f': {shape}' if shape else ''}; how many NVLinks are up is not told.** {seen.cite}"
    least = min(one for one in ups if one is not None)
    if len(ups) == 1:
        return f"**Every GPU of {node} has {figure(least)} NVLinks up.** {seen.cite}"
    low = [text(one, "gpu") for one in seen.rows("gpus") if number(one, "nvlinks_up") == least]
    has = "has" if len(low) == 1 else "have"
    return f"**Not alike: {named(low)} {has} {figure(least)} NVLinks up, others more.** {seen.cite}"


def _links(draft: Draft, seen: Seen) -> None:
    narrow = [one for one in seen.rows("gpus") if _is_narrow(one)]
    draft.points("PCIe narrower than it could be", [
        f"{text(one, 'gpu')}: width {text(one, 'pcie_width')} of {text(one, 'pcie_width_max')} {seen.cite}"
        for one in narrow
    ])  # fmt: skip
    draft.table(
        ("GPU", "PCIe", "width", "NVLinks up", "address", "NUMA"),
        [
            (text(one, "gpu"), f"gen {text(one, 'pcie_gen')}" if text(one, "pcie_gen") else "", text(one, "pcie_width"),
             text(one, "nvlinks_up"), text(one, "pci"), text(one, "numa_node"))
            for one in seen.rows("gpus")
        ],
        16,
    )  # fmt: skip


def _is_narrow(one: Mapping[str, Any]) -> bool:
    width, most = number(one, "pcie_width"), number(one, "pcie_width_max")
    return width is not None and most is not None and width < most


async def compare(ask: Inquiry) -> str:
    """Two things side by side, with what differs."""
    some = [one for one in subjects_of(ask) if one.tool]
    if len(some) == 1 and some[0].kind == "gpu":
        return await _with_neighbours(ask, some[0])
    if len(some) < 2:
        return "Name two GPUs, nodes or jobs, and I put them side by side: " + _example(ask)
    one, other = some[0], next((each for each in some[1:] if each.kind == some[0].kind), some[1])
    left, right, about_left, about_right = await ask.look_at(
        *((each.tool, each.arguments) for each in (one, other)),
        *(("diagnose", {"about": each.name}) for each in (one, other)),
    )
    draft = Draft()
    for seen, subject in ((left, one), (right, other)):
        if not seen.is_there:
            draft.say(f"I cannot look into {subject.told}: {seen.use.error} {seen.cite}")
    if draft.blocks:
        return draft.text
    lines, differ = _side_by_side(left, right)
    lead = f"They differ most in {named(differ, 3)}" if differ else "I see no difference worth telling"
    draft.say(f"**{lead}.** {left.cite}{right.cite}")
    draft.table(("", one.told, other.told), lines, 16)
    for seen, subject in ((about_left, one), (about_right, other)):
        for incident in [each for each in grave_first(seen) if is_grave(each)][:1]:
            draft.say(f"About {subject.told}:")
            tell_incident(draft, incident, seen.cite, ask.now)
    return draft.text


def _example(ask: Inquiry) -> str:
    names = list(ask.known.nodes.values())
    return f"`compare {names[0]} with {names[1]}`" if len(names) > 1 else "`compare NODE/0 and NODE/1`"


_ROWS = (
    ("utilization_percent", "utilization"), ("temperature_c", "temperature"), ("power_w", "power"),
    ("sm_clock_mhz", "clock"),
    ("memory_used_mib", "memory used"), ("pcie_width", "PCIe width"), ("ecc_dbe_volatile", "ECC uncorrected"),
    ("cpu_utilization_percent", "CPU"), ("memory_percent", "memory of the machine"),
)  # fmt: skip
_DULL = ("pcie_width", "ecc_dbe_volatile")
"""Not worth a row where both are alike."""
_WORDS = (
    ("model", "model"),
    ("state", "state"),
    ("health", "health"),
    ("slurm_state", "in Slurm"),
    ("user", "user"),
    ("partition", "partition"),
    ("gpus", "GPUs"),
)


def _side_by_side(left: Seen, right: Seen) -> tuple[list[tuple[str, str, str]], list[str]]:
    lines: list[tuple[str, str, str]] = []
    differ: list[tuple[float, str]] = []
    for key, title in _WORDS:
        one, other = left.found.get(key), right.found.get(key)
        if isinstance(one, str | int) and isinstance(other, str | int):
            lines.append((title, str(one), str(other)))
            differ += [(1.0, title)] if one != other and key in ("model", "state", "health", "slurm_state") else []
    for key, title in _ROWS:
        first, second = (number(seen.part("metrics") or seen.part("host"), key) for seen in (left, right))
        if first == second and key in _DULL:
            continue
        one, other = ("" if value is None else valued(key, value) for value in (first, second))
        lines.append((title, one, other))
        if (
            first is not None
            and second is not None
            and (apart := abs(first - second) / max(abs(first), abs(second), 1.0)) > 0.1
        ):
            differ.append((apart, title))
    return lines, [title for _, title in sorted(differ, reverse=True)]


async def _with_neighbours(ask: Inquiry, one: Subject) -> str:
    node = node_of_gpu(one.name)
    seen = await ask.look("current_metrics", node=node)
    draft = Draft()
    mine = next((row for row in seen.rows("gpus") if text(row, "gpu") == one.name), None)
    if not seen.is_there or mine is None:
        return draft.say(f"I cannot compare {one.name}: {seen.use.error or 'it tells nothing now'}. {seen.cite}").text
    draft.say(f"**{one.name} beside the other GPUs of {node}.** {seen.cite}")
    lines = []
    for key, title in _ROWS[:5]:
        value, mean = number(mine, key), number(part(seen.part("statistics"), key), "mean")
        if value is not None and mean is not None:
            lines.append((title, valued(key, value), valued(key, mean)))
    return draft.table(("", one.name, f"mean of {node}"), lines).text
