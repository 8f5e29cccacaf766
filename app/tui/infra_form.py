"""The form of a new deployment: its fields out of the settings, the wish they make, what is wrong while one types."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from app.domain.deployment import ALL_NODES, NAME, Deployment, Wish
from app.services.deploy.wishing import model_of, span_of
from app.tui.form_dialogue import FormField, Values

if TYPE_CHECKING:
    from app.config.settings import Deploy

MOST_NODES = 64
MOST_GPUS = 8
"""GPUs of one pod: what a machine of the provider has."""
LEAST_DISK_GB, LEAST_VOLUME_GB = 10, 10
MOST_HELP = 92
"""Characters of a help text: it has one line."""
VARIABLES: Mapping[str, str] = {"disk": "disk_gb", "volume": "volume"}
"""Fields that are a variable of the Terraform module as they stand."""
NO_HELPS: Mapping[str, str] = {}
SHORTEST_S = 300.0
"""A cluster takes some minutes to form; what lives shorter is never used."""


def fields_of(deploy: Deploy, name: str, helps: Mapping[str, str] = NO_HELPS) -> tuple[FormField, ...]:
    """The fields, filled in as `[deploy]` says; what is not here stays as it says there.

    `helps`: what the Terraform module says of its variables; it knows best what becomes of a field that is one.
    """
    return tuple(
        replace(one, help=short(helps[of])) if (of := VARIABLES.get(one.key, "")) and helps.get(of) else one
        for one in _fields(deploy, name)
    )


def short(text: str) -> str:
    """A help text in one line: cut at the end of a part, where it is longer."""
    if len(text) <= MOST_HELP:
        return text
    parts = text[:MOST_HELP].rpartition(", ")
    return f"{parts[0] or parts[2]}."


def _fields(deploy: Deploy, name: str) -> tuple[FormField, ...]:
    cap = f"{deploy.max_cost_per_hour:g}" if deploy.max_cost_per_hour else ""
    return (
        FormField("name", "name", name, "lab", "Part of host names: small letters, digits and hyphens."),
        FormField("nodes", "nodes", str(deploy.nodes), "2", "The head counted; without a model it computes as well."),
        FormField("gpus", "GPUs a node", str(deploy.gpus_per_node), "8", "All on one machine."),
        FormField(
            "types",
            "GPU types",
            ", ".join(deploy.gpu),
            "any, the cheapest first",
            "RunPod's names or a word of them, by commas, in your order: H100, A40.",
        ),
        FormField(
            "centres",
            "data centres",
            ", ".join(deploy.data_centers),
            "any with a private network",
            "By commas, in your order: US-KS-2, EU-RO-1.",
        ),
        FormField("cap", "at most $/h", cap, "no limit", "What all pods together may cost; more is never rented."),
        FormField("ttl", "ends after", deploy.ttl, "never", "Then all of it is destroyed, whoever uses it: 12h, 3d."),
        FormField("idle", "idle for", deploy.idle_shutdown, "never", "Without a job or a request for so long it ends."),
        FormField("model", "model", deploy.model, "none", "vLLM serves it on the head: default, or a name."),
        FormField("disk", "disk GB", str(deploy.disk_gb), "50", "Of each pod."),
        FormField(
            "volume", "volume GB", str(deploy.volume or ""), "none", "A network volume keeps the model's weights."
        ),
    )


def wish_of(values: Values, deploy: Deploy, taken: Collection[str]) -> Wish:
    """The wish that the fields make. Raises ValueError with what is wrong, in one sentence."""
    name = values["name"].strip()
    if not name:
        raise ValueError("it needs a name")
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name: small letters, digits and hyphens, a letter first, 24 at most")
    if name in taken:
        raise ValueError(f"{name} exists: choose another name, or go on with it from the list")
    cap = _number(values["cap"], "at most $/h")
    return Wish(
        name,
        _whole(values["nodes"], "nodes", 1, MOST_NODES),
        _whole(values["gpus"], "GPUs a node", 1, MOST_GPUS),
        _list(values["types"]),
        deploy.order == "price",
        _list(values["centres"]),
        deploy.cloud,
        deploy.image,
        _whole(values["disk"], "disk GB", LEAST_DISK_GB, 10_000),
        _whole(values["volume"], "volume GB", LEAST_VOLUME_GB, 4096) if values["volume"].strip() else 0,
        model_of(values["model"].strip()),
        cap,
        _span(values["ttl"], "ends after"),
        _span(values["idle"], "idle for"),
        deploy.burn_in,
    )


def checked(deploy: Deploy, taken: Callable[[], Collection[str]]) -> Callable[[Values], tuple[str, bool]]:
    """What would be made of the fields, or what is wrong with them."""

    def check(values: Values) -> tuple[str, bool]:
        try:
            wish = wish_of(values, deploy, taken())
        except ValueError as error:
            return str(error), False
        return wish_text(wish), True

    return check


def wish_text(wish: Wish) -> str:
    """What is wished for, in a sentence, and what happens next."""
    nodes = "one node" if wish.nodes == 1 else f"{wish.nodes} nodes"
    gpus = "1 GPU" if wish.gpus_per_node == 1 else f"{wish.gpus_per_node} GPUs"
    kinds = wish.gpu_types[0] if wish.gpu_types else "the cheapest that fits"
    more = f" or {len(wish.gpu_types) - 1} other types" if len(wish.gpu_types) > 1 else ""
    cap = "" if wish.max_cost_per_hour is None else f", at most ${wish.max_cost_per_hour:g}/h"
    ends = "" if wish.ttl_s is not None or wish.idle_s is not None else "; it runs, and is billed, until you end it"
    return f"{nodes} of {gpus} ({kinds}{more}){cap}{ends}. A plan with its price comes first."


def scale_check(now: int) -> Callable[[Values], tuple[str, bool]]:
    """What another number of nodes would mean."""

    def check(values: Values) -> tuple[str, bool]:
        try:
            nodes = _whole(values["nodes"], "nodes", 1, MOST_NODES)
            how_of(values)
        except ValueError as error:
            return str(error), False
        if nodes == now:
            return f"it has {now} nodes already", False
        if nodes > now:
            return f"{nodes - now} more; a plan with its price comes first", True
        fate = "waited for" if how_of(values) == "wait" else "cancelled"
        return f"{now - nodes} fewer: the newest go first, their jobs are {fate}; you are asked again", True

    return check


def nodes_named(text: str) -> tuple[str, ...]:
    """The nodes that are written, by spaces or commas."""
    return tuple(text.replace(",", " ").split())


def replace_check(of: Deployment) -> Callable[[Values], tuple[str, bool]]:
    """What replacing the nodes that are named would mean."""
    there = {called: node.name for node in of.nodes for called in (node.key, node.name)}

    def check(values: Values) -> tuple[str, bool]:
        called = nodes_named(values["nodes"])
        try:
            fate = "waited for" if how_of(values) == "wait" else "cancelled"
        except ValueError as error:
            return str(error), False
        if called == (ALL_NODES,):
            count = sum(bool(node.pod_id) for node in of.nodes)
            return f"all {count} nodes, one after another, the head last; {_jobs_words(fate)}", True
        if unknown := next((one for one in called if one not in there), None):
            return (
                f"{unknown[:40]!r} is no node of it: {', '.join(node.name for node in of.nodes)}, or {ALL_NODES}",
                False,
            )
        names = [there[one] for one in called]
        if doubled := next((name for at, name in enumerate(names) if name in names[:at]), None):
            return f"{doubled} is named twice", False
        if not names:
            return f"name the nodes that are to get another pod, or write {ALL_NODES}", False
        turns = names[0] if len(names) == 1 else f"{', '.join(names)}, one after another"
        return f"{turns}; {_jobs_words(fate)}", True

    return check


def _jobs_words(fate: str) -> str:
    return f"their jobs are {fate}; you are asked again"


def how_of(values: Mapping[str, str]) -> str:
    """`wait` or `cancel`, for the jobs on nodes that go. Raises ValueError."""
    word = values["jobs"].strip().lower()
    found = next((one for one in ("wait", "cancel") if word and one.startswith(word)), None)
    if found is None:
        raise ValueError("their jobs are waited for or cancelled: write wait or cancel")
    return found


def _list(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _whole(text: str, what: str, least: int, most: int) -> int:
    wanted = text.strip()
    if not wanted.isascii() or not wanted.isdigit() or len(wanted) > 9:
        raise ValueError(f"{what}: write a number from {least} to {most}")
    if not least <= int(wanted) <= most:
        raise ValueError(f"{what}: {least} to {most}, not {wanted}")
    return int(wanted)


def _number(text: str, what: str) -> float | None:
    wanted = text.strip().removeprefix("$").removesuffix("/h").strip()
    if not wanted:
        return None
    try:
        value = float(wanted)
    except ValueError:
        raise ValueError(f"{what}: write an amount such as 12.50, or nothing for no limit") from None
    if not 0 < value < 1_000_000:
        raise ValueError(f"{what}: more than 0, or nothing for no limit")
    return value


def _span(text: str, what: str) -> float | None:
    seconds = span_of(text, what)
    if seconds is not None and seconds < SHORTEST_S:
        raise ValueError(f"{what}: {SHORTEST_S / 60:.0f} minutes at least; a cluster takes some to form")
    return seconds
