"""Words that complete what the user types, by kind; taken from the moment, made only when asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

from app.domain.naming import short_model
from app.present.cells import tidy
from app.present.gpu_rows import GPU_COLUMNS
from app.present.queue_rows import sort_keys
from app.tui.commands import SPANS
from app.tui.desk import Desk
from app.tui.themes import NAMES, SHORT
from app.tui.verbs import ZOOMS, metric_words
from app.tui.viewstate import COLOURS

_MOST_GPUS, _MOST_JOBS = 5000, 2000


def words_of(desk: Desk) -> Mapping[str, Sequence[str]]:
    """Every kind of word that a completion may need."""
    snapshot = desk.moment.snapshot
    picture = snapshot.slurm
    listed = list(islice((picture.jobs or {}).values(), _MOST_JOBS)) if picture is not None else []
    gpus = list(islice(snapshot.gpus(), _MOST_GPUS))
    return {
        "gpus": [gpu.id for gpu in gpus],
        "nodes": list(snapshot.nodes),
        "models": sorted({short_model(gpu.model).split(" ")[0].lower() for gpu in gpus if gpu.model}),
        "users": sorted({one.user for gpu in gpus for one in gpu.processes or () if one.user}),
        "jobs": [*(job.id for job in listed), *sorted({job for gpu in gpus for job in gpu.hpc_jobs})],
        "job_users": sorted({job.user for job in listed}),
        "accounts": sorted({job.account for job in listed if job.account}),
        "qos": sorted({job.qos for job in listed if job.qos}),
        "reasons": sorted({job.reason for job in listed if job.reason}),
        "job_names": sorted({tidy(job.name, 40) for job in listed if job.name}),
        "partitions": list(picture.partitions) if picture is not None else [],
        "job_columns": sort_keys(),
        "colours": COLOURS,
        "metrics": metric_words(),
        "columns": [one.key for one in GPU_COLUMNS],
        "themes": [*SHORT, *NAMES],
        "zooms": list(ZOOMS),
        "spans": SPANS,
    }
