"""Lines of Prometheus text and OpenMetrics: which are samples, what they say, and why the others are none."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.sources.exposition import LONGEST_LINE, Exposition, Samples
from app.sources.sample_line import MOST_LABELS
from tests.sources.page_files import NAMES, page_bytes


def read(text: str | bytes) -> Samples:
    """A page read for the first time."""
    return Exposition().read(text if isinstance(text, bytes) else text.encode())


def one(line: str) -> tuple[str, dict[str, str], float]:
    """The only sample of a page of one line."""
    samples = read(f"{line}\n")
    assert ([0], 0) == (samples.ids, samples.bad_lines), samples.bad_examples
    return samples.new[0].name, dict(samples.new[0].labels), samples.values[0]


def why_bad(line: str) -> str:
    """What is said of a line that is no sample."""
    samples = read(f"good 1\n{line}\n")
    assert (1, 1) == (len(samples.ids), samples.bad_lines)
    assert 2 == samples.bad_examples[0][0]
    return samples.bad_examples[0][1]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("a 1", 1.0),
        ("a -3e3 103948", -3000.0),
        ("a{} 3", 3.0),
        ("a +Inf", math.inf),
        ("a -Inf", -math.inf),
        ("a 1.7560473e+07", 17560473.0),
        ("a .5", 0.5),
        ("a 5.", 5.0),
        ("a 0000000000001.2e-1", 0.12),
        ("a 9223372036854775808", 9223372036854775808.0),
        ("a\t1", 1.0),
        ("\t a  1 \r", 1.0),
    ],
)
def test_number_is_read_as_prometheus_reads_it(line: str, value: float) -> None:
    """Signs, exponents, infinities and blanks of all kinds are understood."""
    assert ("a", {}, value) == one(line)


def test_not_a_number_is_kept_as_such() -> None:
    """NaN is a good sample without a value."""
    assert math.isnan(one("a NaN")[2])


@pytest.mark.parametrize(
    "text", ["1_000", "0x1", "0x1p-3", "0b1", "0o1", "true", "١٢", "1,5", "--1", "1e", "nan1", "+nan"]
)
def test_number_that_only_python_would_take_is_refused(text: str) -> None:
    """Underscores, other bases, other scripts' digits and words are no numbers on the wire."""
    assert f"not a number: {text}" == why_bad(f"a {text}") or "odd text" in why_bad(f"a {text}")


@pytest.mark.parametrize(
    ("block", "labels"),
    [
        ('{x="1",y="2"}', {"x": "1", "y": "2"}),
        ('{x="1", y="2"}', {"x": "1", "y": "2"}),
        ('{ x = "1" ,\ty="2",}', {"x": "1", "y": "2"}),
        ('{x="1" y="2"}', {"x": "1", "y": "2"}),
        (r'{x="a\"b",y="c\\d",z="e\nf"}', {"x": 'a"b', "y": "c\\d", "z": "e\nf"}),
        (r'{x="C:\temp\\new"}', {"x": "C:\\temp\\new"}),
        ('{x="} 5 # {",y="="}', {"x": "} 5 # {", "y": "="}),
        ('{x="Björn 佖",y=""}', {"x": "Björn 佖", "y": ""}),
        ('{x="a\0b"}', {"x": "a\0b"}),
        ('{x="1",...}', {"x": "1"}),
        ('{"my.label"="1"}', {"my.label": "1"}),
    ],
)
def test_labels_are_read(block: str, labels: dict[str, str]) -> None:
    """Blanks, escapes, braces in values, other scripts, NUL bytes and a hand-made ellipsis leave the labels whole."""
    assert ("a", labels, 7.0) == one(f"a{block} 7")


def test_value_may_follow_the_brace_at_once() -> None:
    """No blank is needed after labels."""
    assert ("a", {"x": "1"}, 6.0) == one('a{x="1"}6')


