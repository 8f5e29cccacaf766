"""Who is told what and when, as short stories."""

from __future__ import annotations

from dataclasses import replace

from app.domain.affects import Affects
from app.domain.alert import Silence
from app.domain.diagnosis import Diagnosis
from app.engine.alerting.parse import parse_matchers
from app.engine.notifying.decide import decide
from app.engine.notifying.policy import Hours, Route, Team
from app.engine.notifying.topics import World
from tests.engine.notifying.build import NOW, Teller, alert, alerts, diagnosis, finding, incident, policy

FAULT = finding("f-1")
EFFECT = finding("f-2", "vllm.engine_dead", "warning", service="vllm-1")
WRONG = diagnosis(("i-1", (FAULT, EFFECT)))


def test_an_incident_is_one_message_with_all_that_belongs_to_it() -> None:
    """Root, consequence, an alert of its node, jobs, cost and what to do; alerts of its own places say nothing new."""
    told = Teller().notices(
        0,
        diagnosis=WRONG,
        alerts=alerts(
            alert("GpuXidFatal", "critical"), alert("NodeBad", node="gpu-1"), alert("Engine", service="vllm-1")
        ),
    )

    ((_, one),) = told
    assert ("incident:i-1", "began", "critical") == (one.topic, one.phase, one.severity)
    assert "gpu.fell_off_bus of gpu-1/3" == one.title
    assert ("vllm.engine_dead of vllm-1", "alert: NodeBad on gpu-1") == one.lines
    assert Affects(("812",), 1, 2.5) == one.affects
    assert "scontrol update nodename=gpu-1 state=drain reason=xid79" == one.actions[0].command


def test_nothing_is_told_twice() -> None:
    """The same world says nothing more until it is time for a reminder."""
    teller = Teller(policy(repeat_interval_s=3600.0))
    told = [teller.look(after, diagnosis=WRONG) for after in (0, 5, 3599, 3600, 3605)]

    assert [["chat began incident:i-1"], [], [], ["chat still incident:i-1"], []] == told


def test_alerts_of_no_incident_are_told_by_their_rule_once_others_had_time_to_follow() -> None:
    """Two hot GPUs of two nodes are one message after the wait; a third one is told with the next interval."""
    teller = Teller(policy(group_wait_s=10, group_interval_s=300))
    two = (alert(node="a", gpu="1"), alert(node="b", gpu="2"))
    three = (*two, alert(node="c", gpu="3"))

    assert [] == teller.look(0, alerts=alerts(two[0]))
    ((_, first),) = teller.notices(10, alerts=alerts(*two))
    assert ("Hot: 2 alerts on a,b", "rule:Hot") == (first.title, first.topic)
    assert [] == teller.look(100, alerts=alerts(*three))
    assert ["chat more rule:Hot"] == teller.look(310, alerts=alerts(*three))


def test_what_gets_worse_is_told_at_once() -> None:
    """A warning that turns critical waits for no interval."""
    teller = Teller()
    mild = finding("f-1", severity="warning")
    teller.look(0, diagnosis=diagnosis(("i-1", (mild,))))

    assert ["chat worse incident:i-1"] == teller.look(5, diagnosis=diagnosis(("i-1", (FAULT,))))


def test_an_end_is_told_once_it_lasts() -> None:
    """Half a minute without it is no end; a minute is, and its return is told at once."""
    teller = Teller(policy(resolve_wait_s=60))
    teller.look(0, diagnosis=WRONG)

    assert [] == teller.look(10) + teller.look(40) + teller.look(45, diagnosis=WRONG) + teller.look(100)
    ((_, over),) = teller.notices(160)
    assert ("over", NOW + 100) == (over.phase, over.ended)
    assert [] == teller.look(165)
    assert ["chat again incident:i-1"] == teller.look(200, diagnosis=WRONG)


def test_what_is_not_known_is_not_over() -> None:
    """No diagnosis and no evaluation, as after a restart, resolve nothing."""
    teller = Teller(policy(resolve_wait_s=0, group_wait_s=0))
    teller.look(0, diagnosis=WRONG, alerts=alerts(alert("Other", node="x")))

    assert [] == teller.look(100, diagnosis=None, alerts=None) + teller.look(500, diagnosis=None, alerts=None)
    both = ["chat over incident:i-1", "chat over rule:Other"]
    assert both == sorted(teller.look(600) + teller.look(605))


def test_an_alert_told_before_its_incident_becomes_a_part_of_it() -> None:
    """The incident is told, and the alert's own message is closed as a part of it, not as over."""
    teller = Teller(policy(group_wait_s=0))
    early = alerts(alert("GpuXidFatal", "critical"))
    assert ["chat began rule:GpuXidFatal"] == teller.look(0, alerts=early, diagnosis=Diagnosis(NOW))

    told = teller.notices(5, alerts=early, diagnosis=WRONG)

    assert [("began", ""), ("over", "incident:i-1")] == [(one.phase, one.joined) for _, one in told]


def test_an_incident_that_turns_out_to_be_part_of_another_is_closed_as_such() -> None:
    """Its findings are the other one's now."""
    teller = Teller()
    first, second = finding("f-1", node="a"), finding("f-2", node="b")
    teller.look(0, diagnosis=diagnosis(("i-1", (first,)), ("i-2", (second,))))

    told = teller.notices(5, diagnosis=diagnosis(("i-1", (first, second))))

    assert [("over", "incident:i-2", "incident:i-1")] == [(one.phase, one.topic, one.joined) for _, one in told]


