"""The file that says who is told, read: Apprise addresses, one a line, or TOML with channels, routes, teams and times.

Pure. What is wrong is named by its place, never by its text: addresses are secrets. The rest of the file goes on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from app.config.secret import Secret
from app.domain.alert import SEVERITIES
from app.domain.frozen import frozen
from app.domain.hostlist import expand
from app.domain.naming import clean
from app.domain.times import parse_span
from app.engine.alerting.parse import ExpressionError, parse_matchers
from app.engine.notifying.policy import (
    ALWAYS,
    DAYS,
    KEYED_SERVICES,
    Channel,
    Heartbeat,
    Hours,
    Limit,
    Policy,
    Route,
    Team,
    Timing,
)

DEFAULT_LIMIT = Limit(12, 600.0)
APPRISE_HOSTS = (
    *("slack.com", "discord.com", "discordapp.com", "office.com", "logic.azure.com", "powerplatform.com"),
    *("chat.googleapis.com", "api.telegram.org", "maker.ifttt.com"),
)
"""Ends of hosts whose https addresses Apprise takes as they are; any other http(s) address is a webhook of ours."""
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://\S+", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})", re.ASCII)
_TABLES = ("notify", "channel", "route", "team")
T = TypeVar("T")
_General = tuple[Timing, ZoneInfo | None, Heartbeat | None]


class _Wrong(Exception):  # noqa: N818 - never leaves this module
    """Something of the file cannot be used; the text holds nothing secret."""


@frozen
class PolicyFile:
    """What the file said."""

    policy: Policy
    problems: tuple[str, ...] = ()
    """One sentence each, with the file's name."""


def parse_policy(text: str, origin: str) -> PolicyFile:
    """Read the text of the file."""
    lines = [line.strip() for line in text.splitlines()]
    if any(line.startswith("[") for line in lines):
        return _from_toml(text, origin)
    channels: dict[str, Channel] = {}
    problems: list[str] = []
    for number, line in enumerate(lines, start=1):
        if not line or line.startswith("#"):
            continue
        try:
            one = _channel("", {"url": line})
        except _Wrong as wrong:
            problems.append(f"{origin}:{number}: {wrong}")
            continue
        name = _free(one.service.replace("+", "-"), channels)
        channels[name] = replace(one, name=name)
    return PolicyFile(Policy(channels), tuple(problems))


def _free(wanted: str, taken: Mapping[str, object]) -> str:
    number, name = 1, wanted
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    return name


def _from_toml(text: str, origin: str) -> PolicyFile:
    import tomllib  # noqa: PLC0415 - late: a plain list does not pay for it

    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"\(at [^)]*\)", str(error))  # the rest of its words may quote the file
        return PolicyFile(Policy(), (f"{origin}: not valid TOML {where[0] if where else ''}".rstrip(),))
    problems = [f"{origin}: unknown table [{clean(name, 60)}]" for name in raw if name not in _TABLES]

    def read(what: str, make: Callable[[], T], without: T) -> T:
        try:
            return make()
        except _Wrong as wrong:
            problems.append(f"{origin}: {what}: {wrong}")
            return without

    general = raw.get("notify", {})
    channels: dict[str, Channel] = {}
    for name, table in _named(raw.get("channel", {})):
        if (made := read(f"[channel.{clean(name, 60)}]", lambda n=name, t=table: _channel(n, t), None)) is not None:  # type: ignore[misc]  # bound now
            channels[name] = made
    routes = tuple(_routes(raw.get("route", []), channels, read))
    teams = [
        read(f"[team.{clean(name, 60)}]", lambda n=name, t=table: _team(n, t), None)  # type: ignore[misc]  # likewise
        for name, table in _named(raw.get("team", {}))
    ]
    nothing: _General = (Timing(), None, None)
    timing, zone, heartbeat = read("[notify]", lambda: _general(general), nothing)
    policy = Policy(channels, routes, tuple(one for one in teams if one is not None), timing, heartbeat, zone)
    if raw.get("route") and not routes:
        problems.append(f"{origin}: no route can be used: warnings and worse go to every channel")
    return PolicyFile(policy, tuple(problems))


def _routes(
    raw: object, channels: Mapping[str, Channel], read: Callable[[str, Callable[[], Route | None], None], Route | None]
) -> Iterator[Route]:
    for number, table in enumerate(raw if isinstance(raw, list) else [raw], start=1):
        made = read(f"[[route]] {number}", lambda t=table: _route(t, channels), None)  # type: ignore[misc]  # bound now
        if made is not None:
            yield made


def _named(raw: object) -> Iterator[tuple[str, object]]:
    if isinstance(raw, dict):
        yield from raw.items()


