"""The line to the terminal: measured by questions, held to a budget, never waited for without end."""

from __future__ import annotations

from app.tui.pacing import BUDGET_BYTES_S, LAST_WORDS_S, LONGEST_S, LOST_S, MUTE_S, Link


def asked(link: Link, at: float, count: int, took_s: float) -> None:
    """One frame of so many bytes, and its answer."""
    link.wrote(at, count)
    assert link.asks(at)
    link.heard(at + took_s)


def test_a_frame_waits_for_the_one_before() -> None:
    """Until the terminal has answered, new numbers are not painted; once it has, they are."""
    link = Link()
    asked(link, 0, 100, 0.002)
    link.wrote(1, 100)
    link.asks(1)

    assert [False, False] == [link.has_room(1.1), link.has_room(3)]
    link.heard(3)
    assert link.has_room(3)


def test_a_terminal_that_never_answers_holds_nothing_up() -> None:
    """Before the first answer nothing waits for one; after a while no more questions are put."""
    link = Link()
    link.wrote(0, 100)
    link.asks(0)

    assert link.has_room(0.1)
    assert not link.asks(MUTE_S + 1)
    assert 0 == link.last_words_s(MUTE_S + 1)


def test_an_answer_that_is_lost_is_forgotten() -> None:
    """After half a minute without one, painting goes on and the question is put again."""
    link = Link()
    asked(link, 0, 100, 0.01)
    link.asks(1)

    assert not link.has_room(LOST_S)
    assert link.has_room(1 + LOST_S)
    assert link.asks(1 + LOST_S)


def test_one_question_at_a_time() -> None:
    """Frames of keys that follow one another carry no second question."""
    link = Link()

    assert [True, False] == [link.asks(0), link.asks(0.1)]


def test_a_near_and_fast_line_is_not_slow() -> None:
    """What was taken for slow is fast once a burst has gone through in no time."""
    link = Link(began_slow=True)
    asked(link, 0, 20_000, 0.004)
    asked(link, 1, 20_000, 0.004)

    assert not link.is_slow


def test_a_thin_line_is_slow_however_near() -> None:
    """16 kB a second are slow, over whatever distance, and without anybody having said so."""
    link = Link()
    asked(link, 0, 10, 0.005)
    asked(link, 1, 8000, 0.505)

    assert link.is_slow
    assert 15_000 < (link.rate or 0) < 17_000


def test_a_long_way_is_slow() -> None:
    """Where each answer takes 0.4 s, bytes are saved."""
    link = Link()
    asked(link, 0, 10, 0.4)

    assert link.is_slow


def test_bytes_that_had_time_to_go_do_not_tell_the_rate() -> None:
    """What was written well before the question has arrived before it, and would make the line look fast."""
    link = Link()
    asked(link, 0, 10, 0.1)
    link.wrote(1, 8000)
    link.wrote(2, 10)
    link.asks(2)
    link.heard(2.1)

    assert link.rate is None


def test_new_numbers_keep_to_the_budget_of_a_slow_line() -> None:
    """After so many bytes as a second may have, the next frame of numbers is a second away; a fast line has none."""
    slow, fast = Link(began_slow=True), Link()
    for link in (slow, fast):
        link.wrote(10, int(BUDGET_BYTES_S))

    assert [False, True] == [slow.has_room(10.9), slow.has_room(11.1)]
    assert fast.has_room(10.1)


def test_nobody_waits_long_for_a_burst() -> None:
    """However much was spent at once, numbers come again within seconds."""
    link = Link(began_slow=True)
    link.wrote(0, 1_000_000)

    assert link.has_room(LONGEST_S + 0.01)


def test_what_the_user_says_counts() -> None:
    """A line that is said to be slow or fast is, whatever is measured."""
    slow, fast = Link(said=True), Link(began_slow=True, said=False)
    asked(slow, 0, 20_000, 0.001)
    asked(fast, 0, 20_000, 2.0)

    assert [True, False] == [slow.is_slow, fast.is_slow]


def test_an_answer_on_its_way_is_waited_for_before_the_shell_has_the_terminal() -> None:
    """Else the shell would show it as something typed; but not for long."""
    link = Link()
    asked(link, 0, 10, 0.4)
    assert 0 == link.last_words_s(1)

    link.asks(1)

    assert LAST_WORDS_S == link.last_words_s(1.1)


def test_an_answer_nobody_asked_for_is_nothing() -> None:
    """Some other program's answer does not count."""
    link = Link()
    link.heard(1)

    assert link.round_trip_s is None
