"""Our targets as http_sd and file_sd name them: what Prometheus can read by itself, and what it cannot. Pure.

A page that needs a secret or certificates of its own cannot be said in http_sd: it gets a scrape job of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from app.config.settings import Target
from app.domain.frozen import frozen
from app.domain.masking import redact_url
from app.domain.naming import clean
from app.sources.registry import name_of, row_for, shown
from app.transport.endpoint import Endpoint, parse_endpoint

Params = tuple[tuple[str, tuple[str, ...]], ...]
_LABEL = re.compile(r"[a-zA-Z0-9_]+")
INTERVAL_LABEL, TIMEOUT_LABEL = "__scrape_interval__", "__scrape_timeout__"


@frozen
class Access:
    """What a page asks for beside its address."""

    token_file: str = ""
    ca_file: str = ""
    insecure: bool = False
    params: Params = ()
    """Parameters of its address that no label can hold: several values, or a name such as `collect[]`."""

    @property
    def is_open(self) -> bool:
        """Nothing: http_sd alone can tell of it."""
        return self == Access()


@frozen
class Scraped:
    """A page that Prometheus can read by itself."""

    address: str
    """`host:port`."""
    labels: tuple[tuple[str, str], ...]
    access: Access = Access()

    def group(self) -> dict[str, Any]:
        """As a group of http_sd or file_sd."""
        return {"targets": [self.address], "labels": dict(self.labels)}


@frozen
class LeftOut:
    """A target that Prometheus cannot read by itself; what it gives is on the daemon's own page all the same."""

    name: str
    target: str
    """For people: without credentials."""
    why: str


def scraped(targets: Iterable[Target]) -> tuple[tuple[Scraped, ...], tuple[LeftOut, ...]]:
    """Sort targets into those that Prometheus can read and those it cannot, each in their order."""
    return _sorted(targets, _page)


def _sorted(
    targets: Iterable[Target], page_of: Callable[[Target], Scraped]
) -> tuple[tuple[Scraped, ...], tuple[LeftOut, ...]]:
    pages: list[Scraped] = []
    others: list[LeftOut] = []
    for target in targets:
        try:
            pages.append(page_of(target))
        except ValueError as reason:
            others.append(LeftOut(name_of(target), clean(shown(target.url)), str(reason)))
    return tuple(pages), tuple(others)


def groups(pages: Iterable[Scraped]) -> list[dict[str, Any]]:
    """The answer of http_sd, or the content of a file_sd file."""
    return [page.group() for page in pages]


def discovered(targets: Iterable[Target]) -> tuple[tuple[Scraped, ...], tuple[LeftOut, ...]]:
    """As `scraped`, for http_sd: pages that it cannot say all of are left out too."""
    return _sorted(targets, _open_page)


def discoveries(urls: Iterable[str]) -> tuple[tuple[str, ...], tuple[LeftOut, ...]]:
    """Addresses of other http_sd that may be written into a file, and those that hold a secret."""
    some = tuple(urls)
    plain = tuple(url for url in some if redact_url(url) == url)
    return plain, tuple(LeftOut("discovery", clean(shown(url)), _UNTOLD) for url in some if url not in plain)


def left_out_answer(others: Iterable[LeftOut]) -> list[dict[str, str]]:
    """They as JSON."""
    return [{"name": one.name, "target": one.target, "why": one.why} for one in others]


def _page(target: Target) -> Scraped:
    """Raises ValueError, which says why Prometheus cannot read it."""
    kind = row_for(target.url).kind
    if kind != "exporter":
        raise ValueError(_NO_PAGES.get(kind, "is no page of metrics"))
    if target.ssh:
        raise ValueError("is reached through ssh, which Prometheus does not speak")
    endpoint = parse_endpoint(target.url)
    if endpoint.server.scheme == "unix":
        raise ValueError("is a unix socket, which Prometheus does not read")
    if redact_url(target.url) != target.url:
        raise ValueError(_UNTOLD)
    params = _params(endpoint)
    access = replace(_access(target), params=tuple(one for one in params if not _is_label(one)))
    return Scraped(endpoint.server.authority, tuple(_labels(target, endpoint, params)), access)


def _open_page(target: Target) -> Scraped:
    """Raises ValueError, which says why it cannot be said in http_sd."""
    page = _page(target)
    if not page.access.is_open:
        raise ValueError(
            "wants a token, certificates or parameters that http_sd cannot say: `stack` writes a job for it"
        )
    return page


_UNTOLD = "has a password or token in its address, which is told to nobody"
_NO_PAGES = {
    "nvml": "is this machine's driver, which has no page: run `gpu-watchdog-exporter` beside it",
    "slurm": "is Slurm itself, which has no page",
    "log": "is a log",
    "provider": "is RunPod, which has no page of its pods",
    "prometheus": "is read by the Prometheus server that we ask",
}


def _access(target: Target) -> Access:
    return Access(target.token_file, target.ca_file, target.insecure)


def _params(endpoint: Endpoint) -> Params:
    asked = parse_qs(urlsplit(endpoint.path).query, keep_blank_values=True)
    return tuple((name, tuple(values)) for name, values in asked.items())


def _is_label(param: tuple[str, tuple[str, ...]]) -> bool:
    return _LABEL.fullmatch(param[0]) is not None and len(param[1]) == 1


def _labels(target: Target, endpoint: Endpoint, params: Params) -> Iterable[tuple[str, str]]:
    """Labels that a scrape is steered by, and those that its series get."""
    yield "__scheme__", endpoint.server.scheme
    yield "__metrics_path__", urlsplit(endpoint.path).path
    for name, values in filter(_is_label, params):
        yield f"__param_{name}", values[0]
    if target.interval_s:
        yield INTERVAL_LABEL, _span(target.interval_s)
        yield TIMEOUT_LABEL, _span(min(target.timeout_s or target.interval_s, target.interval_s))
    if target.node:
        yield "node", target.node
    yield "source", name_of(target)


def _span(seconds: float) -> str:
    return f"{max(1, round(seconds * 1000))}ms"
