"""Deployments and their nodes as rows of tables. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain.deployment import Deployment, Node, Pod, PodStatus, State
from app.present.cells import Cell, Line, Tone, cells, line
from app.present.infra_view import Held, dollars, gpus_text, money, pieces, state_sign, state_word, step_at
from app.present.look import Look
from app.present.rows import Column, Row, Rows
from app.present.units import MISSING, format_age

DEPLOYMENT_COLUMNS = (
    Column("sign", "", 1, sortable=False),
    Column("name", "name", 8, grow=1, sortable=False),
    Column("state", "state", 10, sortable=False),
    Column("nodes", "nodes", 5, "right", sortable=False),
    Column("gpus", "GPUs a node", 20, drop=3, sortable=False),
    Column("rate", "now", 9, "right", sortable=False),
    Column("spent", "spent", 9, "right", sortable=False),
    Column("next", "next", 16, grow=4, drop=1, sortable=False),
    Column("ends", "ends in", 8, "right", drop=2, sortable=False),
)
NODE_COLUMNS = (
    Column("sign", "", 1, sortable=False),
    Column("node", "node", 8, grow=1, sortable=False),
    Column("status", "pod", 10, sortable=False),
    Column("gpus", "GPUs", 18, grow=1, sortable=False),
    Column("place", "place", 8, drop=2, sortable=False),
    Column("price", "price", 8, "right", sortable=False),
    Column("age", "age", 7, "right", drop=1, sortable=False),
    Column("id", "pod id", 14, drop=4, sortable=False),
    Column("remark", "", 10, grow=2, drop=3, sortable=False),
)
ORPHAN = "orphan "
"""What the key of an orphan's row begins with; its pod's id follows."""
_POD_TONES: dict[PodStatus, Tone] = {
    PodStatus.PROVISIONING: "info",
    PodStatus.STARTING: "info",
    PodStatus.RUNNING: "plain",
    PodStatus.EXITED: "look",
    PodStatus.ERROR: "bad",
    PodStatus.TERMINATED: "bad",
    PodStatus.UNKNOWN: "old",
}


def deployment_rows(all_of: Sequence[Held], look: Look, unreadable: Mapping[str, str] | None = None) -> Rows:
    """Rows for DEPLOYMENT_COLUMNS; the key of a row is the deployment's name.

    `unreadable`: why records cannot be read, by name; they stand last, since nothing else is known of them.
    """
    broken = tuple((unreadable or {}).items())
    keys = [one.name for one in all_of] + [name for name, _ in broken]
    count = len(all_of)
    return Rows(
        keys, lambda at: _deployment_row(all_of[at], look) if at < count else _broken_row(*broken[at - count], look)
    )


def _broken_row(name: str, reason: str, look: Look) -> Row:
    """A deployment whose record cannot be read: its pods may be billed."""
    blank: Line = (Cell(MISSING, "old"),)
    file, colon, why = reason.partition(": ")
    said = cells(f"{file.rpartition('/')[2]}{colon}{why}", "bad")  # its folder would fill the column
    told = (cells(name, "bad"), (Cell("unreadable", "bad"),), blank, blank, blank, blank, said, blank)
    return Row(name, ((Cell(look.glyphs.critical, "bad"),), *told))


def _deployment_row(held: Held, look: Look) -> Row:
    one = held.deployment
    is_gone = one.state is State.DESTROYED
    tone: Tone = "old" if is_gone else "plain"
    rate = held.per_hour
    shown: tuple[Line, ...] = (
        (state_sign(held, look),),
        cells(held.name, "old" if is_gone else "strong"),
        (state_word(held),),
        (Cell(_nodes_text(one), tone),),
        cells(_gpus_of(one, look), "quiet" if not is_gone else "old"),
        (Cell(money(rate) if rate else MISSING, "plain" if rate else "old"),),
        (Cell(dollars(one.billing.until(look.now)), tone),),
        next_line(held, look),
        (Cell(_ends_text(one, look), _ends_tone(one, look)),),
    )
    return Row(held.name, shown)


def _nodes_text(one: Deployment) -> str:
    """`3/4`: nodes that have a pod, of those wished for."""
    if one.state is State.DESTROYED:
        return MISSING
    placed = sum(bool(node.pod_id) for node in one.nodes)
    wished = max(one.wish.nodes, len(one.nodes))
    return f"{placed}/{wished}"


def _gpus_of(one: Deployment, look: Look) -> str:
    types = {node.offer.gpu_type for node in one.nodes if node.offer.gpu_type}
    if len(types) > 1:
        return f"{one.wish.gpus_per_node} {look.glyphs.times} {len(types)} types"
    kind = next(iter(types), "") or next(iter(one.wish.gpu_types), "")
    return gpus_text(one.wish.gpus_per_node, kind, look.glyphs.times) if kind else f"{one.wish.gpus_per_node}"


def next_line(held: Held, look: Look) -> Line:
    """What comes next, or what is wrong: the one thing to know of it."""
    one = held.deployment
    if held.run is not None and held.run.asks:
        return (Cell("waits for your word on its plan", "accent"),)
    if held.orphans:
        rate = sum(pod.cost_per_hour or 0.0 for pod in held.orphans)
        many = f"{len(held.orphans)} orphans" if len(held.orphans) > 1 else "an orphan"
        return (Cell(f"{many} at {money(rate)}", "look"),)
    if held.drift:
        first = next(iter(sorted(held.drift)))
        more = f" and {len(held.drift) - 1} more" if len(held.drift) > 1 else ""
        return cells(f"{first}: {held.drift[first]}{more}", "look")
    if held.run is not None:
        return _under_way(held)
    match one.state:
        case State.FAILED if one.trouble is not None:
            return cells(one.trouble.what, "bad")
        case State.DESTROYED:
            return _over(one, look)
        case State.READY:
            return ()
        case _:
            step = step_at(held)
            return (Cell(step.value, "quiet"),) if step is not None else ()


def _over(one: Deployment, look: Look) -> Line:
    """That nothing is left, or what is."""
    if one.volume_id:
        return cells(f"its volume {one.volume_id} stays, and is billed", "look")
    ago = format_age(look.now - one.destroyed_at) if one.destroyed_at is not None else ""
    return (Cell(f"nothing is left, {ago} ago" if ago else "nothing is left", "old"),)


def _under_way(held: Held) -> Line:
    """The step and how far it is, and what was told last."""
    last = next((event for event in reversed(held.events) if event.text), None)
    step = last.step if last is not None and last.step is not None else step_at(held)
    parts: list[Line] = [(Cell(step.value, "info"),)] if step is not None else []
    if last is not None:
        share = f"{last.fraction * 100:.0f} %" if last.fraction is not None else ""
        parts += [(Cell(share),) if share else (), cells(last.text, "quiet")]
    return pieces(parts, Cell(" "))


def _ends_text(one: Deployment, look: Look) -> str:
    if one.deadline_at is None or one.state is State.DESTROYED:
        return MISSING
    left = one.deadline_at - look.now
    return format_age(left) if left > 0 else "overdue"


def _ends_tone(one: Deployment, look: Look) -> Tone:
    if one.deadline_at is None or one.state is State.DESTROYED:
        return "old"
    left = one.deadline_at - look.now
    return "bad" if left <= 0 else "look" if left < 1800 else "quiet"


def deployments_state(all_of: Sequence[Held], look: Look) -> Line:
    """`▲ 1 orphan  $23.84/h · spent $41.20`, for the frame: what all of them cost."""
    live = [one for one in all_of if one.deployment.state is not State.DESTROYED or one.billed]
    rate = sum(one.per_hour for one in live)
    spent = sum(one.deployment.billing.until(look.now) for one in live)
    orphans = sum(len(one.orphans) for one in all_of)
    dot = Cell(f" {look.glyphs.dot} ", "frame")
    told: list[Line] = []
    if orphans:
        word = "orphan" if orphans == 1 else "orphans"
        told.append((Cell(f"{look.glyphs.warning} {orphans} {word}", "look"),))
    if live:
        told.append((Cell(money(rate), "plain"),))
        told.append(line(Cell("spent ", "quiet"), Cell(dollars(spent), "quiet")))
    return pieces(told, dot)


def node_rows(held: Held, look: Look) -> Rows:
    """Rows for NODE_COLUMNS, the head first, orphans last; the key of a row is the node's, or `orphan PODID`."""
    rows = [_node_row(held, node, look) for node in held.deployment.nodes]
    if not rows and held.deployment.state not in {State.DESTROYED, State.DESTROYING}:
        rows = [_wished_row(held.deployment, key, look) for key in held.deployment.wish.keys]
    return Rows.of([*rows, *(_orphan_row(pod, look) for pod in held.orphans)])


