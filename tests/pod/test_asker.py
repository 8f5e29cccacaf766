"""Questions that a GPU cannot answer are asked seldom, and what stands in for them is asked instead."""

from collections.abc import Sequence

import pytest

from pod import driver, fields
from pod.asker import RETRY_UNSUPPORTED_S, Asker
from pod.fields import FieldAnswer, _field_answer
from pod.questions import Call, Field, Lane

GPU = driver.Handle(object())
POWER = Call("power", {"W": None}, scale=1e-3)
OLD_CLOCKS = Call("old_clocks", {"reasons": None})
CLOCKS = Call("clocks", {"reasons": None}, instead=OLD_CLOCKS)


class FakeDriver:
    """Answers by a table; what is not in it is not supported."""

    def __init__(self, calls: dict[str, float | Exception], values: dict[int, FieldAnswer]) -> None:
        self.calls = calls
        self.values = values
        self.asked: list[object] = []

    def numbers(
        self, function: str, of: driver.Handle, args: Sequence[int], parts: Sequence[driver.Part]
    ) -> list[float]:
        """Stands in for driver.numbers."""
        self.asked.append(function)
        answer = self.calls.get(function, driver.UnsupportedError(function))
        if isinstance(answer, Exception):
            raise answer
        return [answer]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeDriver:
    """A driver that knows the power and field 83."""
    made = FakeDriver({"power": 70_000.0, "old_clocks": 4.0}, {83: FieldAnswer(5.0, 0)})

    class Batch:
        def __init__(self, wanted: Sequence[tuple[int, int]]) -> None:
            self._wanted = wanted

        def read(self, of: driver.Handle) -> list[FieldAnswer]:
            made.asked.extend(number for number, _ in self._wanted)
            return [made.values.get(number, FieldAnswer(None, 3)) for number, _ in self._wanted]

    monkeypatch.setattr(driver, "numbers", made.numbers)
    monkeypatch.setattr("pod.asker.FieldBatch", Batch)
    return made


def test_unsupported_call_is_left_alone_for_ten_minutes(fake: FakeDriver) -> None:
    """The substitute is asked at once and from then on; after ten minutes the first choice gets another try."""
    lane, asker = Lane((POWER, CLOCKS), ()), Asker()

    assert {"W": 70.0, "reasons": 4.0} == asker.ask(GPU, lane, 0.0)
    assert ["power", "clocks", "old_clocks"] == fake.asked
    fake.asked.clear()
    asker.ask(GPU, lane, RETRY_UNSUPPORTED_S - 1)
    assert ["power", "old_clocks"] == fake.asked
    fake.asked.clear()
    fake.calls["clocks"] = 8.0
    assert {"W": 70.0, "reasons": 8.0} == asker.ask(GPU, lane, RETRY_UNSUPPORTED_S)
    assert ["power", "clocks"] == fake.asked


def test_unsupported_field_falls_back_to_its_call(fake: FakeDriver) -> None:
    """A field that the GPU lacks is replaced by its call in the same round, and not fetched in the next."""
    lane = Lane((), (Field(83, "J"), Field(186, "W", instead=POWER), Field(82, "C")))
    asker = Asker()

    assert {"J": 5.0, "W": 70.0} == asker.ask(GPU, lane, 0.0)
    fake.asked.clear()
    assert {"J": 5.0, "W": 70.0} == asker.ask(GPU, lane, 1.0)
    assert ["power", 83] == fake.asked


def test_failure_is_noted_once_and_asked_again(fake: FakeDriver) -> None:
    """A call that fails for another reason gives no value this time; nothing to say is no failure."""
    fake.calls["power"] = driver.CallError("power", 999, "Unknown Error")
    fake.calls["clocks"] = driver.CallError("clocks", 21, "No data")
    lane, asker = Lane((CLOCKS, POWER), ()), Asker()

    assert {} == asker.ask(GPU, lane, 0.0)
    assert "power: Unknown Error" == asker.error
    fake.calls["power"] = 70_000.0
    assert {"W": 70.0} == asker.ask(GPU, lane, 1.0)


def test_zero_that_means_no_sensor_is_unknown(fake: FakeDriver) -> None:
    """Boards without a memory sensor answer 0, which is no temperature."""
    fake.values = {82: FieldAnswer(0.0, 0), 83: FieldAnswer(0.0, 0)}
    lane = Lane((), (Field(82, "C", zero_is_unknown=True), Field(83, "J")))

    assert {"J": 0.0} == Asker().ask(GPU, lane, 0.0)


def test_lost_in_a_field_is_lost(fake: FakeDriver) -> None:
    """A field that answers GPU_IS_LOST ends the reading."""
    fake.values = {83: FieldAnswer(None, 15)}

    with pytest.raises(driver.LostError):
        Asker().ask(GPU, Lane((), (Field(83, "J"),)), 0.0)


def test_field_types_become_numbers() -> None:
    """Doubles, signed and unsigned integers of all widths are read; "no value" sentinels are none."""
    half = 0x3FE0000000000000
    cases = {
        (0, half): 0.5,
        (1, 0xDEAD00000007): 7.0,
        (1, 0xFFFFFFFF): None,
        (3, 2**40): float(2**40),
        (3, 2**64 - 1): None,
        (3, 0x7FFFFFFFFFFFFFF0): None,
        (4, 2**64 - 3): -3.0,
        (5, 2**32 - 8): -8.0,
        (6, 0x10005): 5.0,
    }

    assert cases == {(kind, raw): _field_answer(0, kind, raw).value for kind, raw in cases}
    assert FieldAnswer(None, 3) == fields._field_answer(3, 3, 0)
