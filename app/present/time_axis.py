"""Labels of a time axis: round moments, as many as fit without touching."""

from __future__ import annotations

from datetime import timedelta

from app.present.look import Look

_STEPS_S = (
    1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800,
    604800, 1209600, 2592000,
)  # fmt: skip
_BETWEEN = 4
_NUDGE = 3


def axis_labels(start: float, end: float, width: int, look: Look) -> str:
    """One line of `width` columns with moments under their places."""
    span = end - start
    if span <= 0 or width < 5:
        return " " * max(0, width)
    form = _form(span)
    label = len(look.moment(start).strftime(form))
    most = max(1, width // (label + _BETWEEN))
    step = next((one for one in _STEPS_S if span / one <= most), _STEPS_S[-1])
    signs = [" "] * width
    last = -_BETWEEN
    at = _first(start, step, look)
    while at <= end:
        text = look.moment(at).strftime(form)
        left = int((at - start) / span * width) - len(text) // 2
        shown = max(0, min(width - len(text), left))
        # A label pushed far from its place would lie.
        if abs(shown - left) <= _NUDGE and shown >= last + 2:
            left = shown
            signs[left : left + len(text)] = text
            last = left + len(text)
        at += step
    return "".join(signs)


def _form(span: float) -> str:
    if span <= 300:
        return "%H:%M:%S"
    if span <= 36 * 3600:
        return "%H:%M"
    return "%a %d %H:%M" if span <= 4 * 86400 else "%m-%d"


def _first(start: float, step: float, look: Look) -> float:
    """The first moment from `start` on that is a multiple of the step on the local clock."""
    offset = (look.moment(start).utcoffset() or timedelta()).total_seconds()
    local = start + offset
    return -(-local // step) * step - offset
