"""`squeue` to jobs: one line a job, fields between separators, a mark behind the first of them.

Only the name is free text and it comes last, so whatever a user writes into it harms itself at most: separators and
newlines in it belong to it. What begins without the mark is a rest of a name and never a job, so no name can forge one
as long as the mark cannot be guessed (`queue_words(mark)`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from app.domain.pieces import Pieces, whole
from app.domain.slurm import SlurmJob
from app.sources.slurm.fields import duration_s
from app.sources.slurm.job_records import alike
from app.sources.slurm.parsed import MOST_ITEMS, PIECE, Parsed, Skips, SlurmParseError, lines_of
from app.sources.slurm.queue_rows import COLUMNS, OWN, RowReader

COMMAND = "squeue"
SEPARATOR = "\x1f"
MARK = "gpu-watchdog"
"""For those who cannot remember one of their own; a random one cannot be forged."""

MOST_LINES = 64
"""Lines that a name may go on for."""


def queue_words(mark: str = MARK) -> tuple[str, ...]:
    """The words after `squeue`: jobs in every state, so that also those are told that ended lately (MinJobAge).

    The mark is letters, digits and hyphens: a comma would end the column.
    """
    if not mark.replace("-", "").isalnum() or not mark.isascii():
        raise ValueError(f"a mark is letters, digits and hyphens: {mark!r}")
    first, *rest = COLUMNS
    columns = [f"{first}:{SEPARATOR}{mark}{SEPARATOR}", *(f"{name}:{SEPARATOR}" for name in rest)]
    return ("-h", "-a", "-r", "-O", ",".join(columns), "-t", "all")


QUEUE_WORDS = queue_words()


def parse_squeue(
    output: bytes, *, columns: Sequence[str] = COLUMNS, separator: str = SEPARATOR, mark: str = MARK
) -> Parsed[SlurmJob]:
    """The jobs of `squeue` with `queue_words(mark)`, or of another call that printed these columns in this order.

    Raises SlurmParseError where there is output and none of it is a row.
    """
    return QueueReader(columns, separator, mark).read(output)


class QueueReader:
    """Reads one queue again and again: rows that say the same as the last time are the same jobs, at no cost."""

    def __init__(self, columns: Sequence[str] = COLUMNS, separator: str = SEPARATOR, mark: str = MARK) -> None:
        self._columns = tuple(columns)
        self._separator = separator
        self._mark = mark if self._columns == COLUMNS else ""
        self._start = f"{separator}{self._mark}{separator}"
        """What follows the id where a row begins."""
        self._known: dict[int, SlurmJob] = {}
        """Jobs of the last look by the hash of what their row says (`_key`): the rows themselves are megabytes."""

    def read(self, output: bytes) -> Parsed[SlurmJob]:
        """The jobs of one answer. Raises SlurmParseError where there is output and none of it is a row."""
        return whole(self.reading(output))

    def reading(self, output: bytes) -> Pieces[Parsed[SlurmJob]]:
        """As `read`, in pieces."""
        skips, jobs, new = Skips(COMMAND), dict[str, SlurmJob](), dict[int, SlurmJob]()
        for number, line, job, is_known in self._rows(lines_of(output.rstrip(b"\n"), COMMAND)):
            if number % PIECE == 0:
                yield
            if isinstance(job, str):
                skips.add(number, job, line)
            elif job.id in jobs or len(jobs) == MOST_ITEMS:
                skips.add(number, f"job {job.id} a second time" if job.id in jobs else f"more than {MOST_ITEMS} jobs")
            else:
                jobs[job.id] = job
                if not is_known and (key := self._lasting_key(line, job)):
                    new[hash(key)] = job
        for gone in [key for key, job in self._known.items() if jobs.get(job.id) is not job]:
            del self._known[gone]
        self._known.update(new)
        if skips.count and not jobs:
            raise SlurmParseError(skips.notes[0])
        return skips.parsed(list(jobs.values()))

    def take_up(self, jobs: Iterable[SlurmJob]) -> None:
        """Let rows that say the same again be these jobs, made of those that were read: none is held twice."""
        made = {job.id: job for job in jobs}
        changed = [(key, made[job.id]) for key, job in self._known.items() if job.id in made] if made else []
        self._known.update(changed)

    def _rows(self, lines: Iterable[str]) -> Iterator[tuple[int, str, SlurmJob | str, bool]]:
        """(number, text, its job or what is wrong with it, whether it is known) of each row.

        A row of one line that is known begins and ends as a row does: it ends what is before it and nothing follows it.
        """
        rows = RowReader(self._columns, self._separator)
        unknown: list[str] = []
        number = 0
        for number, line in enumerate(lines, 1):
            job = self._recalled(line)
            if job is None:
                unknown.append(line)
                continue
            if unknown:
                yield from self._unknown(unknown, number - len(unknown), rows)
                unknown = []
            yield number, line, job, True
        yield from self._unknown(unknown, number + 1 - len(unknown), rows)

    def _unknown(
        self, lines: Sequence[str], first: int, rows: RowReader
    ) -> Iterator[tuple[int, str, SlurmJob | str, bool]]:
        """The rows of lines none of which is a row that is known; rows of several lines may be."""
        for number, line in self._records(lines, first):
            job = self._recalled(line) if "\n" in line else None
            yield number, line, self._job(line, rows) if job is None else job, job is not None

    def _records(self, lines: Sequence[str], first: int) -> Iterator[tuple[int, str]]:
        """(number, text) of each row that is not blank; a row whose end is lines further on has a name of lines."""
        begun, parts = 0, list[str]()
        for number, line in enumerate(lines, first):
            if parts and (self._start in line or len(parts) == MOST_LINES):
                yield begun, "\n".join(parts)
                parts = []
            if parts:
                parts.append(line)
                if line.endswith(self._separator):
                    yield begun, "\n".join(parts)
                    parts = []
            elif self._mark and self._start in line and not line.endswith(self._separator):
                begun, parts = number, [line]
            elif line and not line.isspace():
                yield number, line
        if parts:
            yield begun, "\n".join(parts)

    def _recalled(self, row: str) -> SlurmJob | None:
        """The job of a row that said the same at the last look.

        Hashes of texts cannot be foreseen, and a row that has another's by chance would have to be of the same job.
        """
        # A job that waits has used no time: its whole row is what it was.
        job = self._known.get(hash(row)) or self._known.get(hash(self._key(row)))
        return job if job is not None and row.startswith(job.id) else None

    def _lasting_key(self, line: str, job: SlurmJob) -> str:
        """What to remember a row's job by; empty where the time used is part of it, or would be if it could be read."""
        key = self._key(line)
        if not key or job.run_s is not None or duration_s(line.split(self._separator, 3)[2]) is None:
            return ""
        return line if job.is_pending else key

    def _key(self, line: str) -> str:
        """What a row says but for mark and time used; empty for rows of other layouts and for one whose end is missing.

        It begins as no line can, so that none is taken for another's key.
        """
        parts = line.split(self._separator, 3)
        if not self._mark or len(parts) != 4 or parts[1] != self._mark:
            return ""
        is_whole = line.endswith(self._separator) or "\n" in line
        return f"\n{parts[0]}{self._separator}{parts[3]}" if is_whole else ""

    def _job(self, line: str, rows: RowReader) -> SlurmJob | str:
        """The job of a row, or what is wrong with it."""
        if self._mark:
            parts = line.split(self._separator, len(OWN) + 1)
            if parts[1:2] != [self._mark]:
                return "not a row of the queue"
            del parts[1]
            return rows.whole(parts, parts.pop())
        parts, count = line.split(self._separator), len(self._columns)
        if len(parts) == count + 1:
            parts.pop()
        return rows.cells(parts) if len(parts) == count else f"{len(parts)} fields in place of {count}"


