"""Burn-ins that went in some way, and what is to be thought of each GPU then."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.stress import Report, Verdict, judge
from app.engine.stress_models import model_of, models
from app.engine.stress_results import Heard, Reader
from app.engine.stress_words import figure

H100 = "NVIDIA H100 80GB HBM3"
FINE: Mapping[str, float] = {
    "matmul.fp32": 52e12,
    "matmul.tf32": 380e12,
    "matmul.fp8": 1300e12,
    "matmul.fp16": 700e12,
    "matmul.bf16": 720e12,
    "memory.copy": 2.9e12,
    "memory.read": 3.0e12,
    "memory.pattern": 0,
    "host.to_device": 54e9,
    "host.from_device": 54e9,
    "allreduce.node": 360e9,
    "sustained": 690e12,
    "ecc": 0,
}
COOL = {"precision": "bf16", "clock_first_mhz": 1755, "clock_last_mhz": 1740, "temperature_max_c": 68}


def line(
    event: str,
    place: tuple[str, int],
    phase: str = "",
    value: float | None = None,
    detail: Mapping[str, Any] | None = None,
    model: str = H100,
    kind: str = "cuda",
    unit: str = "B/s",
) -> str:
    """A line as a process prints it."""
    whole = {
        "stress": 1, "event": event, "host": place[0], "rank": place[1], "device": place[1], "kind": kind,
        "uuid": f"GPU-{place[1]}", "model": model, "phase": phase, "value": value, "unit": unit,
        "detail": detail or {},
    }  # fmt: skip
    return json.dumps(whole, separators=(",", ":"))


def unit_of(phase: str) -> str:
    """The unit of a phase."""
    return {"memory.pattern": "words", "ecc": "errors"}.get(
        phase, "FLOP/s" if phase.startswith(("matmul", "sustained")) else "B/s"
    )


def spoke(
    place: tuple[str, int],
    changed: Mapping[str, float | None] | None = None,
    details: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    end: str | None = "done",
    note: str = "",
    model: str = H100,
    kind: str = "cuda",
) -> list[str]:
    """A process from start to end, fine but for what is changed."""
    values = {**FINE, **(changed or {})}
    found = {"sustained": COOL, **(details or {})}
    lines = [line("start", place, detail={"expects_gpu": True, "text": note}, model=model, kind=kind)]
    lines += [
        line("result", place, phase, value, found.get(phase), model=model, kind=kind, unit=unit_of(phase))
        for phase, value in values.items()
    ]
    return lines + ([line("end", place, detail={"reason": end}, model=model, kind=kind)] if end else [])


def heard(*processes: Sequence[str]) -> Heard:
    """What was read of them."""
    reader = Reader()
    for lines in processes:
        reader.feed(lines)
    return reader.heard()


def eight(odd: Sequence[str], at: int = 3) -> Report:
    """A node of eight, one of which is odd."""
    return judge(heard(*(odd if index == at else spoke(("gpu-01", index)) for index in range(8))))


def of(report: Report, name: str = "gpu-01/3") -> Verdict:
    """One GPU's verdict."""
    return next(one for one in report.verdicts if one.device.name == name)


def test_healthy_node_is_fine() -> None:
    """Eight like ones at the usual shares of their peak: nothing is said, and nothing is wrong."""
    report = eight(spoke(("gpu-01", 3)))

    assert [("ok", ())] * 8 == [(one.state, one.reasons) for one in report.verdicts]
    assert (False, False, ()) == (report.is_bad, report.is_incomplete, report.notes)
    assert [("gpu-01", "ok", 360e9)] == [(one.name, one.state, one.value) for one in report.groups]


def test_hot_gpu_is_slow_and_the_reason_is_told() -> None:
    """The slow one is named with how far it is behind, and its clocks, heat and their reason."""
    hot = {
        **COOL,
        "clock_first_mhz": 1980,
        "clock_last_mhz": 1200,
        "temperature_max_c": 88,
        "slowed_by": ["software thermal slowdown"],
        "hot_share": 0.6,
    }
    report = eight(spoke(("gpu-01", 3), {"matmul.bf16": 425e12, "sustained": 410e12}, {"sustained": hot}))

    assert ["slow" if index == 3 else "ok" for index in range(8)] == [one.state for one in report.verdicts]
    assert (
        "bf16 41 % below its 7 siblings (425 TFLOP/s, theirs 720 TFLOP/s)",
        "sustained load 41 % below its 7 siblings (410 TFLOP/s, theirs 690 TFLOP/s)",
        "SM clock fell from 1980 to 1200 MHz at 88 °C: software thermal slowdown",
    ) == of(report).reasons


def test_power_cap_alone_is_how_it_is_meant() -> None:
    """Clocks that a power cap lowers on every GPU are no reason to worry."""
    capped = {**COOL, "clock_first_mhz": 1980, "clock_last_mhz": 1400, "slowed_by": ["software power cap"]}

    assert "ok" == of(eight(spoke(("gpu-01", 3), details={"sustained": capped}))).state


