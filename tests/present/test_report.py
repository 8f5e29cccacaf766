"""Pages of a report: whole, self-contained, the cause first, and harmless whatever anything is called."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC
from html.parser import HTMLParser

import pytest

from app.domain.affects import Affects
from app.domain.diagnosis import Blind, Incident
from app.domain.evidence import LogEvidence
from app.domain.finding import Advice, Evidence, Finding, FindingSubject
from app.domain.series import Event, Point, Series, Subject
from app.present.report_axis import Axis
from app.present.report_charts import chart, scale
from app.present.report_html import html_page
from app.present.report_markdown import fenced, markdown_page, plain
from app.present.report_parts import prose
from app.present.report_story import Chapter, Chart, Deed, HitJob, Money, Recording, Story
from app.present.report_timeline import axis_of

NOW = 1_764_000_000.0
EVIL = "</title></style><script>alert(1)</script><img src=x onerror=alert(1)>\"'`|[a](javascript:b)\x1b[2J\u202e\x00"
VOID = frozenset(("meta", "br", "link", "img", "base", "input"))


def series(metric: str, *values: float | None, step_s: float = 60.0) -> Series:
    """A series of means from NOW on."""
    points = tuple(Point(NOW + step_s * at, value, value, value) for at, value in enumerate(values))
    return Series(Subject("gpu", node="gpu-1", index=3), metric, "%", NOW, NOW + step_s * len(values), step_s, points)


def story(name: str = "gpu-1") -> Story:
    """An incident with all that can be told of one; everything of others is called `name`."""
    about = FindingSubject(name, 3)
    root = Finding(
        "gpu.fell_off_bus", "B1", f"GPU {name}/3: fell off the bus", "critical", about, NOW + 300, NOW + 600,
        (Evidence(name, NOW + 300, f"Xid 79 {name}"),), f"It is gone ({name}). Looks alike: `{name}` is another.",
        (Advice(f"drain {name}", f"scontrol update nodename='{name}' state=drain", gated=True),),
        Affects(("812",), 1, 2.5), "f-1", "i-1", consequences=("f-2",),
    )  # fmt: skip
    effect = replace(
        root, fault="job.died", code="G1", title=f"job 812 of {name} died", severity="warning", id="f-2", root=False,
        subject=FindingSubject(job="812"), caused_by=("f-1",), consequences=(), actions=(),
    )  # fmt: skip
    incident = Incident(
        "i-1", "f-1", root.title, "critical", NOW + 300, NOW + 600, ("f-1", "f-2"), Affects(("812",), 1, 2.5), (name,)
    )
    event = Event(NOW + 301, "gpu.xid", "critical", Subject("gpu", node=name, index=3), f"{name} Xid 79")
    chapter = Chapter(
        incident, (root, effect), (HitJob("812", name, name, "FAILED", (name,), 8, NOW, NOW + 310, 20.0, 1.5),),
        (f"{name}/3",), (Chart(name, series("gpu.power", 600.0, 610.0, None, 60.0), 700.0),), (event,), NOW + 600, 0.2,
    )  # fmt: skip
    return Story(
        NOW + 700, NOW, NOW + 700, name, "simulated", "incident i-1", (chapter,), (Blind(name, name),),
        (Deed(NOW + 400, "drain", (name,), name, "screen", (f"scontrol {name}",), name, is_done=True),),
        (LogEvidence("xid", NOW + 300, f"NVRM {name}", "critical", source=name, node=name),), 2, Money(5.0, 1.0, 2.0),
        (("driver", name),), Recording("recording.db", 61, 10.0, NOW, NOW + 600), (name,),
    )  # fmt: skip


class Tags(HTMLParser):
    """Every tag of a page, and whether they nest."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.names: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.crossed: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.crossed.append(tag)


def tags_of(page: str) -> Tags:
    """The tags of a page."""
    tags = Tags()
    tags.feed(page)
    tags.close()
    return tags


def test_a_page_is_whole_and_needs_nothing_else() -> None:
    """Tags nest; nothing is loaded; its own policy allows no script; light, dark, paper and narrow are styled."""
    page = html_page(story(), UTC)
    tags = tags_of(page)

    assert ([], []) == (tags.open, tags.crossed)
    assert not {"script", "img", "link", "iframe", "object", "base", "form", "input"} & tags.names
    assert [] == [
        value for name, value in tags.attributes if name in ("src", "href", "xlink:href") and value[:1] != "#"
    ]
    assert "default-src 'none'" in page
    assert not re.search(r"url\(|@import|http-equiv=\"refresh\"|https?://", page)
    assert all(query in page for query in ("prefers-color-scheme:dark", "@media print", "max-width:760px"))


@pytest.mark.parametrize("name", [EVIL, "<b>", "a&amp;b", "]]>", "--><!--", "é" * 300])
def test_hostile_names_stay_text(name: str) -> None:
    """No tag, attribute, comment or control character comes out of what others are called."""
    tags, evil = tags_of(html_page(story(), UTC)), tags_of(html_page(story(name), UTC))
    page = html_page(story(name), UTC)

    assert tags.names == evil.names
    assert ([], []) == (evil.open, evil.crossed)
    assert {name for name, _ in tags.attributes} == {name for name, _ in evil.attributes}
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", page + markdown_page(story(name), UTC))