def test_quoted_metric_name_is_a_name() -> None:
    """Names in UTF-8, as Prometheus 3 writes them, stand in quotes among the labels."""
    assert ("my.metric", {"label": "x"}, 1.0) == one('{"my.metric", label="x"} 1')


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("a", "no value"),
        ("a ", "no value"),
        ("9 1", "no metric name: 9 1"),
        ("a.b 1", "no metric name: a.b 1"),
        ("a{x=1} 1", "no label at column 3: x=1} 1"),
        ('a{x="1"', "no comma or closing brace at column 8: "),
        ('a{x="1} 1', 'no label at column 3: x="1} 1'),
        ('a{x="1",,y="2"} 1', 'no label at column 9: ,y="2"} 1'),
        ('a{x="1"y="2"} 1', 'no comma or closing brace at column 8: y="2"} 1'),
        ('a{x="1",x="1"} 1', "label x twice"),
        ('a{__name__="b"} 1', "the label __name__ is reserved"),
        ("{} 3.14", "labels without a metric name"),
        ('{x="1"} 3.14', "labels without a metric name"),
        ("a 1 2 3", "odd text after the value: 3"),
        ("a 1 2.72", "not a time: 2.72"),
        ("a 1 NaN", "not a time: NaN"),
        ("a 1 # {x=1} 2", "odd text after the value: # {x=1} 2"),
    ],
)
def test_bad_line_says_why(line: str, why: str) -> None:
    """The good lines stay, and each bad one is told with its number and what is wrong."""
    assert why == why_bad(line)


def test_first_bad_lines_are_told_and_all_are_counted() -> None:
    """A page full of rubbish is five examples and a count."""
    samples = read("good 1\n" + "x y\n" * 100)

    assert 100 == samples.bad_lines
    assert [2, 3, 4, 5, 6] == [number for number, _ in samples.bad_examples]


def test_comments_blank_lines_and_a_missing_last_newline_are_no_matter() -> None:
    """Repeated and shortened HELP and TYPE lines change nothing."""
    samples = read("# TYPE a counter\n\n# TYPE a counter\n# HELP a\n#\na 1\n  # HELP a x\na 2")

    assert ([1.0, 2.0], 0) == (samples.values, samples.bad_lines)


def test_lines_may_end_as_on_windows() -> None:
    """CRLF is a line end; the second page takes the shortcut and reads the same."""
    exposition = Exposition()

    assert [1.5, 2.0] == exposition.read(b'a{x="1"} 1.5\r\nb 2\r\n').values
    assert [2.5, 3.0] == exposition.read(b'a{x="1"} 2.5\r\nb 3\r\n').values


def test_bytes_that_are_not_utf8_are_replaced_and_counted() -> None:
    """The line is kept, for its value is clear, and complained of."""
    samples = read(b'ok 1\na{x="caf\xe9"} 2\n')

    assert [1.0, 2.0] == samples.values
    assert "caf�" == samples.new[1].labels["x"]
    assert (1, ((2, "bytes that are not UTF-8, replaced"),)) == (samples.bad_lines, samples.bad_examples)


def test_time_stamps_are_milliseconds_or_in_openmetrics_seconds() -> None:
    """The same number means another time in the two formats."""
    assert {0: 1764000000.5} == read("a 1 1764000000500\n").stamps
    assert {0: 1764000000.5} == read("a 1 1764000000.5\n# EOF\n").stamps


def test_openmetrics_exemplars_and_created_series_are_understood() -> None:
    """An exemplar is dropped, the sample kept; text after # EOF is not part of the page."""
    samples = read('a_bucket{le="1"} 5 # {trace_id="x # }"} 0.5 1764000000.1\na_created 1.7e9\n# EOF\nb 2\n')

    assert [5.0, 1.7e9] == samples.values
    assert ((4, "text after # EOF"),) == samples.bad_examples


def test_native_histogram_is_a_sample_without_a_number() -> None:
    """A histogram in one line is no bad line."""
    assert math.isnan(read("h {count:24,sum:100,schema:0,positive_deltas:[2,1]}\n# EOF\n").values[0])


def test_line_length_and_label_count_are_bounded() -> None:
    """A line of megabytes and a sample with hundreds of labels are bad lines."""
    many = ",".join(f'l{number}="1"' for number in range(MOST_LABELS + 1))

    assert f"longer than {LONGEST_LINE} characters" == why_bad(f'a{{x="{"y" * LONGEST_LINE}"}} 1')
    assert f"more than {MOST_LABELS} labels" == why_bad(f"a{{{many}}} 1")


