"""Xids as episodes: what belongs together, what follows from what, whose job it hit, and what the driver asks for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.domain.boards import Boards
from app.domain.evidence import LogEvidence, XidEpisode
from app.domain.reading import XidCount
from app.domain.slurm import SlurmPicture
from app.domain.snapshot import Gpu, Layer, Node, Snapshot
from app.domain.xids import xid_severity
from app.engine.episodes import GAP_S, KEEP_S, MOST, Episodes, step
from app.engine.xid_counts import counted
from app.engine.xids import recovery_text, xid, xids
from tests.engine.slurm_builders import running

NOW = 1_764_000_000.0
PCI = "0000:19:00"


def said(code: int, after_s: float = 0.0, **more: object) -> LogEvidence:
    """An Xid of one GPU of node-1, so long after the beginning."""
    base = LogEvidence("xid", NOW + after_s, f"Xid {code}", xid_severity(code), source="kern", node="node-1", code=code)
    return replace(base, **{"pci": PCI, **more})  # type: ignore[arg-type]  # fields of the value


def episodes(*evidence: LogEvidence, boards: Boards | None = None) -> list[XidEpisode]:
    """The episodes that evidence makes when each piece comes by itself."""
    state = Episodes()
    for one in evidence:
        state = step(state, [one], one.at, boards).state
    return list(state.known.values())


def edges(*evidence: LogEvidence) -> list[tuple[int, int | None, bool]]:
    """Code, cause and whether it is an echo, of each episode."""
    return [(one.code, one.caused_by, one.is_sympathetic) for one in episodes(*evidence)]


def test_repeats_are_one_episode() -> None:
    """Lines of one code on one GPU are counted from the first to the last, with the processes they name."""
    (one,) = episodes(said(31, pid=5), said(31, 9, pid=6, repeats=3), said(31, 60, pid=5))

    assert (31, 5, NOW, NOW + 60, (5, 6)) == (one.code, one.count, one.first, one.last, one.pids)


def test_long_pause_begins_another_episode() -> None:
    """What comes again after a pause is told again."""
    assert 1 == len(episodes(said(31), said(31, GAP_S)))
    assert 2 == len(episodes(said(31), said(31, GAP_S + 1)))


def test_reboot_begins_another_episode() -> None:
    """The same Xid after a reboot is another one, however soon it comes."""
    assert 2 == len(episodes(said(79, boot="a"), said(79, 60, boot="b")))


def test_drivers_own_word_is_an_edge() -> None:
    """`caused by previous Xid` is followed, across GPUs of the node where this one has none."""
    first = said(149, severity="critical", pci="0000:3b:00")
    _, echo = episodes(first, said(45, 1, caused_by=149))

    assert (149, True) == (echo.caused_by, echo.is_sympathetic)
    assert echo.cause is not None
    assert echo.cause.startswith("node-1/0000:3b:00/149@")


def test_memory_error_is_the_root_of_its_chain() -> None:
    """Remap and containment follow from the uncorrectable error, whichever processor wrote first."""
    chain = (said(48), said(63, 0.023), said(94, 0.025))
    early = (said(94), said(48, 0.5), said(63, 0.6))

    assert [(48, None, False), (63, 48, True), (94, 48, True)] == edges(*chain)
    assert [(94, 48, True), (48, None, False), (63, 48, True)] == edges(*early)


def test_cleanup_follows_what_was_before_it() -> None:
    """An Xid 45 soon after another one is its echo; alone, or on another GPU, it follows from nothing."""
    assert [(31, None, False), (45, 31, True)] == edges(said(31), said(45, 5))
    assert [(45, None, False)] == edges(said(45))
    assert [(31, None, False), (45, None, False)] == edges(said(31), said(45, 5, pci="0000:3b:00"))
    assert [(31, None, False), (45, None, False)] == edges(said(31), said(45, 300))


def test_off_the_bus_explains_what_comes_after() -> None:
    """A GPU that fell off the bus is the root of its later time-outs, with the Xid's number or without."""
    text = replace(said(79), kind="gpu.off_bus", code=None)

    assert [(79, None, False), (119, 79, True)] == edges(text, said(119, 6))


def test_verdict_is_told_at_its_cause() -> None:
    """What the driver asks for stands at the Xid before it; taken back, it does so too."""
    cause, verdict = episodes(said(62), said(154, 0.1, recovery=1))
    gone, _ = episodes(said(62), said(154, 0.1, recovery=1), said(154, 30, recovery=0))

    assert (1, 62, False) == (cause.recovery, verdict.caused_by, verdict.is_sympathetic)
    assert 0 == gone.recovery
    assert "reset the GPU" == recovery_text(1)


