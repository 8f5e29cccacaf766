"""What `deploy` is asked for: flags over the record of a deployment, or over the configuration where it is new. Pure.

A deployment keeps what it was first wished for: a flag of a later run that says something else is a wish of its own,
which the service grants or refuses. What is not said stays as it was.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import replace

from app.cli.command import Parser
from app.cli.errors import CliError
from app.domain.deployment import COMMUNITY, NAME, SECURE, Wish
from app.services.deploy.wishing import GIVEN, NEVER, PRICE, model_of, span_of


def declare_wish(parser: Parser) -> None:
    """The flags that say what a new deployment should be."""
    group = parser.add_argument_group("what to rent (default: as it was, else as [deploy] of the configuration says)")
    group.add_argument("--nodes", metavar="N", type=int, help="nodes, the head counted (2)")
    group.add_argument("--gpus-per-node", metavar="N", type=int, help="GPUs of each node (1)")
    group.add_argument(
        "--gpu", metavar="TYPE", action="append", default=[], help="GPU type as RunPod names it; may be repeated"
    )
    group.add_argument("--order", choices=(GIVEN, PRICE), help="GPU types in your order, or the cheapest first")
    group.add_argument(
        "--data-center", metavar="ID", action="append", default=[], help="data centre, EU-RO-1; may be repeated"
    )
    group.add_argument("--cloud", choices=(SECURE, COMMUNITY), help="only SECURE has a private network between pods")
    group.add_argument("--image", metavar="IMAGE", help="image of the pods (a stock image, and our scripts over ssh)")
    group.add_argument("--disk", metavar="GB", type=int, help="disk of each pod (50)")
    group.add_argument("--volume", metavar="GB", type=int, help="network volume for the model's weights (none)")
    group.add_argument(
        "--model", metavar="MODEL", help="what vLLM serves on the head; default: the one the agent is made for (none)"
    )
    group.add_argument("--max-cost-per-hour", metavar="X", help="$/h that all pods together may cost (no limit)")
    group.add_argument("--ttl", metavar="SPAN", help="time to live, 12h: then all of it is destroyed (for ever)")
    group.add_argument("--idle-shutdown", metavar="SPAN", help="idle time, 45m, after which it is destroyed (never)")
    group.add_argument("--burn-in", action="store_const", const=True, help="load every GPU for some seconds first")


def checked_name(text: str) -> str:
    """A deployment's name. Raises CliError."""
    if NAME.fullmatch(text):
        return text
    raise CliError(
        f"a deployment cannot be called {text[:40]!r}: use a-z, 0-9 and -, a letter first, at most 24 characters"
    )


def wish_of(args: argparse.Namespace, base: Wish) -> Wish:
    """The wish with what the flags say. Raises CliError."""
    said: dict[str, object] = {
        "nodes": args.nodes,
        "gpus_per_node": args.gpus_per_node,
        "gpu_types": tuple(args.gpu) or None,
        "by_price": None if args.order is None else args.order == PRICE,
        "data_centers": tuple(args.data_center) or None,
        "cloud": args.cloud,
        "image": args.image,
        "disk_gb": args.disk,
        "volume_gb": args.volume,
        "model": None if args.model is None else model_of(args.model),
        "burn_in": args.burn_in,
    }
    limits: dict[str, object] = {}
    if args.max_cost_per_hour is not None:
        limits["max_cost_per_hour"] = _dollars(args.max_cost_per_hour, "--max-cost-per-hour")
    if args.ttl is not None:
        limits["ttl_s"] = _span(args.ttl, "--ttl")
    if args.idle_shutdown is not None:
        limits["idle_s"] = _span(args.idle_shutdown, "--idle-shutdown")
    given = {name: value for name, value in said.items() if value is not None}
    return _checked(replace(base, **{**given, **limits}))  # type: ignore[arg-type]  # argparse typed them


def seconds_of(text: str, what: str) -> float:
    """Seconds, as a plain number or as a span. Raises CliError."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = _span(text, what) or 0.0
    if not math.isfinite(seconds) or seconds <= 0:
        raise CliError(f"{what} must be seconds above 0, or a span such as 30m, not {text!r}")
    return seconds


def _checked(wish: Wish) -> Wish:
    """The wish, if its texts are plain; what else cannot be built, the service refuses. Raises CliError."""
    texts = (*wish.gpu_types, *wish.data_centers, wish.image, wish.model)
    if odd := next((text for text in texts if not text.isprintable() or len(text) > 300), None):
        raise CliError(f"{odd[:60]!r} is not a plain name")
    return wish


def _span(text: str, what: str) -> float | None:
    try:
        return span_of(text, what)
    except ValueError as error:
        raise CliError(str(error)) from error


def _dollars(text: str, what: str) -> float | None:
    if text.strip().lower() in NEVER:
        return None
    try:
        dollars = float(text.strip().removeprefix("$"))
    except ValueError:
        dollars = math.nan
    if not math.isfinite(dollars) or dollars < 0:
        raise CliError(f"{what} must be dollars an hour, 4.50, not {text!r}")
    return dollars or None  # 0 is no limit, as in the configuration
