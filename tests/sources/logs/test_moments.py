"""When lines were said: uptimes become times, boots are told apart, and clocks that differ are put right."""

from __future__ import annotations

from datetime import UTC

from app.domain.evidence import LogEvidence
from app.sources.logs.reader import LogReader

NOW = 1_772_366_400.0


def xid(uptime_s: float, code: int = 79) -> str:
    """A raw kernel line."""
    return f"[{uptime_s:.6f}] NVRM: Xid (PCI:0000:5e:00): {code}, pid=1, name=a, text"


def reader() -> LogReader:
    """A reader that knows nothing of its machine."""
    return LogReader("kernel", "log", "node-1", UTC)


def times(found: tuple[LogEvidence, ...]) -> list[tuple[float, str]]:
    """When, and how that is known."""
    return [(round(one.at, 3), one.timed) for one in found]


def test_newest_uptime_is_now_at_the_latest() -> None:
    """Without a boot time a backlog ends now, and its lines keep their distances."""
    assert [(NOW - 50.0, "boot"), (NOW, "boot")] == times(reader().read_text([xid(100), xid(150, 45)], NOW))


def test_live_line_makes_the_estimate_better() -> None:
    """A line that is read as it is said tells the boot time, and later lines are placed by it."""
    one = reader()
    one.read_text([xid(100)], NOW)
    one.read_text([xid(400)], NOW + 200)

    assert [(NOW + 290.0, "boot")] == times(one.read_text([xid(490)], NOW + 500))


def test_known_boot_time_is_taken() -> None:
    """A boot time that was asked for beats the estimate."""
    one = reader()
    one.know(boot_at=NOW - 1000)

    assert [(NOW - 900.0, "boot")] == times(one.read_text([xid(100)], NOW))


def test_uptime_that_falls_is_another_boot() -> None:
    """Lines of the boot before lie before the newer boot, and the two are told apart."""
    before, after = reader().read_text([xid(90_000), xid(50, 45)], NOW)

    assert NOW - 50.0 == before.at
    assert NOW == after.at
    assert before.boot != after.boot


def test_uptimes_a_little_out_of_order_are_one_boot() -> None:
    """Several processors write at once: a stamp that falls by a moment is no reboot."""
    first, second = reader().read_text([xid(100.2), xid(100.1, 45)], NOW)

    assert first.boot == second.boot


def test_clock_that_is_ahead_is_put_right() -> None:
    """A stamp in the future shows how far ahead the machine's clock is, and later lines are put right by as much."""
    one = reader()
    ahead = "2026-03-01T12:10:00.000000+00:00 node-1 kernel: NVRM: Xid (PCI:0000:5e:00): 79, text"
    later = ahead.replace("12:10:00", "12:10:30").replace("79", "45")

    assert [(NOW, "line")] == times(one.read_text([ahead], NOW))
    assert [(NOW + 30.0, "line")] == times(one.read_text([later], NOW + 60))


def test_offset_that_was_measured_is_applied() -> None:
    """A clock known to be 90 s behind gives times 90 s later."""
    one = reader()
    one.know(offset_s=-90.0)
    line = "2026-03-01T11:00:00.000000+00:00 node-1 kernel: NVRM: Xid (PCI:0000:5e:00): 79, text"

    assert [(NOW - 3510.0, "line")] == times(one.read_text([line], NOW))


def test_other_zone_is_seen_by_its_future() -> None:
    """A stamp without a zone that lies in the future by hours is another zone's: whole quarters are taken off."""
    line = "Mar  1 14:00:00 node-1 kernel: NVRM: Xid (PCI:0000:5e:00): 79, text"

    assert [(NOW, "line")] == times(reader().read_text([line], NOW))


def test_line_without_any_stamp_was_read_now() -> None:
    """Where a line tells no time at all the evidence says so."""
    assert [(NOW, "read")] == times(reader().read_text(["NVRM: Xid (PCI:0000:5e:00): 79, text"], NOW))


def test_line_without_a_time_is_as_old_as_the_line_before_it() -> None:
    """A traceback in a backlog of hours ago is no news; the first lines of a batch have nothing to go by."""
    one = LogReader("vllm", "log", "node-1", UTC)
    oom = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 50.00 MiB."
    stamped = "ERROR 03-01 09:00:00 [core.py:1] EngineCore encountered a fatal error."

    assert [(NOW, "read"), (NOW - 10_800.0, "line"), (NOW - 10_800.0, "read")] == times(
        one.read_text([oom, stamped, oom.replace("50.00", "60.00")], NOW)
    )
