"""One e-mail to one or more people over SMTP, with a Message-ID of ours. Blocking: for a thread.

Our own and not Apprise's, which makes a new Message-ID each time: a mail that is sent again after a kill must be known
as the same one. What Apprise read out of the address (server, port, TLS, people) is handed in.
"""

from __future__ import annotations

import smtplib
import ssl
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Literal

from app.config.secret import Secret
from app.domain.frozen import frozen
from app.domain.naming import clean
from app.domain.notice import DONE, Outcome


@frozen
class MailRoute:
    """How mail goes out, and to whom."""

    host: str
    port: int
    tls: Literal["none", "starttls", "tls"]
    user: str
    password: Secret
    sender: str
    """`Name <address>`, or the address."""
    to: tuple[str, ...]
    """Addresses."""
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    is_checked: bool = True
    """The server's certificate is."""


@frozen
class Mail:
    """What is written."""

    subject: str
    text: str
    message_id: str
    """Without angle brackets: the same for the same mail."""
    thread_id: str
    """The mail it belongs to, so that mail programs keep them together."""
    at: float
    """Epoch seconds of its Date."""
    urgent: bool = False


def send_mail(route: MailRoute, mail: Mail, timeout_s: float) -> Outcome:
    """Hand it to the server. One refused address of several is told and not tried again."""
    where = clean(f"{route.host}:{route.port}", 100)
    message = composed(route, mail)
    try:
        with _connected(route, timeout_s) as server:
            refused = server.send_message(message, parseaddr(route.sender)[1], [*route.to, *route.cc, *route.bcc])
    except smtplib.SMTPResponseException as error:
        text = f"{where} answered {error.smtp_code}"
        return Outcome(ok=False, error=text, may_pass=not 500 <= error.smtp_code < 600)
    except smtplib.SMTPRecipientsRefused as error:
        codes = sorted({code for code, _ in error.recipients.values()})
        text = f"{where} takes nobody of the addresses: {', '.join(map(str, codes))}"
        return Outcome(ok=False, error=text, may_pass=any(code < 500 for code in codes))
    except smtplib.SMTPNotSupportedError:
        return Outcome(ok=False, error=f"{where} lacks what the address asks for (login or STARTTLS)", may_pass=False)
    except OSError as error:  # of TLS and of smtplib too
        told = clean(error.strerror, 120) if error.strerror else type(error).__name__
        return Outcome(ok=False, error=f"{where} cannot be reached: {told}")
    if refused:
        return Outcome(ok=True, error=f"{where} refused {len(refused)} of the addresses")
    return DONE


def _connected(route: MailRoute, timeout_s: float) -> smtplib.SMTP:
    server: smtplib.SMTP
    if route.tls == "tls":
        server = smtplib.SMTP_SSL(route.host, route.port, timeout=timeout_s, context=_context(route))
    else:
        server = smtplib.SMTP(route.host, route.port, timeout=timeout_s)
    try:
        if route.tls == "starttls":
            server.starttls(context=_context(route))
        if route.user:
            server.login(route.user, route.password.reveal())
    except BaseException:
        server.close()
        raise
    return server


def _context(route: MailRoute) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not route.is_checked:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def composed(route: MailRoute, mail: Mail) -> EmailMessage:
    """The mail as it is sent; text from outside cannot begin a header, since no line end is left in it."""
    message = EmailMessage()
    message["Subject"] = clean(mail.subject, 240)
    message["From"] = _address(route.sender)
    message["To"] = ", ".join(route.to)
    if route.cc:
        message["Cc"] = ", ".join(route.cc)
    message["Date"] = format_datetime(datetime.fromtimestamp(mail.at, UTC))
    message["Message-ID"] = f"<{mail.message_id}>"
    if mail.thread_id != mail.message_id:
        message["In-Reply-To"] = message["References"] = f"<{mail.thread_id}>"
    message["Auto-Submitted"] = "auto-generated"
    if mail.urgent:
        message["Importance"] = "high"
    message.set_content(mail.text)
    return message


def _address(text: str) -> Address | str:
    name, address = parseaddr(text)
    return Address(clean(name, 80), addr_spec=address) if name and address else address
