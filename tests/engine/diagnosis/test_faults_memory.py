"""Faults of GPU memory (A): each as a story in which it is found, beside one that looks like it."""

from __future__ import annotations

import pytest

from tests.engine.diagnosis.world import World
from tests.engine.slurm_builders import running

NOBODY = "pid='<unknown>', name=<unknown>, "
DOUBLE_BIT = (
    f"{NOBODY}An uncorrectable double bit error (DBE) has been detected on GPU in the "
    "framebuffer at physAddr 0x18f31d80 partition 16, subpartition 3."
)
IN_THE_CHIP = f"{NOBODY}An uncorrectable double bit error (DBE) has been detected on GPU in the LTC at physAddr 0x4f00."
REMAPPED = f"{NOBODY}Row Remapper: New row (0x0000000018f31d80) marked for remapping, reset gpu to activate."
NO_ROW_LEFT = f"{NOBODY}Row Remapper Error: (0x00000002eebc4100) - All reserved rows for bank are remapped"
CONTAINED = "pid=7062, name=python, Contained: SM (0x1). RST: No, D-RST: No"
UNCONTAINED = "pid=7062, Uncontained: LTC TAG (0x2, 0x1). RST: Yes, D-RST: No"


def at_work() -> World:
    """One node whose GPUs a job holds."""
    world = World(jobs={"812": running(812, "gpu-1", 8)})
    world.run(30)
    return world


def test_a_double_bit_error_is_the_root_of_all_that_memory_says_after_it() -> None:
    """48, 63 and 94 within seconds, the pending row and a count that rises are one incident (rule 3)."""
    world = at_work()
    world.xid(48, DOUBLE_BIT, 3)
    world.xid(63, REMAPPED, 3)
    world.xid(94, CONTAINED, 3)
    world.xid(45, "pid=7062, name=python, Ch 00000008", 3)
    world.gpu(3)["gpu.ecc_dbe_volatile"] = 1.0
    world.run(15)
    world.gpu(3)["gpu.row_remap_pending"] = 1.0
    world.run(10)
    assert [("A1", "gpu-1/3")] == world.roots
    assert ["A1", "A3", "B11"] == sorted(world.codes)
    root = world.one("A1")
    assert ("critical", "812", ("812",)) == (root.severity, root.subject.job, root.affects.jobs)
    assert "scontrol update nodename=gpu-1 state=drain" in (root.actions[0].command or "")


def test_a_contained_error_alone_is_its_jobs_matter() -> None:
    """Xid 94 without 48: one process was hit, which is a warning."""
    world = at_work()
    world.xid(94, CONTAINED, 3)
    world.run(10)
    assert ("warning", "812") == (world.one("A1").severity, world.one("A1").subject.job)


def test_a_count_of_errors_that_rises_is_found_without_any_log() -> None:
    """The exporter's count alone, on a node whose kernel log nobody reads."""
    world = World(has_logs=False)
    world.run(30)
    world.gpu(5)["gpu.ecc_dbe_volatile"] = 2.0
    world.run(5)
    assert [("A1", "gpu-1/5")] == world.roots


def test_errors_counted_before_the_first_look_are_history() -> None:
    """A count that stands there says nothing of today (rule 11), nor does one that fell with a reset."""
    world = World()
    world.gpu(2)["gpu.ecc_dbe_volatile"] = 3.0
    world.run(60)
    world.gpu(2)["gpu.ecc_dbe_volatile"] = 0.0
    world.run(60)
    assert [] == world.codes


def test_an_uncontained_error_puts_all_results_in_doubt() -> None:
    """95 after 48 keeps 48 as its root; alone it is one."""
    world = at_work()
    world.xid(48, DOUBLE_BIT, 3)
    world.xid(95, UNCONTAINED, 3)
    world.xid(95, UNCONTAINED, 6)
    world.run(10)
    assert [("A1", "gpu-1/3"), ("A2", "gpu-1/6")] == sorted(world.roots)
    assert [False, True] == sorted(one.root for one in world.diagnosis.findings if one.code == "A2")


def test_a_row_that_waits_for_a_reset_is_a_warning_and_a_repair_is_none() -> None:
    """63 alone is routine: what waits for a reset, the driver's flag says."""
    world = World()
    world.run(10)
    world.xid(63, REMAPPED, 1)
    world.gpu(2)["gpu.row_remap_pending"] = 1.0
    world.run(10)
    found = {str(one.subject): one.severity for one in world.diagnosis.findings}
    assert {"gpu-1/1": "info", "gpu-1/2": "warning"} == found


@pytest.mark.parametrize("key", ["gpu.row_remap_failure", "gpu.remap_banks_none"])
def test_a_bank_without_a_spare_row_is_for_return(key: str) -> None:
    """One bank is enough, whatever the count of the whole GPU."""
    world = World()
    world.gpu(4)[key] = 1.0
    world.run(10)
    assert [("A4", "gpu-1/4")] == world.roots
    assert "critical" == world.one("A4").severity


def test_a_row_that_could_not_be_replaced_takes_its_contained_error_along() -> None:
    """64 and 94 of one moment are one incident."""
    world = at_work()
    world.xid(64, NO_ROW_LEFT, 2)
    world.xid(94, CONTAINED, 2)
    world.run(10)
    assert [("A4", "gpu-1/2")] == world.roots


