"""Signs of Slurm's nodes: which are out of service, since when, and who took them out. Pure; only what is amiss costs.

A node that does not answer is known by its state, all else by its reason: Slurm's own words (`states.toml`, each with
its sign), a health script's, or a person's. A reason is evidence and not truth: it is handed on as it stands.

slurm.node_silent        does not answer slurmctld, or is DOWN; details machine (answers, silent), state, what (state)
slurm.node_rebooted      its reason says that it rebooted unasked (state)
slurm.node_booted        booted anew between two looks, and nobody had asked for it (event)
slurm.memory_short, slurm.gpus_short    registered with less; details has, wanted, missing, sight (all, …) (state)
slurm.kill_failed, slurm.prolog_failed, slurm.epilog_failed, slurm.batch_failed, slurm.bad_registration,
slurm.power_lost, slurm.strange_job     Slurm's own reasons; details reason, by (state)
slurm.powering_up        powers up (state)
slurm.health_drain       drained by a health script; details reason, said (state)
slurm.out_on_purpose     drained or down by a person, in maintenance, or waits for a reboot; detail why (state)
slurm.node_unknown       slurmctld has not heard of it since it was started itself (state)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from app.domain.naming import clean
from app.domain.slurm import SlurmNode, SlurmPicture
from app.domain.snapshot import Node
from app.engine.alerting.signals_slurm import drain_cause, is_planned
from app.engine.diagnosis.health_words import health_words
from app.engine.diagnosis.sign import Look, Sign
from app.engine.diagnosis.subjects import node_subject, working
from app.engine.reasons import node_reasons_in
from app.engine.words import count, names, span

OLD_S = 7 * 86400.0
"""A drain by a person that is older may have been forgotten."""
BOOTED_S = 60.0
"""Boot times that differ by less are one boot by two clocks."""
_WELL = frozenset({"IDLE", "ALLOCATED", "MIXED", "COMPLETING", "PLANNED", "BLOCKED"})
_AMISS = frozenset(
    {
        "DRAIN", "DRAINED", "DRAINING", "FAIL", "FAILING", "NOT_RESPONDING", "INVALID_REG", "MAINTENANCE",
        "REBOOT_REQUESTED", "REBOOT_ISSUED", "POWERING_UP",
    }
)  # fmt: skip
_OURS = re.compile(r"gpu-watchdog\b|[A-J]\d{1,2}$")
"""Reasons that this program's own advice gives: who follows it is a person."""
_LESS = re.compile(r"\(?(?:reported:)?(?P<has>\d{1,12}) < (?:[\d.]+% of configured:)?(?P<wanted>\d{1,12})\)")
_MODULE_MIB = 7_500.0
"""Less memory than this is no memory module."""


def observe_slurm_nodes(look: Look) -> Iterator[Sign]:
    """What Slurm says of nodes that are out of service, and which of them booted anew."""
    picture = look.picture
    if picture is None:
        return
    olds = _before(look, picture)
    for name, told in picture.nodes.items():
        was = olds.get(name)
        if was is not None and was is not told and (booted := _booted(look, was, told, picture)) is not None:
            yield booted
        if told.state in _WELL and not (told.flags and _AMISS.intersection(told.flags)):
            continue
        yield from _signs(look, told, picture)


def _before(look: Look, picture: SlurmPicture) -> Mapping[str, SlurmNode]:
    before = look.before.slurm if look.before is not None else None
    return {} if before is None or before.nodes is picture.nodes or before.source != picture.source else before.nodes


def _booted(look: Look, was: SlurmNode, told: SlurmNode, picture: SlurmPicture) -> Sign | None:
    """A boot that nobody asked for."""
    if was.boot_at is None or told.boot_at is None or told.boot_at - was.boot_at < BOOTED_S:
        return None
    if is_planned(was) or is_planned(told) or (_is_out(was) and _is_on_purpose(was)):
        return None
    text = f"{clean(told.name, 40)} booted {span(picture.at - told.boot_at)} ago, unasked"
    subject = node_subject(look, told.name)
    return Sign("slurm.node_booted", subject, told.boot_at, text, picture.source, is_event=True)


def _is_out(told: SlurmNode) -> bool:
    return told.is_draining or told.is_down


def _is_on_purpose(told: SlurmNode) -> bool:
    """A person's doing, by the reason; Slurm's own reasons for what somebody wished count too."""
    reason = (told.reason or "").strip()
    cause = drain_cause(told)
    if cause == "slurm":
        return not any(one.sign for one in node_reasons_in(reason))
    if _OURS.match(reason):
        return True
    return cause == "person" and told.reason_by != "slurm"  # what runs as Slurm itself is a script


def _signs(look: Look, told: SlurmNode, picture: SlurmPicture) -> Iterator[Sign]:
    words = {told.state, *told.flags}
    if is_planned(told):
        kind = "powering_up" if "POWERING_UP" in words else "out_on_purpose"
        if kind == "powering_up" or words & {"MAINTENANCE", "REBOOT_REQUESTED", "REBOOT_ISSUED"}:
            yield _sign(kind, look, told, picture)
        if not told.is_draining or _is_on_purpose(told):
            return
    if not (_is_out(told) or "INVALID_REG" in words):
        return
    purpose = bool(told.reason) and _is_on_purpose(told)
    if told.is_down and not purpose and not is_planned(told) and _is_silent(told):
        yield _sign("node_unknown", look, told, picture) if told.state == "UNKNOWN" else _silent(look, told, picture)
    if told.reason is not None or told.is_draining or "INVALID_REG" in words:
        yield from _by_reason(look, told, picture, is_purpose=purpose or told.reason is None)