def _keys(table: object, known: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(table, dict):
        raise _Wrong("must be a table")
    for key in table:
        if key not in known:
            raise _Wrong(f"unknown key {clean(str(key), 40)!r}; known: {', '.join(known)}")
    return table


def _channel(name: str, raw: object) -> Channel:
    table = _keys(raw, ("url", "limit", "timeout"))
    if name and not _NAME.fullmatch(name):
        raise _Wrong("a channel's name is letters, digits, `-`, `_` and `.`")
    url = table.get("url", "")
    found = _SCHEME.fullmatch(url.strip()) if isinstance(url, str) else None
    if found is None:
        raise _Wrong("url is no address (`slack://…`, `mailtos://…`, `https://…`)")
    service, kind = found[1].lower(), "apprise"
    if service in ("http", "https"):
        host = _host(found[0])
        native = any(host == end or host.endswith(f".{end}") for end in APPRISE_HOSTS)
        service, kind = (host, kind) if native else ("webhook", "webhook")
    limit = None if kind == "webhook" or service in KEYED_SERVICES else DEFAULT_LIMIT
    return Channel(
        name,
        "webhook" if kind == "webhook" else "apprise",
        Secret(found[0]),
        service,
        _limit(table["limit"]) if "limit" in table else limit,
        _seconds(table.get("timeout", "15s"), "timeout"),
    )


def _host(url: str) -> str:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    if not host:
        raise _Wrong("url names no host")
    return host.lower()


def _limit(raw: object) -> Limit | None:
    if raw == "none":
        return None
    count, slash, per = str(raw).partition("/")
    if not slash or not count.strip().isdigit() or not 2 <= int(count) <= 100_000:
        raise _Wrong("limit is how many in how long, `12/10m` (2 at least), or `none`")
    return Limit(int(count), _seconds(per, "limit"))


def _seconds(raw: object, key: str, most: float = 30 * 86400.0) -> float:
    if isinstance(raw, int | float) and not isinstance(raw, bool) and 0 <= raw <= most:
        return float(raw)
    if str(raw).strip() in ("0", "0s"):
        return 0.0
    try:
        found = parse_span(raw) if isinstance(raw, str) else -1.0
    except ValueError:
        found = -1.0
    if not 0 <= found <= most:
        raise _Wrong(f"{key} must be a span of time such as `30s`, `5m` or `4h`")
    return found


def _route(raw: object, channels: Mapping[str, Channel]) -> Route:
    table = _keys(raw, ("to", "severity", "match", "team", "days", "hours", "continue", "digest"))
    to = _names(table.get("to"), "to")
    unknown = [name for name in to if name not in channels]
    if not to or unknown:
        raise _Wrong(f"there is no channel {clean(unknown[0], 60)!r}" if unknown else "`to` names no channel")
    severity = next((one for one in SEVERITIES if one == table.get("severity", "warning")), None)
    if severity is None:
        raise _Wrong(f"severity must be {', '.join(SEVERITIES)}")
    try:
        matchers = parse_matchers(str(table["match"])) if table.get("match") else ()
    except ExpressionError as error:
        raise _Wrong(f"match: {error}") from error
    digest = table.get("digest")
    return Route(
        to,
        severity,
        matchers,
        frozenset(_names(table.get("team"), "team")),
        _hours(table.get("days"), table.get("hours")),
        table.get("continue") is True,
        None if digest is None else _seconds(digest, "digest"),
    )


def _names(raw: object, key: str) -> tuple[str, ...]:
    some = () if raw is None else (raw,) if isinstance(raw, str) else raw
    if not isinstance(some, list | tuple) or not all(isinstance(one, str) for one in some):
        raise _Wrong(f"{key} must be a name or a list of names")
    return tuple(some)


def _hours(days: object, hours: object) -> Hours:
    if days is None and hours is None:
        return ALWAYS
    spans: list[tuple[int, int]] = []
    for part in str(hours).split(",") if hours is not None else ():
        found = _SPAN.fullmatch(part.strip())
        numbers = [int(one) for one in found.groups()] if found else [99]
        if found is None or max(numbers[0], numbers[2]) > 24 or max(numbers[1], numbers[3]) > 59:
            raise _Wrong("hours are `08:00-18:00`, several with commas between")
        spans.append((numbers[0] * 60 + numbers[1], numbers[2] * 60 + numbers[3]))
    return Hours(_days(days), tuple(spans))


def _days(raw: object) -> frozenset[int]:
    if raw is None:
        return frozenset(range(7))
    found: set[int] = set()
    for part in str(raw).lower().replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise _Wrong("days are `mon-fri`, `sat,sun`, …")
        start, end = DAYS.index(first), DAYS.index(last or first)
        found |= {day % 7 for day in range(start, end + 1 if end >= start else end + 8)}
    return frozenset(found)


def _team(name: str, raw: object) -> Team:
    table = _keys(raw, ("users", "accounts", "partitions", "nodes"))
    nodes = [one for text in _names(table.get("nodes"), "nodes") for one in expand(text)]
    users, accounts, partitions = (
        frozenset(_names(table.get(key), key)) for key in ("users", "accounts", "partitions")
    )
    return Team(name, users, accounts, partitions, frozenset(nodes))


def _general(raw: object) -> _General:
    spans = tuple(one.name.removesuffix("_s") for one in fields(Timing))
    table = _keys(raw, (*spans, "timezone", "heartbeat", "heartbeat_interval"))
    timing = Timing(**{f"{key}_s": _seconds(table[key], key) for key in spans if key in table})
    zone = None
    if table.get("timezone"):
        try:
            zone = ZoneInfo(str(table["timezone"]))
        except (KeyError, ValueError, OSError):
            raise _Wrong("timezone is a name such as `Europe/Berlin`") from None
    address = table.get("heartbeat")
    if address is None:
        return timing, zone, None
    if not isinstance(address, str) or urlsplit(address).scheme not in ("http", "https"):
        raise _Wrong("heartbeat is an http(s) address")
    every_s = _seconds(table.get("heartbeat_interval", "60s"), "heartbeat_interval")
    return timing, zone, Heartbeat(Secret(address), max(5.0, every_s))
