"""NVML's field values: many numbers of a GPU in one call to the driver."""

import ctypes
import math
import struct
import sys
from collections.abc import Sequence
from typing import NamedTuple

from pod import driver

ALL_LINKS = 0xFFFFFFFF
"""The scope of an NVLink counter summed over all links."""
NOT_SUPPORTED = 3
_UNKNOWN_ABOVE = 0x7FFFFFFFFFFFFFF0
"""NVML and DCGM write "no value" as the largest integers."""


class FieldAnswer(NamedTuple):
    """What one field value came to: a number, or the NVML code that came instead."""

    value: float | None
    code: int


class FieldBatch:
    """Many field values of a GPU in one call to the driver.

    The request is laid out once and the answers are unpacked as bytes: going through pynvml's structures, whose every
    attribute is looked up in Python, would cost half of a whole round.
    """

    _ROW = struct.Struct("=IIqqIiQ")
    """nvmlFieldValue_t: field, scope, time stamp, latency, type, return code, value."""
    _TOLD = struct.Struct("=24xIiQ")
    """What of a row is the answer: type, return code, value."""

    def __init__(self, wanted: Sequence[tuple[int, int]]) -> None:
        """Prepare to ask for fields, as (id, scope)."""
        self._count = len(wanted)
        self._rows = bytearray(b"".join(self._ROW.pack(number, scope, 0, 0, 0, 0, 0) for number, scope in wanted))
        self._buffer = (ctypes.c_char * len(self._rows)).from_buffer(self._rows)
        self._told: list[tuple[int, int, int]] = [(0, NOT_SUPPORTED, 0)] * self._count
        self._answers = [FieldAnswer(None, NOT_SUPPORTED)] * self._count

    def read(self, of: driver.Handle) -> list[FieldAnswer]:
        """One answer for each field, in order; good until the next call."""
        driver.raw_call("nvmlDeviceGetFieldValues", of, self._count, self._buffer)
        told = list(self._TOLD.iter_unpack(self._rows))
        if told != self._told:  # most fields are counters of errors, which stand still
            for place, (now, before) in enumerate(zip(told, self._told, strict=True)):
                if now != before:
                    kind, code, raw = now
                    self._answers[place] = _field_answer(code, kind, raw)
            self._told = told
        return self._answers


_AS_DOUBLE, _AS_UINT, _AS_USHORT = 0, 1, 6
_AS_SIGNED = {4: 64, 5: 32}
"""Bits of the signed types among nvmlValueType_t."""


def _field_answer(code: int, kind: int, raw: int) -> FieldAnswer:
    if code:
        return FieldAnswer(None, code)
    if kind == _AS_DOUBLE:
        value: float = struct.unpack("=d", raw.to_bytes(8, sys.byteorder))[0]
        return FieldAnswer(None if math.isnan(value) else value, 0)
    if kind in _AS_SIGNED:
        bits = _AS_SIGNED[kind]
        raw &= (1 << bits) - 1
        return FieldAnswer(float(raw - (1 << bits) if raw >> (bits - 1) else raw), 0)
    if kind == _AS_UINT:
        raw &= 0xFFFFFFFF
        return FieldAnswer(None if raw == 0xFFFFFFFF else float(raw), 0)
    if kind == _AS_USHORT:
        raw &= 0xFFFF
    return FieldAnswer(None if raw >= _UNKNOWN_ABOVE else float(raw), 0)
