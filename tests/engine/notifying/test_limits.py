"""A channel's limit: what is held back is told together, honestly counted."""

from __future__ import annotations

from app.engine.notifying.limits import MOST_LINES
from app.engine.notifying.policy import Limit
from tests.engine.notifying.build import Teller, alert, alerts, diagnosis, finding, policy


def storm(count: int, severity: str = "warning") -> dict[str, object]:
    """As many incidents, each of a node of its own."""
    some = [(f"i-{n}", (finding(f"f-{n}", severity=severity, node=f"n{n}"),)) for n in range(count)]  # type: ignore[arg-type]
    return {"diagnosis": diagnosis(*some)}


def test_a_storm_is_a_few_messages_and_one_that_counts_the_rest() -> None:
    """100 warnings: two thirds of the limit one by one, then `92 more`, and nothing is told twice."""
    teller = Teller(policy(limit=Limit(12, 600)))

    told = teller.notices(0, **storm(100))

    assert 9 == len(told)
    assert "92 things more, told together: the channel's limit was reached" == told[-1][1].title
    assert (MOST_LINES, 92 - MOST_LINES) == (len(told[-1][1].lines), told[-1][1].left_out)
    assert [] == teller.look(5, **storm(100))


def test_a_third_of_the_limit_is_kept_for_what_is_critical() -> None:
    """After a storm of warnings a critical incident is still told by itself."""
    teller = Teller(policy(limit=Limit(12, 600)))
    teller.look(0, **storm(100))
    known = storm(100)["diagnosis"]
    grave = diagnosis(("i-x", (finding("f-x", node="x"),)))

    told = teller.look(5, diagnosis=known, alerts=alerts(alert("Grave", "critical", node="x")))
    assert [] == told  # its wait is not over
    assert ["chat began rule:Grave"] == teller.look(
        15, diagnosis=known, alerts=alerts(alert("Grave", "critical", node="x"))
    )
    assert "chat began incident:i-x" in teller.look(20, diagnosis=grave)


def test_critical_things_beyond_the_limit_wait_a_minute_at_most() -> None:
    """Their summary does not wait for the limit's own span."""
    teller = Teller(policy(limit=Limit(3, 3600)))
    teller.look(0, **storm(3, "critical"))
    assert ["chat began summary"] == teller.look(5, **storm(8, "critical"))

    assert [] == teller.look(10, **storm(9, "critical"))
    assert ["chat began summary"] == teller.look(65, **storm(9, "critical"))


def test_a_list_that_is_too_long_keeps_its_number() -> None:
    """2,000 things held back for long are counted, whatever of them is named."""
    teller = Teller(policy(limit=Limit(2, 86400)))
    teller.look(0, **storm(3))
    assert [] == teller.look(5, **storm(2003))

    ((_, summary),) = teller.notices(86400 / 4, **storm(2003))

    assert "2,000 things more, told together: the channel's limit was reached" == summary.title
    assert 2000 == len(summary.lines) + summary.left_out
