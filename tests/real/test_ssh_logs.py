"""A log of a host behind a real sshd: followed over a rotation, its path no part of any command's text."""

from pathlib import Path

import pytest

from app.config.settings import Log, Target
from app.domain.reading import SourceSpec
from app.sources.logs.source import make
from app.sources.registry import Making
from app.transport.scrape import ScrapeClient
from tests.real.test_ssh_forwards import Sshd, client, clock, folder, forwards, sshd
from tests.tools.fake_clock import FakeClock

__all__ = ["client", "clock", "folder", "forwards", "sshd"]
pytestmark = pytest.mark.real("ssh")

XID = "Feb 27 10:11:12 far kernel: [88.5] NVRM: Xid (PCI:0000:19:00): {}, pid=7, name=a, text\n"


def add(path: Path, text: str) -> None:
    """Write at the end of a log."""
    with path.open("a") as file:
        file.write(text)


async def test_a_log_of_the_host_is_followed(client: ScrapeClient, sshd: Sshd, tmp_path: Path) -> None:
    """What stood there is history; then each line once, across a rotation, over the one login."""
    log = tmp_path / "it's a; log"
    add(log, XID.format(31))
    spec = SourceSpec("far log", "log", "", 30.0)
    logs = (Log(path=str(log), ssh=sshd.destination),)
    source = make(Making(spec, Target(url="log:0"), 20.0, client, FakeClock(), logs=logs))
    first = await source.read()
    add(log, XID.format(45))
    log.rename(log.with_name(f"{log.name}.1"))
    add(log, XID.format(79))
    second = await source.read()
    await source.close()

    assert (None, None) == (first.error, second.error)
    assert [(31, True, "far")] == [(one.code, one.is_history, one.node) for one in first.logs]
    assert [(45, False), (79, False)] == [(one.code, one.is_history) for one in second.logs]
    assert 1 == sshd.logins
