"""The verbs of the queue: filter and order, the page of a job."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app.domain.clusters import numbers_of
from app.domain.filter_grammar import FilterError
from app.domain.job_filtering import parse_job_filter
from app.domain.slurm import SlurmJob, SlurmPicture
from app.present.queue_rows import sort_keys
from app.tui.desk import Desk
from app.tui.feed import RefusedError
from app.tui.sorting import JOBS


def jobs(desk: Desk, text: str) -> None:
    """Show the jobs that fit; without a text, on the queue's page, let the user type it."""
    if not text:
        if desk.page_id == "queue":
            desk.type_line("/", desk.view.job_filter)
        else:
            desk.open_page("queue")
        return
    try:
        wanted = parse_job_filter(text)
    except FilterError as error:
        raise RefusedError(f"filter, character {error.position + 1}: {error}") from error
    desk.change(job_filter=wanted.text)
    desk.open_page("queue")


def sort_step(desk: Desk, text: str) -> None:
    """Sort by the column so many steps further; the round begins with no column at all."""
    JOBS.step(desk, sort_keys(), int(text))


def sort(desk: Desk, text: str) -> None:
    """Sort by a column, downwards after a minus."""
    JOBS.name(desk, sort_keys(), text, "the queue")


def reverse(desk: Desk, _text: str) -> None:
    """Turn the order round."""
    JOBS.reverse(desk)


def open_job(desk: Desk, text: str) -> None:
    """Open the page of a job: by id, or the chosen one."""
    chosen = desk.page.chosen_jobs() if desk.page is not None else ()
    wanted = text.strip() or next(iter(chosen), "")
    desk.open_page("job", find_job(desk, wanted).id)


def find_job(desk: Desk, wanted: str) -> SlurmJob:
    """The job meant by an id; of an array or a heterogeneous job its first. Raises RefusedError."""
    found = picture_of(desk).jobs or {}
    if not wanted:
        raise RefusedError("which job? Write its id, as in :job 812")
    if wanted in found:
        return found[wanted]
    belonging = [one for one in found.values() if wanted in numbers_of(one)]
    if not belonging:
        raise RefusedError(f"job {wanted} is not in Slurm's queue")
    return next((one for one in belonging if one.holds_nodes), belonging[0])


def picture_of(desk: Desk) -> SlurmPicture:
    """Slurm as the moment shows it. Raises RefusedError where there is none."""
    picture = desk.moment.snapshot.slurm
    if picture is None:
        raise RefusedError("no Slurm is connected; [slurm] in the configuration connects it")
    return picture


VERBS: Mapping[str, Callable[[Desk, str], None]] = {
    "jobs": jobs,
    "open_job": open_job,
    "job_sort_step": sort_step,
    "job_sort": sort,
    "job_reverse": reverse,
}
