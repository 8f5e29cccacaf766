"""Wishes about alerts: acknowledge, silence, make and change rules. One desk here, one at a daemon; the same answers.

Answers are the JSON that the API gives. Wishes that cannot be met raise `AlertingError`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from app.domain.naming import clean
from app.services import queries_alerts
from app.services.alerting import Alerting, AlertingError, UnknownError

if TYPE_CHECKING:
    import httpx

_ASK_S = 10.0


class AlertDesk(Protocol):
    """Takes wishes."""

    async def rules(self) -> dict[str, Any]:
        """Every rule, and what is wrong in files."""

    async def add_rule(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """Make a rule."""

    async def change_rule(self, name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change a rule."""

    async def drop_rule(self, name: str) -> None:
        """Take back a rule that was made, or what was changed."""

    async def ack(self, alert_id: str, by: str, note: str) -> dict[str, Any]:
        """Take an alert on."""

    async def silence(self, matchers: str, lasts_s: float, by: str, comment: str) -> dict[str, Any]:
        """Keep alerts from being told."""

    async def end_silence(self, key: str) -> None:
        """Let them be told again."""


class LocalDesk:
    """The desk of a process that evaluates."""

    def __init__(self, alerting: Alerting) -> None:
        self._alerting = alerting

    async def rules(self) -> dict[str, Any]:
        """Every rule, and what is wrong in files."""
        book = self._alerting.book
        return queries_alerts.rules_answer(book.rules.values(), book.problems)

    async def add_rule(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """Make a rule."""
        return queries_alerts.rule_status(await self._alerting.add_rule(table))

    async def change_rule(self, name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change a rule."""
        return queries_alerts.rule_status(await self._alerting.change_rule(name, changes))

    async def drop_rule(self, name: str) -> None:
        """Take back a rule that was made, or what was changed."""
        await self._alerting.drop_rule(name)

    async def ack(self, alert_id: str, by: str, note: str) -> dict[str, Any]:
        """Take an alert on."""
        ack = await self._alerting.ack(alert_id, by, note)
        return {"alert": ack.alert, "at": ack.at, "by": ack.by, "note": ack.note}

    async def silence(self, matchers: str, lasts_s: float, by: str, comment: str) -> dict[str, Any]:
        """Keep alerts from being told."""
        from app.engine.alerting.parse import ExpressionError, parse_matchers  # noqa: PLC0415 - late: for wishes only

        try:
            wanted = parse_matchers(matchers)
        except ExpressionError as error:
            raise AlertingError(str(error)) from error
        return queries_alerts.silence_status(await self._alerting.silence(wanted, lasts_s, by, comment))

    async def end_silence(self, key: str) -> None:
        """Let them be told again."""
        await self._alerting.end_silence(key)


class RemoteDesk:
    """The desk of a daemon, over its unix socket; whose socket it is was checked when it was attached."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    async def rules(self) -> dict[str, Any]:
        """Every rule, and what is wrong in files."""
        return await self._ask("GET", "/api/alerts/rules")

    async def add_rule(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """Make a rule."""
        return await self._ask("POST", "/api/alerts", table)

    async def change_rule(self, name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change a rule."""
        return await self._ask("PATCH", f"/api/alerts/{quote(name, safe='')}", changes)

    async def drop_rule(self, name: str) -> None:
        """Take back a rule that was made, or what was changed."""
        await self._ask("DELETE", f"/api/alerts/{quote(name, safe='')}")

    async def ack(self, alert_id: str, by: str, note: str) -> dict[str, Any]:
        """Take an alert on."""
        return await self._ask("POST", f"/api/alerts/{quote(alert_id, safe='')}/ack", {"by": by, "note": note})

    async def silence(self, matchers: str, lasts_s: float, by: str, comment: str) -> dict[str, Any]:
        """Keep alerts from being told."""
        wish = {"matchers": matchers, "lasts_s": lasts_s, "by": by, "comment": comment}
        return await self._ask("POST", "/api/silences", wish)

    async def end_silence(self, key: str) -> None:
        """Let them be told again."""
        await self._ask("DELETE", f"/api/silences/{quote(key, safe='')}")

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        import httpx  # noqa: PLC0415 - late: only who wishes something pays for it

        transport = httpx.AsyncHTTPTransport(uds=str(self._socket))
        try:
            async with (
                asyncio.timeout(_ASK_S),
                httpx.AsyncClient(transport=transport, base_url="http://daemon", timeout=_ASK_S) as client,
            ):
                answer = await client.request(method, path, json=None if body is None else dict(body))
        except (httpx.HTTPError, TimeoutError) as error:
            raise AlertingError(f"the daemon at {self._socket} does not answer: {error}") from error
        return answer_of(answer)


def answer_of(answer: httpx.Response) -> dict[str, Any]:
    """What a daemon said. Raises AlertingError or UnknownError where it refused."""
    try:
        said = json.loads(answer.content or b"{}")
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise AlertingError("the daemon's answer is not JSON: restart it, or upgrade this program")
    if answer.status_code >= 400:
        text = clean(str(said.get("error", answer.reason_phrase)), 500)
        raise UnknownError(text) if answer.status_code == 404 else AlertingError(text)
    return said
