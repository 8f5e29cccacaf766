"""Answers to: show the log of X; which errors has X."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from app.agent.analyst.draft import Draft
from app.agent.analyst.incidents import grave_first, is_grave, tell_incident
from app.agent.analyst.inquiry import Inquiry, Seen, number, text, texts
from app.agent.analyst.machines import xid_lines
from app.agent.analyst.pending import clean_text
from app.agent.analyst.subject import node_of_gpu
from app.agent.analyst.telling import at, figure, named, own, when
from app.agent.analyst.values import iso_of
from app.domain.xids import xid_severity
from app.engine.xids import xid

_MOST, _MOST_NODES = 12, 3
_COUNTED = ["ecc_dbe_volatile", "ecc_sbe_volatile", "row_remap_pending", "row_remap_failure", "xid_last"]
_COUNTERS = (
    ("ecc_dbe_volatile", "uncorrected ECC errors since the last reset"),
    ("ecc_sbe_volatile", "corrected ECC errors since the last reset"),
    ("ecc_dbe_aggregate", "uncorrected ECC errors ever"),
    ("remapped_rows_uncorrectable", "rows remapped after uncorrectable errors"),
    ("remapped_rows_correctable", "rows remapped after corrected errors"),
    ("row_remap_pending", "row remapping waits for a reset"),
    ("row_remap_failure", "row remapping failed"),
    ("retired_pages_pending", "pages to be retired wait for a reset"),
    ("pcie_replay", "PCIe replays"),
    ("nvlink_crc_errors", "NVLink CRC errors"),
    ("nvlink_replay_errors", "NVLink replays"),
    ("nvlink_recovery_errors", "NVLink recoveries"),
)


def _kind(ask: Inquiry) -> Literal["kernel", "vllm", "job"]:
    slots, reading = ask.reading.slots, ask.reading
    if slots.service or reading.wants("vllm", "server", "inference", "serving"):
        return "vllm"
    if slots.jobs or reading.wants("job", "stdout", "stderr", "output"):
        return "job"
    return "kernel"


async def logs(ask: Inquiry) -> str:
    """The grave lines of a log, then its newest."""
    slots, kind = ask.reading.slots, _kind(ask)
    if kind == "job" and not slots.jobs:
        example = next(iter(ask.known.jobs.values()), "ID")
        return f"Whose output? Name the job: `show the log of job {example}`."
    node = slots.nodes[0] if slots.nodes else node_of_gpu(slots.gpus[0]) if slots.gpus else None
    since = iso_of(slots.span.start) if slots.span is not None and kind != "job" else None
    stream = "stderr" if kind == "job" and ask.reading.wants("stderr", "error", "errors") else None
    seen = await ask.look(
        "logs", source=kind, job=slots.jobs[0] if kind == "job" else None, node=node if kind != "job" else None,
        since=since, stream=stream, lines=min(slots.count, 100) if slots.count else 20,
    )  # fmt: skip
    draft = Draft()
    if not seen.is_there:
        return draft.say(f"I cannot read that log: {seen.use.error} {seen.cite}").text
    return (_job_log(draft, seen) if kind == "job" else _machine_log(draft, seen, ask.now)).text


def _job_log(draft: Draft, seen: Seen) -> Draft:
    grave, newest = texts(seen.found, "grave_lines"), texts(seen.found, "newest_lines")
    if not newest and not grave:
        return draft.say(
            f"**Nothing to show of job {seen.text('job')}: {clean_text(seen.text('note') or 'it is empty')}.** "
            f"{seen.cite}"
        )
    draft.say(f"**{seen.text('stream')} of job {seen.text('job')}** ({own(seen.text('path'), 120)}). {seen.cite}")
    draft.points("Lines that tell of trouble", [own(line, 200) for line in grave[-8:]])
    return draft.points("The newest lines", [own(line, 200) for line in newest[-_MOST:]])


def _machine_log(draft: Draft, seen: Seen, now: float) -> Draft:
    events, tails = seen.rows("events"), seen.rows("logs")
    where = f" of {seen.text('node')}" if seen.text("node") else ""
    grave = [one for one in events if text(one, "severity") in ("critical", "warning")]
    if not events and not any(texts(one, "newest_lines") for one in tails):
        return draft.say(f"**The {seen.text('log')} log{where} says nothing{_note(seen)}.** {seen.cite}")
    kinds = ", ".join(
        f"{figure(float(count))} × {kind}" for kind, count in list(seen.part("events_by_kind").items())[:5]
    )
    start = when(seen.text("events_since_iso"), now)
    draft.say(f"**{seen.text('log')} log{where} since {start} — {kinds or 'nothing that I recognise'}.** {seen.cite}")
    draft.points("Grave" if grave else "Events", [_event(one, seen.cite, now) for one in (grave or events)[:_MOST]])
    for one in tails[:2]:
        draft.points(
            f"The newest lines of {own(text(one, 'name'), 60)}",
            [own(line, 200) for line in texts(one, "newest_lines")[-8:]],
        )
    return draft.say(clean_text(seen.text("note")))


def _note(seen: Seen) -> str:
    note = seen.text("note")
    return f" ({clean_text(note)})" if note else ""


def _event(one: Mapping[str, Any], cite: str, now: float) -> str:
    place = place_of(one)
    return f"{at(text(one, 'at_iso'), now)} {place}: {own(text(one, 'text'), 200)} {cite}"


def place_of(one: Mapping[str, Any]) -> str:
    """Where an event was: its GPU, else its node."""
    return text(one, "node") + (f"/{text(one, 'gpu')}" if text(one, "gpu") else "")


async def placed(ask: Inquiry, events: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Events with their GPUs, where the log names only an address: the nodes' topology tells whose that is."""
    nodes = list(dict.fromkeys(text(one, "node") for one in events if text(one, "pci") and not text(one, "gpu")))
    shown = await ask.look_at(*(("topology", {"node": node}) for node in nodes[:_MOST_NODES] if node))
    by_address = {
        (seen.text("node"), _address(text(one, "pci"))): text(one, "gpu").rpartition("/")[2]
        for seen in shown
        for one in seen.rows("gpus")
    }
    return [
        {**one, "gpu": text(one, "gpu") or by_address.get((text(one, "node"), _address(text(one, "pci"))), "")}
        for one in events
    ]


