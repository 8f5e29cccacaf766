"""What home shows of Slurm's queue: the jobs that are not over, and why each of them waits."""

from __future__ import annotations

from app.domain.job_filtering import parse_job_filter
from app.domain.slurm import SlurmPicture
from app.present.cells import Line
from app.present.queue import Queue, Wanted
from app.present.queue_rows import SHORT, Sight, queue_rows, table_columns
from app.present.queue_titles import as_of, picture_note, queue_title
from app.present.rows import Column, Rows
from app.tui.explaining import Explainer
from app.tui.moment import Moment

_GOING = Wanted(parse_job_filter("!ended"))
"""Those that are over have their place on the queue's page."""


class HomeQueue:
    """Remembers between moments what it has sorted and explained."""

    def __init__(self) -> None:
        self._queue = Queue()
        self._explainer = Explainer()

    def table(self, moment: Moment, picture: SlurmPicture) -> tuple[tuple[Column, ...], Rows]:
        """The columns and the rows."""
        now = moment.now
        items = self._queue.items(picture.jobs or {}, _GOING, now)
        sight = Sight(moment.look, as_of(picture, now), self._explainer.of(picture, moment.look))
        return table_columns(SHORT), queue_rows(items, SHORT, sight, is_old=picture.is_expired(now))

    def title(self, moment: Moment, picture: SlurmPicture) -> tuple[Line, Line]:
        """What stands above them: counts, and how old the picture is."""
        return queue_title(moment.facts, moment.look), picture_note(picture, moment.now)