def _node_row(held: Held, node: Node, look: Look) -> Row:
    pod, drift = held.pod_of(node), held.drift.get(node.name, "")
    status, tone = _status(held, node, pod)
    kind = pod.gpu_type if pod is not None and pod.gpu_type else node.offer.gpu_type
    gpus = pod.gpus if pod is not None and pod.gpus else node.offer.gpus
    price = pod.cost_per_hour if pod is not None and pod.cost_per_hour is not None else node.offer.price
    place = (pod.data_center if pod is not None else "") or node.offer.data_center
    since = pod.created_at if pod is not None else None
    remark: Line = cells(drift, "look") if drift else (Cell("head", "quiet"),) if node.is_head else ()
    sign = Cell(look.glyphs.warning, "look") if drift else _pod_sign(pod, look)
    is_gone = pod is None and held.pods is not None and not held.is_making
    shown: tuple[Line, ...] = (
        (sign,),
        cells(node.name, "strong" if node.pod_id and not is_gone else "old"),
        (Cell(status, "look" if drift and tone == "plain" else tone),),
        cells(gpus_text(gpus, kind, look.glyphs.times), "plain" if node.pod_id and not is_gone else "old"),
        cells(place or look.glyphs.missing, "quiet"),
        (Cell(money(price), "plain" if node.pod_id and not is_gone else "old"),),
        (Cell(format_age(look.now - since) if since is not None else MISSING, "quiet"),),
        cells(node.pod_id or look.glyphs.missing, "quiet"),
        remark,
    )
    return Row(node.key, shown)