def _address(pci: str) -> str:
    """The part of a PCI address that all ways of writing it share: `1b:00`."""
    return ":".join(pci.casefold().split(".")[0].split(":")[-2:])


async def errors(ask: Inquiry) -> str:
    """Xids, ECC, links: of one GPU, of a node, or wherever there are some."""
    slots = ask.reading.slots
    if slots.gpus:
        return await _of_gpu(ask, slots.gpus[0])
    node = slots.nodes[0] if slots.nodes else None
    since = iso_of(slots.span.start) if slots.span is not None else "1d"
    where: Mapping[str, Any] = {"node": node} if node else {}
    said, numbers, diagnosed = await ask.look_at(
        ("logs", {"source": "kernel", "since": since, **where}),
        ("current_metrics", {"metrics": _COUNTED, **where}),
        ("diagnose", {"about": node} if node else {}),
    )
    draft = Draft()
    events = await placed(ask, [one for one in said.rows("events") if _fits(one, ask)])
    sick = [one for one in numbers.rows("gpus") if _counts(one, ask)]
    faults = [
        one
        for one in grave_first(diagnosed)
        if is_grave(one) and text(one.get("root_cause") or {}, "fault").startswith("gpu.")
    ]
    place = f" on {node}" if node else ""
    if not events and not sick and not faults:
        what = f"Xid {slots.xids[0]}" if slots.xids else "error of a GPU"
        draft.say(f"**I see no {what}{place}.** {said.cite}{numbers.cite}{diagnosed.cite}")
        if said.text("note") or not said.is_there:
            draft.say(f"({clean_text(said.use.error or said.text('note'))}.) {said.cite}")
        return draft.text
    if events or sick:
        cites = f"{said.cite if events else ''}{numbers.cite if sick else ''}"
        draft.say(f"**Errors{place}: {_whose(events, sick)}.** {cites}")
    for one in faults[:2]:
        tell_incident(draft, one, diagnosed.cite, ask.now)
    draft.points("The log says", [_event(one, said.cite, ask.now) for one in events[:8]])
    draft.points("Counters", [f"{text(one, 'gpu')}: {_counts(one, ask)} {numbers.cite}" for one in sick[:10]])
    return draft.points("What they mean", _meanings(events)).text


