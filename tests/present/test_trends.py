"""The short memory behind sparklines."""

from __future__ import annotations

from app.domain.series import Point, Series, Subject
from app.present.trends import Trends
from tests.present.fleets import NOW, changed, fleet, lost


def test_one_value_a_bucket_and_gaps_for_missed_ones() -> None:
    """A second look within a bucket adds nothing; a bucket nobody looked in is a gap."""
    trends = Trends(step_s=5.0)
    snapshot = fleet(1, 1)

    assert [True, False, True] == [trends.add(snapshot, NOW + seconds) for seconds in (0, 1, 10)]
    first, gap, last = trends.of("gpu-01", 0)
    assert gap is None
    assert first == last
    assert first is not None


def test_a_lost_gpu_leaves_gaps() -> None:
    """While a GPU is lost nothing is remembered of it."""
    trends = Trends(step_s=5.0)
    trends.add(fleet(1, 2), NOW)
    trends.add(changed(fleet(1, 2), "gpu-01", 1, lost), NOW + 5)

    assert [False, True] == [value is None for value in trends.of("gpu-01", 1)]


def test_thousands_are_taken_in_pieces() -> None:
    """A key is answered between two of them, and what was taken is the same."""
    snapshot, later = fleet(300, 1), changed(fleet(300, 1), "gpu-002", 0, lost)
    trends, whole = Trends(), Trends()
    for seconds, one in ((0, snapshot), (10, later)):
        assert 2 == len(list(trends.adding(one, NOW + seconds)))
        whole.add(one, NOW + seconds)

    assert [whole.of(gpu.node, 0) for gpu in later.gpus()] == [trends.of(gpu.node, 0) for gpu in later.gpus()]
    assert [] == list(trends.adding(later, NOW + 11))


def test_memory_is_bounded_and_can_begin_with_the_past() -> None:
    """No more than `keep` values; history may come first; clearing forgets."""
    trends = Trends(step_s=1.0, keep=3)
    past = Series(
        Subject("gpu", node="gpu-01", index=0), "gpu.utilization", "%", 0, 4, 1, (Point(0, 1.0), Point(1, None))
    )
    trends.seed("gpu-01", 0, past)

    for tick in range(2):
        trends.add(fleet(1, 1, at=NOW), NOW + tick)

    assert 3 == len(trends.of("gpu-01", 0))
    assert trends.of("gpu-01", 0)[0] is None
    trends.clear()
    assert () == trends.of("gpu-01", 0)
