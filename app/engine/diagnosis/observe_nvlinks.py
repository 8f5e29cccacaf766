"""Signs out of NVLink's and NVSwitch's own lines: which link, how bad, and where the registers point to. Pure.

nvlink4.fatal, nvlink4.other    a line of Xid 74; details link, kind, words, registers, fabric, code          (events)
nvlink5.fatal, nvlink5.other    a line of Xid 144 … 150; the same and unit                                    (events)
nvlink.undecoded                one of these Xids known by an exporter's value alone; details code, fabric    (event)
switch.fatal, switch.other      a line of an NVSwitch, or of the fabric manager on one; details code, link, switch,
                                harmless, word                                                                (events)
fabric.not_ready                a program was told that the fabric is not there, on its node                  (event)
"""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.evidence import LogEvidence
from app.domain.finding import FindingSubject
from app.domain.naming import clean
from app.domain.snapshot import Gpu
from app.domain.xids import HARMLESS_SXIDS
from app.engine.diagnosis.nvlinks import LinkError, decode_5, decode_74
from app.engine.diagnosis.sign import Look, Sign

_HOPPER = 74
_BLACKWELL = range(144, 151)
_OF_SWITCHES = ("sxid", "fabric.switch_fatal", "fabric.switch_error")
"""What the kernel and the fabric manager say of switches."""
_OF_RACKS = ("GB200", "GB300")
"""Boards whose NVLink goes beyond their machine."""


def observe_nvlinks(look: Look) -> Iterator[Sign]:
    """What lines say of links between GPUs, and of the switches they go through."""
    for one in look.said:
        if one.kind == "xid" and one.code is not None and (one.code == _HOPPER or one.code in _BLACKWELL):
            yield _link(one, one.code, look)
        elif one.kind in _OF_SWITCHES and one.code is not None:
            yield _switch(one, one.code, look)
        elif one.kind == "cuda.not_initialized" and one.node:
            subject = FindingSubject(node=look.boards.node(one.node))
            yield Sign("fabric.not_ready", subject, one.at, one.text, one.source, is_event=True)
    for episode, more in look.episodes:
        if episode.from_metric and (episode.code == _HOPPER or episode.code in _BLACKWELL):
            subject = FindingSubject(node=episode.node, gpu=episode.gpu, job=episode.job)
            details = {"code": str(episode.code), "fabric": fabric_of(look, episode.node)}
            yield Sign(
                "nvlink.undecoded", subject, episode.last, episode.text, "", float(more), str(episode.code), details,
                is_event=True,
            )  # fmt: skip


def fabric_of(look: Look, node: str) -> str:
    """What ties the GPUs of one NVLink fabric: its id, else their kind where it spans machines, else their machine."""
    found = look.snapshot.nodes.get(node)
    gpu = found.gpus[0] if found is not None and found.gpus else None
    if gpu is None:
        return node
    told = gpu.facts.get("fabric_cluster", "")
    if told.strip("0-"):
        return f"{told}/{gpu.facts.get('fabric_clique', '')}"
    model = (gpu.model or "").upper()
    return next((kind for kind in _OF_RACKS if kind in model), node)


def _link(one: LogEvidence, code: int, look: Look) -> Sign:
    said = one.details
    error = _decoded(one, code)
    gpu = look.boards.gpu(one.node, one.pci, one.uuid, one.gpu)
    link = "" if one.link is None or one.link < 0 else str(one.link)
    generation = 4 if code == _HOPPER else 5
    details = {
        "code": str(code),
        "link": link,
        "link_name": f"NVLink {link}" if link else "",
        "unit": clean(said.get("unit", ""), 40),
        "kind": error.kind,
        "words": error.words,
        "registers": clean(said.get("registers", ""), 120),
        "fabric": fabric_of(look, look.boards.node(one.node)),
        "caused_by": "" if one.caused_by is None else str(one.caused_by),
    }
    return Sign(
        f"nvlink{generation}.{'fatal' if error.is_fatal else 'other'}", _whom(one, gpu, look), one.at,
        f"{one.text} (points to {error.words})", one.source, float(one.repeats), f"{code}/{link}/{error.kind}", details,
        is_event=True, is_history=one.is_history,
    )  # fmt: skip


def _decoded(one: LogEvidence, code: int) -> LinkError:
    said = one.details
    if one.caused_by is not None:
        return LinkError("echo", is_fatal=False)
    if code == _HOPPER:
        return decode_74(said.get("registers", ""))
    return decode_5(code, said.get("unit", ""), said.get("fatal", ""), said.get("registers", ""))


def _whom(one: LogEvidence, gpu: Gpu | None, look: Look) -> FindingSubject:
    if gpu is None:
        return FindingSubject(node=look.boards.node(one.node))
    job = one.job or next(iter(look.allocations.held(gpu).job_ids), None)
    return FindingSubject(node=gpu.node, gpu=gpu.index, job=job)


def _switch(one: LogEvidence, code: int, look: Look) -> Sign:
    link = one.details.get("port", "") if one.link is None else str(one.link)
    switch = one.details.get("switch") or one.pci or ""
    details = {
        "code": str(code),
        "link": link,
        "switch": switch,
        "harmless": "yes" if code in HARMLESS_SXIDS else "",
        "word": one.details.get("word", ""),
    }
    kind = "switch.fatal" if one.severity == "critical" else "switch.other"
    subject = FindingSubject(node=look.boards.node(one.node))
    return Sign(
        kind, subject, one.at, one.text, one.source, float(one.repeats), f"{switch}/{link}/{code}", details,
        is_event=True, is_history=one.is_history,
    )  # fmt: skip
