"""The filter language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.filter_grammar import FilterError
from app.domain.filtering import EVERYTHING, parse_filter
from app.domain.reading import GpuProcess, XidCount
from app.domain.snapshot import Gpu, Layer, MigSlice

NOW = 1000.0


def gpu(node: str, index: int, *, at: float = NOW, **values: float) -> Gpu:
    """A GPU with these values under their last parts; no value at all means no layer."""
    layers = (Layer("page", at, 5.0, {f"gpu.{key}": value for key, value in values.items()}),) if values else ()
    return Gpu(node, index, f"GPU-{node}-{index}", {"model": "NVIDIA H100 80GB HBM3"}, layers)


TRAINING = gpu("gpu-01", 0, utilization=97, memory_used=70000, memory_total=81559, temperature=63, power=612)
IDLE = gpu("gpu-01", 1, utilization=0, memory_used=500, memory_total=81559, temperature=34, power=70)
HELD = gpu("gpu-02", 0, utilization=0, memory_used=60000, memory_total=81559, temperature=41, power=98)
UNKNOWN = Gpu("gpu-02", 1, None)
LOST = Gpu("gpu-03", 5, "GPU-dead", lost_at=900.0, xids=(XidCount(79, 1),))
SLICED = Gpu("gpu-03", 6, None, {"model": "NVIDIA A100"}, mig=(MigSlice(7, "1g.10gb", None),), hpc_jobs=("812",))
OLD = gpu("gpu-10", 0, at=NOW - 12, utilization=50)
OWNED = Gpu("cpu-1", 0, None, processes=(GpuProcess(1, "python", "ana", "python train.py --lr 1"),))
ALL = (TRAINING, IDLE, HELD, UNKNOWN, LOST, SLICED, OLD, OWNED)


def kept(text: str) -> tuple[str, ...]:
    """Places of the GPUs a filter keeps."""
    wanted = parse_filter(text)
    return tuple(one.id for one in ALL if wanted.keeps(one, NOW))


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("util<10", ("gpu-01/1", "gpu-02/0")),
        ("util>=97", ("gpu-01/0",)),
        ("utilization=50", ("gpu-10/0",)),
        ("gpu.utilization!=0", ("gpu-01/0", "gpu-10/0")),
        ("mem>80", ("gpu-01/0",)),
        ("mem>40g", ("gpu-01/0", "gpu-02/0")),
        ("memory_used<1GiB", ("gpu-01/1",)),
        ("power>0.6kw", ("gpu-01/0",)),
        ("temp>40 util<10", ("gpu-02/0",)),
        ("util:97", ("gpu-01/0",)),
        ("busy", ("gpu-01/0", "gpu-10/0")),
        ("idle", ("gpu-01/1", "gpu-02/0")),
        ("idle alloc", ("gpu-02/0",)),
        ("free", ("gpu-01/1",)),
        ("state:lost,stale", ("gpu-03/5", "gpu-10/0")),
        ("silent", ("gpu-02/1", "gpu-03/6", "cpu-1/0")),
        ("xid:79", ("gpu-03/5",)),
        ("xid", ("gpu-03/5",)),
        ("mig", ("gpu-03/6",)),
        ("job:812", ("gpu-03/6",)),
        ("user:ana", ("cpu-1/0",)),
        ("user:an", ()),
        ("user:an*", ("cpu-1/0",)),
        ('proc:"train.py --lr"', ("cpu-1/0",)),
        ("model:a100", ("gpu-03/6",)),
        ("node:gpu-0[1-2] gpu:0", ("gpu-01/0", "gpu-02/0")),
        ("node:gpu-[01,10]", ("gpu-01/0", "gpu-01/1", "gpu-10/0")),
        ("gpu:gpu-01/1", ("gpu-01/1",)),
        ("GPU-03", ("gpu-03/5", "gpu-03/6")),
        ("dead", ("gpu-03/5",)),
        ("!node:gpu-*", ("cpu-1/0",)),
        ("-node:gpu-* | state:lost", ("gpu-03/5", "cpu-1/0")),
        ("(mem>80 | idle) node:gpu-01", ("gpu-01/0", "gpu-01/1")),
        ("!!lost", ("gpu-03/5",)),
        ('"lost"', ()),
    ],
)
def test_filter_keeps_what_it_says(text: str, places: tuple[str, ...]) -> None:
    """Comparisons, fields, states, words, not, or and groups keep exactly the GPUs they describe."""
    assert places == kept(text)


def test_unknown_value_satisfies_no_comparison() -> None:
    """A GPU that nobody knows anything about is in no comparison, whichever way it points."""
    assert not {"gpu-02/1", "gpu-03/5"} & {*kept("util<1000"), *kept("util>-1"), *kept("util!=5")}


def test_blank_filter_keeps_everything() -> None:
    """Nothing typed leaves nothing out."""
    assert parse_filter("  ") is EVERYTHING
    assert len(ALL) == len(kept(""))


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("utl<10", 0, "did you mean 'util'"),
        ("busy utl<10", 5, "no metric is called 'utl'"),
        ("util<", 5, "a number is missing"),
        ("util<ten", 5, "'ten' is not a number"),
        ("power>5g", 6, "power is in W"),
        ("pstate>5g", 7, "a plain number"),
        ("nod:gpu-1", 0, "did you mean 'node'"),
        ("utilizaton:97", 0, "did you mean 'utilization'"),
        ("state:broken", 6, "known: busy"),
        ("node:gpu-[1", 9, "no partner"),
        ("user:", 5, "user:ana"),
        ("xid:abc", 4, "xid:79"),
        ("<10", 0, "util<10"),
        ("(busy", 0, "never closed"),
        ("busy)", 4, "closes nothing"),
        ("busy |", 6, "a term is missing"),
        ('"gpu', 0, "never closed"),
        ("!", 1, "a word is missing"),
        ("(" * 40, 20, "too many"),
        ("temp>90f", 5, "°C"),
    ],
)
def test_mistake_is_named_with_its_place(text: str, position: int, words: str) -> None:
    """A filter that cannot be read says what is wrong, where, and what was probably meant."""
    with pytest.raises(FilterError) as caught:
        parse_filter(text)

    assert words in str(caught.value)
    assert position == caught.value.position


@given(st.text('util<>=!:10mg%[]()|"-* nodestat,', max_size=40) | st.text(max_size=40))
def test_any_text_is_a_filter_or_an_error_within_it(text: str) -> None:
    """Whatever is typed gives a filter that answers, or an error that points into the text."""
    position = 0
    try:
        wanted = parse_filter(text)
    except FilterError as error:
        position = error.position
    else:
        assert all(wanted.keeps(one, NOW) in (True, False) for one in ALL)

    assert 0 <= position <= len(text)


@given(
    st.sampled_from(["util<10", "mem>40g", "idle", "node:gpu-0[1-3]", "h100", "xid:79"]), st.sampled_from(["!", "-"])
)
def test_not_keeps_exactly_the_rest(term: str, sign: str) -> None:
    """A term and its negation share no GPU and leave none out."""
    assert sorted(one.id for one in ALL) == sorted((*kept(term), *kept(sign + term)))


@given(st.floats(0, 100, allow_nan=False))
def test_comparisons_agree_with_arithmetic(bound: float) -> None:
    """Below, at and above a bound are the three parts of all known values."""
    text = f"{bound:.4f}"
    parts = (*kept(f"util<{text}"), *kept(f"util={text}"), *kept(f"util>{text}"))

    assert sorted(("gpu-01/0", "gpu-01/1", "gpu-02/0", "gpu-10/0")) == sorted(parts)
