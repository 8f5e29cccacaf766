"""Signs of network ports, by the values of machines and by lines. Pure.

port.missing              fewer active InfiniBand ports than like machines have; details has, could            (state)
port.down, port.up        a port lost or gained its link; details device, address, rail                        (events)
port.all_up               active ports became as many as like machines have, or more where there are none   (event)
port.unplugged            a cable was pulled, or never was in: not told within 10 minutes of boot              (event)
port.flapped              a counter of links that went down rose, by however much: one a look                  (event)
nic.slot_power            a network card says that its slot gives too little, after boot                       (event)
nccl.over_tcp             a job fell back to TCP; details infiniband: yes where its nodes have active ports    (event)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from app.domain.evidence import LogEvidence
from app.domain.finding import FindingSubject
from app.domain.snapshot import Layer, Node
from app.engine.columns import Compared
from app.engine.diagnosis.observe_links import usual
from app.engine.diagnosis.sign import Look, Sign
from app.engine.diagnosis.subjects import snapshot_name

BOOTING_S = 600.0
"""What a machine says so soon after it booted is how it comes up."""
_UP = "node.infiniband_up"
_DOWNS = (("node.infiniband_link_downed", "InfiniBand links"), ("node.carrier_downs", "network links"))
_LINES = {
    "nic.link_down": "port.down",
    "nic.link_up": "port.up",
    "nic.cable_in": "port.up",
    "nic.cable": "port.unplugged",
    "nic.slot_power": "nic.slot_power",
}


def observe_ports(look: Look) -> Iterator[Sign]:
    """Ports that went down, came up, are fewer than they should be; jobs that go around them."""
    nodes = [node for node in _worth_a_look(look.machines) if node.layers]
    most = _usual_ports(look) if nodes else {}
    for node in nodes:
        was = look.before.nodes.get(node.name) if look.before is not None else None
        yield from _ports(node.name, node, was, most.get(_kind(node)), look)
    for line in look.said:
        if line.kind in _LINES:
            yield from _line(line, _LINES[line.kind], look)
    over_tcp = [line for line in look.said if line.kind == "nccl.socket"]
    if over_tcp:
        yield from _over_tcp(over_tcp, look)


def _worth_a_look(machines: Compared[Node]) -> Sequence[Node]:
    """Machines whose ports changed; all, where not all have as many active ones."""
    least, most = machines.column(_UP).ends
    uneven = machines.rows if machines.odd or least < most else ()
    return machines.picked(uneven, *map(machines.moved, (_UP, *(key for key, _ in _DOWNS))))


def _kind(node: Node) -> tuple[str, int]:
    return (node.gpus[0].model or "", len(node.gpus)) if node.gpus else ("", 0)


def _usual_ports(look: Look) -> Mapping[tuple[str, int], float]:
    """Kind of machine → active ports that most of them have."""
    found: dict[tuple[str, int], list[float]] = defaultdict(list)
    for node in look.snapshot.nodes.values():
        up = next((layer.values[_UP] for layer in node.layers if _UP in layer.values), None)
        if up is not None:
            found[_kind(node)].append(up)
    return {kind: most for kind, some in found.items() if (most := usual(some)) is not None}


def _ports(name: str, node: Node, was: Node | None, most: float | None, look: Look) -> Iterator[Sign]:
    subject = FindingSubject(node=name)
    for layer in node.layers:
        up = layer.values.get(_UP)
        if layer.is_stale(look.now) or (up is None and "node.carrier_downs" not in layer.values):
            continue
        if up is not None and most is not None and up < most:
            details = {"has": f"{up:.0f}", "could": f"{most:.0f}", "rail": "ports"}
            text = f"{up:.0f} InfiniBand ports are active, like machines have {most:.0f}"
            yield Sign("port.missing", subject, layer.at, text, layer.source, most - up, details=details)
        old = next((one for one in was.layers if one.source == layer.source), None) if was is not None else None
        if old is not None and old is not layer:
            yield from _changed_ports(subject, layer, old, most)


def _changed_ports(subject: FindingSubject, layer: Layer, old: Layer, most: float | None) -> Iterator[Sign]:
    up, had = layer.values.get(_UP), old.values.get(_UP)
    if up is not None and had is not None and up != had:
        text = f"{up:.0f} InfiniBand ports are active, were {had:.0f}"
        details = {"device": "a port", "rail": "ports"}
        kind = "port.down" if up < had else "port.up"
        yield Sign(kind, subject, layer.at, text, layer.source, 1.0, "ports", details, is_event=True)
        if up > had and (most is None or up >= most):
            yield Sign("port.all_up", subject, layer.at, text, layer.source, up, is_event=True)
    booted = layer.values.get("node.boot_time")
    if booted is not None and 0 <= layer.at - booted < BOOTING_S:
        return  # links come and go while they are brought up
    for key, words in _DOWNS:
        value, before = layer.values.get(key), old.values.get(key)
        if value and before is not None and value > before:
            text = f"{words} went down {value - before:.0f} times"
            yield Sign("port.flapped", subject, layer.at, text, layer.source, 1.0, key, is_event=True)


def _line(one: LogEvidence, kind: str, look: Look) -> Iterator[Sign]:
    if kind in ("port.unplugged", "nic.slot_power") and _is_booting(one, look):
        return
    device, address = one.details.get("device", ""), one.details.get("address", "")
    # The kernel and a network service both tell of one link: each is counted by itself.
    label = f"{'kernel' if one.text.startswith('mlx5') else 'service'} {device or address}"
    details = {**one.details, "device": device or address, "address": address or device, "rail": device or address}
    subject = FindingSubject(node=look.boards.node(one.node))
    yield Sign(
        kind, subject, one.at, one.text, one.source, float(one.repeats), label, details, is_event=True,
        is_history=one.is_history,
    )  # fmt: skip


def _is_booting(one: LogEvidence, look: Look) -> bool:
    """Whether a line was said while its machine came up."""
    if one.uptime_s is not None:
        return one.uptime_s < BOOTING_S
    node = look.snapshot.nodes.get(look.boards.node(one.node))
    booted = node.value("node.boot_time", look.now) if node is not None else None
    return booted is not None and 0 <= one.at - booted < BOOTING_S


def _over_tcp(lines: Iterable[LogEvidence], look: Look) -> Iterator[Sign]:
    jobs = (look.picture.jobs if look.picture is not None else None) or {}
    running: dict[str, list[str]] = defaultdict(list)
    for job in jobs.values():
        for each in job.nodes if job.is_running else ():
            running[snapshot_name(look, each)].append(job.id)
    for one in lines:
        name = look.boards.node(one.node) if one.node else ""
        here = running.get(name, [])
        key = one.job or (here[0] if len(here) == 1 else "")
        if not key:
            continue
        names = [snapshot_name(look, each) for each in jobs[key].nodes] if key in jobs else [name]
        nodes = [node for each in names if (node := look.snapshot.nodes.get(each)) is not None]
        has_ports = any((node.value(_UP, look.now) or 0) > 0 for node in nodes)
        details = {"infiniband": "yes" if has_ports else "", "several": "yes" if len(names) > 1 else ""}
        yield Sign(
            "nccl.over_tcp", FindingSubject(job=key), one.at, one.text, one.source, float(one.repeats),
            details=details, is_event=True,
        )  # fmt: skip