def test_many_replaced_rows_are_wear_and_grave_while_they_grow() -> None:
    """512 uncorrectable ones; 20 of a young board are nothing."""
    world = World()
    world.gpu(0)["gpu.remapped_rows_uncorrectable"] = 20.0
    world.gpu(1)["gpu.remapped_rows_uncorrectable"] = 512.0
    world.run(10)
    assert [("A5", "gpu-1/1")] == world.roots
    assert "warning" == world.one("A5").severity
    world.gpu(1)["gpu.remapped_rows_uncorrectable"] = 513.0
    world.run(10)
    assert "critical" == world.one("A5").severity


def test_an_error_inside_the_chip_is_no_error_of_a_row() -> None:
    """48 that names another unit than the framebuffer; the count that rises with it is the same thing."""
    world = at_work()
    world.xid(48, IN_THE_CHIP, 1)
    world.gpu(1)["gpu.ecc_dbe_volatile"] = 1.0
    world.run(10)
    assert [("A6", "gpu-1/1")] == world.roots
    assert "A1" not in world.codes
    assert "inside the chip (LTC)" in world.one("A6").title


def test_a_cause_that_is_named_better_later_stays_the_same_incident() -> None:
    """The counter first, and 15 s later the line that says where."""
    world = at_work()
    world.gpu(1)["gpu.ecc_dbe_volatile"] = 1.0
    world.run(5)
    first = world.diagnosis.incidents[0]
    assert ["A1"] == [code for code, _ in world.roots]
    world.run(10)
    world.xid(48, IN_THE_CHIP, 1)
    world.run(5)
    assert [("A6", "gpu-1/1")] == world.roots
    assert [first.id] == [one.id for one in world.diagnosis.incidents]


def test_the_threshold_of_errors_in_the_chip_is_found_at_first_sight() -> None:
    """The driver's own flag, which stays over reboots."""
    world = World()
    world.gpu(7)["gpu.ecc_sram_threshold"] = 1.0
    world.run(5)
    assert [("A6", "gpu-1/7")] == world.roots


def test_corrected_errors_count_by_their_rate() -> None:
    """A hundred within minutes are a warning; a million since the driver was loaded and a few more are none."""
    world = World()
    world.gpu(0)["gpu.ecc_sbe_volatile"] = 1_000_000.0
    world.run(10)
    for _ in range(6):
        world.gpu(0)["gpu.ecc_sbe_volatile"] += 1.0
        world.gpu(3)["gpu.ecc_sbe_volatile"] += 25.0
        world.run(10)
    assert [("A7", "gpu-1/3")] == world.roots


def test_xid_92_is_a_warning() -> None:
    """The driver's own word for a high rate."""
    world = World()
    world.run(5)
    world.xid(92, "pid='<unknown>', name=<unknown>, High single-bit ECC error rate", 3)
    world.run(5)
    assert ("A7", "warning") == (world.one("A7").code, world.one("A7").severity)


def test_retired_pages_are_a_warning_and_at_their_limit_grave() -> None:
    """Pending ones wait for a reboot; three of years ago are nothing."""
    world = World()
    world.gpu(0)["gpu.retired_pages_sbe"] = 3.0
    world.gpu(1)["gpu.retired_pages_pending"] = 1.0
    world.gpu(2)["gpu.retired_pages_dbe"] = 63.0
    world.run(10)
    found = {str(one.subject): (one.code, one.severity) for one in world.diagnosis.findings}
    assert {"gpu-1/1": ("A8", "warning"), "gpu-1/2": ("A8", "critical")} == found


@pytest.mark.parametrize(
    ("code", "severity"), [(140, "critical"), (156, "critical"), (157, "critical"), (161, "warning"), (160, "info")]
)
def test_units_taken_out_of_use_are_told_with_the_registrys_words(code: int, severity: str) -> None:
    """Grave where work is lost, information where the GPU mended itself."""
    world = World()
    world.run(5)
    world.xid(code, "pid='<unknown>', name=<unknown>, Resource retired", 2)
    world.run(5)
    assert severity == world.one("A9").severity
    assert f"Xid {code}: " in world.one("A9").title


def test_wrong_results_are_information_until_a_diagnostic_fails() -> None:
    """A loss that is NaN is nearly always the program's own."""
    world = at_work()
    world.job_log("srun: job 812 StepId=812.0 started", "step 91 loss=nan lr=3e-4")
    world.run(5)
    assert [] == world.roots
    world.job_log("| GPU Memory                | Fail - GPU: 3                                  |")
    world.run(5)
    assert ("A11", "critical") == (world.one("A11").code, world.one("A11").severity)
    assert "gpu-1/3" == str(world.one("A11").subject)


def test_a_memory_error_after_a_reboot_again_is_for_inspection() -> None:
    """The same after its machine was started anew is the hardware (rule 12); the first time it is not."""
    world = World()
    world.run(10)
    world.xid(48, DOUBLE_BIT, 3)
    world.run(10)
    assert "inspected" not in world.one("A1").actions[0].text
    world.reboot()
    world.run(300)
    assert [] == world.codes
    world.xid(48, DOUBLE_BIT, 3)
    world.run(10)
    assert "have the board inspected" in world.one("A1").actions[0].text
    assert "it is the hardware" in world.one("A1").explanation


def test_a_reset_ends_a_memory_error() -> None:
    """The counters that fall tell of it, and the row is in use."""
    world = World()
    world.run(10)
    world.xid(48, DOUBLE_BIT, 3)
    world.gpu(3)["gpu.ecc_dbe_volatile"] = 1.0
    world.run(60)
    assert ["A1"] == world.codes
    world.gpu(3)["gpu.ecc_dbe_volatile"] = 0.0
    world.run(10)
    assert [] == world.codes
