"""Signs: what a line that means something looks like, one row each, and how a row that fits becomes a find. Pure.

The names of a pattern's groups say what they hold: `code`, `gpu`, `pid`, `link` are numbers, `pci` an address,
`process`, `uuid` and `job` texts; any other name goes into the details.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from app.domain.evidence import Named
from app.domain.frozen import frozen
from app.domain.series import Severity

_PCI = re.compile(r"(?:PCI:)?([0-9a-f]{4,8}):([0-9a-f]{2}):([0-9a-f]{2})(?:\.[0-9a-f])?", re.IGNORECASE)
_SHORT_PCI = re.compile(r"([0-9a-f]{2}):([0-9a-f]{2})(?:\.[0-9a-f])?", re.IGNORECASE)
_NUMBERS = ("code", "gpu", "pid", "link", "recovery", "caused_by")
_NAMED = ("pci", "uuid", "process", "job")
_MOST_DETAIL = 160


@frozen
class Sign:
    """One thing that lines say."""

    kind: str
    severity: Severity
    needle: str
    """A part that every such line has, as it is spelled there: looked for first, since most lines have none."""
    pattern: re.Pattern[str]


@frozen
class Find(Named):
    """What a line says, before it is known when and where it was said."""

    kind: str
    severity: Severity


def sign(kind: str, severity: Severity, needle: str, pattern: str = "") -> Sign:
    """A row; without a pattern the needle is all there is to find."""
    return Sign(kind, severity, needle, re.compile(pattern or re.escape(needle)))


def find(signs: Iterable[Sign], text: str) -> Find | None:
    """The first row that fits."""
    for one in signs:
        if one.needle in text:
            match = one.pattern.search(text)
            if match:
                return _found(one, match)
    return None


def _found(one: Sign, match: re.Match[str]) -> Find:
    said = {name: value for name, value in match.groupdict().items() if value is not None}
    numbers = {name: whole(said.pop(name)) for name in _NUMBERS if name in said}
    named = {name: said.pop(name) for name in _NAMED if name in said}
    return Find(
        one.kind,
        one.severity,
        code=numbers.get("code"),
        gpu=numbers.get("gpu"),
        pci=pci_address(named.get("pci")),
        uuid=named.get("uuid"),
        pid=numbers.get("pid"),
        process=known(named.get("process")),
        job=named.get("job"),
        caused_by=numbers.get("caused_by"),
        recovery=numbers.get("recovery"),
        link=numbers.get("link"),
        details={name: value.strip()[:_MOST_DETAIL] for name, value in said.items()},
    )


def whole(text: str) -> int | None:
    """A number of at most nine digits; None for what no counter or index can be."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None


def known(name: str | None) -> str | None:
    """A process's name; None for the driver's `<unknown>`."""
    bare = (name or "").strip("' ")
    return bare[:64] if bare and bare != "<unknown>" else None


def pci_address(text: str | None) -> str | None:
    """A PCI address as `0000:9b:00`: small letters, four digits of domain, no function; None where it is none."""
    if not text:
        return None
    match = _PCI.search(text)
    if match:
        domain, bus, device = (part.lower() for part in match.groups())
        return f"{domain[-4:] if domain[:-4].strip('0') == '' else domain}:{bus}:{device}"
    short = _SHORT_PCI.fullmatch(text.strip())
    return f"0000:{short[1].lower()}:{short[2].lower()}" if short else None
