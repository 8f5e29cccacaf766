"""One message to one channel: a webhook of ours, a mail, or whatever service Apprise knows."""

from __future__ import annotations

import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from app.config.secret import Secret
from app.domain.notice import Delivery, Notice, Outcome
from app.engine.notifying.policy import Channel, Policy
from app.present import notices
from app.transport import posting

if TYPE_CHECKING:
    from apprise.plugins.base import NotifyBase

    from app.transport.mailing import MailRoute

THREADS = 4
LONGEST_S = 60.0
"""An attempt in a thread is not waited for any longer; its sockets have shorter time-outs of their own."""
_UNSAFE = re.compile(r"[^A-Za-z0-9.-]+")


class Channels:
    """Sends; what was read out of an address is kept as long as the channel stays the same."""

    def __init__(self) -> None:
        self._known: dict[Secret, tuple[NotifyBase, MailRoute | None]] = {}
        self._threads: ThreadPoolExecutor | None = None

    async def send(self, channel: Channel, one: Delivery, policy: Policy, *, is_repeat: bool) -> Outcome:
        """Make one attempt. It never raises but to be cancelled."""
        if channel.kind == "webhook":
            body = notices.webhook_body(one.notice, one.id, channel.name, is_repeat=is_repeat)
            text = json.dumps(body, separators=(",", ":"), ensure_ascii=True).encode()
            return await posting.post_json(channel.address, text, channel.timeout_s, {"Idempotency-Key": one.id})
        if self._threads is None:
            self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="notify")
        work = partial(self._send, channel, one, policy, is_repeat and not channel.is_keyed)
        try:
            async with asyncio.timeout(LONGEST_S):
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except TimeoutError:
            return Outcome(ok=False, error=f"{channel.service} gave no answer within {LONGEST_S:g} s")

    async def warm(self, policy: Policy) -> None:
        """Load now what the first message would wait for: libraries, certificates, Apprise's reading of addresses."""
        wanted = [one.address for one in policy.channels.values() if one.kind == "apprise"]
        if policy.channels or policy.heartbeat is not None:
            await asyncio.to_thread(posting.warm)
        for address in wanted:
            await asyncio.to_thread(self._warm, address)

    def _warm(self, address: Secret) -> None:
        from app.transport.apprise_channels import ChannelError  # noqa: PLC0415 - late: for who has such a channel

        with suppress(ChannelError, ImportError):  # told when something is to be sent
            self._parsed(address)

    def close(self) -> None:
        """Let attempts under way end by themselves."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _send(self, channel: Channel, one: Delivery, policy: Policy, is_repeat: bool) -> Outcome:  # noqa: FBT001 - a fact
        from app.transport import apprise_channels  # noqa: PLC0415 - late: for who has such a channel

        try:
            plugin, route = self._parsed(channel.address)
        except apprise_channels.ChannelError as error:
            return Outcome(ok=False, error=str(error), may_pass=False)
        except ImportError as error:
            return Outcome(ok=False, error=f"Apprise cannot be loaded: {error.name}; install it: pip install apprise")
        title = notices.subject(one.notice)
        most = min(notices.LONGEST_BODY, apprise_channels.room(plugin) - len(title))
        text = notices.body(one.notice, policy.zone, is_repeat=is_repeat, most=most)
        thread = notices.thread_of(one.id.rpartition("-")[0], one.notice)
        if route is not None:
            return _mail(route, one, title, text, thread, channel.timeout_s)
        said = apprise_channels.Said(title, text, one.notice.severity, one.notice.phase == "over", thread)
        return apprise_channels.send(plugin, channel.address, said)

    def _parsed(self, address: Secret) -> tuple[NotifyBase, MailRoute | None]:
        from app.transport import apprise_channels  # noqa: PLC0415 - late: likewise

        if address not in self._known:
            plugin = apprise_channels.parse(address)
            self._known[address] = (plugin, apprise_channels.mail_route(plugin))
        return self._known[address]


def trial(cluster: str, channel: str, now: float, origin: str) -> Delivery:
    """What a channel is sent to see whether it works."""
    title = "this is a test; nothing is wrong"
    notice = Notice(f"test:{origin}", "test", "began", "warning", title, now, now, cluster)
    return Delivery(f"{origin}-0", channel, notice, now, now)


def _mail(route: MailRoute, one: Delivery, title: str, text: str, thread: str, timeout_s: float) -> Outcome:
    from app.transport.mailing import Mail, send_mail  # noqa: PLC0415 - late: for who is told by mail

    notice: Notice = one.notice
    host = "gpu-watchdog.invalid"
    own, together = (f"{_UNSAFE.sub('.', name)}@{host}" for name in (f"{one.id}.{one.channel}", thread))
    urgent = notice.severity == "critical" and notice.phase != "over"
    return send_mail(route, Mail(title, text, own, together, notice.at, urgent), timeout_s)