def _status(held: Held, node: Node, pod: Pod | None) -> tuple[str, Tone]:
    """The provider's word; before it answered, what we know ourselves."""
    if pod is not None:
        return pod.status.value.lower(), _POD_TONES[pod.status]
    if not node.pod_id:
        return "not placed", "old"
    if held.pods is not None and not held.is_making:
        return ("ended", "old") if held.deployment.state is State.DESTROYING else ("gone", "look")
    return "rented", "old"


def _pod_sign(pod: Pod | None, look: Look) -> Cell:
    if pod is None:
        return Cell(look.glyphs.dot, "old")
    match pod.status:
        case PodStatus.RUNNING:
            return Cell(look.glyphs.live, "good")
        case PodStatus.PROVISIONING | PodStatus.STARTING:
            return Cell(look.glyphs.onward, "info")
        case PodStatus.ERROR | PodStatus.TERMINATED:
            return Cell(look.glyphs.lost, "bad")
        case _:
            return Cell(look.glyphs.stale, "look")


def _wished_row(one: Deployment, key: str, look: Look) -> Row:
    """A node that is only wished for."""
    kind = next(iter(one.wish.gpu_types), "")
    text = gpus_text(one.wish.gpus_per_node, kind, look.glyphs.times) if kind else f"{one.wish.gpus_per_node} a node"
    place = ", ".join(one.wish.data_centers[:1]) or look.glyphs.missing
    blank: Line = (Cell(MISSING, "old"),)
    return Row(
        key,
        (
            (Cell(look.glyphs.dot, "old"),), cells(f"{one.name}-{key}", "old"), (Cell("wished", "old"),),
            cells(text, "old"), cells(place, "old"), blank, blank, blank, (),
        ),
    )  # fmt: skip


def _orphan_row(pod: Pod, look: Look) -> Row:
    """A pod that is billed and belongs to nothing."""
    since = format_age(look.now - pod.created_at) if pod.created_at is not None else MISSING
    shown: tuple[Line, ...] = (
        (Cell(look.glyphs.warning, "look"),),
        (Cell("orphan", "look"),),
        (Cell(pod.status.value.lower(), "look"),),
        cells(gpus_text(pod.gpus, pod.gpu_type, look.glyphs.times), "look"),
        cells(pod.data_center or look.glyphs.missing, "look"),
        (Cell(money(pod.cost_per_hour), "look"),),
        (Cell(since, "look"),),
        cells(pod.id, "look"),
        cells("billed, and in no record", "look"),
    )
    return Row(f"{ORPHAN}{pod.id}", shown)


def nodes_state(held: Held, look: Look) -> Line:
    """How fresh the provider's answer is, and what it says all nodes cost."""
    dot = Cell(f" {look.glyphs.dot} ", "frame")
    told: list[Line] = []
    if held.refusal:
        told.append(cells(held.refusal, "look"))
    elif held.asked_at is not None:
        told.append((Cell(f"asked {format_age(look.now - held.asked_at)} ago", "quiet"),))
    if held.billed:
        told.append((Cell(money(held.per_hour)),))
    return pieces(told, dot)
