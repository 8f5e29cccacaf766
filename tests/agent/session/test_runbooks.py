"""Runbooks: ours are there and short, a person's own beside them, matched by what was found and by what was asked."""

from __future__ import annotations

from pathlib import Path

from app.agent.runbooks import LONGEST, Runbook, Runbooks, ours, read_runbook, texts_about
from app.domain.diagnosis import NO_DIAGNOSIS
from app.engine.diagnosis.fault_table import fault_table
from tests.tui.diagnoses import troubles


def test_ours_are_many_short_and_about_faults_that_exist() -> None:
    """More than twenty, none cut, each for faults of our list; most faults have one."""
    known = {fault.code for fault in fault_table().faults.values()}
    named = {code for one in ours() for code in one.faults}

    assert len(ours()) >= 20
    assert named <= known
    assert len(named) > 0.75 * len(known)
    for one in ours():
        assert 200 < len(one.text.encode()) <= LONGEST
        assert not one.text.endswith("…")
        assert one.when
        assert one.faults
        assert one.words


def test_they_are_matched_by_finding_then_by_words() -> None:
    """The fault that was found comes before what the question says; no more than are asked for."""
    found = Runbooks().matching(["B1"], "why is my job pending?")

    assert ["gpu-off-the-bus", "why-pending"] == [one.name for one in found]
    assert 1 == len(Runbooks().matching(["B1"], "why is my job pending?", most=1))
    assert () == Runbooks().matching([], "hello")


def test_a_model_is_offered_those_of_the_diagnosis_the_root_first() -> None:
    """What is called with a diagnosis gives texts; with none, nothing."""
    texts = Runbooks()(troubles())

    assert texts[0].startswith("# A GPU is gone from the bus")
    assert "(read it when: " in texts[0]
    assert () == Runbooks()(NO_DIAGNOSIS)


def test_a_persons_own_stand_beside_ours_and_may_replace_them(tmp_path: Path) -> None:
    """Front matter is optional; one of the same name wins; what cannot be read is passed over."""
    (tmp_path / "gpu-off-the-bus.md").write_text('+++\nfaults = ["B1"]\nwhen = "always"\n+++\nCall Bo.\n')
    (tmp_path / "cooling.md").write_text("# When the pump stops\n\nRun.\n")
    (tmp_path / "broken.md").write_text("+++\nfaults = [\n+++\nStill text.\n")
    (tmp_path / "binary.md").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "huge.md").write_text("x" * 100_000)
    runbooks = Runbooks(str(tmp_path))
    named = {one.name: one for one in runbooks.all}

    assert Runbook("gpu-off-the-bus", "always", "Call Bo.", ("B1",)) == named["gpu-off-the-bus"]
    assert "When the pump stops" == named["cooling"].when
    assert "Still text." == named["broken"].text
    assert not {"binary", "huge"} & set(named)
    assert len(ours()) + 2 == len(named)
    assert len(ours()) == len(Runbooks(str(tmp_path / "missing")).all)


def test_texts_are_clean_and_short() -> None:
    """No control characters, no secrets, at most two kilobytes."""
    one = read_runbook("x\x1b[2J", "a\x1b[31mb password: hunter2secret " + "long " * 1000)

    assert "\x1b" not in one.name + one.text
    assert "hunter2secret" not in one.text
    assert LONGEST >= len(one.text)


def test_what_a_runbook_says_may_be_quoted() -> None:
    """Our texts for the faults that results name are part of what an answer may rest on."""
    assert any("gone from the bus" in text for text in texts_about('"code":"b1"'))
    assert () == texts_about("nothing")