def test_the_cause_comes_first_with_evidence_and_what_to_do() -> None:
    """In the page as in Markdown: title, cause, evidence with its time, consequences, command, who, deeds, logs."""
    for page in (html_page(story(), UTC), markdown_page(story(), UTC)):
        order = [
            "fell off the bus", "Root cause", "Xid 79 gpu-1", "It is gone", "What followed from it", "job 812 of gpu-1",
            "What to do next", "scontrol update nodename=", "Who was hit", "$20.00", "What was done", "drain gpu-1 by",
            "What logs said", "Not looked at", "recording.db --at 1764000600",
        ]  # fmt: skip
        at, said = 0, page.replace("\\", "")
        for words in order:
            assert words in said[at:], words
            at = said.index(words, at)
        assert "SIMULATED" in page
        assert "16:05:00" in page


def test_markdown_of_others_is_no_markup() -> None:
    """Signs are escaped, lists and headings cannot begin, and a fence is longer than any within."""
    assert r"\# a \*b\* \[c\]\(d\) \<e\> \|".replace(r"\(d\)", "(d)") == plain("# a *b* [c](d) <e> |")
    assert r"\- one" == plain("- one")
    assert r"\1. one" == plain("1. one")
    assert ("````", "a ``` b", "````") == fenced("a ``` b")
    assert "<script" not in markdown_page(story(EVIL), UTC).replace(r"\<script", "").split("```")[0]


def test_code_in_prose_is_escaped_first() -> None:
    """Backquotes make code of text, never of tags."""
    assert "see <code>&lt;b&gt;</code> &amp; more" == prose("see `<b>` & more")


def test_a_gap_in_the_data_is_a_gap_in_the_curve() -> None:
    """Two values, none, one: two curves, the second as wide as its span; the bound is drawn."""
    drawn = chart(
        Chart("gpu-1/3", series("gpu.power", 600.0, 610.0, None, 60.0), 700.0),
        Axis(NOW, NOW + 240, UTC),
        (NOW, NOW + 60),
        (),
    )

    curves = re.findall(r'<polyline class="curve" points="([^"]*)"', drawn)
    assert [2, 2] == [len(one.split()) for one in curves]
    assert 1 == drawn.count('class="limit"')
    assert "60 W to 610 W" in drawn
    assert "nan" not in drawn


def test_values_that_are_no_numbers_draw_nothing() -> None:
    """NaN and infinities are gaps; a series without a value is an empty chart that says so."""
    some = Chart("x", series("gpu.power", float("nan"), float("inf"), None))

    drawn = chart(some, Axis(NOW, NOW + 180, UTC), (NOW, NOW), ())

    assert "no value" in drawn
    assert "polyline" not in drawn
    assert not re.search(r"\b(nan|inf)\b", drawn)


def test_scales_hold_what_is_seen() -> None:
    """A percentage has its fixed scale; power a round top above the highest; a value beyond the scale stretches it."""
    from app.domain.metrics import by_key

    share, power = by_key()["gpu.utilization"], by_key()["gpu.power"]

    assert (0.0, 100.0) == scale(share, [Point(0, 3.0)], None)
    assert (0.0, 800.0) == scale(power, [Point(0, 600.0)], 700.0)
    assert (0.0, 120.0) == scale(share, [Point(0, 120.0)], None)
    assert (0.0, 1.0) == scale(power, [], None)


def test_ticks_are_round_moments_of_the_reader_s_clock() -> None:
    """Ten minutes have a label every two or so, all on the axis."""
    ticks = Axis(NOW, NOW + 600, UTC).ticks()

    assert 3 <= len(ticks) <= 6
    assert all(0 <= at <= 100 for at, _ in ticks)
    assert all(int(label[-2:]) % 2 == 0 for _, label in ticks)


def test_a_timeline_looks_at_the_incident_itself() -> None:
    """Five minutes of an incident in a day of report: the axis is about seven minutes, not a day."""
    whole = Axis(NOW - 43200, NOW + 43200, UTC)

    axis = axis_of(story().chapters[0], whole)

    assert (NOW + 180, NOW + 720) == (axis.start, axis.end)


def test_nobody_claims_that_it_lasts_who_has_not_looked() -> None:
    """A report made an hour after the last look says so; one made at once says that it lasts."""
    late = replace(story(), made_at=NOW + 4200)

    assert ["over", "lasts", "unknown"] == [
        replace(story().chapters[0], incident=replace(story().chapters[0].incident, ended=ended)).stands(NOW + after)
        for ended, after in ((NOW + 600, 700), (None, 700), (None, 4200))
    ]
    for page in (html_page, markdown_page):
        assert "it lasts" in page(story(), UTC)
        assert "it lasts" not in page(late, UTC)
        assert "lasted when last looked at" in page(late, UTC)


def test_several_incidents_are_listed_first() -> None:
    """One line each with a link to its part; none at all is said as such."""
    one = story().chapters[0]
    other = replace(
        one, incident=replace(one.incident, id="i-2", severity="warning", ended=NOW + 600, title="the other")
    )
    page = html_page(replace(story(), chapters=(one, other)), UTC)
    none = html_page(replace(story(), chapters=()), UTC)

    assert "2 incidents" in page
    assert ('href="#i-1"' in page, 'id="i-2"' in page, page.index("Incidents") < page.index("Root cause")) == (
        True,
    ) * 3
    assert "Nothing was wrong in that time" in none
    assert "Nothing was wrong in that time" in markdown_page(replace(story(), chapters=()), UTC)
