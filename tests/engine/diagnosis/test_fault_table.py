"""The list of faults as a whole: complete, sound in its references, with its sources, harmless in what it offers."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import app.engine
import app.sources.logs
from app.domain.metrics import by_key
from app.engine.diagnosis.fault import Fault
from app.engine.diagnosis.fault_table import FaultError, fault_table, read_faults
from app.engine.diagnosis.observers import OBSERVERS

TABLE = fault_table()
FAULTS = tuple(TABLE.faults.values())
LISTED = {"A": 10, "B": 16, "C": 9, "D": 8, "E": 9, "F": 17, "G": 15, "H": 16, "I": 11, "J": 6}
"""How many of each family there are at least."""
DANGEROUS = re.compile(
    r"\brm\b|kill\s+-9|\bpkill\b|\breboot\b|\bmkfs|\bdd\b|poweroff|shutdown|wipefs|>\s*/"
    r"|ipmitool .*power (off|cycle|reset|soft)"
)


def test_every_fault_of_the_list_is_there() -> None:
    """117 of them, by their codes."""
    wanted = {f"{family}{number}" for family, last in LISTED.items() for number in range(1, last + 1)}
    assert 117 == len(wanted)
    assert set() == wanted - set(TABLE.faults)


def test_what_a_fault_leads_to_is_in_the_list() -> None:
    """No arrow into nothing, and none to itself."""
    assert () == TABLE.dangling
    assert [] == [one.code for one in FAULTS if one.code in one.leads_to]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: one.code)
def test_an_entry_says_what_it_means_whence_it_is_known_and_what_to_do(fault: Fault) -> None:
    """Whoever is woken by it has a next step."""
    assert len(fault.means) > 20
    assert len(fault.source) > 5
    assert fault.steps or fault.also  # who finds it gives its own advice
    assert "{where}" in fault.title or fault.scope == "cluster" or fault.also


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: one.code)
def test_no_command_is_dangerous_and_whatever_changes_something_is_gated(fault: Fault) -> None:
    """Only what can be taken back, and nothing at all without being asked for."""
    for step in fault.steps:
        assert DANGEROUS.search(step.command) is None
        if re.search(r"\b(update|scancel|--gpu-reset|systemctl (re)?start|requeue|modprobe)\b", step.command):
            assert step.gated


def test_every_sign_that_is_asked_for_is_made_by_somebody() -> None:
    """A misspelt sign would be a fault that is never found."""
    told = "\n".join(Path(str(sys.modules[one.__module__].__file__)).read_text("utf-8") for one in OBSERVERS)
    lines = "\n".join(path.read_text("utf-8") for path in Path(str(app.sources.logs.__file__)).parent.glob("*.py"))
    unknown = [kind for kind in sorted(TABLE.signs) if not _is_made(kind, told, lines)]
    assert [] == unknown


def _is_made(kind: str, told: str, lines: str) -> bool:
    if kind in by_key() or kind.rstrip("+") in by_key() or re.fullmatch(r"s?xid\.\d+", kind):
        return True
    if kind.startswith("log."):
        return f'"{kind.removeprefix("log.")}"' in lines
    name = kind.rpartition(".")[2]
    return kind in told or name in told or name.removeprefix("job_") in told.lower()


def test_what_watching_finds_is_in_the_list() -> None:
    """Else it would be told nowhere while a diagnosis runs."""
    folder = Path(str(app.engine.__file__)).parent
    found = {key for path in folder.glob("*.py") for key in re.findall(r'fault="([a-z_.]+)"', path.read_text("utf-8"))}
    assert found
    assert set() == found - set(TABLE.by_key)


def test_a_wrong_entry_is_named() -> None:
    """With its file and code."""
    with pytest.raises(FaultError, match=r"x.toml, \[Z1\]: unknown key 'titel'"):
        read_faults({"x.toml": '[Z1]\ntitel = "a"\n'})
    with pytest.raises(FaultError, match=r"x.toml, \[Z1\]: title is missing"):
        read_faults({"x.toml": '[Z1]\nkey = "a"\n'})
