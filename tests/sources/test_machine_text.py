"""A driver's reading as lines: the same comes back, and of two readings only numbers differ."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from app.services.recorder.bodies import BodyWriter
from app.sources.machine_text import MachineText, value_of
from pod.gpu import GpuReading, Identity, MachineReading, NvLink

GPU = GpuReading(
    Identity(0, 0, "GPU-0", "~NVIDIA H100"), 1.5, {"util": 50.0, "power": 612.5, "~odd": -3e-7}, error="~", is_late=True
)
LOST = GpuReading(Identity(1, None, "GPU-1"), None, is_lost=True)
MACHINE = MachineReading(7, 1764000000.25, "580", None, (GPU, LOST), 2)


def test_a_reading_comes_back_as_it_was() -> None:
    """Numbers, texts that look like the mark of a number, what is not known, what is empty."""
    assert MACHINE == value_of(MachineReading, MachineText().sheet(MACHINE).text())


def test_what_is_no_number_comes_back() -> None:
    """A driver may say NaN or infinity."""
    odd = replace(MACHINE, gpus=(replace(GPU, values={"a": math.inf, "b": math.nan}),))

    found = value_of(MachineReading, MachineText().sheet(odd).text())

    assert math.inf == found.gpus[0].values["a"]
    assert math.isnan(found.gpus[0].values["b"])


def test_what_stays_the_same_object_is_written_again() -> None:
    """Of a writer that has written before, each reading is whole by itself."""
    writer, links = MachineText(), (NvLink(0, True, {"crc": 1.0}), NvLink(1, None))
    first = replace(MACHINE, gpus=(replace(GPU, links=links), LOST))
    second = replace(first, number=8, gpus=(replace(GPU, links=links, values={"util": 1.0}), LOST))

    told = [writer.sheet(one).text() for one in (first, second, first)]

    assert [first, second, first] == [value_of(MachineReading, one) for one in told]


def test_of_the_next_reading_a_recording_holds_numbers() -> None:
    """Names stand there once; then each look costs the numbers that changed."""
    later = replace(MACHINE, number=8, gpus=(replace(GPU, values={**GPU.values, "power": 99.0}), LOST))
    writer = BodyWriter(str)
    writer.write(MachineText().sheet(MACHINE).text(), 1.0, 1)

    mode, written = writer.write(MachineText().sheet(later).text(), 2.0, 1)

    assert "values" == mode
    assert {b"8", b"99.0", b""} == set(written.split(b"\n"))


@pytest.mark.parametrize(
    "told", [b"", b"machine {", b"machine []", b'machine {"number":"~"}', b'{"number": 1}', b"\xff"]
)
def test_what_is_no_reading_is_refused(told: bytes) -> None:
    """A hostile recording raises what its reader expects."""
    with pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
        value_of(MachineReading, told)
