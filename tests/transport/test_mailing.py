"""Mail over a real mail server: what it looks like, and what a refusal means."""

from __future__ import annotations

import asyncio

import pytest

from app.config.secret import Secret
from app.domain.notice import DONE, Outcome
from app.transport.mailing import Mail, MailRoute, composed, send_mail
from tests.services.receivers import Mailbox, mailbox

MAIL = Mail(
    "GPU 3 lost", "Cause: Xid 79\n", "o-1@gpu-watchdog.invalid", "t@gpu-watchdog.invalid", 1_764_000_000.0, True
)


def route(port: int) -> MailRoute:
    """To the mail server of a test."""
    return MailRoute("localhost", port, "none", "", Secret(""), "GPU Watchdog <w@example.com>", ("ops@example.com",))


async def sent(box: Mailbox, mail: Mail = MAIL) -> Outcome:
    """What comes of sending it."""
    return await asyncio.to_thread(send_mail, route(box.port), mail, 5.0)


async def test_a_mail_has_an_id_of_ours_and_belongs_to_its_thread() -> None:
    """The same mail has the same id each time it is sent."""
    async with mailbox() as box:
        assert [DONE, DONE] == [await sent(box), await sent(box)]

    first, second = box.mails
    assert "<o-1@gpu-watchdog.invalid>" == first["Message-ID"] == second["Message-ID"]
    assert ("<t@gpu-watchdog.invalid>", "high", "auto-generated") == (
        first["In-Reply-To"],
        first["Importance"],
        first["Auto-Submitted"],
    )
    assert "Cause: Xid 79\n" == first.get_content().replace("\r\n", "\n")


@pytest.mark.parametrize(("answer", "may_pass"), [("451 later", True), ("550 never", False)])
async def test_a_servers_no_is_final_where_it_says_so(answer: str, may_pass: bool) -> None:
    """4xx is tried again, 5xx is not."""
    async with mailbox() as box:
        box.answers.append(answer)
        outcome = await sent(box)

    assert (False, may_pass) == (outcome.ok, outcome.may_pass)
    assert f"localhost:{box.port} answered {answer[:3]}" == outcome.error


def test_a_name_from_the_cluster_begins_no_header() -> None:
    """Line ends are gone before it becomes a subject."""
    mail = Mail("job x\r\nBcc: everybody@example.com", "t", "a@b.invalid", "a@b.invalid", 0.0)

    message = composed(route(25), mail)

    assert "job x  Bcc: everybody@example.com" == message["Subject"]
    assert None is message["Bcc"]
