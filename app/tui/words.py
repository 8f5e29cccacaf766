"""Words that complete what the user types, by kind; taken from the moment, made only when asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

from app.domain.naming import short_model
from app.present.gpu_rows import GPU_COLUMNS
from app.tui.commands import SPANS
from app.tui.desk import Desk
from app.tui.themes import NAMES, SHORT
from app.tui.verbs import ZOOMS, metric_words

_MOST_GPUS = 5000


def words_of(desk: Desk) -> Mapping[str, Sequence[str]]:
    """Every kind of word that a completion may need."""
    snapshot = desk.moment.snapshot
    gpus = list(islice(snapshot.gpus(), _MOST_GPUS))
    return {
        "gpus": [gpu.id for gpu in gpus],
        "nodes": list(snapshot.nodes),
        "models": sorted({short_model(gpu.model).split(" ")[0].lower() for gpu in gpus if gpu.model}),
        "users": sorted({one.user for gpu in gpus for one in gpu.processes or () if one.user}),
        "jobs": sorted({job for gpu in gpus for job in gpu.hpc_jobs}),
        "metrics": metric_words(),
        "columns": [one.key for one in GPU_COLUMNS],
        "themes": [*SHORT, *NAMES],
        "zooms": list(ZOOMS),
        "spans": SPANS,
    }
