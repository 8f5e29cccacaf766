"""Xid events through NVML's event sets: each counted once, whatever happens to the thread that waits for them."""

import time
from collections.abc import Callable, Iterator

import pytest

from pod import driver
from pod.gpu import MachineReading
from pod.nvml import Reader, ReadOptions
from pod.xid import Ledger, Watch
from tests.standins.nvml.state import FakeNvml

pytestmark = pytest.mark.real("gcc")
pytest_plugins = ("tests.standins.nvml.fixture",)

LISTENING = ReadOptions(pcie_every_s=None)
PATIENCE_S = 60.0


@pytest.fixture
def ledger() -> Ledger:
    """Where events are entered."""
    return Ledger()


@pytest.fixture
def reader(fake_nvml: FakeNvml, ledger: Ledger) -> Iterator[Reader]:
    """A reader that listens to all eight GPUs."""
    with Reader(LISTENING, ledger) as opened:
        opened.read(5.0)
        yield opened


def until(condition: Callable[[], bool]) -> None:
    """Return as soon as it holds; the waiter works in a thread of its own."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def counts(source: Ledger | MachineReading) -> dict[tuple[int, int], int]:
    """Counts by GPU and code."""
    found = source.counts() if isinstance(source, Ledger) else source.xids
    return {(one.gpu, one.code): one.count for one in found}


def test_xids_are_counted_by_gpu_and_code(fake_nvml: FakeNvml, reader: Reader, ledger: Ledger) -> None:
    """Three Xids on two GPUs are in the next reading, once each, with who and when in the event list."""
    fake_nvml.xid(3, 79)
    fake_nvml.xid(3, 79)
    fake_nvml.xid(6, 48)
    until(lambda: 3 == ledger.since(0).newest)

    assert {(3, 79): 2, (6, 48): 1} == counts(reader.read(5.0))
    assert {(3, 79): 2, (6, 48): 1} == counts(reader.read(5.0))
    events = ledger.since(1).events
    assert [(2, 3, 79), (3, 6, 48)] == [(event.id, event.gpu, event.xid) for event in events]
    assert "GPU-fa4e0000-0000-4000-8000-000000000006" == events[1].uuid


def test_xid_that_comes_with_the_loss_of_its_gpu_is_counted(
    fake_nvml: FakeNvml, reader: Reader, ledger: Ledger
) -> None:
    """Xid 79 of a GPU that no longer answers any call is still entered under its index."""
    fake_nvml.lose(5)
    fake_nvml.xid(5, 79)
    until(lambda: 1 == ledger.since(0).newest)

    assert {(5, 79): 1} == counts(reader.read(5.0))


def test_wait_that_fails_goes_on(fake_nvml: FakeNvml, reader: Reader, ledger: Ledger) -> None:
    """NVML answers waits with GPU_IS_LOST for a while; events raised meanwhile are entered afterwards, once."""
    fake_nvml.machine(wait_error="GPU_IS_LOST")
    fake_nvml.xid(2, 63)
    assert {} == counts(reader.read(5.0))
    fake_nvml.machine(wait_error=None)
    until(lambda: ledger.since(0).newest > 0)

    assert {(2, 63): 1} == counts(ledger)


def test_waiter_that_dies_loses_and_repeats_nothing(
    fake_nvml: FakeNvml, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Xids before, between and after two waiting threads are counted exactly once: the event set outlives them."""
    driver.initialise()
    watch = Watch(ledger, lambda: 100.0)
    watch.register(1, "GPU-1", driver.handle(1))
    wait_event = driver.wait_event

    def dies_after_one(events: driver.EventSet, timeout_ms: int) -> driver.Event | None:
        if ledger.since(0).newest:
            raise driver.NvmlUnavailableError(999, "the waiting thread ends here")
        return wait_event(events, timeout_ms)

    monkeypatch.setattr(driver, "wait_event", dies_after_one)
    watch.ensure_running()
    fake_nvml.xid(1, 31)
    until(lambda: watch._thread is None)
    fake_nvml.xid(1, 31)
    fake_nvml.xid(1, 43)
    monkeypatch.undo()
    monkeypatch.setenv("FAKE_NVML_STATE", str(fake_nvml.path))
    watch.ensure_running()
    fake_nvml.xid(1, 31)
    until(lambda: 4 <= ledger.since(0).newest)
    watch.close(driver.shut_down)

    assert {(1, 31): 3, (1, 43): 1} == counts(ledger)


def test_counts_go_on_with_the_next_reader(fake_nvml: FakeNvml, ledger: Ledger) -> None:
    """A reader opened anew with the same ledger adds to its counts and does not count old events again."""
    for _ in range(2):
        with Reader(LISTENING, ledger) as reader:
            reader.read(5.0)
            before = ledger.since(0).newest
            fake_nvml.xid(0, 94)
            until(lambda before=before: ledger.since(0).newest > before)  # type: ignore[misc]

    assert {(0, 94): 2} == counts(ledger)


def test_ecc_events_are_listed_but_are_no_xids(fake_nvml: FakeNvml, reader: Reader, ledger: Ledger) -> None:
    """Corrected and uncorrected ECC events are in the list, and in no count of Xids."""
    fake_nvml.event(4, 1)
    fake_nvml.event(4, 2)
    until(lambda: 2 == ledger.since(0).newest)

    assert ["ecc_corrected", "ecc_uncorrected"] == [event.kind for event in ledger.since(0).events]
    assert {} == counts(ledger)


def test_gpu_without_xid_events_says_so(fake_nvml: FakeNvml) -> None:
    """Where the driver reports no Xids, their absence is not passed off as health."""
    fake_nvml.set(0, event_types=0)
    with Reader(LISTENING) as reader:
        gpus = reader.read(5.0).gpus

    assert [False, True] == [gpu.counts_xids for gpu in gpus[:2]]
