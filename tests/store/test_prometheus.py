"""A server's past as a history: grains, spans, what is remembered, and how it stands beside the local store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from app.domain.metric import Metric
from app.domain.past import Piece, Place, ServerSilentError
from app.domain.reading import GpuReading, NodeReading, Reading, SourceSpec
from app.domain.series import FLEET, Event, Subject
from app.store.joined import JoinedHistory
from app.store.prometheus import PrometheusHistory
from app.store.prometheus_lines import coarser
from app.store.prometheus_span import cuts, grain_of
from app.store.spans import Line
from tests.store.build import GPU, POWER, T0, power_ticks, store

DAY = 86_400.0
HERE = Place("dcgm", "n1:9400", 10.0, ("DCGM_FI_DEV_POWER_USAGE",), ())


class Made:
    """A past made of samples: one GPU's power, by time."""

    def __init__(self, watts: dict[float, float]) -> None:
        self.watts = watts
        self.asked: list[tuple[int, float, float]] = []
        self.silent = ""
        self.known: tuple[Place, ...] = (HERE,)

    async def places(self, subject: Subject, metric: Metric, start: float, end: float) -> tuple[Place, ...]:
        del metric, start, end
        if self.silent:
            raise ServerSilentError(self.silent)
        if subject.node == "nobody":
            raise LookupError("node:nobody was never seen")
        return self.known

    async def pieces(self, place: Place, metric: Metric, grain: int, start: float, end: float) -> tuple[Piece, ...]:
        del place, metric
        self.asked.append((grain, start, end))
        kept = [(at, watts) for at, watts in self.watts.items() if start <= at < end]
        values = [watts for _, watts in kept]
        return (Piece(GPU, None, 10, [at for at, _ in kept], values, values, values),)

    async def fleet(self, metric: Metric, grain: int, step_s: float, start: float, end: float) -> tuple[Piece, ...]:
        del step_s
        return await self.pieces(HERE, metric, grain, start, end)

    async def readings(self, when: float) -> Sequence[tuple[SourceSpec, Reading]]:
        spec = SourceSpec("n1:9400", "prometheus", "prometheus:dcgm/n1:9400", 10.0)
        node = NodeReading("n1", gpus=(GpuReading(0, values={POWER: 300.0}),))
        return [(spec, Reading(spec.name, when - 4, 0.0, nodes=(node,)))] if when < T0 + 1000 else []

    async def moments(self, start: float, end: float, step_s: float) -> tuple[float, ...]:
        return tuple(start + place * step_s for place in range(int((end - start) / step_s)))

    async def events(self, start: float, end: float) -> Sequence[Event]:
        return [Event(start + 1, "alert.firing", "warning", FLEET, "x"), Event(end, "alert.firing", "info", GPU, "y")]


def history(watts: dict[float, float], now: float = T0 + 10_000.0) -> tuple[PrometheusHistory, Made]:
    """A history over such a past, at a time."""
    past = Made(watts)
    return PrometheusHistory(past, "http://prom:9090", lambda: now), past


@pytest.mark.parametrize(
    ("span_s", "step_s", "answer"),
    [
        (3600, 0.0, (0, 0.0)),
        (6 * 3600, 60.0, (0, 60.0)),
        (2 * DAY, 10.0, (0, 10.0)),
        (2 * DAY, 90.0, (60, 120.0)),
        (10 * DAY, 0.0, (60, 60.0)),
        (365 * DAY, 3600.0, (900, 3600.0)),
        (3650 * DAY, 1.0, (900, 900.0)),
    ],
)
def test_the_grain_follows_from_how_far_a_question_reaches(span_s: float, step_s: float, answer: object) -> None:
    """Samples for hours, minutes for days, quarters for years; spans are widened where finer ones would be too many."""
    assert answer == grain_of(step_s, T0, T0 + span_s)


def test_pieces_are_aligned_to_the_epoch() -> None:
    """So that two questions that overlap share them, whatever their own begin and end."""
    assert [(T0, T0 + 7200.0), (T0 + 7200.0, T0 + 14400.0)] == list(cuts(T0 + 50, T0 + 7201, 0))
    assert all(end - start <= 11_000 * grain for grain in (60, 900) for start, end in cuts(T0, T0 + DAY, grain))


async def test_samples_come_at_their_own_times_and_a_gap_stays_one() -> None:
    """Step 0 gives what was scraped; two scrapes that are missing are an empty point."""
    found, _ = history({T0 + 0.25: 300.0, T0 + 10.25: 310.04, T0 + 60.25: 290.0})

    series = await found.series(GPU, POWER, T0, T0 + 100, 0.0)

    assert [(T0 + 0.25, 300.0), (T0 + 10.25, 310.0), (T0 + 20.25, None), (T0 + 60.25, 290.0)] == [
        (one.at, one.mean) for one in series.points
    ]