def _whose(events: list[Mapping[str, Any]], sick: list[Mapping[str, Any]]) -> str:
    """The GPUs that have some; the nodes, where no GPU is named."""
    gpus = {place_of(one) for one in events if text(one, "gpu")} | {text(one, "gpu") for one in sick}
    return named(sorted(gpus), 8) or named(sorted({text(one, "node") for one in events}))


def _meanings(events: list[Mapping[str, Any]]) -> list[str]:
    codes = {int(code) for one in events if (code := number(one, "code")) is not None}
    return [
        f"Xid {code}: {xid(code).means} ({xid_severity(code)}); {xid(code).action.text}" for code in sorted(codes)[:5]
    ]


def _fits(one: Mapping[str, Any], ask: Inquiry) -> bool:
    codes = ask.reading.slots.xids
    if codes:
        return number(one, "code") in codes
    if ask.reading.wants("xid", "xids"):
        return text(one, "kind") == "xid"
    return text(one, "kind") == "xid" or text(one, "severity") in ("critical", "warning")


def _counts(one: Mapping[str, Any], ask: Inquiry) -> str:
    """Its counters that are not zero; corrected errors only where they are asked for."""
    keys = ["ecc_dbe_volatile", "row_remap_pending", "row_remap_failure"]
    keys += ["ecc_sbe_volatile"] if ask.reading.wants("ecc", "corrected", "correctable", "sbe") else []
    if ask.reading.wants("xid", "xids") or ask.reading.slots.xids:
        keys = []
    words = dict(_COUNTERS)
    return ", ".join(f"{figure(value)} {words[key]}" for key in keys if (value := number(one, key)))


async def _of_gpu(ask: Inquiry, name: str) -> str:
    node = node_of_gpu(name)
    seen, diagnosed, said = await ask.look_at(
        ("gpu_details", {"gpu": name}),
        ("diagnose", {"about": name}),
        ("logs", {"source": "kernel", "node": node, "since": "1d"}),
    )
    draft = Draft()
    if not seen.is_there:
        return draft.say(f"I cannot look into {name}: {seen.use.error} {seen.cite}").text
    metrics = seen.part("metrics")
    counters = [f"{words}: {figure(value)} {seen.cite}" for key, words in _COUNTERS if (value := number(metrics, key))]
    xids = xid_lines(seen, ask.now)
    events = [
        one
        for one in await placed(ask, said.rows("events"))
        if text(one, "gpu") == name.rpartition("/")[2] and text(one, "node") in (node, "")
    ]
    faults = [one for one in grave_first(diagnosed) if is_grave(one)]
    if not counters and not xids and not events and not faults:
        return draft.say(f"**I see no error of {name}.** {seen.cite}{said.cite}").text
    draft.say(
        f"**{name} has {'Xids' if xids else 'no Xid'} and {'errors counted' if counters else 'no error counted'}.** "
        f"{seen.cite}"
    )
    for one in faults[:1]:
        tell_incident(draft, one, diagnosed.cite, ask.now, deep=ask.reading.is_why)
    draft.points("Xids", xids)
    draft.points("Counters", counters)
    return draft.points("The log says", [_event(one, said.cite, ask.now) for one in events[:6]]).text
