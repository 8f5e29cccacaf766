"""The file that says who is told: both forms, and mistakes that cost themselves and show no secret."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.config.secret import Secret
from app.engine.notifying.policy import Hours, Limit, Timing
from app.engine.notifying.policy_file import parse_policy

CANARY = "c4n4ry-t0k3n"


def test_a_plain_list_names_channels_by_their_service() -> None:
    """One address a line; http addresses are webhooks of ours, but for those of services that Apprise knows."""
    text = f"""
    # who is told
    slack://T1/A1/{CANARY}
    slack://T2/A2/{CANARY}
    https://hooks.slack.com/services/T1/A1/{CANARY}
    https://hooks.example.com/{CANARY}
    mailtos://ops:{CANARY}@example.com
    """
    found = parse_policy(text, "notify")

    assert () == found.problems
    kinds = {name: (one.kind, one.service) for name, one in found.policy.channels.items()}
    assert {
        "slack": ("apprise", "slack"),
        "slack-2": ("apprise", "slack"),
        "hooks.slack.com": ("apprise", "hooks.slack.com"),
        "webhook": ("webhook", "webhook"),
        "mailtos": ("apprise", "mailtos"),
    } == kinds
    assert Secret(f"slack://T1/A1/{CANARY}") == found.policy.channels["slack"].address
    assert [Limit(12, 600), None] == [found.policy.channels[name].limit for name in ("slack", "webhook")]


def test_toml_names_channels_routes_teams_and_times() -> None:
    """Everything it can say, said once."""
    found = parse_policy(
        """
        [notify]
        group_wait = "30s"
        timezone = "Europe/Berlin"
        heartbeat = "https://hc.example.com/abc"
        [channel.pager]
        url = "pagerduty://key@token"
        [channel.chat]
        url = "https://example.com/hook"
        limit = "5/1h"
        [team.vision]
        users = ["ana"]
        nodes = ["gpu-[01-03]"]
        [[route]]
        to = "chat"
        severity = "info"
        match = 'node=~"gpu-.*"'
        team = ["vision"]
        days = "mon-fri,sun"
        hours = "08:00-18:00"
        continue = true
        digest = "1d"
        [[route]]
        to = ["pager", "chat"]
        severity = "critical"
        """,
        "notify",
    )

    assert () == found.problems
    policy = found.policy
    assert Timing(group_wait_s=30.0) == policy.timing
    assert (ZoneInfo("Europe/Berlin"), 60.0) == (policy.zone, policy.heartbeat.every_s if policy.heartbeat else 0)
    assert (None, Limit(5, 3600)) == (policy.channels["pager"].limit, policy.channels["chat"].limit)
    assert frozenset({"gpu-01", "gpu-02", "gpu-03"}) == policy.teams[0].nodes
    first, second = policy.routes
    assert (frozenset({0, 1, 2, 3, 4, 6}), ((480, 1080),)) == (first.hours.days, first.hours.spans)
    assert (True, 86400.0, ("pager", "chat")) == (first.goes_on, first.digest_s, second.to)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"no address {CANARY}", "notify:1: url is no address"),
        (f"[channel.a]\nurl = '{CANARY}'", "notify: [channel.a]: url is no address"),
        ("[channel.a]\nurl = 'slack://x'\nlimt = 3", "[channel.a]: unknown key 'limt'; known: url, limit, timeout"),
        ("[channel.a]\nurl = 'slack://x'\nlimit = '1/1h'", "limit is how many in how long"),
        ("[[route]]\nto = 'x'", "notify: [[route]] 1: there is no channel 'x'"),
        ("[channel.a]\nurl='a://b'\n[[route]]\nto = 'a'\nhours = '8-18'", "hours are `08:00-18:00`"),
        ("[channel.a]\nurl='a://b'\n[[route]]\nto = 'a'\ndays = 'mo'", "days are `mon-fri`"),
        ("[channel.a]\nurl='a://b'\n[[route]]\nto = 'a'\nmatch = 'node='", "match: "),
        ("[notify]\ntimezone = 'Mars/Base'", "timezone is a name"),
        ("[notify]\nrepeat_interval = 'often'", "repeat_interval must be a span of time"),
        ("[chanel.a]\nurl = 'a://b'", "notify: unknown table [chanel]"),
        (f"[channel.a]\nurl = {CANARY}", "notify: not valid TOML (at line 2"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_by_its_place_and_shows_nothing_secret(text: str, problem: str) -> None:
    """Whoever reads the log learns where to look, and nothing else."""
    found = parse_policy(text, "notify")

    assert any(problem in one for one in found.problems), found.problems
    assert CANARY not in repr(found)


def test_a_mistake_costs_itself_only() -> None:
    """Of two channels and two routes the good ones go on."""
    text = "[channel.a]\nurl='https://a.example/x'\n[channel.b]\nurl='?'\n[[route]]\nto='a'\n[[route]]\nto='b'"
    found = parse_policy(text, "notify")

    assert ({"a"}, 1, 2) == (set(found.policy.channels), len(found.policy.routes), len(found.problems))


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def test_hours_over_midnight_belong_to_their_evening() -> None:
    """Friday 22:00 to 06:00 holds on Saturday at 5, and not on Sunday at 5."""
    nights = Hours(frozenset(range(5)), ((22 * 60, 6 * 60),))
    zone = ZoneInfo("UTC")

    moments = ("2026-11-27T23:00", "2026-11-28T05:59", "2026-11-28T06:00", "2026-11-29T05:00", "2026-11-28T23:00")
    assert [True, True, False, False, False] == [nights.holds(at(one), zone) for one in moments]


def test_hours_are_those_of_the_zone() -> None:
    """07:30 UTC is 08:30 in Berlin."""
    day = Hours(spans=((8 * 60, 18 * 60),))

    assert day.holds(at("2026-11-27T07:30"), ZoneInfo("Europe/Berlin"))
    assert not day.holds(at("2026-11-27T07:30"), ZoneInfo("UTC"))
