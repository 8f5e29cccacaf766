"""What an action may name: ids, nodes, reasons, signals, options of sbatch; everything else is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.action_targets import (
    JOB_ID,
    ActionError,
    job_ids,
    node_names,
    prose,
    reason_of,
    sbatch_options,
    signal_name,
)

HOSTILE = (
    "-u root", "--user=root", "812; rm -rf /", "812 813", "$(id)", "`id`", "812\n813", "812\x00", "a|b", "../etc", "~",
    "812&", ">x", "*", "812_", "_3", "8_[", "820_[1;2]", "820_[a]", "١٢", "812+", "",
)  # fmt: skip


def test_ids_of_every_kind_are_taken_once() -> None:
    """Plain, array task, array tasks, part of a heterogeneous job; white space around an id is no harm."""
    assert ("812", "820_3", "820_[7-9,11%4]", "830+1") == job_ids([" 812", "820_3", "820_[7-9,11%4]", "830+1", "812"])


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_no_id_is_refused(text: str) -> None:
    """Options, shells' words, other digits: none of them becomes a word of a command."""
    with pytest.raises(ActionError):
        job_ids([text])


@given(st.text(max_size=30))
def test_whatever_is_typed_is_an_id_or_refused(text: str) -> None:
    """No text gets through that is not digits and the few signs of an id, and none that begins like an option."""
    try:
        (found,) = job_ids([text])
    except ActionError:
        return
    assert JOB_ID.fullmatch(found)
    assert set(found) <= set("0123456789_[],-%:+")
    assert found[0].isdigit()


def test_host_lists_are_written_out() -> None:
    """`gpu-[1-3],login` names four nodes."""
    assert ("gpu-1", "gpu-2", "gpu-3", "login") == node_names(["gpu-[1-3],login", "gpu-2"])


@pytest.mark.parametrize(
    "text", ["-a", "ALL;id", "n1 n2", "$(id)", "n1\n", "n1,,;", "n[1;2]", "n1=x", "[1-3]", "n/..", "n1,-f", "", "Ω1"]
)
def test_what_is_no_node_is_refused(text: str) -> None:
    """Nothing but letters, digits, dots, hyphens and brackets of numbers; a comma separates."""
    if text == "n1\n":
        assert ("n1",) == node_names([text])
        return
    with pytest.raises(ActionError):
        node_names([text])


def test_a_list_of_millions_is_refused_at_no_cost() -> None:
    """A few bytes can name millions; they are refused without being written out."""
    with pytest.raises(ActionError, match="at once"):
        node_names(["n[1-999999]"])


def test_a_reason_is_one_clean_line() -> None:
    """Control characters and double quotes go: scontrol eats those, and people read the rest."""
    assert "fan 'swap' [31mnow" == reason_of('fan "swap"\n\x1b[31mnow\u202e')


@pytest.mark.parametrize("text", ["", "  \n", "\x1b"])
def test_no_reason_is_refused(text: str) -> None:
    """A node is not drained without a word."""
    with pytest.raises(ActionError, match="say why"):
        reason_of(text)


def test_a_reason_nobody_would_read_is_refused() -> None:
    """Ten thousand characters are no reason."""
    with pytest.raises(ActionError, match="longer"):
        prose("x" * 10_000, "the reason")


@pytest.mark.parametrize(
    ("text", "name"), [("usr1", "USR1"), ("SIGTERM", "TERM"), (" 10 ", "10"), ("RTMIN+3", "RTMIN+3")]
)
def test_signals_are_named_as_scancel_takes_them(text: str, name: str) -> None:
    """With or without SIG, in any case."""
    assert name == signal_name(text)


@pytest.mark.parametrize("text", ["", "USR1 9", "-9", "--batch", "KILL;id", "9" * 5])
def test_what_is_no_signal_is_refused(text: str) -> None:
    """A signal is a name or a number."""
    with pytest.raises(ActionError):
        signal_name(text)


def test_options_of_sbatch_are_taken_as_they_are() -> None:
    """Long ones with `=`, short ones with their value as a word of its own or joined, switches."""
    words = ("--gres=gpu:2", "-p", "gpu", "-N2", "-H", "--exclusive", "--comment=$(id); 'x'")

    assert words == sbatch_options(words)


@pytest.mark.parametrize(
    "words",
    [
        ["other.sh"],
        ["--exclusive", "other.sh"],
        ["--gres", "gpu:2"],
        ["-H", "other.sh"],
        ["-Hp", "gpu"],
        ["--wrap=id"],
        ["--wra=id"],
        ["--test-only"],
        ["--parsable"],
        ["--wait"],
        ["-W"],
        ["--"],
        ["-"],
        [""],
        ["--comment=a\nb"],
        ["--comment=" + "x" * 5000],
        ["-N", "2", "4"],
    ],
    ids=lambda words: " ".join(words)[:20] or "empty",
)
def test_options_that_would_change_what_is_sent_are_refused(words: list[str]) -> None:
    """No second script, no command of its own, no abbreviation of either, nothing of several lines."""
    with pytest.raises(ActionError):
        sbatch_options(words)
