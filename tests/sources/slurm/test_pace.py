"""How often Slurm is asked, by numbers alone."""

from __future__ import annotations

from app.sources.slurm.pace import BUSY_FACTOR, LONGEST_S, MOST_THREADS, Pace, Part

QUICK = Pace(5.0, 5.0)


def test_quick_answers_keep_the_configured_pace() -> None:
    """Answers within a fifth of the interval change nothing."""
    assert (5.0, "") == (QUICK.after(1.0).interval_s, QUICK.after(1.0).note)


def test_slow_answers_are_asked_for_less_often_at_once() -> None:
    """An answer of 4 s is asked for every 20 s, and the user is told."""
    slow = QUICK.after(4.0)

    assert 20.0 == slow.interval_s
    assert "asked every 20 s instead of 5 s: answers take 4.0 s" == slow.note


def test_the_pace_comes_back_by_halves() -> None:
    """One quick answer does not undo it: 20, 10, 5, and never quicker than configured."""
    slow = QUICK.after(4.0)
    paces = [slow := slow.after(0.1) for _ in range(4)]

    assert [10.0, 5.0, 5.0, 5.0] == [pace.interval_s for pace in paces]


def test_it_never_gets_slower_than_a_minute_by_itself() -> None:
    """However long it takes; a configured interval that is longer stays."""
    assert LONGEST_S == QUICK.after(1000.0).interval_s
    assert 300.0 == Pace(300.0, 300.0).after(1000.0).interval_s


def test_a_look_given_up_on_doubles_the_interval() -> None:
    """So that the next may take twice as long: 5, 10, 20, 40, 60, 60."""
    pace = QUICK
    intervals = [(pace := pace.after_timeout()).interval_s for _ in range(5)]

    assert [10.0, 20.0, 40.0, 60.0, 60.0] == intervals


def test_a_busy_controller_is_asked_less_often() -> None:
    """Many threads or a long queue of messages: four times slower until it is at ease again."""
    busy = QUICK.told(MOST_THREADS + 1, 0).after(0.1)
    at_ease = busy.told(3, 0).after(0.1)

    assert 5.0 * BUSY_FACTOR == busy.interval_s
    assert "asked every 20 s instead of 5 s: slurmctld is busy (65 threads)" == busy.note
    assert 10.0 == at_ease.interval_s
    assert "slurmctld is busy (600 messages queued)" in QUICK.told(None, 600).after(0.1).note


def test_what_slurmctld_does_not_say_is_no_trouble() -> None:
    """Unknown threads and messages are not busy."""
    assert "" == QUICK.told(None, None).busy


def test_a_part_is_due_by_its_time_and_its_cost() -> None:
    """Never asked: now. Then after its time, or twenty times what it took of slurmctld, whichever is longer."""
    part = Part(60.0)

    assert part.is_due(0.0)
    assert (False, True) == (part.asked(100.0, 0.1).is_due(159.0), part.asked(100.0, 0.1).is_due(160.0))
    assert (False, True) == (part.asked(100.0, 5.0).is_due(194.0), part.asked(100.0, 5.0).is_due(195.0))


def test_a_command_that_is_slow_to_start_is_no_work_for_slurmctld() -> None:
    """A quarter of a second is what a busy login node needs to start a command: the part is in every look."""
    assert Part(0.0).asked(100.0, 0.25).is_due(100.0)
    assert not Part(0.0).asked(100.0, 0.35).is_due(101.9)
