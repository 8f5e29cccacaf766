"""Lines of drivers, tools and board controllers that bear a sign without an Xid's number."""

from __future__ import annotations

import pytest

from app.domain.evidence import LogKind
from app.sources.logs.reader import LogReader

NOW = 1_764_000_000.0
STAMP = "2025-11-24T16:00:00+00:00 n1"


@pytest.mark.parametrize(
    ("log", "line", "kind"),
    [
        ("kernel", "[1.5] NVRM: GPU does not have the necessary power cables connected.", "gpu.power_cable"),
        ("kernel", "[1.5] NVRM: No NVIDIA GPU found.", "gpu.driver_missing"),
        ("kernel", "[1.5] NVRM: None of the NVIDIA devices were initialized.", "gpu.driver_missing"),
        ("job", "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", "gpu.driver_missing"),
        ("job", "Failed to initialize NVML: Driver Not Loaded", "gpu.driver_missing"),
        ("job", "WARNING: infoROM is corrupted at gpu 0000:3B:00.0", "gpu.inforom_corrupt"),
        ("job", "| GPU Memory                | Fail - GPU: 3                                  |", "gpu.diag_failed"),
        ("job", "|-----  memory  | Fail |", "gpu.diag_failed"),
        ("kernel", f"{STAMP} ipmievd: Power Supply sensor PS2 Status Failure detected asserted", "host.psu_failed"),
        ("kernel", f"{STAMP} ipmiseld: SEL Event: PSU 1 | Power Supply | Power Supply AC lost", "host.psu_failed"),
        ("kernel", f"{STAMP} ipmievd: Fan sensor SYS_FAN3 Lower Critical going low", "host.fan_failed"),
    ],
)  # fmt: skip
def test_a_line_bears_its_sign(log: LogKind, line: str, kind: str) -> None:
    """Each in the form that its program gives it."""
    found = LogReader(log, "log", "n1").read_text([line], NOW)
    assert [kind] == [one.kind for one in found]


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("job", "| GPU Memory                | Pass - All                                     |"),
        ("job", "Failed to fetch the page, will try again"),
        ("kernel", f"{STAMP} myapp: Power Supply sensor PS2 Status Failure detected"),
        ("kernel", f"{STAMP} ipmievd: Power Supply sensor PS2 Status Presence detected asserted"),
        ("kernel", f"{STAMP} ipmievd: Fan sensor SYS_FAN3 Fully Redundant asserted"),
    ],
)
def test_a_line_that_only_looks_like_it_bears_none(log: LogKind, line: str) -> None:
    """What went well, what another program says, and words in passing."""
    assert () == LogReader(log, "log", "n1").read_text([line], NOW)


def test_a_sign_names_the_gpu_and_the_part_that_its_line_names() -> None:
    """The index of a diagnostic, the address of a tool."""
    failed, damaged = LogReader("job", "log", "n1").read_text(
        ["| Targeted Power | Fail - GPU: 3 |", "WARNING: infoROM is corrupted at gpu 0000:3B:00.0"], NOW
    )
    assert (3, "Targeted Power") == (failed.gpu, failed.details["test"])
    assert "0000:3b:00" == damaged.pci