def test_a_moment_of_heat_beside_a_power_cap_is_forgiven() -> None:
    """Heat that was felt in one look of a hundred is not why the clocks are lower."""
    capped = {"clock_first_mhz": 1980, "clock_last_mhz": 1400, "hot_share": 0.01}
    both = {**COOL, **capped, "slowed_by": ["software thermal slowdown", "software power cap"]}

    assert "ok" == of(eight(spoke(("gpu-01", 3), details={"sustained": both}))).state


def test_wrong_bits_are_a_fault_however_fast() -> None:
    """Memory that does not hold what was written, and arithmetic that errs, make a GPU faulty; addresses are told."""
    memory = eight(spoke(("gpu-01", 3), {"memory.pattern": 12}, {"memory.pattern": {"first": ["aa@0x1f40"]}}))
    errs = eight(spoke(("gpu-01", 3), details={"matmul.bf16": {"differences": 2}}))
    ecc = eight(spoke(("gpu-01", 3), {"ecc": 1}))

    assert ("faulty", ("memory: 12 words do not hold what was written (aa@0x1f40)",)) == (
        of(memory).state,
        of(memory).reasons,
    )
    assert ("faulty", ("bf16: the same multiplication gave 2 other elements",)) == (of(errs).state, of(errs).reasons)
    assert ("faulty", ("1 uncorrectable ECC error during the run",)) == (of(ecc).state, of(ecc).reasons)


def test_all_alike_and_all_slow_is_seen_by_the_data_sheet() -> None:
    """Where every sibling is slow, only what the model should reach tells; the sentence has both figures."""
    report = judge(heard(*(spoke(("gpu-01", index), {"memory.copy": 1.0e12}) for index in range(4))))

    assert ["slow"] * 4 == [one.state for one in report.verdicts]
    assert (f"memory copy 1.00 TB/s, 30 % of the 3.35 TB/s that a {H100} has",) == report.verdicts[0].reasons


def test_narrow_bus_is_named() -> None:
    """A link at half its width is told, with what it could be."""
    link = {"pcie_gen": 5, "pcie_width": 8, "pcie_gen_max": 5, "pcie_width_max": 16}
    report = eight(spoke(("gpu-01", 3), {"host.to_device": 27e9}, {"host.to_device": link}))

    assert "slow" == of(report).state
    assert "its bus runs as PCIe 5 × 8 instead of 5 × 16" in of(report).reasons


def test_spread_among_siblings_is_forgiven() -> None:
    """A GPU 10 % below the middle of a wide field is one of the field."""
    rates = (800e12, 760e12, 720e12, 680e12, 640e12, 620e12, 600e12)
    report = judge(heard(*(spoke(("gpu-01", at), {"matmul.bf16": rate}) for at, rate in enumerate(rates))))

    assert {"ok"} == {one.state for one in report.verdicts}


def test_of_two_the_far_slower_one_is_named() -> None:
    """With one sibling there is no majority: some per cent are forgiven, a quarter is not."""
    near = judge(heard(spoke(("n", 0)), spoke(("n", 1), {"matmul.bf16": 640e12})))
    far = judge(heard(spoke(("n", 0)), spoke(("n", 1), {"matmul.bf16": 560e12})))

    assert ["ok", "ok"] == [one.state for one in near.verdicts]
    assert ["ok", "slow"] == [one.state for one in far.verdicts]
    assert "bf16 22 % below its only sibling" in far.verdicts[1].reasons[0]


def test_slow_links_name_the_node_and_no_gpu() -> None:
    """An all-reduce far below NVLink's figure is the node's: its GPUs stay fine."""
    report = judge(heard(*(spoke(("gpu-01", index), {"allreduce.node": 25e9}) for index in range(8))))

    assert {"ok"} == {one.state for one in report.verdicts}
    assert ("slow", True) == (report.groups[0].state, report.is_bad)
    assert report.groups[0].reasons[0].startswith("all-reduce reaches 25.0 GB/s, 6 % of the 450 GB/s of its NVLink")


def test_wrong_sums_are_a_fault_of_the_group() -> None:
    """A sum that is wrong is told with the GPUs that saw it."""
    report = eight(spoke(("gpu-01", 3), details={"allreduce.node": {"wrong": 7}}))

    assert ("faulty", ("wrong sums on gpu-01/3",)) == (report.groups[0].state, report.groups[0].reasons)


def test_unknown_model_is_held_against_its_siblings_only() -> None:
    """The report says that no figures are known; the one behind its siblings is found all the same."""
    new = "NVIDIA X900"
    others = [spoke(("n", index), model=new) for index in range(3)]
    report = judge(heard(*others, spoke(("n", 3), {"memory.read": 1e12}, model=new)))

    assert ["ok", "ok", "ok", "slow"] == [one.state for one in report.verdicts]
    assert (f"no figures are known for {new}: it is compared with its siblings only",) == report.notes