def test_two_logs_of_one_machine_count_once() -> None:
    """The same lines read from the journal and from a file are not doubled."""
    (one,) = episodes(said(31), said(31, source="journal"), said(31, 1), said(31, 1, source="journal"))

    assert 2 == one.count


def test_log_beats_the_metric() -> None:
    """A metric's last value makes an episode that says so, until the log tells it better."""
    metric = said(31, details={"from": "metric"}, source="", timed="read")
    (alone,) = episodes(metric)
    (both,) = episodes(metric, said(31, 1), said(31, 2), replace(metric, at=NOW + 3))

    assert (True, 1) == (alone.from_metric, alone.count)
    assert (False, 2) == (both.from_metric, both.count)


def test_job_and_place_come_from_the_snapshot() -> None:
    """The GPU's index and UUID, and the job that held it, are found by the address in the line."""
    gpu = Gpu("node-1.lab", 3, "GPU-3", facts={"pci_bus_id": "00000000:19:00.0"}, seen_at=NOW)
    job = running(812, "node-1.lab", 1, indices=(3,))
    picture = SlurmPicture("slurm", 5.0, "local", jobs={job.id: job}, at=NOW)
    snapshot = Snapshot(nodes={"node-1.lab": Node("node-1.lab", gpus=(gpu,))}, slurm=picture)
    (one,) = episodes(said(94), boards=Boards(snapshot, NOW))

    assert ("node-1.lab", 3, "GPU-3", "812", "ana") == (one.node, one.gpu, one.uuid, one.job, one.user)


def test_episodes_are_forgotten_after_a_day() -> None:
    """A day after its last line an episode goes, and a storm of addresses stays bounded."""
    state = step(Episodes(), [said(31)], NOW).state
    storm = [said(31, at, pci=f"0000:{at:05x}") for at in range(MOST + 50)]

    assert 1 == len(step(state, [], NOW + KEEP_S).state.known)
    assert 0 == len(step(state, [], NOW + KEEP_S + 1).state.known)
    assert MOST == len(step(Episodes(), storm, NOW + MOST).state.known)


def test_step_tells_what_began_and_changed() -> None:
    """A step names the episodes it began and those it changed, once each."""
    first = step(Episodes(), [said(31)], NOW)
    second = step(first.state, [said(31, 1), said(45, 2)], NOW + 2)

    assert 1 == len(first.began)
    assert (first.began, 1) == (second.changed, len(second.began))


def test_counts_of_an_exporter_are_evidence() -> None:
    """More of a code than before is so many Xids; what stood there at first sight is history."""

    def at(count: int) -> Snapshot:
        gpu = Gpu("n", 0, "GPU-0", xids=(XidCount(31, count, NOW - 5),), seen_at=NOW)
        return Snapshot(nodes={"n": Node("n", gpus=(gpu,))})

    assert [(31, 2, NOW - 5)] == [(one.code, one.repeats, one.at) for one in counted(at(1), at(3), NOW)]
    assert () == counted(Snapshot(), at(3), NOW)


def test_last_value_that_changes_is_evidence() -> None:
    """Where an exporter only tells the last code, a change is one Xid, and it says that it may be more."""

    def at(code: float) -> Snapshot:
        layer = Layer("dcgm", NOW, 5.0, {"gpu.xid_last": code})
        return Snapshot(nodes={"n": Node("n", gpus=(Gpu("n", 0, "GPU-0", layers=(layer,), seen_at=NOW),))})

    (one,) = counted(at(0.0), at(31.0), NOW)
    assert (31, "metric") == (one.code, one.details["from"])
    assert "are lost" in one.text
    assert () == counted(at(31.0), at(31.0), NOW)


@pytest.mark.parametrize("code", sorted(xids()))
def test_every_row_of_the_catalogue_is_whole(code: int) -> None:
    """Each code has a name, a meaning, an action and a source, and no fault of a program drains a node."""
    one = xid(code)

    assert all((one.name, one.means, one.action.text, one.source))
    assert not (one.is_app_caused and one.action.changes)
    assert not (one.severity() == "critical" and one.action.key in ("none", "restart_app"))


def test_unknown_code_is_handed_back() -> None:
    """A code without a row is a warning with an honest sentence."""
    one = xid(31337)

    assert (False, "warning") == (one.is_known, one.severity())
