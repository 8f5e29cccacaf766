"""POSTs: done, refused, away; and nothing of an address but its host in what is said."""

from __future__ import annotations

import pytest

from app.config.secret import Secret
from app.domain.notice import DONE
from app.transport.posting import get, host_of, post_json
from tests.services.receivers import webhook

CANARY = "c4n4ry-s3cr3t"


@pytest.mark.parametrize(
    ("status", "headers", "error", "may_pass", "pause_s"),
    [
        (503, {}, "answered HTTP 503", True, None),
        (429, {"Retry-After": "30"}, "answered HTTP 429", True, 30.0),
        (429, {"Retry-After": "tomorrow"}, "answered HTTP 429", True, None),
        (403, {}, "answered HTTP 403", False, None),
        (302, {"Location": "/elsewhere"}, "answered HTTP 302; it points elsewhere, which is not followed", False, None),
    ],
)
async def test_an_answer_says_whether_another_attempt_may_do_better(
    status: int, headers: dict[str, str], error: str, may_pass: bool, pause_s: float | None
) -> None:
    """A refusal is final, trouble is not; a redirect is not followed."""
    async with webhook() as hook:
        hook.answers.append(status)
        hook.headers = headers
        outcome = await post_json(Secret(f"{hook.url}/{CANARY}"), b"{}", 5)

    assert (False, may_pass, pause_s) == (outcome.ok, outcome.may_pass, outcome.retry_after_s)
    assert error in outcome.error
    assert CANARY not in outcome.error
    assert [] == hook.got


async def test_what_is_taken_is_done() -> None:
    """With its headers; credentials of the address go by HTTP's own way."""
    async with webhook() as hook:
        address = Secret(f"http://user:{CANARY}@127.0.0.1:{hook.port}/x")
        assert DONE == await post_json(address, b"{}", 5, {"Idempotency-Key": "a-1"})
        assert DONE == await get(Secret(f"{hook.url}/ping"), 5)

    headers = hook.got[0][0]
    assert ("a-1", True) == (headers["Idempotency-Key"], headers["Authorization"].startswith("Basic "))
    assert "/ping" == hook.got[1][0]["path"]


@pytest.mark.parametrize(
    "address", [f"http://127.0.0.1:9/{CANARY}", f"http://nobody.invalid/{CANARY}", f"http://[{CANARY}/"]
)
async def test_an_address_that_leads_nowhere_is_told_without_its_path(address: str) -> None:
    """Refused connections, unknown names, and what is no address."""
    outcome = await post_json(Secret(address), b"{}", 5)

    assert not outcome.ok
    assert CANARY not in outcome.error


def test_only_the_host_of_an_address_is_said() -> None:
    """And its port."""
    assert "example.com:8443" == host_of(Secret(f"https://u:{CANARY}@example.com:8443/{CANARY}?k={CANARY}"))
