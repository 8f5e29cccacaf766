"""The header and its badge."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import pytest

from app.domain.fleet import cluster_facts
from app.domain.snapshot import SourceState
from app.present.cells import line_text, line_width
from app.present.header import badge, header_line, where_line
from app.present.look import Look
from tests.present.fleets import NOW, fleet, troubled

LOOK = Look(NOW, tz=UTC)


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 120, 160, 200])
def test_the_header_fits_every_width_and_keeps_name_and_badge(width: int) -> None:
    """Pieces give way whole; the badge at the right never does."""
    facts = cluster_facts(troubled(8, 8), NOW)
    text = line_text(header_line(facts, LOOK, width, badge(facts, LOOK)))

    assert width == line_width(header_line(facts, LOOK, width, badge(facts, LOOK)))
    assert text.rstrip().endswith("● LIVE 1.2 s")
    assert "…" not in text or width < 30


def test_a_wide_header_says_everything() -> None:
    """Counts, power, cost, trouble and sources."""
    facts = cluster_facts(troubled(8, 8), NOW)
    text = line_text(header_line(facts, LOOK, 160, badge(facts, LOOK)))

    assert (
        " lab │ 63/64 GPUs · 54 busy · 1 silent │ 8 nodes │ 29.3 kW │ $190.72/h · idle $23.84/h │ ▲ 2  ▲ 1 │ 8 sources"
        in text
    )


def test_badges() -> None:
    """Replay beats simulated beats stale beats live; no source is said."""
    live = fleet(1, 1)
    down = {name: SourceState(state.spec, NOW, NOW - 60, "timed out") for name, state in live.sources.items()}
    cases = {
        "LIVE 1.2 s": cluster_facts(live, NOW),
        "STALE 1.2 s": cluster_facts(replace(live, sources=down), NOW),
        "SIMULATED 1.2 s": cluster_facts(replace(live, mode="simulated"), NOW),
        "NO SOURCE": cluster_facts(replace(live, sources={}), NOW),
    }

    assert list(cases) == [badge(facts, LOOK).text for facts in cases.values()]
    assert "REPLAY 14:32:00" == badge(cases["SIMULATED 1.2 s"], LOOK, NOW - 5280).text


def test_the_header_says_who_collects() -> None:
    """Nothing where this program does; `daemon`, or the host it is reached through; away where it is not heard."""
    through = "attached to unix:///run/x.sock through ssh ana@head"
    assert ["", "daemon", "daemon away", "ana@head", "ana@head away"] == [
        line_text(where_line(origin))
        for origin in (
            "embedded",
            "attached to /run/api.sock",
            "attached to /run/api.sock (refused)",
            through,
            f"{through} (refused)",
        )
    ]