def test_series_keep_their_ids_from_page_to_page() -> None:
    """A series is parsed once; later pages, in another order too, name it by its id."""
    exposition = Exposition()
    exposition.read(b'a{x="1"} 1\nb 2\n')

    again = exposition.read(b'b 3\nc 5\na{x="1"} 4\n')

    assert ([1, 2, 0], [3.0, 5.0, 4.0]) == (again.ids, again.values)
    assert ["c"] == [series.name for series in again.new]


def test_name_is_never_taken_for_the_beginning_of_another() -> None:
    """After a page with `a 5`, the line `a5 7` is another series and `a5` is bad."""
    exposition = Exposition()
    exposition.read(b"a 5\n")

    other = exposition.read(b"a5 7\n")

    assert ([1], [7.0]) == (other.ids, other.values)
    assert 1 == exposition.read(b"a5\n").bad_lines


def test_comment_that_became_a_sample_is_seen() -> None:
    """The shortcut does not skip a line for having been a comment on the page before."""
    exposition = Exposition()
    exposition.read(b"# note\na 1\n\n")

    assert [2.0, 1.0] == exposition.read(b"b 2\na 1\n\n").values
    assert [2.0, 1.0, 3.0] == exposition.read(b"b 2\na 1\nc 3").values


def test_series_that_come_and_go_do_not_pile_up() -> None:
    """A label that changes with every page makes the memory begin anew, not grow."""
    exposition = Exposition()
    for number in range(5000):
        exposition.read(f'a{{run="{number}"}} 1\n'.encode())

    assert exposition.generation >= 1
    assert len(exposition._keys) < 2100


@pytest.mark.parametrize("name", NAMES)
def test_page_is_read_as_the_official_parser_reads_it(name: str) -> None:
    """Names, labels, values and times equal prometheus_client's, but for the `_total` that it appends."""
    text = page_bytes(name).decode()
    samples = read(text)
    theirs = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    assert sorted((s.name, sorted(s.labels.items()), repr(float(s.value)), s.timestamp) for s in theirs) == sorted(
        (
            samples.new[number].name,
            sorted(samples.new[number].labels.items()),
            repr(value),
            samples.stamps.get(position),
        )
        for position, (number, value) in enumerate(zip(samples.ids, samples.values, strict=True))
    )


def test_types_of_counters_do_not_rename_them() -> None:
    """The wire name stays, where the official parser would make DCGM's counters end in `_total`."""
    text = "# TYPE DCGM_FI_DEV_PCIE_REPLAY_COUNTER counter\nDCGM_FI_DEV_PCIE_REPLAY_COUNTER 3\n"

    assert "DCGM_FI_DEV_PCIE_REPLAY_COUNTER" == read(text).new[0].name


def test_pages_folder_holds_only_pages() -> None:
    """Every file of the folder is one of the pages that tests read."""
    folder = Path(__file__).parent / "pages"

    assert {f"{name}.prom" for name in NAMES} | {"README.md"} == {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("page", "is_sheet"),
    [
        (b'# HELP a b\na{b="c d"} %d\nb %d\n', True),
        (b"a %d\n\nb %d", True),
        (b"a  %d\nb %d\n", False),
        (b"a %d \nb %d\n", False),
        (b"a{}%d\nb %d\n", False),
        (b"a\t%d\nb %d\n", False),
        (b"a %d\r\nb %d\r\n", False),
        (b"\xef\xbb\xbfa %d\nb %d\n", False),
        (b'a{b="\xc3\xa9"} %d\nb %d\n', False),
    ],
)
def test_a_page_is_a_sheet_where_a_blank_stands_before_each_plain_number(page: bytes, is_sheet: bool) -> None:
    """Such a page is put together again as it came; any other is left to those who keep bytes."""
    reader = Exposition()
    first, second, third = (reader.read(page % (number, number)) for number in (1, 22, 3))

    assert first.sheet is None
    assert is_sheet == (second.sheet is not None and third.sheet is not None)
    if second.sheet is not None and third.sheet is not None:
        assert [page % (22, 22), page % (3, 3)] == [second.sheet.text(), third.sheet.text()]
        assert second.sheet.starts is third.sheet.starts