def test_what_was_not_tested_is_unknown() -> None:
    """A GPU without torch, one that was cut off, one that never spoke, one without anything to compare with."""
    no_torch = spoke(("a", 0), kind="cpu", model="a processor", note="torch cannot be used: No module named torch")
    report = judge(
        heard(no_torch, spoke(("b", 0), end=None), spoke(("c", 0), model="NVIDIA X900")), [("b", (0,)), ("d", (0,))]
    )

    assert {
        "a/0": (
            "unknown",
            (
                "no GPU was tested here, only the processor: torch cannot be used: No module named torch",
                "--python FILE names a Python that has torch",
            ),
        ),
        "b/0": ("unknown", ("its process broke off after ECC errors",)),
        "c/0": (
            "unknown",
            ("there is nothing to compare it with: no figures of its model are known, and it has no siblings",),
        ),
        "d/0": ("unknown", ("nothing was heard of it: its process did not start or broke off",)),
    } == {one.device.name: (one.state, one.reasons) for one in report.verdicts}
    assert (False, True) == (report.is_bad, report.is_incomplete)


def test_failed_phase_is_a_gap_and_a_hardware_error_a_fault() -> None:
    """Too little memory is nobody's fault; the driver's word of an uncorrectable error is the GPU's."""
    full = [*spoke(("n", 0)), line("error", ("n", 0), "memory.copy", detail={"text": "OutOfMemoryError: no room"})]
    lost = [
        *spoke(("n", 1)),
        line("error", ("n", 1), "sustained", detail={"text": "uncorrectable ECC error encountered"}),
    ]
    report = judge(heard(full, lost, spoke(("n", 2))))

    assert ["unknown", "faulty", "ok"] == [one.state for one in report.verdicts]
    assert ("memory copy could not be measured: OutOfMemoryError: no room",) == report.verdicts[0].reasons
    assert ("sustained load: uncorrectable ECC error encountered",) == report.verdicts[1].reasons


def test_nothing_heard_is_incomplete() -> None:
    """No line of ours: what was said instead is kept, and nobody is called fine."""
    report = judge(heard(["srun: error: node1: task 0: Exited with exit code 127", "python3: not\x1b[2J found"]))

    assert (False, True, ()) == (report.is_bad, report.is_incomplete, report.verdicts)
    assert ("srun: error: node1: task 0: Exited with exit code 127", "python3: not[2J found") == report.notes


@given(st.lists(st.text(max_size=60), max_size=5), st.integers(0, 300))
def test_hostile_output_never_breaks_the_reader(junk: list[str], cut: int) -> None:
    """Noise between the lines and lines that are torn leave notes, and no crash."""
    whole = spoke(("n", 0))
    judge(heard(junk, [whole[0][:cut], whole[1][cut:]], whole, [one.replace("n", "\u202e") for one in whole]))


@pytest.mark.parametrize("value", ["NaN", "1e999", "-Infinity", '"5"', "[]", "1" + "0" * 400, "true"])
def test_what_is_no_number_is_no_result(value: str) -> None:
    """A value that cannot be compared counts as none."""
    text = line("result", ("n", 0), "memory.copy", 1.0).replace('"value":1.0', f'"value":{value}')

    assert all(one.value is None for device in heard([text]).devices for one in device.results)


def test_detail_can_always_be_told_on() -> None:
    """What a process puts beside its figure is finite, or left out: JSON has no word for infinity."""
    text = line("result", ("n", 0), "memory.copy", 1.0).replace('"detail":{}', '"detail":{"a":NaN,"b":1e999,"c":2.5}')

    (device,) = heard([text]).devices

    assert {"a": None, "b": None, "c": 2.5} == device.results[0].detail


def test_every_model_is_whole() -> None:
    """Each entry says where its figures come from, has sane ones, and is found by each of its names alone."""
    for one in models():
        assert one.source
        assert all(1e9 < peak < 1e16 for peak in one.peaks.values()), one.names
        assert all(0.2 <= share <= 0.9 for share in one.ok.values()), one.names
        assert [one] * len(one.names) == [model_of(f"NVIDIA {name.upper()}") for name in one.names]
    assert (None, None) == (model_of("NVIDIA H100 80GB HBM3 MIG 1g.10gb"), model_of(""))
    assert 25 == len(models())


@pytest.mark.parametrize(
    ("value", "text"),
    [(743.2e12, "743 TFLOP/s"), (2.913e12, "2.91 TFLOP/s"), (0, "0.00 FLOP/s"), (999.7e9, "1.00 TFLOP/s")],
)
def test_figures_have_three_digits(value: float, text: str) -> None:
    """An SI prefix and three figures."""
    assert text == figure(value, "FLOP/s")


def test_silent_gpu_is_named_by_the_number_slurm_gave() -> None:
    """Of GPUs 4 and 6 one was heard of; the other one is missing, and no third one is."""
    report = judge(heard(spoke(("n", 4))), [("n", (4, 6))])

    assert ["n/4", "n/6"] == [one.device.name for one in report.verdicts]
