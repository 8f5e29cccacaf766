"""Sheets in a recording: what is written is read back as the text that came, whatever came before it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.domain.redact import is_harmless, redact
from app.services.recorder.bodies import BodyReader, BodyWriter
from app.services.recorder.sheets import SheetWriter
from app.sources.told import Sheet, Told, bytes_of

STARTS = ["# a comment", 'a{b="c d"} ', "b "]
OTHERS = ["b ", "# a comment", "c "]


def sheet(starts: list[str], *words: str | float) -> Sheet:
    """An answer of this form."""
    return Sheet(starts, words, 0)


def round_trip(*told: Told) -> tuple[list[str], list[bytes], list[bytes]]:
    """How each is written, what is written of it, and what is read again; all in one segment."""
    writer, reader = SheetWriter(BodyWriter(redact, is_harmless)), BodyReader()
    written = [writer.write(one, 1.0, 1) for one in told]
    return [mode for mode, _ in written], [text for _, text in written], [reader.read(*one) for one in written]


def test_of_a_sheet_of_the_same_form_the_new_words_are_written() -> None:
    """The first is whole; a word that stays is nothing, a number is as Python writes it."""
    told = (sheet(STARTS, "", "1", "2"), sheet(STARTS, "", "1", "3"), sheet(STARTS, "", 0.25, 3))

    modes, written, read = round_trip(*told)

    assert ["full", "values", "values"] == modes
    assert [b"\n\n3", b"\n0.25\n3"] == written[1:]
    assert [bytes_of(one) for one in told] == read


def test_sheets_and_bytes_lean_on_each_other() -> None:
    """A page that was read line by line comes as bytes, those like it as sheets; now and then of another form."""
    page = bytes_of(sheet(STARTS, "", "7", "7"))
    told = (
        page,
        sheet(STARTS, "", "8", "7"),
        sheet(STARTS, "", "8", "9"),
        bytes_of(sheet(OTHERS, "1", "", "1")),
        sheet(OTHERS, "2", "", "1"),
        sheet(STARTS, "", "1", "2"),
        page,
    )

    modes, _, read = round_trip(*told)

    assert ["full", "values", "values", "lines", "values", "lines", "values"] == modes
    assert [bytes_of(one) for one in told] == read


@given(st.lists(st.tuples(st.sampled_from((STARTS, OTHERS)), st.sampled_from(["1", "2", "0.5"]), st.booleans())))
def test_every_answer_is_read_as_it_was_told(looks: list[tuple[list[str], str, bool]]) -> None:
    """Whatever follows whatever, as a sheet or as bytes."""
    sheets = [sheet(starts, *(word if start.endswith(" ") else "" for start in starts)) for starts, word, _ in looks]
    told = [bytes_of(one) if is_bytes else one for one, (_, _, is_bytes) in zip(sheets, looks, strict=True)]

    assert [bytes_of(one) for one in told] == round_trip(*told)[2]


def test_a_form_that_holds_a_secret_never_shows_it() -> None:
    """Each of its sheets goes the long way round, cleaned."""
    starts = [*STARTS, 'c{cmd="--api-key hf_abcdefghijklmnop1234"} ']

    _, written, read = round_trip(*(sheet(starts, "", "1", "2", str(number)) for number in range(3)))

    assert not [text for text in written if b"hf_" in text]
    assert [b'c{cmd="--api-key ***"} %d' % number for number in range(3)] == [text.split(b"\n")[-1] for text in read]


def test_the_first_sheet_of_a_segment_is_whole() -> None:
    """And where the last one was put there already, the next leans on it."""
    writer, first, second = (
        SheetWriter(BodyWriter(redact, is_harmless)),
        sheet(STARTS, "", "1", "2"),
        sheet(STARTS, "", "1", "3"),
    )
    writer.write(first, 1.0, 1)

    assert ("full", second.text()) == writer.write(second, 2.0, 2)
    assert (2.0, second.text()) == (writer.at, writer.last())
    writer.resume(3)
    assert ("values", b"\n\n2") == writer.write(first, 3.0, 3)
