"""The queue: groups, order, what each cell says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from random import Random
from time import thread_time

import pytest

from app.domain.job_filtering import parse_job_filter
from app.domain.slurm import SlurmJob
from app.present.cells import text_width
from app.present.glyphs import ASCII, UNICODE
from app.present.job_state import job_state
from app.present.look import Look
from app.present.queue import Queue, Wanted
from app.present.queue_rows import NARROW, QUEUE_COLUMNS, SHORT, Sight, limit_text, order_of, queue_rows, sort_keys
from tests.present.fleets import NOW
from tests.present.slurm_fleet import HOSTILE, job, picture

LOOK = Look(NOW, tz=UTC)
SIGHT = Sight(LOOK, NOW, lambda _: "needs 8 GPUs on one node; the best has 1")
JOBS = dict(picture().jobs or {})


def ids(wanted: Wanted) -> list[str]:
    return [item.key for item in Queue().items(JOBS, wanted, NOW)]


def cells_of(key: str, columns: tuple = QUEUE_COLUMNS, sight: Sight = SIGHT) -> dict[str, str]:
    """A row's texts by column."""
    rows = queue_rows(Queue().items(JOBS, Wanted(), NOW), columns, sight)
    number = rows.index_of(key)
    assert number is not None
    return dict(zip((one.key for one in columns), rows[number].text, strict=True))


def test_what_runs_stands_before_what_waits_before_what_has_ended() -> None:
    """An array and a heterogeneous job are one row each, where their most telling job belongs."""
    expected = ["812", "815", "816", "817", "820", "835", "830", "831", "832", "833", "834", "836", "809", "810"]

    assert expected == ids(Wanted())


def test_opened_array_shows_its_tasks() -> None:
    """The tasks follow their array's row; the others stay as they are."""
    found = ids(Wanted(opened=frozenset({"820"})))

    assert ["820", "820_1", "820_2", "820_3"] == found[4:8]
    assert 14 + 40 == len(found)


def test_filter_keeps_and_counts_jobs_not_rows() -> None:
    """An array of forty tasks of one user is one row and forty jobs."""
    queue = Queue()
    items = queue.items(JOBS, Wanted(parse_job_filter("user:cy")), NOW)

    assert ["820", "831", "809"] == [item.key for item in items]
    assert 42 == queue.kept


def test_filter_typed_letter_by_letter_keeps_what_the_whole_one_does() -> None:
    """Typed, taken back, typed on in another way: what a letter before has left hides no job from a later one."""
    queue = Queue()
    for text in (
        "c",
        "cy",
        "c",
        "b",
        "bo",
        "bo ",
        "bo n",
        "bo !n",
        "running",
        "runningx",
        "runnin",
        "run",
        "c | b",
        "c",
    ):
        wanted = Wanted(parse_job_filter(text))

        assert ids(wanted) == [item.key for item in queue.items(JOBS, wanted, NOW)], text


def test_filter_in_force_keeps_of_newer_jobs_what_a_new_one_would() -> None:
    """Jobs that come, go and change are kept or not as they are now, whatever was kept of them before."""
    dice, queue = Random(4), Queue()
    jobs = dict(JOBS)
    for turn in range(60):
        for key in dice.sample(sorted(jobs), 3):
            jobs[key] = replace(
                jobs[key], user=dice.choice(("ana", "bo", "cy")), state=dice.choice(("RUNNING", "PENDING"))
            )
        jobs.pop(dice.choice(sorted(jobs)))
        jobs = {**jobs, str(9000 + turn): job(9000 + turn, "late", dice.choice(("ana", "cy")), "PENDING")}
        wanted = Wanted(parse_job_filter(dice.choice(("c", "cy", "user:cy", "", "late", "running"))))

        assert Queue().items(jobs, wanted, NOW) == queue.items(dict(jobs), wanted, NOW)
        assert sum(wanted.filter is None or wanted.filter.keeps(one, NOW) for one in jobs.values()) == queue.kept


def test_queue_made_ready_in_pieces_is_not_made_again() -> None:
    """What was reckoned in pieces is what is shown; newer jobs between two pieces leave nothing of the older."""
    many = {str(n): job(n, f"n{n}", "ana" if n % 3 else "cy", "PENDING") for n in range(5000)}
    queue, wanted = Queue(), Wanted(parse_job_filter("cy"))
    pieces = len(list(queue.reckoning(many, wanted, NOW)))
    made = queue.items(many, wanted, NOW)
    half_done = queue.reckoning(many, Wanted(parse_job_filter("ana")), NOW)
    next(half_done)
    newer = {**many, "9999": job(9999, "late", "ana", "PENDING")}
    shown = queue.items(newer, wanted, NOW)
    rest = list(half_done)

    assert 5 < pieces
    assert Queue().items(many, wanted, NOW) == made
    assert rest
    assert queue.items(newer, wanted, NOW) is shown
    for text in ("cy", "ana", "a"):
        again = Wanted(parse_job_filter(text))
        assert Queue().items(newer, again, NOW) == queue.items(newer, again, NOW), text