def merge(queue: Iterable[SlurmJob], details: Mapping[str, SlurmJob]) -> tuple[SlurmJob, ...]:
    """The queue's jobs with what only the details say: where the GPUs are, paths, comment, memory.

    `details` come from an older look and from text that a user's job name can garble, so they are believed only for
    the same number, user and name; and where the GPUs are only while the job runs as it did then.
    """
    return tuple(_merged(job, details.get(job.id)) for job in queue)


def _merged(job: SlurmJob, detail: SlurmJob | None) -> SlurmJob:
    if detail is None or (job.job_id, job.user, job.name) != (detail.job_id, detail.user, detail.name):
        return job
    is_same_run = job.holds_nodes and job.start_at == detail.start_at
    # Of one that waits the queue does not say it: what the job has is from older details (`QueueReader.take_up`).
    is_own = job.memory_mib is not None and not job.is_pending
    places = frozenset(job.nodes)
    gpus_on = detail.gpus_on if is_same_run and all(one.node in places for one in detail.gpus_on) else ()
    per_node, kind = alike(gpus_on, len(places))
    return replace(
        job,
        gpus_on=gpus_on,
        gpus=sum(one.count for one in gpus_on) or job.gpus,
        gpus_per_node=job.gpus_per_node if per_node is None else per_node,
        gpu_type=kind or job.gpu_type or detail.gpu_type,
        memory_mib=job.memory_mib if is_own else detail.memory_mib or job.memory_mib,
        excluded_nodes=detail.excluded_nodes,
        comment=detail.comment,
        work_dir=detail.work_dir,
        command=detail.command,
        stdin=detail.stdin,
        stdout=detail.stdout,
        stderr=detail.stderr,
    )
