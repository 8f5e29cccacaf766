"""Names are asked for once, kept a while, and a dead name server stops nobody who has an address."""

import asyncio
import threading

import pytest

from app.transport import resolve
from app.transport.resolve import MOST_THREADS, Addresses, Resolver, UnknownNameError, look_up


class NameServer:
    """Answers in threads, when the test lets it."""

    def __init__(self, *answers: Addresses | None) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.open = threading.Event()
        self.open.set()

    def __call__(self, host: str) -> Addresses:
        self.asked.append(host)
        self.open.wait(5)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            raise UnknownNameError("no such name")
        return answer


async def test_an_address_is_not_looked_up() -> None:
    """Numbers are addresses already."""
    server = NameServer(None)
    resolver = Resolver(server)

    assert [("10.0.0.5",), ("fd00::5",)] == [await resolver.addresses(one) for one in ("10.0.0.5", "fd00::5")]
    assert [] == server.asked


async def test_a_name_is_asked_for_once() -> None:
    """Looks at the same moment share one question, and later ones its answer."""
    server = NameServer(("10.0.0.1", "10.0.0.2"))
    resolver = Resolver(server)
    found = await asyncio.gather(*(resolver.addresses("node-1") for _ in range(5)))

    assert [("10.0.0.1", "10.0.0.2")] * 6 == [*found, await resolver.addresses("node-1")]
    assert ["node-1"] == server.asked


async def test_an_unknown_name_is_asked_for_again() -> None:
    """A name that was unknown may be known the next time."""
    resolver = Resolver(NameServer(None, ("10.0.0.1",)))
    with pytest.raises(UnknownNameError, match="no such name"):
        await resolver.addresses("node-1")

    assert ("10.0.0.1",) == await resolver.addresses("node-1")


async def test_an_old_answer_serves_while_the_name_server_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the answer is old, a new one is asked for; if that hangs or fails, the old one is used."""
    monkeypatch.setattr(resolve, "FRESH_S", 0.0)
    monkeypatch.setattr(resolve, "STALE_WAIT_S", 0.02)
    server = NameServer(("10.0.0.1",), None, ("10.0.0.9",))
    resolver = Resolver(server)

    first = await resolver.addresses("node-1")
    server.open.clear()
    silent = await resolver.addresses("node-1")
    server.open.set()
    failing = await resolver.addresses("node-1")
    fresh = await resolver.addresses("node-1")

    assert [("10.0.0.1",), ("10.0.0.1",), ("10.0.0.1",), ("10.0.0.9",)] == [first, silent, failing, fresh]


async def test_dead_names_take_only_a_few_threads() -> None:
    """Hundreds of names that hang take a handful of threads, and giving up on them takes none with it."""
    server = NameServer(("10.0.0.1",))
    server.open.clear()
    before = threading.active_count()
    resolver = Resolver(server)
    looks = [asyncio.create_task(resolver.addresses(f"node-{number}")) for number in range(100)]
    await asyncio.sleep(0.02)
    threads = threading.active_count() - before
    for look in looks[:50]:
        look.cancel()
    server.open.set()
    answers = await asyncio.gather(*looks, return_exceptions=True)

    assert threads <= MOST_THREADS
    assert [("10.0.0.1",)] * 50 == answers[50:]
    assert all(isinstance(one, asyncio.CancelledError) for one in answers[:50])


async def test_the_address_that_answers_comes_first() -> None:
    """An address that worked is tried before one that did not."""
    resolver = Resolver(NameServer(("::1", "127.0.0.1")))
    await resolver.addresses("localhost")
    resolver.prefer("localhost", "127.0.0.1")
    resolver.prefer("elsewhere", "127.0.0.1")

    assert ("127.0.0.1", "::1") == await resolver.addresses("localhost")


def test_the_system_knows_localhost() -> None:
    """The system's own look-up gives addresses, and an error that is a sentence."""
    assert "127.0.0.1" in look_up("localhost")
    with pytest.raises(UnknownNameError, match=r"\w"):
        look_up("no-such-host.invalid")