def test_filter_over_newer_jobs_looks_at_all_of_them() -> None:
    """What a filter has left of older jobs says nothing of those that came since."""
    queue, wanted = Queue(), Wanted(parse_job_filter("cy"))
    before = len(queue.items(JOBS, wanted, NOW))
    newer = {**JOBS, "999": job(999, "late", "cy", "PENDING")}

    assert before + 1 == len(queue.items(newer, wanted, NOW))


@pytest.mark.parametrize("key", sort_keys())
def test_every_column_sorts_all_rows_both_ways(key: str) -> None:
    """No row is lost, whatever is sorted by."""
    for descending in (False, True):
        assert sorted(ids(Wanted())) == sorted(ids(Wanted(None, order_of(key), descending)))


def test_rows_about_equal_keep_their_places() -> None:
    """A priority that wanders by less than a fiftieth of the range moves no row."""
    several = {str(n): job(n, "x", "ana", "PENDING", priority=p) for n, p in ((1, 1000), (2, 1001), (3, 9000))}
    queue, wanted = Queue(), Wanted(None, order_of("priority"))
    before = [item.key for item in queue.items(several, wanted, NOW)]
    later = {key: replace(one, priority=1002) if key == "1" else one for key, one in several.items()}

    assert ["1", "2", "3"] == before == [item.key for item in queue.items(later, wanted, NOW)]


def test_nothing_is_reckoned_again_while_nothing_changed() -> None:
    """The same jobs and wishes give the same object."""
    queue = Queue()

    assert queue.items(JOBS, Wanted(), NOW) is queue.items(JOBS, Wanted(), NOW + 1)


def test_cells_of_a_running_job() -> None:
    """State, time of its limit, nodes."""
    shown = cells_of("812")

    assert ("● running", "12", "3 h 12 / 24 h", "gpu-[01,03]") == (
        shown["state"], shown["gpus"], shown["time"], shown["why"],
    )  # fmt: skip


def test_cells_of_a_waiting_job() -> None:
    """Slurm's estimate, and why in plain words."""
    shown = cells_of("831")

    assert ("◌ pending", "in 70 min", "needs 8 GPUs on one node; the best has 1") == (
        shown["state"], shown["time"], shown["why"],
    )  # fmt: skip


def test_array_says_how_its_tasks_are() -> None:
    """`2R 38PD`, and the GPUs that are held."""
    shown = cells_of("820")

    assert ("● 2R 38PD", "820_[…] +", "2") == (shown["state"], shown["id"], shown["gpus"])


def test_running_time_stops_with_the_last_look() -> None:
    """What is reckoned to an earlier moment does not grow, and a picture past its age is grey."""
    stale = replace(SIGHT, as_of=NOW - 3600)
    rows = queue_rows(Queue().items(JOBS, Wanted(), NOW), QUEUE_COLUMNS, stale, is_old=True)

    assert "2 h 12 / 24 h" == cells_of("812", sight=stale)["time"]
    assert {"old"} == {cell.tone for row in rows for line in row.cells for cell in line}


@pytest.mark.parametrize("columns", [QUEUE_COLUMNS, NARROW, SHORT], ids=["all", "narrow", "short"])
def test_hostile_text_stays_in_its_cell(columns: tuple) -> None:
    """A name with escapes, marks, NULs and ten thousand letters is short, printable and on one line."""
    nasty = {key: replace(one, user=HOSTILE, account=HOSTILE, partition=HOSTILE, qos=HOSTILE, reason=HOSTILE,
                          state=HOSTILE) for key, one in JOBS.items()}  # fmt: skip
    sight = Sight(LOOK, NOW, lambda _: HOSTILE)
    for row in queue_rows(Queue().items(nasty, Wanted(), NOW), columns, sight):
        for text in row.text:
            assert text.isprintable() or not text
            assert 400 > text_width(text)


def test_unknown_state_is_shown_as_slurm_spells_it() -> None:
    """A state of a later Slurm is neither dropped nor guessed."""
    assert "hibernating" == job_state(JOBS["836"], UNICODE).word


@pytest.mark.parametrize("state", ["RUNNING", "PENDING", "SUSPENDED", "FAILED", "COMPLETED", "ODD", ""])
def test_every_state_has_a_sign_of_one_column(state: str) -> None:
    """In both sets of signs."""
    for glyphs in (UNICODE, ASCII):
        assert 1 == text_width(job_state(SlurmJob("1", 1, state=state), glyphs).sign)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(86400.0, "24 h"), (172800.0, "2 d"), (3600.0, "1 h"), (5400.0, "90 min"), (float("inf"), ""), (None, "")],
)
def test_limits_are_short(seconds: float | None, text: str) -> None:
    """Whole days and hours; nothing for no limit."""
    assert text == limit_text(seconds)


def test_ten_thousand_jobs_are_grouped_and_sorted_at_once() -> None:
    """A new picture of ten thousand jobs costs well under a second on a busy machine; a look in between nothing."""
    many = {
        str(n): job(n, f"n{n % 97}", f"u{n % 13}", "PENDING" if n % 3 else "RUNNING", gpus=n % 9) for n in range(10_000)
    }
    queue, wanted = Queue(), Wanted(parse_job_filter("!ended"), order_of("user"))
    began = thread_time()
    queue.items(many, wanted, NOW)
    first = thread_time() - began
    began = thread_time()
    queue.items(many, wanted, NOW)

    assert 1.0 > first
    assert 0.005 > thread_time() - began
