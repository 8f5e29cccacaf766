"""Causes: a circle is broken where it would close, and the next likely cause counts then."""

from __future__ import annotations

from app.domain.finding import FindingSubject
from app.engine.diagnosis.fault_table import FaultTable, read_faults
from app.engine.diagnosis.graph import Case, parents
from app.engine.diagnosis.places import Places
from app.engine.diagnosis.sign import Look
from tests.engine.slurm_builders import NOW, gpu, snapshot_with

NODE = FindingSubject(node="n1")
GPU = FindingSubject(node="n1", gpu=0)


def table(**leads_to: tuple[str, ...]) -> FaultTable:
    """Faults that lead to each other."""
    text = ""
    for code, others in leads_to.items():
        text += (
            f'[{code}]\nkey = "k.{code}"\ntitle = "{{where}}"\nscope = "node"\nseverity = "warning"\n'
            f'any = [{{ sign = "s.{code}" }}]\nmeans = "m"\nsource = "s"\nleads_to = {list(others)!r}\n'
        )
    return read_faults({"x.toml": text})


def test_a_cause_that_would_close_a_circle_gives_way_to_the_next_one() -> None:
    """C is closest to E, but follows from it: B, which leads to both, is the cause of E."""
    faults = table(B=("E",), C=("E",), D=("C",), E=("D",))
    cases = [
        Case(0, faults.faults["D"], NODE, NOW, NOW),
        Case(1, faults.faults["C"], NODE, NOW + 1, NOW + 1),
        Case(2, faults.faults["E"], NODE, NOW + 2, NOW + 2),
        Case(3, faults.faults["B"], GPU, NOW + 2, NOW + 2),
    ]
    places = Places(Look(snapshot_with(None, [gpu("n1", 0)]), NOW, 5.0))
    assert {0: 2, 1: 0, 2: 3} == dict(parents(cases, faults, places))