def test_an_alert_that_outlives_its_incident_stays_with_it() -> None:
    """A rule that keeps an alert firing makes no new message of what is over."""
    teller = Teller(policy(group_wait_s=0, resolve_wait_s=0))
    late = alerts(alert("GpuXidFatal", "critical"))
    teller.look(0, diagnosis=WRONG, alerts=late)
    over = Diagnosis(NOW, ended=(replace(incident("i-1", FAULT), ended=NOW + 60),), past=(FAULT,))

    assert ["chat over incident:i-1"] == teller.look(60, diagnosis=over, alerts=late)
    assert [] == teller.look(600, diagnosis=over, alerts=late)
    assert ["chat began rule:GpuXidFatal"] == teller.look(3700, diagnosis=over, alerts=late)


def test_what_is_muted_is_not_told_and_not_over() -> None:
    """An alert that is silenced after it was told says nothing more until it has really ended."""
    teller = Teller(policy(group_wait_s=0, resolve_wait_s=0, repeat_interval_s=60))
    one = alert()
    teller.look(0, alerts=alerts(one))

    assert [] == teller.look(100, alerts=alerts(one, muted={one.id: ("silence s-1",)}))
    assert ["chat over rule:Hot"] == teller.look(200)


def test_a_silence_and_maintenance_mute_incidents_too() -> None:
    """A silence on a label of the root; maintenance of every node, unless it is critical."""
    silence = Silence("s-1", parse_matchers("node=gpu-1".replace("gpu-1", '"gpu-1"')), NOW, NOW + 3600)
    mild = diagnosis(("i-1", (finding("f-1", severity="warning"),)))

    assert [] == Teller().look(0, diagnosis=WRONG, alerts=alerts(silences=(silence,)))
    assert [] == Teller().look(0, diagnosis=mild, maintained={"gpu-1": "MAINT"})
    assert [] != Teller().look(0, diagnosis=WRONG, maintained={"gpu-1": "MAINT"})


def test_what_somebody_has_taken_on_is_not_repeated() -> None:
    """No reminder and no growth; that it gets worse, and its end, are told."""
    teller = Teller(policy(group_wait_s=0, resolve_wait_s=0, repeat_interval_s=60))
    one = alert()
    teller.look(0, alerts=alerts(one))

    assert [] == teller.look(100, alerts=alerts(one, acked=(one.id,)))
    grave = replace(one, severity="critical")
    assert ["chat worse rule:Hot"] == teller.look(200, alerts=alerts(grave, acked=(one.id,)))
    assert ["chat over rule:Hot"] == teller.look(300)


def test_routes_choose_by_severity_label_team_and_hour() -> None:
    """By day to the team, by night what is critical to the pager; the rest of the night waits for the morning."""
    day = Hours(frozenset(range(5)), ((8 * 60, 18 * 60),))
    routes = (
        Route(("team",), teams=frozenset({"vision"}), hours=day),
        Route(("pager",), severity="critical"),
    )
    told_to = replace(policy(*routes, names=("team", "pager")), teams=(Team("vision", users=frozenset({"ana"})),))
    mild = incident("i-1", finding("f-1", severity="warning"), users=("ana",))
    known = Diagnosis(NOW, (finding("f-1", severity="warning"),), (mild,))
    grave = Diagnosis(NOW, (FAULT,), (incident("i-1", FAULT, users=("ana",)),))

    assert ["team began incident:i-1"] == Teller(told_to).look(0, diagnosis=known)
    night = Teller(told_to)
    assert [] == night.look(8 * 3600, diagnosis=known)
    assert ["pager began incident:i-1"] == night.look(8 * 3600 + 5, diagnosis=grave)
    assert ["team began incident:i-1"] == night.look(16 * 3600, diagnosis=grave)
    other = Diagnosis(NOW, known.findings, (replace(mild, users=("bo",)),))
    assert [] == Teller(told_to).look(0, diagnosis=other)


def test_whoever_was_told_hears_the_end_at_any_hour() -> None:
    """Nobody waits until the morning for a pager that could be put away."""
    day = Hours(spans=((8 * 60, 18 * 60),))
    teller = Teller(policy(Route(("chat",), hours=day), resolve_wait_s=0))
    teller.look(0, diagnosis=WRONG)

    assert ["chat over incident:i-1"] == teller.look(9 * 3600)


def test_information_is_gathered_into_a_digest() -> None:
    """Two things to know of within an hour are one message at its end; nothing of it is told before."""
    teller = Teller(policy(Route(("chat",), severity="info"), group_wait_s=0, digest_interval_s=3600, resolve_wait_s=0))
    first, second = alert("Idle", "info", node="a"), alert("Backlog", "info", node="b")

    assert [] == teller.look(0, alerts=alerts(first)) + teller.look(1800, alerts=alerts(first, second))
    ((_, digest),) = teller.notices(3600, alerts=alerts(second))
    assert ("digest", "2 things to know of (1 over)") == (digest.kind, digest.title)
    assert ("info: Backlog on b", "over: Idle on a") == digest.lines


def test_the_same_state_and_world_decide_the_same() -> None:
    """So a kill between deciding and writing down decides it once more, alike."""
    state = Teller().state
    world = World(alerts(alert()), WRONG)
    assert decide(state, world, policy(), NOW) == decide(state, world, policy(), NOW)


def test_a_channel_that_is_gone_from_the_file_is_forgotten() -> None:
    """Added again later it hears of everything anew."""
    teller = Teller()
    teller.look(0, diagnosis=WRONG)
    teller.policy = policy(names=("other",))
    assert ["other began incident:i-1"] == teller.look(5, diagnosis=WRONG)
    teller.policy = policy()
    assert ["chat began incident:i-1"] == teller.look(10, diagnosis=WRONG)
