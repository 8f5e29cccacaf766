"""Steps of a job as rows: the fields that accounting and the steps themselves give, by their own names. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.present.cells import cells, tidy
from app.present.rows import Column, Row, Rows

_KNOWN: Mapping[str, tuple[str, int]] = {
    "JobID": ("step", 16), "StepId": ("step", 16), "JobName": ("name", 14), "Name": ("name", 14),
    "State": ("state", 11), "Elapsed": ("time", 11), "ElapsedRaw": ("seconds", 8), "ExitCode": ("exit", 6),
    "NTasks": ("tasks", 5),
    "NNodes": ("nodes", 5), "MaxRSS": ("most RAM", 10), "AveCPU": ("CPU", 11), "TotalCPU": ("CPU", 12),
    "AllocTRES": ("holds", 24), "NodeList": ("nodes", 14),
}  # fmt: skip
"""Fields with a place in the table, in its order: title and columns."""


def step_columns(steps: Sequence[Mapping[str, str]]) -> tuple[Column, ...]:
    """A column for each known field that any step has a value of."""
    present = [key for key in _KNOWN if any(step.get(key) for step in steps)]
    return tuple(
        Column(key, _KNOWN[key][0], _KNOWN[key][1], grow=1 if at == 1 else 0, drop=at, sortable=False)
        for at, key in enumerate(present)
    )


def step_rows(steps: Sequence[Mapping[str, str]]) -> Rows:
    """Rows for `step_columns`."""
    keys = [column.key for column in step_columns(steps)]
    return Rows(
        [str(at) for at in range(len(steps))],
        lambda at: Row(str(at), tuple(cells(tidy(steps[at].get(key, ""), 200)) for key in keys)),
    )
