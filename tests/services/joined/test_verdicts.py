"""Several diagnoses, alerts and silences as one: whose it is, is told; what two shares say alike is said once."""

from __future__ import annotations

from dataclasses import replace

from app.domain.alert import Matcher, Silence
from app.domain.alerts_now import NO_ALERTS, AlertsNow
from app.domain.clusters import Naming
from app.domain.diagnosis import NO_DIAGNOSIS, Diagnosis
from app.domain.series import Event, Subject
from app.domain.watched import IdleSpell, Watched
from app.services.joined.renaming import Names
from app.services.joined.verdicts import (
    Remembered,
    Told,
    joined_alerts,
    joined_diagnosis,
    joined_events,
    joined_watched,
)
from tests.present.fleets import NOW
from tests.tui.alarms import alarmed
from tests.tui.diagnoses import troubles

LAB, UNI = Names(Naming("lab")), Names(Naming("uni"))
UNWATCHED = Watched()
FIRST, SECOND = Names(Naming(), 1), Names(Naming(), 2)


def told(names: Names, diagnosis: Diagnosis = NO_DIAGNOSIS, alerts: AlertsNow = NO_ALERTS, silence: str = "") -> Told:
    """What one member tells."""
    return Told(names, diagnosis, alerts, UNWATCHED, silence)


def test_incidents_of_two_clusters_stay_apart() -> None:
    """The same incident of both has two ids, says whose it is, and holds together within its cluster."""
    found = joined_diagnosis([told(LAB, troubles()), told(UNI, troubles())])
    one = found.incident("uni:i-17")
    assert one is not None
    root = found.finding(one.root)
    assert root is not None

    assert 2 * len(troubles().incidents) == len(found.incidents)
    assert ("uni: GPU gpu-01/5: fell off the bus", "uni:gpu-01") == (root.title, root.subject.node)
    assert set(one.findings) == {each.id for each in found.findings if each.incident == "uni:i-17"}
    assert ("uni:812",) == root.affects.jobs
    assert "on uni: keep new jobs off gpu-01" == root.actions[0].text
    assert ["critical"] * 2 == [each.severity for each in found.incidents[:2]]


def test_what_two_shares_say_alike_is_said_once() -> None:
    """The first to say it is taken, under an id that says which share knows more; the incident is not doubled."""
    found = joined_diagnosis([told(FIRST, troubles()), told(SECOND, troubles())])

    assert len(troubles().findings) == len(found.findings)
    ids = [*(each.id for each in found.findings), *(each.id for each in found.incidents)]
    assert {"1"} == {one.partition(":")[0] for one in ids}
    assert troubles().findings[0].title == found.findings[0].title


def test_alerts_keep_what_people_said_of_them() -> None:
    """What mutes an alert and who took it on stand at the renamed one; both clusters' have ids of their own."""
    found = joined_alerts([told(LAB, alerts=alarmed()), told(UNI, alerts=alarmed())])
    ids = {one.id for one in found.alerts}

    assert 2 * len(alarmed().alerts) == len(ids)
    assert set(found.muted) <= ids
    assert {one.alert for one in found.acks} <= ids
    assert (2 * len(alarmed().muted), 2) == (len(found.muted), len(found.acks))
    assert {"lab:GpuEccUncorrected", "uni:GpuEccUncorrected"} == set(found.troubles)


def test_a_silence_made_at_every_share_is_listed_once() -> None:
    """Its ids differ from share to share; another one for the same, that ends later, is another one."""
    fan = Silence("s-1", (Matcher("node", "=", "gpu-1"),), NOW, NOW + 600, "ana", "fan")
    again, later = replace(fan, id="s-2", ends_at=NOW + 600.4), replace(fan, id="s-3", ends_at=NOW + 7200)
    some = [
        told(FIRST, alerts=AlertsNow(NOW, silences=(fan,))),
        told(SECOND, alerts=AlertsNow(NOW, silences=(again, later))),
    ]

    assert ["s-1", "s-3"] == [one.id for one in joined_alerts(some).silences]


def test_who_is_not_heard_has_nothing_firing() -> None:
    """What fired at the last word of a daemon that is gone may be over: it is a trouble, not an alert."""
    found = joined_alerts(
        [told(LAB, alerts=alarmed(), silence="its daemon has been silent for 60 s"), told(UNI, alerts=alarmed())]
    )

    assert {"uni"} == {dict(one.labels)["cluster"] for one in found.alerts}
    assert "its daemon has been silent for 60 s" == found.troubles["lab"]


def test_events_come_in_the_order_of_their_time() -> None:
    """Each says its cluster, the newest are kept."""
    some = [
        (names, [Event(NOW + number, "gpu.lost", "critical", Subject("gpu", node="gpu-1", index=0), "gone")])
        for number, names in enumerate((UNI, LAB, UNI))
    ]

    assert [("lab: gone", "lab:gpu-1"), ("uni: gone", "uni:gpu-1")] == [
        (one.text, one.subject.node) for one in joined_events(some, 2)
    ]


def test_idle_spells_are_of_their_own_gpus() -> None:
    """The same place in two clusters is two places."""
    spells = Watched(NOW, {"gpu-1/3": IdleSpell(NOW - 60, 60.0)})
    found = joined_watched([replace(told(one), watched=spells) for one in (LAB, UNI)])

    assert {"lab:gpu-1/3", "uni:gpu-1/3"} == set(found.idle)


def test_what_is_told_again_is_put_together_once() -> None:
    """As long as no member tells anything new the answer is the same object, and a screen need not look again."""
    remembered = Remembered(joined_diagnosis)
    known = troubles()
    first = remembered.of([told(LAB, known), told(UNI)])

    assert first is remembered.of([told(LAB, known), told(UNI)])
    assert first is not remembered.of([told(LAB, known), told(UNI, known)])