def _is_silent(told: SlurmNode) -> bool:
    """It does not answer, or is down for no other reason than that."""
    kinds = {one.sign for one in node_reasons_in(told.reason)}
    return "NOT_RESPONDING" in told.flags or told.reason is None or "node_silent" in kinds


def _by_reason(look: Look, told: SlurmNode, picture: SlurmPicture, *, is_purpose: bool) -> Iterator[Sign]:
    kinds = [one.sign for one in node_reasons_in(told.reason) if one.sign]
    if is_purpose and "INVALID_REG" not in told.flags:
        if not is_planned(told):
            yield _sign("out_on_purpose", look, told, picture)
        return
    if not kinds and "INVALID_REG" in told.flags:
        kinds = ["bad_registration"]
    if not kinds:
        is_epilog = (told.reason or "").strip().casefold().startswith("epilog")
        kinds = ["epilog_failed" if is_epilog else "health_drain"]
    for kind in dict.fromkeys(kinds):
        if kind != "node_silent":  # told by its state
            yield _sign(kind, look, told, picture)


def _sign(kind: str, look: Look, told: SlurmNode, picture: SlurmPicture, **more: str) -> Sign:
    """One sign, with who said what and when."""
    reason = clean((told.reason or "").replace("_", " "), 160)
    age_s = picture.at - told.reason_at if told.reason_at is not None else 0.0
    by = clean(told.reason_by or "", 32)
    details = {
        "state": told.text,
        "reason": reason,
        "by": by,
        "by_words": f" (by {by})" if by else "",
        "old_words": f"It is so for {count(int(age_s / 86400), 'day')}: perhaps forgotten." if age_s >= OLD_S else "",
        **_of_kind(kind, look, told),
        **more,
    }
    said = f": {reason}" if reason else ""
    text = f"{clean(told.name, 40)} is {told.text}{said}{details['by_words']}"
    since = told.reason_at if told.reason_at is not None and told.reason_at <= picture.at else None
    return Sign(
        f"slurm.{kind}", node_subject(look, told.name), picture.at, text, picture.source, details=details, since=since
    )


def _of_kind(kind: str, look: Look, told: SlurmNode) -> dict[str, str]:
    """What the words of one kind of reason hold."""
    match kind:
        case "memory_short" | "gpus_short":
            part = next((one for one in (told.reason or "").split(", ") if _is_about(kind, one)), "")
            return _less(kind, part) | ({"sight": _sight(look, told)} if kind == "gpus_short" else {})
        case "epilog_failed" | "health_drain":
            return {"said": health_words(told.reason)}
        case "out_on_purpose":
            return {"why": clean(told.reason or "", 120) or _planned_words(told)}
    return {}


def _is_about(kind: str, part: str) -> bool:
    return part.strip().casefold().startswith("low realmemory" if kind == "memory_short" else "gres/")


def _less(kind: str, text: str) -> dict[str, str]:
    found = _LESS.search(text)
    if found is None:
        return {}
    has, wanted = int(found["has"]), int(found["wanted"])
    details = {"has": str(has), "wanted": str(wanted)}
    if kind == "memory_short":
        missing_mib = wanted - has
        details["missing"] = f"{missing_mib / 1024:,.0f} GiB" if missing_mib >= 1024 else f"{missing_mib:,} MiB"
        details["size"] = "module" if missing_mib >= _MODULE_MIB else "little"
    return details


def _sight(look: Look, told: SlurmNode) -> str:
    """Whether the driver shows all the GPUs that Slurm misses: then it was late, and no GPU is gone."""
    node = look.snapshot.nodes.get(node_subject(look, told.name).node)
    if node is None or not node.gpus or not _answers(node, look.now):
        return ""
    seen = sum(1 for gpu in node.gpus if not gpu.is_lost and gpu.layers and not gpu.layers[0].is_expired(look.now))
    return "all" if seen >= told.gpus else "some" if seen else "none"


def _planned_words(told: SlurmNode) -> str:
    words = {told.state, *told.flags}
    if "MAINTENANCE" in words:
        reserved = clean(told.reservation or "", 60)
        return f"in maintenance ({reserved})" if reserved else "in maintenance"
    return "waits for a reboot" if words & {"REBOOT_REQUESTED", "REBOOT_ISSUED"} else "no reason is given"


def _silent(look: Look, told: SlurmNode, picture: SlurmPicture) -> Sign:
    node = look.snapshot.nodes.get(node_subject(look, told.name).node)
    is_watched = node is not None and bool(node.layers or any(gpu.layers for gpu in node.gpus))
    machine = "" if not is_watched or node is None else "answers" if _answers(node, look.now) else "silent"
    back = told.state == "DOWN" and "NOT_RESPONDING" not in told.flags
    what = {
        "answers": "does not answer slurmctld, though the machine is up",
        "silent": "does not answer, neither slurmctld nor anybody else",
        "": "does not answer slurmctld",
    }[machine]
    busy = names(working(picture).get(told.name, ()))
    return _sign(
        "node_silent", look, told, picture,
        what="is down for Slurm" if back else what, machine=machine, back="yes" if back else "",
        is_down="yes" if told.state in ("DOWN", "ERROR") else "",
        group="dynamic" if told.is_dynamic else "fixed", busy=busy,
    )  # fmt: skip


def _answers(node: Node, now: float) -> bool:
    """Whether any source still brings something of a node."""
    layers = (*node.layers, *(layer for gpu in node.gpus for layer in gpu.layers))
    return any(not layer.is_stale(now) for layer in layers)
