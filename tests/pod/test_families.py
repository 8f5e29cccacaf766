"""The tables agree: every question fills a family that the exporter knows how to print."""

import re
from collections.abc import Iterator

from pod.families import FAMILIES, GPU_FAMILIES
from pod.links import TOTALS
from pod.questions import FAST, GPM, MEDIUM, MIG_GPM, PCIE, SLOW, Call


def asked() -> Iterator[str]:
    """Every family that a question fills, substitutes included."""
    for lane in (FAST, MEDIUM, SLOW, PCIE):
        calls: list[Call | None] = [*lane.calls, *(field.instead for field in lane.fields)]
        while calls:
            call = calls.pop()
            if call is not None:
                yield from call.gives
                calls.append(call.instead)
        yield from (field.family for field in lane.fields)
    yield from (family for family, _ in (GPM | MIG_GPM).values())
    yield from TOTALS.values()


def test_every_answer_has_a_family() -> None:
    """No question fills a family that is not in the table."""
    assert set() == set(asked()) - {family.name for family in GPU_FAMILIES}


def test_every_gpu_family_is_asked_for() -> None:
    """No family of a GPU waits for a question, but those that a function of its own fills."""
    by_function = {"gpu_watchdog_ecc_sram_threshold_exceeded"} | {
        family.name for family in GPU_FAMILIES if "FABRIC" in family.name
    }

    assert by_function == {family.name for family in GPU_FAMILIES} - set(asked())


def test_names_are_unique_and_well_formed() -> None:
    """A family appears once, its name is Prometheus's, and its help is one line."""
    names = [family.name for family in FAMILIES]

    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name) for name in names)
    assert all(family.help.endswith(".") and "\n" not in family.help for family in FAMILIES)


def test_field_ids_are_asked_once() -> None:
    """No NVML field is fetched twice in a round."""
    ids = [(field.id, field.scope) for lane in (FAST, MEDIUM, SLOW) for field in lane.fields]

    assert len(ids) == len(set(ids))