async def test_spans_have_their_means_and_extremes() -> None:
    """A span narrower than the interval holds the sample before; one without any is a gap."""
    found, _ = history({T0 + place * 10.0: 300.0 + place for place in range(12)})

    series = await found.series(GPU, POWER, T0, T0 + 180, 60.0)

    assert [(302.5, 300.0, 305.0), (308.5, 306.0, 311.0), (None, None, None)] == [
        tuple(one[1:]) for one in series.points
    ]


async def test_a_complete_piece_is_asked_for_once() -> None:
    """What has ended long ago does not change; what has not is asked for anew after some seconds."""
    clock = [T0 + 8000.0]
    past = Made({T0 + 5.0: 1.0})
    found = PrometheusHistory(past, "p", lambda: clock[0])
    await found.series(GPU, POWER, T0 + 30, T0 + 7900, 60.0)
    clock[0] += 6.0
    await found.series(GPU, POWER, T0 + 30, T0 + 7900, 60.0)

    assert [(0, T0, T0 + 7200.0), (0, T0 + 7200.0, T0 + 14400.0), (0, T0 + 7200.0, T0 + 14400.0)] == past.asked


async def test_a_metric_that_nobody_gives_is_gaps_and_a_stranger_is_an_error() -> None:
    """As in the local store: known and silent is one thing, never seen another."""
    found, past = history({})
    past.known = ()

    assert [None] * 2 == [one.mean for one in (await found.series(GPU, POWER, T0, T0 + 120, 60.0)).points]
    with pytest.raises(LookupError, match="never seen"):
        await found.series(Subject("node", "nobody"), "node.load_1m", T0, T0 + 60, 0.0)
    assert "read-only" == (await found.health()).state


async def test_a_server_that_does_not_answer_is_told_in_health() -> None:
    """The question fails with the server's reason, and so does the health, until a question goes well."""
    found, past = history({T0: 1.0})
    past.silent = "connection refused by http://prom:9090"
    with pytest.raises(LookupError, match="refused"):
        await found.series(GPU, POWER, T0, T0 + 60, 0.0)
    failed = await found.health()
    past.silent = ""
    await found.series(GPU, POWER, T0, T0 + 60, 0.0)

    assert ("failed", past.silent or "connection refused by http://prom:9090") == (failed.state, failed.text)
    assert "read-only" == (await found.health()).state


async def test_the_picture_of_a_moment_is_made_of_what_was_scraped_by_then() -> None:
    """Values at their own times; nothing where the server had nothing."""
    found, _ = history({})
    picture = await found.at(T0 + 100)

    assert picture is not None
    assert [(T0 + 96, {POWER: 300.0})] == [(layer.at, layer.values) for gpu in picture.gpus() for layer in gpu.layers]
    assert await found.at(T0 + 2000) is None


def test_wider_spans_are_means_of_means() -> None:
    """Equal times weigh equally; extremes stay extremes; a span in which nothing was known is one."""
    fine = Line([1.0, 3.0, None, None], [0.0, 3.0, None, None], [1.0, 9.0, None, None])

    assert Line([2.0, None], [0.0, None], [9.0, None]) == coarser(fine, 2)


async def test_the_store_answers_for_its_time_and_the_server_for_what_was_before(tmp_path: Path) -> None:
    """One chart has one source: what begins before the store does is the server's as a whole."""
    server, past = history({T0 - 600.0 + place * 10.0: 100.0 for place in range(120)}, now=T0 + 100.0)
    async with store(tmp_path / "h.db", power_ticks([300.0] * 20)) as own:
        both = JoinedHistory(own, server, lambda: T0 + 100.0)
        near = await both.series(GPU, POWER, T0 + 5, T0 + 60, 0.0)
        far = await both.series(GPU, POWER, T0 - 500, T0 + 60, 60.0)
        stranger = await both.series(Subject("gpu", "n1", 0), POWER, T0 + 5, T0 + 60, 0.0)
        moments = await both.moments(T0 - 500, T0 + 95)
        past.silent = "connection refused"
        alone = await both.series(GPU, POWER, T0 - 500, T0 + 60, 60.0)

    assert {300.0} == {one.mean for one in near.points} == {one.mean for one in stranger.points}
    assert {100.0} == {one.mean for one in far.points}
    assert 300.0 in {one.mean for one in alone.points}
    assert sorted(moments) == list(moments)
    assert moments[0] < T0 <= moments[-1]


async def test_what_only_the_server_knows_it_answers(tmp_path: Path) -> None:
    """A GPU that the local store never saw, and a moment before it began."""
    server, _ = history({T0 + 10.0: 100.0}, now=T0 + 100.0)
    async with store(tmp_path / "h.db", power_ticks([])) as own:
        both = JoinedHistory(own, server, lambda: T0 + 100.0)
        series = await both.series(GPU, POWER, T0, T0 + 60, 0.0)
        picture = await both.at(T0 + 50)
        events = await both.events(T0, T0 + 60)

    assert [100.0] == [one.mean for one in series.points]
    assert picture is not None
    assert ["x", "y"] == [one.text for one in events]
