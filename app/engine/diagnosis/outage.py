"""Sources that cannot be read: how they fail, by the sentence that says so, and what kind of thing each is. Pure.

The sentences are this program's own (`app.transport.failure`, `app.sources.page`, `app.sources.slurm.trouble`); a test
holds this table against them. A sentence that fits no row is `other`: still a failure, only not told apart.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from app.domain.ages import STALE_INTERVALS
from app.domain.snapshot import Snapshot, SourceState

How = Literal[
    "stale", "refused", "no_answer", "unreachable", "closed", "denied", "server_error", "absent", "unknown_page",
    "no_page", "cannot_read", "other",
]  # fmt: skip
"""`no_answer`: it took the connection and says nothing; `unreachable`: not even that; `absent`: no such page;
`unknown_page`: a page of names that nobody knows; `no_page`: something else than a page; `cannot_read`: the exporter
answers that it cannot read the GPUs; `stale`: nobody looked for a while."""
Family = Literal["server", "exporter", "slurm", "log", "prometheus", "other"]

_HOWS: tuple[tuple[How, re.Pattern[str]], ...] = (
    ("cannot_read", re.compile(r"cannot read the GPUs|its own last reading failed")),
    ("unknown_page", re.compile(r"nothing here I know")),
    ("no_page", re.compile(r"not Prometheus text|the page is empty|the page has only comments|no line of this page")),
    ("denied", re.compile(r"answered HTTP 40[13]\b|not allowed to open|[Pp]ermission denied")),
    ("absent", re.compile(r"answered HTTP 4\d\d\b|redirects ")),
    ("server_error", re.compile(r"answered HTTP 5\d\d\b")),
    ("refused", re.compile(r"connection refused by|nothing answers at|there is no socket")),
    ("no_answer", re.compile(r"no answer from .* within|said nothing for|bytes in [\d.]+ s, then cut")),
    ("closed", re.compile(r"broke the connection off|closed the connection")),
    ("unreachable", re.compile(r"no connection to|has no address|^ssh |\bssh\b.*(?:timed out|refused|No route|lost)")),
)
SAID: dict[How, str] = {
    "stale": "has not been read for a while",
    "refused": "refuses connections",
    "no_answer": "takes connections and does not answer",
    "unreachable": "cannot be reached",
    "closed": "breaks connections off",
    "denied": "does not let us in",
    "server_error": "answers with errors",
    "absent": "has no such page",
    "unknown_page": "has a page on which no name is known",
    "no_page": "answers with something that is no page of metrics",
    "cannot_read": "cannot read the GPUs itself",
    "other": "cannot be read",
}
_SERVER_FLAVOURS = ("vllm", "triton")
_SERVER_NAMES = re.compile(r"vllm|sglang|triton|llm\b|:800\d(?:/|\b)", re.IGNORECASE)
"""What a model server that never answered may be known by; 8000 is vLLM's own port."""
_GPU_NAMES = re.compile(r"\b(?:DCGM_|nvidia_smi_|gpu_watchdog_|nvidia_gpu_)")
MARGIN_S = 0.5
"""A look is not made on the dot."""


def how(state: SourceState) -> How:
    """How a source that is down or stale fails."""
    return "stale" if state.error is None else _how(state.error)


@lru_cache(maxsize=8192)
def _how(error: str) -> How:
    return next((one for one, pattern in _HOWS if pattern.search(error)), "other")


def is_out(state: SourceState, now: float) -> bool:
    """It has brought nothing for more than two intervals, or never, at two looks at least: no single missed scrape."""
    if state.ok_at is None:
        return state.failures >= 2
    return now - state.ok_at > STALE_INTERVALS * state.spec.interval_s + MARGIN_S


def family(state: SourceState) -> Family:
    """What kind of thing a source reads: by what it answered, else by what it is called."""
    kind = state.spec.kind
    if kind == "vllm" or (state.page is not None and state.page.flavour in _SERVER_FLAVOURS):
        return "server"
    match kind:
        case "slurm" | "log":
            return kind
        case "prometheus" | "provider":
            return "prometheus"
    if state.page is None and kind == "exporter" and _SERVER_NAMES.search(f"{state.spec.name} {state.spec.target}"):
        return "server"
    return "exporter"


def has_unknown_gpu_names(state: SourceState) -> bool:
    """It answers with names of a GPU exporter, of which this program knows none."""
    return state.error is not None and how(state) == "unknown_page" and bool(_GPU_NAMES.search(state.error))


def is_kernel_log(state: SourceState) -> bool:
    """Whether a log is the kernel's, as far as its page or its name tells."""
    flavour = state.page.flavour if state.page is not None else state.spec.name
    return state.spec.kind == "log" and flavour.startswith("kernel")


def is_server_log(state: SourceState) -> bool:
    """Whether a log is a model server's."""
    flavour = state.page.flavour if state.page is not None else state.spec.name
    return state.spec.kind == "log" and flavour.startswith("vllm")


def speakers(snapshot: Snapshot) -> dict[str, str]:
    """Source → the node it speaks of; those that speak of several, or of none yet, are not here."""
    found: dict[str, str | None] = {}
    for name, node in snapshot.nodes.items():
        for source in node.sources:
            found[source] = name if source not in found else None
    return {source: node for source, node in found.items() if node is not None}
