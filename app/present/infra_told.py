"""What a deployment tells: its trouble, its log, how it ended; and how one begins where there is none. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain.deployment import DeployEvent, State, Told, replacing
from app.domain.frozen import frozen
from app.present.cells import Cell, Line, Tone, cells, line, tidy, wrap
from app.present.infra_ladder import text_of
from app.present.infra_view import Held, dollars, money
from app.present.look import Look
from app.present.units import format_age

_LABEL = 8
MOST_DETAILS = 40
_TONES: Mapping[Told, Tone] = {
    Told.BEGUN: "plain",
    Told.NOTE: "plain",
    Told.PROGRESS: "quiet",
    Told.DONE: "plain",
    Told.SKIPPED: "quiet",
    Told.FAILED: "bad",
    Told.WARNING: "look",
    Told.ENDED: "strong",
}


@frozen
class Need:
    """One thing that deploying needs, and whether it is there."""

    name: str
    is_met: bool
    said: str
    """What was found, or what to do."""


def billed_text(held: Held, now: float) -> str:
    """`2 pods at $4.78/h, $1.02 so far`; what is billed while nobody works on it."""
    spent = held.deployment.billing.until(now)
    if not held.billed:
        return f"nothing is billed now; {dollars(spent)} so far"
    pods = "a pod" if held.billed == 1 else f"{held.billed} pods"
    return f"{pods} at {money(held.per_hour)}, {dollars(spent)} so far"


def trouble_lines(held: Held, look: Look, width: int, key: str) -> tuple[Line, ...]:
    """What happened, what is billed, what to do, and the last lines of what was said. `key` goes on.

    Nothing while a run is at it: what stopped the one before is what this one mends.
    """
    trouble, state = held.deployment.trouble, held.deployment.state
    if held.run is not None:
        return ()
    if trouble is None:
        if state not in {State.DEPLOYING, State.DESTROYING}:
            return ()
        word = "destroy" if state is State.DESTROYING else "deploy"
        what, then = f"the run that was to {word} it is gone", f"{key} goes on where it stopped"
    else:
        what, then = trouble.what, trouble.next
    where = f"{trouble.node}: " if trouble is not None and trouble.node and trouble.node not in what else ""
    lines = [
        *_labelled("what", f"{where}{what}", width, "bad"),
        *_labelled("billed", billed_text(held, look.now), width, "look" if held.billed else "plain"),
        *_labelled("do", then, width, "strong"),
    ]
    details = trouble.details[-MOST_DETAILS:] if trouble is not None else ()
    if details:
        lines.append(())
    for text in details:
        parts = wrap(tidy(text, 1000), max(12, width - 4))
        lines += [line("   " if number else " ", Cell(part, "quiet")) for number, part in enumerate(parts)]
    return tuple(lines)


def astray_lines(held: Held, look: Look, width: int) -> tuple[Line, ...]:
    """What was changed outside and what is billed for nothing, each with what to do."""
    lines: list[Line] = []
    for name, said in sorted(held.drift.items()):
        lines += _labelled("drift", f"{name}: {said}", width, "look")
    for pod in held.orphans:
        since = f" for {format_age(look.now - pod.created_at)}" if pod.created_at is not None else ""
        told = f"{pod.name or pod.id} is billed at {money(pod.cost_per_hour)}{since} and belongs to nothing"
        lines += _labelled("orphan", told, width, "look")
    return tuple(lines)


def turn_lines(held: Held, width: int) -> tuple[Line, ...]:
    """The nodes that are still to get another pod, and the command that goes on; nothing while a run is at it."""
    rest = held.deployment.to_replace
    if held.run is not None or not rest:
        return ()
    have = "still have the pods they were to lose" if len(rest) > 1 else "still has the pod it was to lose"
    told = f"{', '.join(node.name for node in rest)} {have}; to go on: {replacing(held.name, rest)}"
    return tuple(_labelled("replace", told, width, "look"))


def ending_lines(held: Held, look: Look, width: int) -> tuple[Line, ...]:
    """While it is destroyed: what is done now, and what is billed still."""
    if held.run is None or held.run.verb != "destroy":
        return ()
    last = held.events[-1] if held.events else None
    share = f" {last.fraction * 100:.0f} %" if last is not None and last.fraction else ""
    told = (f"{last.node}: " if last.node else "") + last.text + share if last is not None else "it begins"
    tone: Tone = "look" if held.billed else "plain"
    return (*_labelled("now", told, width), *_labelled("billed", billed_text(held, look.now), width, tone))


def over_lines(held: Held, look: Look, width: int) -> tuple[Line, ...]:
    """The end of a deployment: what it cost, and that nothing is left."""
    one = held.deployment
    if one.state is not State.DESTROYED:
        return ()
    when = look.clock(one.destroyed_at, seconds=False) if one.destroyed_at is not None else ""
    proof = next((event.text for event in reversed(held.events) if "looks" in event.data), "")
    left = proof or f"the provider was asked, and {'no pod' if one.volume_id else 'nothing'} of it is left"
    if held.billed:
        left = f"yet {billed_text(held, look.now)}"
    return (
        *_labelled(
            "ended", f"{when}, after {format_age((one.destroyed_at or one.created_at) - one.created_at)}", width
        ),
        *_labelled("cost", f"{dollars(one.billing.until(look.now))}, by our own clock", width),
        *_labelled("proof", left, width, "look" if held.billed else "good"),
        *volume_lines(held, width),
    )


def volume_lines(held: Held, width: int) -> tuple[Line, ...]:
    """The network volume that is there, and what becomes of it."""
    one = held.deployment
    if not one.volume_id:
        return ()
    where = f"{one.volume_id} in {one.volume_center}" if one.volume_center else one.volume_id
    end = f"`gpu-watchdog deploy {one.name} --destroy --delete-volume` ends it"
    if one.state is State.DESTROYED:
        text = f"{where} stays, and is billed: deploying {one.name} again takes it over, {end}"
        return tuple(_labelled("volume", text, width, "look"))
    return tuple(_labelled("volume", f"{where}; a destroy keeps it, and it is billed on; {end}", width, "quiet"))


def unreadable_lines(name: str, reason: str, width: int) -> tuple[Line, ...]:
    """A record that cannot be read: what is wrong, what may be billed, what to do."""
    end = f"bring it back from a backup, or end what is left of it: gpu-watchdog deploy {name} --destroy"
    return (
        *_labelled("what", f"its record cannot be read: {reason}", width, "bad"),
        *_labelled("billed", "not known: its pods may be", width, "look"),
        *_labelled("do", end, width, "strong"),
    )


def log_lines(events: Sequence[DeployEvent], look: Look) -> tuple[Line, ...]:
    """A line an event: the time, the step, the node, what was said."""
    return tuple(_event_line(event, look) for event in events)


def _event_line(event: DeployEvent, look: Look) -> Line:
    step = event.step.value if event.step is not None else ""
    signs = {Told.FAILED: look.glyphs.lost, Told.WARNING: look.glyphs.warning, Told.DONE: look.glyphs.done}
    tone = _TONES[event.told]
    node = line(cells(event.node, "info"), " ") if event.node else ()
    is_whole = event.told in {Told.BEGUN, Told.DONE, Told.SKIPPED}
    share = f" {event.fraction * 100:.0f} %" if event.fraction is not None and not is_whole else ""
    return line(
        Cell(f" {look.clock(event.at)} ", "quiet"),
        Cell(f"{step:<8}", "head"),
        Cell(f"{signs.get(event.told, ' ')} ", "good" if event.told is Told.DONE else tone),
        node,
        cells(tidy(text_of(event), 400), tone),
        Cell(share, "quiet"),
    )


def beginning_lines(needs: Sequence[Need], look: Look, width: int, key: str) -> tuple[Line, ...]:
    """How a first deployment begins: what it is, what is missing, the key."""
    told = (
        "A deployment is a small cluster of rented GPU pods: Terraform rents them at RunPod, Slurm runs on them, and "
        "this program watches them. A plan with its price comes first; nothing is rented before you say yes, and "
        "destroying it ends with the proof that nothing is left."
    )
    lines: list[Line] = [(), *(line(" ", Cell(part, "quiet")) for part in wrap(told, max(20, width - 2))), ()]
    for need in needs:
        sign = Cell(look.glyphs.done, "good") if need.is_met else Cell(look.glyphs.warning, "look")
        parts = wrap(tidy(need.said, 400), max(20, width - 16))
        tone: Tone = "quiet" if need.is_met else "plain"
        lines.append(line(" ", sign, f" {need.name:<11} ", Cell(parts[0] if parts else "", tone)))
        lines += [line(" " * 15, Cell(part, tone)) for part in parts[1:]]
    is_ready = all(need.is_met for need in needs)
    last = "begins one" if is_ready else "fills the form in; it is checked again before anything is done"
    return (*lines, (), line(" ", Cell(key, "accent"), " ", Cell(last, "strong" if is_ready else "quiet")))


def _labelled(label: str, text: str, width: int, tone: Tone = "plain") -> list[Line]:
    """A label at the left of the first line."""
    parts = wrap(tidy(text, 1000), max(12, width - _LABEL - 2))
    return [
        line(Cell(f" {label if not number else '':<{_LABEL}}", "head"), Cell(part, tone))
        for number, part in enumerate(parts)
    ]
