"""The dashboards: sound by their form, about series that there are, and with every row of the catalogue on them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from app.domain.metrics import METRICS
from app.engine.alerting.export import own_name
from app.engine.alerting.signals import SIGNALS
from app.services import metrics_diagnosis
from app.services.stack.dashboards import dashboards
from app.services.stack.grafana import WIDTH, dashboard_json
from app.services.stack.sections import SECTIONS
from app.services.stack.series import parts, unit_of
from tests.services.stack import dashboard_rules as rules

MADE = [dashboard_json(one) for one in dashboards()]
each = pytest.mark.parametrize("made", MADE, ids=lambda made: made["uid"])


@each
def test_a_dashboard_is_of_the_form_that_grafana_reads(made: dict[str, Any]) -> None:
    """By a schema of the keys that are used, with no key beside them."""
    jsonschema.Draft202012Validator(rules.DASHBOARD).validate(json.loads(json.dumps(made)))


@each
def test_panels_have_names_of_their_own_and_do_not_cover_each_other(made: dict[str, Any]) -> None:
    """Ids are unique, folded ones too; what is shown at once lies side by side within the grid."""
    ids = [one["id"] for one in rules.panels(made)]
    folded = [[one["gridPos"] for one in row.get("panels", ())] for row in made["panels"]]

    assert sorted(set(ids)) == sorted(ids)
    assert [] == rules.overlaps([one["gridPos"] for one in made["panels"]])
    assert [] == [pair for places in folded for pair in rules.overlaps(places)]
    assert all(place["x"] + place["w"] <= WIDTH for row in folded for place in row)


@each
def test_queries_ask_for_series_that_our_page_has(made: dict[str, Any]) -> None:
    """And only for choices that the dashboard offers."""
    offered = rules.choices(made)
    asked = [*rules.expressions(made), *offered.values()]

    assert {} == {expr: names for expr in asked if (names := rules.unknown(expr))}
    assert all(rules.plain(expr, dict.fromkeys(offered, ".*")) for expr in asked)


def test_dashboards_have_names_of_their_own() -> None:
    """Grafana keeps one of two with one uid."""
    assert 6 == len({one["uid"] for one in MADE}) == len({one["title"] for one in MADE})


def test_every_metric_and_signal_is_on_a_dashboard() -> None:
    """All but counters that only rates are made of: a new row of the catalogue has a panel by itself."""
    asked = {name for made in MADE for expr in rules.expressions(made) for name in rules.series_of(expr)}
    keys = [row.key for row in METRICS if row.key not in parts()]
    keys += [*(one.key for one in SIGNALS), *(one.key for one in metrics_diagnosis.TOLD)]

    assert [] == [key for key in keys if own_name(key) not in asked]


def test_every_section_takes_something() -> None:
    """A pattern that fits no row is a mistake."""
    titles = {row["title"] for made in MADE for row in rules.panels(made) if row["type"] == "row"}

    assert set() == {title for rows in SECTIONS.values() for title, _ in rows} - titles


@pytest.mark.parametrize(("ours", "theirs"), [("°C", "celsius"), ("tok/s", "suffix: tok/s"), ("", "short")])
def test_units_are_those_of_grafana(ours: str, theirs: str) -> None:
    """One that Grafana does not know stands behind the value."""
    assert theirs == unit_of(ours)


@pytest.mark.real("prometheus")
def test_every_query_is_promql(tmp_path: Path) -> None:
    """Prometheus's own tool reads each of them, with what Grafana fills in."""
    found = [
        rules.plain(expr, dict.fromkeys(rules.choices(made), ".*")) for made in MADE for expr in rules.expressions(made)
    ]
    listed = [{"record": f"r:{number}", "expr": expr} for number, expr in enumerate(dict.fromkeys(found))]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "g", "rules": listed}]}))

    told = subprocess.run(["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False)

    assert (0, True) == (told.returncode, f"{len(listed)} rules found" in told.stdout), told.stdout + told.stderr
