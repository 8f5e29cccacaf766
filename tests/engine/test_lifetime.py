"""A deployment ends when its time is over or nobody used it for long enough, and says so before."""

from dataclasses import replace

from app.domain.deployment import Decision, Deployment, State, Wish
from app.engine.lifetime import LONGEST_GAP_S, Idle, decide

NOW = 1_764_000_000.0
HOUR = 3600.0


def deployment(state: State = State.READY, ends_in: float | None = None, **wish: float) -> Deployment:
    made = Deployment(Wish("lab"), "0a1b2c3d", NOW - HOUR, state)
    ends_at = None if ends_in is None else NOW + ends_in
    return replace(made, wish=replace(made.wish, **wish), deadline_at=ends_at)  # type: ignore[arg-type]  # spans only


def test_nothing_is_due_where_nothing_was_asked_for() -> None:
    """Without deadline, idle time and cap a deployment lives for ever."""
    assert () == decide(deployment(), NOW, Idle(1e6, NOW), per_hour=1e6)


def test_time_to_live_ends_it() -> None:
    """At its deadline a deployment is destroyed, whoever uses it."""
    due = decide(deployment(ends_in=0.0, ttl_s=12 * HOUR), NOW)

    assert (Decision("destroy", "the time to live of 12h is over", NOW),) == due


def test_end_is_announced_an_hour_and_ten_minutes_before() -> None:
    """The reason keeps its words between two thresholds, so that it can be told once."""
    told = [decide(deployment(ends_in=left, ttl_s=12 * HOUR), NOW) for left in (3601, 3600, 601, 600, 1)]

    assert [0, 1, 1, 1, 1] == [len(one) for one in told]
    assert "the time to live of 12h ends in less than 1h; all is destroyed then" == told[1][0].reason
    assert told[1][0].reason == told[2][0].reason
    assert "the time to live of 12h ends in less than 10m; all is destroyed then" == told[3][0].reason
    assert told[3][0].reason == told[4][0].reason
    assert {"warn"} == {one.verb for each in told for one in each}


def test_short_life_is_not_announced_from_its_first_second() -> None:
    """Who asked for 30 minutes hears of the last ten only."""
    assert () == decide(deployment(ends_in=1500, ttl_s=1800), NOW)
    assert "warn" == decide(deployment(ends_in=600, ttl_s=1800), NOW)[0].verb


def test_idleness_adds_up_while_somebody_looks() -> None:
    """Idle looks a minute apart add a minute each; a busy one begins anew."""
    idle = Idle().seen(False, NOW).seen(False, NOW + 60).seen(False, NOW + 120)

    assert Idle(120.0, NOW + 120) == idle
    assert Idle(0.0, NOW + 180) == idle.seen(True, NOW + 180)


def test_unseen_time_is_not_idle_time() -> None:
    """A daemon that was away, and a head that could not be asked, end nobody's work."""
    idle = Idle(600.0, NOW)

    assert 600.0 == idle.seen(False, NOW + LONGEST_GAP_S + 1).idle_s
    assert 600.0 == idle.seen(None, NOW + 60).seen(False, NOW + 120).idle_s
    assert 660.0 == idle.seen(None, NOW + 60).seen(False, NOW + 120).seen(False, NOW + 180).idle_s


def test_clock_set_back_adds_nothing() -> None:
    """Idle time never shrinks or jumps with the machine's clock."""
    assert 600.0 == Idle(600.0, NOW).seen(False, NOW - 3600).idle_s


def test_idle_deployment_is_destroyed_after_a_warning() -> None:
    """At four fifths of the idle time it is announced, at all of it done."""
    lab = deployment(idle_s=2700)

    assert () == decide(lab, NOW, Idle(2159, NOW))
    warned = Decision("warn", "nothing was done on it for 36m; after 45m all is destroyed", NOW)
    assert (warned,) == decide(lab, NOW, Idle(2160, NOW))
    assert (Decision("destroy", "nothing was done on it for 45m", NOW),) == decide(lab, NOW, Idle(2700, NOW))


def test_deployment_that_is_not_up_yet_is_not_idle() -> None:
    """Idleness counts from when the cluster is ready; its time to live does not wait."""
    lab = deployment(State.DEPLOYING, ends_in=-1.0, idle_s=60)

    assert ["the time to live is over"] == [one.reason for one in decide(lab, NOW, Idle(1e6, NOW))]


def test_what_is_being_destroyed_is_left_alone() -> None:
    """A deployment that is gone, going or not begun has nothing due."""
    for state in (State.NEW, State.PLANNED, State.DESTROYING, State.DESTROYED):
        assert () == decide(deployment(state, ends_in=-1.0, idle_s=1), NOW, Idle(1e6, NOW))


def test_cost_over_the_cap_warns() -> None:
    """Pods that cost more than the cap are told of and left running; an unknown cost is no reason."""
    lab = deployment(max_cost_per_hour=5.0)

    assert (Decision("warn", "its pods cost $5.50/h, the cap is $5.00/h", NOW),) == decide(lab, NOW, per_hour=5.5)
    assert () == decide(lab, NOW, per_hour=5.0)
    assert () == decide(lab, NOW, per_hour=None)


def test_end_comes_before_warnings() -> None:
    """Whoever takes the first decision takes the gravest."""
    lab = deployment(idle_s=60, max_cost_per_hour=1.0, ends_in=30.0)

    assert ["destroy", "warn", "warn"] == [one.verb for one in decide(lab, NOW, Idle(60, NOW), per_hour=2.0)]
