"""Apprise, as we use it: what it sends, by which keys, and that its words show nothing of an address."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys

import pytest

from app.config.secret import Secret
from app.domain.notice import DONE
from app.transport.apprise_channels import ChannelError, Said, mail_route, parse, send
from tests.services.receivers import webhook

CANARY = "c4n4ry-s3cr3t"
SAID = Said("[CRITICAL] GPU 3 lost", "Cause: Xid 79", "critical", is_over=False, thread="gpu-watchdog/o/incident:i-1")


async def test_a_message_is_sent_by_the_service_of_its_address() -> None:
    """Its refusal is final or not by the status that Apprise's log tells of."""
    async with webhook() as hook:
        address = Secret(f"json://127.0.0.1:{hook.port}/{CANARY}")
        plugin = await asyncio.to_thread(parse, address)
        assert DONE == await asyncio.to_thread(send, plugin, address, SAID)
        hook.answers.extend((503, 403))
        busy, refused = [await asyncio.to_thread(send, plugin, address, SAID) for _ in range(2)]

    assert ("[CRITICAL] GPU 3 lost", "failure") == (hook.bodies[0]["title"], hook.bodies[0]["type"])
    assert [(False, True), (False, False)] == [(one.ok, one.may_pass) for one in (busy, refused)]
    assert "error=403" in refused.error
    assert CANARY not in busy.error + refused.error


async def test_pagerduty_knows_an_incident_by_our_key_from_its_beginning_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Triggered and resolved under one dedup_key, however often a message is repeated."""
    from apprise.plugins import pagerduty

    async with webhook() as hook:
        monkeypatch.setitem(pagerduty.PAGERDUTY_API_LOOKUP, "us", f"{hook.url}/v2/enqueue")
        address = Secret("pagerduty://IntegrationKey123@ApiKey1234567890")
        plugin = await asyncio.to_thread(parse, address)
        plugin.request_rate_per_sec = 0  # Apprise waits between two messages to one service
        over = Said(SAID.title, SAID.text, "critical", is_over=True, thread=SAID.thread)
        for said in (SAID, SAID, over):
            assert DONE == await asyncio.to_thread(send, plugin, address, said)

    told = [(body["event_action"], body["dedup_key"]) for body in hook.bodies]
    assert [("trigger", SAID.thread), ("trigger", SAID.thread), ("resolve", SAID.thread)] == told


@pytest.mark.parametrize("address", [f"nosuch://{CANARY}/x", f"slack://{CANARY}/bad", f"mailto://{CANARY}"])
def test_an_address_that_cannot_be_used_is_told_without_it(address: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in the error nor in anybody's log."""
    caplog.set_level(logging.DEBUG)

    with pytest.raises(ChannelError) as refused:
        parse(Secret(address))

    assert CANARY not in str(refused.value) + caplog.text


def test_an_address_of_mail_is_read_by_apprise_and_sent_by_us() -> None:
    """Server, port, TLS and people; a known provider's are filled in."""
    route = mail_route(parse(Secret(f"mailtos://ops:{CANARY}@gmail.com?to=a@example.com")))

    assert route is not None
    assert ("smtp.gmail.com", 587, "starttls", "ops@gmail.com") == (route.host, route.port, route.tls, route.user)
    assert (("a@example.com",), "GPU Watchdog <ops@gmail.com>") == (route.to, route.sender)
    assert CANARY not in repr(route)
    assert None is mail_route(parse(Secret("json://localhost/x")))


def test_nobody_pays_for_what_nobody_is_told_by() -> None:
    """Neither Apprise nor httpx nor smtplib is loaded with the notifier or the command."""
    heavy = "{'apprise', 'requests', 'httpx', 'smtplib'}"
    code = f"import app.services.notifier, app.cli.notify, sys; sys.exit(str({heavy} & set(sys.modules)) != 'set()')"

    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
