"""The ledger counts each event once and keeps the last thousand."""

from pod.gpu import GpuEvent, XidCount
from pod.xid import EVENTS_KEPT, Ledger


def test_xids_count_by_gpu_and_code() -> None:
    """The same code on the same GPU adds up, with its first and last time; others stand apart."""
    ledger = Ledger()
    ledger.record(1, "GPU-1", "xid", 31, 100.0)
    ledger.record(0, "GPU-0", "xid", 79, 110.0)
    ledger.record(1, "GPU-1", "xid", 31, 120.0)

    assert (XidCount(0, 79, 1, 110.0, 110.0), XidCount(1, 31, 2, 100.0, 120.0)) == ledger.counts()


def test_events_are_told_from_an_id_on() -> None:
    """Asking from the last id known gives what is younger, and the id to ask from next."""
    ledger = Ledger()
    ledger.record(1, "GPU-1", "xid", 31, 100.0)
    ledger.record(1, "GPU-1", "ecc_uncorrected", None, 101.0)
    part = ledger.since(1)

    assert (GpuEvent(2, 101.0, 1, "GPU-1", "ecc_uncorrected", None),) == part.events
    assert (2, 1) == (part.newest, part.oldest)
    assert () == ledger.since(2).events


def test_empty_ledger_has_nothing_to_miss() -> None:
    """Before the first event the oldest id is the next one."""
    assert ((), 0, 1) == ((part := Ledger().since(0)).events, part.newest, part.oldest)


def test_flood_drops_the_oldest_and_says_so() -> None:
    """Of 1,500 events the last thousand are kept, their numbers show the gap, and none is lost from the count."""
    ledger = Ledger()
    for number in range(1500):
        ledger.record(0, None, "xid", 13, float(number))
    part = ledger.since(0)

    assert (EVENTS_KEPT, 501, 1500) == (len(part.events), part.oldest, part.newest)
    assert 1500 == ledger.counts()[0].count
