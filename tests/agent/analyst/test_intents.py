"""What people type is taken for what they mean: phrasings, slips of the finger, and what is not understood."""

from __future__ import annotations

import re

import pytest

from app.agent.analyst.answers import ANSWERS
from app.agent.analyst.glossary import GLOSSARY
from app.agent.analyst.intents import INTENTS
from app.agent.analyst.wording import plain
from tests.agent.analyst.heldout import HELD_OUT, LAST, UNSEEN
from tests.agent.analyst.names import intent
from tests.agent.analyst.phrasings import PHRASINGS, UNCLEAR


@pytest.mark.parametrize(("typed", "meant"), [*PHRASINGS, *HELD_OUT, *UNSEEN, *LAST])
def test_a_question_is_taken_for_what_it_means(typed: str, meant: str) -> None:
    """Each phrasing is understood as it was meant."""
    assert meant == intent(typed)


@pytest.mark.parametrize("typed", UNCLEAR)
def test_what_is_no_question_about_a_cluster_is_not_understood(typed: str) -> None:
    """Nothing is guessed into a text that is about something else."""
    assert intent(typed) is None


@pytest.mark.parametrize("typed", ["", "   ", "?!", "\x1b[2J", "\u202e", "a" * 20_000, "[" * 500, "((((" * 100])
def test_whatever_is_typed_is_read_without_harm(typed: str) -> None:
    """No text makes the reading fail or hang."""
    intent(typed)


def test_there_are_enough_phrasings() -> None:
    """At least 150 phrasings are tried, and each intent has one."""
    assert len(PHRASINGS) >= 150
    assert {one.key for one in INTENTS} == {meant for _, meant in PHRASINGS}


def test_every_intent_has_an_answer() -> None:
    """The rows of both tables are the same, each key once."""
    assert sorted(ANSWERS) == sorted(one.key for one in INTENTS)


def test_every_example_is_taken_for_its_own_intent() -> None:
    """What the analyst says it can be asked, it understands."""
    names = {"node": "gpu-01", "gpu": "gpu-01/0", "gpu2": "gpu-01/1", "job": "812", "pending": "815"}
    examples = {one.key: one.example.format(**names) for one in INTENTS if one.example}

    assert {key: key for key in examples} == {key: intent(example) for key, example in examples.items()}


@pytest.mark.parametrize(
    ("typed", "plainly"),
    [
        ("Could you please tell me what's wrong?", "what is wrong"),
        ("wich nodes are donw", "which nodes are down"),
        ("temprature of the GPUs, thanks!", "temperature of the gpus"),
        ("hey, why's it so slow??", "why is it so slow"),
    ],
)
def test_politeness_contractions_and_slips_are_taken_out(typed: str, plainly: str) -> None:
    """What is left is the question in plain words."""
    assert plainly == plain(typed)


def test_the_clusters_own_words_are_not_mended() -> None:
    """A job called `staus` is not taken for `status`."""
    assert "staus" == plain("staus", own=frozenset({"staus"}))
    assert "status" == plain("staus")


def test_the_glossary_claims_no_numbers() -> None:
    """Its texts rest on no look, so they hold no number that one would have to support."""
    assert [] == [one.title for one in GLOSSARY if re.search(r"(?<![A-Za-z`])\d", one.text)]


def test_every_word_of_the_glossary_is_explained_when_asked_for() -> None:
    """`what is …?` is understood for each of them."""
    assert {one.title: "term" for one in GLOSSARY} == {
        one.title: intent(f"what is {one.names[0]}?") for one in GLOSSARY
    }
