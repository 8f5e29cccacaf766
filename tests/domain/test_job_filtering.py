"""The filter language for jobs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.filter_grammar import FilterError
from app.domain.job_filtering import EXAMPLES, FIELDS, narrows, parse_job_filter
from tests.present.fleets import NOW
from tests.present.slurm_fleet import jobs


def kept(text: str) -> list[str]:
    """Ids of the jobs that a filter keeps, the array's tasks as one."""
    wanted = parse_job_filter(text)
    return list(dict.fromkeys(one.id.partition("_")[0] for one in jobs() if wanted.keeps(one, NOW)))


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("user:ana", ["810", "812", "832"]),
        ("user:ana state:r", ["812"]),
        ("user:ana,bo state:pd", ["832", "833"]),
        ("gpus>4", ["810", "812", "831"]),
        ("gpus>=4 pending !held", ["830+0", "831"]),
        ("node:gpu-0[3-4]", ["812", "815", "835"]),
        ("name:llama", ["812"]),
        ("reason:resources", ["830+0", "830+1", "831"]),
        ("partition:serve", ["816"]),
        ("elapsed>2d", ["816"]),
        ("left<90m running", ["815", "820", "835"]),
        ("job:820 running", ["820"]),
        ("state:configuring", ["835"]),
        ("state:cf", ["835"]),
        ("state:hibernating", ["836"]),
        ("failed | suspended", ["810", "817"]),
        ("mem>200g", ["812"]),
        ("(user:bo | user:cy) (state:cd | state:s)", ["809", "817"]),
        ("swee", ["820"]),
    ],
)
def test_jobs_kept(text: str, ids: list[str]) -> None:
    """Fields, states by word or code, comparisons with units, negation, groups, bare words."""
    assert ids == kept(text)


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("usr:ana", 0, "did you mean 'user'"),
        ("gpu>4", 0, "did you mean 'gpus'"),
        ("gpus>four", 5, "not a number"),
        ("elapsed>2", 8, "span of time"),
        ("user:", 5, "Write user:ana"),
        ("node:gpu-[a]", 10, "brackets"),
        (">4", 0, "as in gpus>4"),
    ],
)
def test_mistakes_are_named_with_their_place(text: str, position: int, words: str) -> None:
    """A filter that cannot be read says what is wrong and where."""
    with pytest.raises(FilterError) as found:
        parse_job_filter(text)

    assert words in str(found.value)
    assert position == found.value.position


def test_every_field_has_an_example() -> None:
    """Help and completion show a value for every field, and each can be read."""
    assert set(FIELDS) == set(EXAMPLES)
    for field, value in EXAMPLES.items():
        parse_job_filter(f"{field}:{value}")


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever is typed, the answer is a filter or a FilterError; a filter can be asked."""
    try:
        wanted = parse_job_filter(text)
    except FilterError:
        return
    for one in jobs()[:4]:
        wanted.keeps(one, NOW)


@pytest.mark.parametrize(
    ("text", "before", "is_narrower"),
    [
        ("tra", "tr", True),
        ("tr", "tr", True),
        ("tr a", "tr", True),
        ("tr", "tra", False),
        ("xtr", "tr", False),
        ("running", "runnin", False),
        ("arrays", "array", False),
        ("tr -a", "tr", False),
        ("tr | a", "tr", False),
        ("gpus<12", "gpus<1", False),
        ("!tr", "!t", False),
        ('"tr"', '"tr"', False),
    ],
)
def test_more_letters_of_words_narrow_a_filter(text: str, before: str, is_narrower: bool) -> None:
    """Only where a filter surely keeps nothing that the one before left out; words that name a state are none."""
    assert is_narrower == narrows(parse_job_filter(text), parse_job_filter(before))


@given(st.lists(st.text("ab1 _", min_size=1, max_size=4), min_size=1, max_size=4))
def test_narrower_filter_keeps_no_others(parts: list[str]) -> None:
    """Whatever is typed on: of what narrows, no job is kept that was not kept before."""
    before, after = parts[0], "".join(parts)
    if narrows(parse_job_filter(after), parse_job_filter(before)) and before.strip():
        assert set(kept(after)) <= set(kept(before))
