"""Asks one GPU a lane of questions, and stops asking what it does not have.

A question that is not supported costs a call into the driver each time, so it is left alone for ten minutes.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from pod import driver
from pod.fields import NOT_SUPPORTED, FieldAnswer, FieldBatch
from pod.questions import Call, Field, Lane

RETRY_UNSUPPORTED_S = 600.0
"""A mode may be switched on (ECC, MIG) or a right be given while we run."""

Key = TypeVar("Key")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Plan:
    """What of a lane is worth asking, until something falls asleep or wakes up."""

    calls: tuple[Call, ...]
    """Calls that are awake, and the awake substitutes of those that are not, of fields too."""
    fields: tuple[Field, ...]
    wanted: tuple[tuple[int, int], ...]
    made_for: int
    until: float


class Asker:
    """The questions of one GPU; belongs to that GPU's thread."""

    def __init__(self) -> None:
        self._asleep: dict[object, float] = {}
        self._naps = 0
        self._plans: dict[int, Plan] = {}
        self._batches: dict[tuple[tuple[int, int], ...], FieldBatch] = {}
        self.error: str | None = None
        """The first failure since it was last cleared, in words; not being supported is none."""

    def ask(self, of: driver.Handle, lane: Lane, ticks: float) -> dict[str, float]:
        """Everything the lane's questions gave; raises Lost and NvmlUnavailable only. `ticks` is monotonic."""
        values: dict[str, float] = {}
        plan = self._plan(lane, ticks)
        for call in plan.calls:
            self._call(of, call, ticks, values)
        for field, answer in zip(plan.fields, self.field_answers(of, plan.wanted), strict=True):
            value = answer.value
            if value is not None:
                if value or not field.zero_is_unknown:
                    values[field.family] = value * field.scale
            elif answer.code in driver.UNSUPPORTED:
                self.put_to_sleep(field.id, ticks)
                if field.instead is not None and self.is_awake(_key(field.instead), ticks):
                    self._call(of, field.instead, ticks, values)
        return values

    def _plan(self, lane: Lane, ticks: float) -> Plan:
        plan = self._plans.get(id(lane))
        if plan is None or plan.made_for != self._naps or ticks >= plan.until:
            plan = self._plans[id(lane)] = self._make_plan(lane, ticks)
        return plan

    def _make_plan(self, lane: Lane, ticks: float) -> Plan:
        fields = tuple(field for field in lane.fields if self.is_awake(field.id, ticks))
        asleep = (field.instead for field in lane.fields if not self.is_awake(field.id, ticks))
        calls = (self._awake(call, ticks) for call in (*lane.calls, *asleep))
        return Plan(
            tuple(call for call in calls if call is not None),
            fields,
            tuple((field.id, field.scope) for field in fields),
            self._naps,
            min((until for until in self._asleep.values() if until > ticks), default=math.inf),
        )

    def _awake(self, call: Call | None, ticks: float) -> Call | None:
        """The call, or the first of its substitutes that is awake."""
        while call is not None and not self.is_awake(_key(call), ticks):
            call = call.instead
        return call

    def _call(self, of: driver.Handle, call: Call, ticks: float, values: dict[str, float]) -> None:
        """Enter one call's families, or its substitute's where it is not supported."""
        try:
            parts = driver.numbers(call.function, of, call.args, call.parts)
        except driver.UnsupportedError:
            self.put_to_sleep(_key(call), ticks)
            substitute = self._awake(call.instead, ticks)
            if substitute is not None:
                self._call(of, substitute, ticks, values)
        except driver.CallError as error:
            self.note(error)
        else:
            for family, part in zip(call.gives, parts, strict=True):
                values[family] = part * call.scale

    def field_answers(self, of: driver.Handle, wanted: tuple[tuple[int, int], ...]) -> list[FieldAnswer]:
        """One answer for each (id, scope), in order; raises Lost when a field says so."""
        if not wanted:
            return []
        batch = self._batches.get(wanted)
        if batch is None:
            batch = self._batches[wanted] = FieldBatch(wanted)
        try:
            answers = batch.read(of)
        except driver.UnsupportedError:
            return [FieldAnswer(None, NOT_SUPPORTED)] * len(wanted)
        except driver.CallError as error:
            self.note(error)
            return [FieldAnswer(None, error.code)] * len(wanted)
        if any(answer.code in driver.LOST for answer in answers):
            raise driver.LostError("nvmlDeviceGetFieldValues")
        return answers

    def attempt(self, key: object, ticks: float, question: Callable[[], Answer]) -> Answer | None:
        """What any other question gave; None while it is asleep, and when it fails. Raises Lost."""
        if not self.is_awake(key, ticks):
            return None
        try:
            return question()
        except driver.UnsupportedError:
            self.put_to_sleep(key, ticks)
        except driver.CallError as error:
            self.note(error)
        return None

    def is_awake(self, key: object, ticks: float) -> bool:
        """Whether this question is to be asked now."""
        until = self._asleep.get(key)
        return until is None or ticks >= until

    def put_to_sleep(self, key: object, ticks: float) -> None:
        """Leave this question alone for a while: it is not supported."""
        self._asleep[key] = ticks + RETRY_UNSUPPORTED_S
        self._naps += 1

    def note(self, error: driver.CallError) -> None:
        """Keep the first failure of a round; "nothing to say this time" is none."""
        if self.error is None and error.code not in driver.MOMENTARY:
            self.error = str(error)


def _key(call: Call) -> tuple[str, tuple[int, ...]]:
    return call.function, call.args


def asleep_everywhere(answers: Iterable[tuple[Key, FieldAnswer]]) -> set[Key]:
    """The keys for which every answer was "not supported"."""
    seen: dict[Key, bool] = {}
    for key, answer in answers:
        seen[key] = seen.get(key, True) and answer.code in driver.UNSUPPORTED
    return {key for key, unsupported in seen.items() if unsupported}
