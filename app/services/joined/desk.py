"""Wishes about the alerts of several daemons: each goes to the daemon whose alert, rule or silence it is.

A rule or a silence of a cluster that several daemons share goes to all of them. A wish that names no cluster where
there are several is refused, and says how to name one: nothing is done in a cluster that nobody meant.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from app.domain.alert import Matcher
from app.domain.clusters import FACT, Naming, cluster_of
from app.domain.naming import clean
from app.services.alert_desk import AlertDesk
from app.services.alerting import AlertingError, UnknownError
from app.services.joined.member import Link
from app.services.joined.verdicts import renamed_alert

Wish = Callable[[AlertDesk], Awaitable[Any]]


class JoinedDesk:
    """An `AlertDesk` before several daemons'."""

    def __init__(self, links: Sequence[Link]) -> None:
        self._links = tuple(links)

    async def rules(self) -> dict[str, Any]:
        """Every rule of every cluster, and what is wrong in files; who does not answer stands among the problems."""
        rules: list[dict[str, Any]] = []
        problems: list[str] = []
        for cluster, links in self._clusters().items():
            naming = _naming(links)
            try:
                told = await _first(links, lambda desk: desk.rules())
            except AlertingError as error:
                problems.append(f"{cluster}: {error}")
                continue
            rules += [{**one, "name": naming.out(str(one.get("name", "")))} for one in told.get("rules", ())]
            problems += [naming.out(str(one)) for one in told.get("problems", ())]
        if not rules and problems:
            raise AlertingError("; ".join(problems))
        return {"schema": 1, "rules": rules, "problems": problems}

    async def add_rule(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """Make a rule, in the cluster that its name begins with."""
        links, name = self._named(str(table.get("name", "")), "rule")
        made = await _each(links, lambda desk: desk.add_rule({**table, "name": name}))
        return _renamed(made, "name", links)

    async def change_rule(self, name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change a rule."""
        links, own = self._named(name, "rule")
        wanted = {**changes, "name": own} if "name" in changes else changes
        return _renamed(await _each(links, lambda desk: desk.change_rule(own, wanted)), "name", links)

    async def drop_rule(self, name: str) -> None:
        """Take back a rule that was made, or what was changed."""
        links, own = self._named(name, "rule")
        await _each(links, lambda desk: desk.drop_rule(own))

    async def ack(self, alert_id: str, by: str, note: str) -> dict[str, Any]:
        """Take an alert on, at the daemon that evaluates it."""
        found = [
            (link, alert.id)
            for link in self._links
            for alert in link.feed.alerts().alerts
            if alert_id and renamed_alert(alert, link.renamer.names).id.startswith(alert_id)
        ]
        if len({own for _, own in found}) != 1:
            raise UnknownError(f"there is no alert {clean(alert_id, 100)!r} now")
        link, own = found[0]
        told: dict[str, Any] = await _heard(link).ack(own, by, note)
        return {**told, "alert": alert_id}

    async def silence(self, matchers: str, lasts_s: float, by: str, comment: str) -> dict[str, Any]:
        """Keep alerts of one cluster from being told."""
        from app.engine.alerting.parse import ExpressionError, parse_matchers  # noqa: PLC0415 - late: for wishes only

        try:
            wanted = parse_matchers(matchers)
        except ExpressionError as error:
            raise AlertingError(str(error)) from error
        links = self._meant(wanted)
        own = ", ".join(map(str, _at_home(wanted, _naming(links))))
        if not own:
            raise AlertingError("a silence needs another label than the cluster: it would match everything there")
        return _renamed(await _each(links, lambda desk: desk.silence(own, lasts_s, by, comment)), "id", links)

    async def end_silence(self, key: str) -> None:
        """Let them be told again; of shares, by all that have a silence for the same."""
        links, own = self._named(key, "silence")
        every = [(link, one) for link in links for one in link.feed.alerts().silences]
        meant = next((one for _, one in every if one.id == own), None)
        if meant is None:
            await _heard(links[0]).end_silence(own)
            return
        same = [(link, one.id) for link, one in every if (one.matchers, one.by) == (meant.matchers, meant.by)]
        for link, one in same if len(links) > 1 else [(link, one) for link, one in same if one == own]:
            await _heard(link).end_silence(one)

    def _clusters(self) -> dict[str, list[Link]]:
        found: dict[str, list[Link]] = {}
        for one in self._links:
            found.setdefault(one.cluster, []).append(one)
        return found

    def _named(self, shown: str, what: str) -> tuple[list[Link], str]:
        """The daemons of a name's cluster, and the name there. Raises AlertingError."""
        links = [one for one in self._links if one.renamer.names.naming.owns(shown)]
        if not links:
            known = ", ".join(self._clusters())
            raise AlertingError(
                f"which cluster's {what}? Write {self._links[0].cluster}:{clean(shown, 60)}; in view are {known}"
            )
        return links, _naming(links).home(shown)

    def _meant(self, wanted: Sequence[Matcher]) -> list[Link]:
        """The daemons of the cluster that a silence is for. Raises AlertingError."""
        clusters = self._clusters()
        if len(clusters) == 1:
            return list(self._links)
        named = {one.value for one in wanted if one.name == FACT and one.op == "="}
        named |= {found for one in wanted if one.op in ("=", "=~") and (found := cluster_of(one.value)) in clusters}
        if len(named) != 1 or not named <= set(clusters):
            first = next(iter(clusters))
            raise AlertingError(f'which cluster? Add {FACT}="{first}"; in view are {", ".join(clusters)}')
        return clusters[named.pop()]


def _naming(links: Sequence[Link]) -> Naming:
    return links[0].renamer.names.naming


def _at_home(wanted: Sequence[Matcher], naming: Naming) -> list[Matcher]:
    """What a silence asks for, in its cluster's own names."""
    if not naming.cluster:
        return list(wanted)
    others = [one for one in wanted if one.name != FACT]
    return [Matcher(one.name, one.op, naming.home(one.value)) for one in others]


def _heard(link: Link) -> AlertDesk:
    """The desk of a daemon. Raises AlertingError with why it is not heard."""
    desk = link.feed.desk()
    if link.silence:
        raise AlertingError(f"nothing was done: {link.name}: {link.silence}")
    return desk


async def _first(links: Sequence[Link], wish: Wish) -> dict[str, Any]:
    """The answer of the first daemon that gives one. Raises AlertingError."""
    trouble = AlertingError("no daemon answers")
    for link in links:
        try:
            found: dict[str, Any] = await wish(_heard(link))
        except AlertingError as error:
            trouble = error
            continue
        return found
    raise trouble


async def _each(links: Sequence[Link], wish: Wish) -> dict[str, Any]:
    """The first answer of all daemons of a cluster. Raises AlertingError, which says where some had done it already."""
    answers: list[dict[str, Any]] = []
    for link in links:  # all must be there before the first is told, so that the shares stay alike
        _heard(link)
    for link in links:
        try:
            answers.append(await wish(_heard(link)))
        except AlertingError as error:
            done = f" ({len(answers)} of {len(links)} shares have done it)" if answers else ""
            raise type(error)(f"{error}{done}") from error
    return answers[0] or {}


def _renamed(told: dict[str, Any], key: str, links: Sequence[Link]) -> dict[str, Any]:
    return {**told, key: _naming(links).out(str(told.get(key, "")))}
