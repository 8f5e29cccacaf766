"""`alerts`: what it prints, exports and tries, and how it ends without a daemon."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import jsonschema

from app.cli import errors
from app.engine.alerting.rulebook import built_in
from app.services.alerting import Alerting
from app.services.board import Board
from app.store.sqlite import open_store
from tests.cli.conftest import Run, schema
from tests.services.test_alerting import hot
from tests.tools.fake_clock import FakeClock


def config(tmp_path: Path, text: str = "") -> str:
    """A configuration with a store of its own, and these rules."""
    (tmp_path / "my.toml").write_text(text)
    file = tmp_path / "lab.toml"
    file.write_text(
        f'[store]\npath = "{tmp_path / "h.db"}"\n[alerts]\nrules = ["my.toml"]\n[discover]\nlocal = false\n'
    )
    return str(file)


async def evaluated(path: Path, now: float) -> None:
    """A screen has evaluated a hot GPU until now, and is gone."""
    clock = FakeClock(now)
    history = await open_store(path, clock.now)
    alerting = Alerting(Board(hot(now)), clock, 5.0, built_in())
    await alerting.keep(history)
    for at in (now - 700, now - 60, now):
        await alerting.step(hot(at), at)
    await history.close()


def test_alerts_of_a_screen_beside_it_are_listed(run: Run, tmp_path: Path) -> None:
    """From the store, where somebody has evaluated just now; 1 says that something fires."""
    file = config(tmp_path)
    asyncio.run(evaluated(tmp_path / "h.db", time.time()))

    answer = run("alerts", "list", "--json", "--config", file)

    assert errors.FOUND == answer.code
    jsonschema.validate(answer.json, schema("alerts"))
    assert [("GpuHot", "firing")] == [(one["rule"], one["state"]) for one in answer.json["alerts"]]
    assert "gpu-1/3 is hot" in run("alerts", "--config", file).out
    told = run("status", "--json", "--config", file).json
    assert (1, "GpuHot") == (told["cluster"]["alerts_firing"], told["alerts"][0]["rule"])


def test_where_nobody_evaluates_it_says_so(run: Run, tmp_path: Path) -> None:
    """Old alerts are no answer; wishes need somebody to take them."""
    file = config(tmp_path)
    asyncio.run(evaluated(tmp_path / "h.db", time.time() - 3600))

    answer = run("alerts", "list", "--json", "--config", file)

    assert (errors.UNAVAILABLE, None) == (answer.code, answer.json["alerts"])
    refused = run("alerts", "ack", "a-1", "--config", file)
    assert (errors.UNAVAILABLE, True) == (refused.code, "no daemon answers" in refused.err)


def test_rules_are_listed_with_what_is_wrong_in_the_users_file(run: Run, tmp_path: Path) -> None:
    """43 rules, and the wrong one's file and line on stderr."""
    text = '[rule.Mine]\nmetric = "gpu.power"\nabove = "0.7 kW"\n[rule.Bad]\nmetric = "gpu.pwoer"\nabove = 1\n'
    file = config(tmp_path, text)

    answer = run("alerts", "rules", "list", "--json", "--config", file)

    jsonschema.validate(answer.json, schema("alert-rules"))
    mine = next(one for one in answer.json["rules"] if one["name"] == "Mine")
    assert ("gpu.power", 700.0, f"{tmp_path / 'my.toml'}:1") == (mine["metric"], mine["above"], mine["origin"])
    assert 43 == len(answer.json["rules"])
    assert "my.toml:5: unknown metric 'gpu.pwoer'" in answer.err


def test_rules_are_exported(run: Run, tmp_path: Path) -> None:
    """The user's too, those turned off not."""
    file = config(
        tmp_path, '[rule.Mine]\nmetric = "gpu.power"\nabove = 700\nfor_s = 60\n[rule.GpuHot]\nenabled = false\n'
    )

    out = run("alerts", "rules", "export", "--config", file).out

    assert out.startswith("groups:\n")
    assert '- alert: "Mine"' in out
    assert '"GpuHot"' not in out
    assert "for: 1m\n" in out


def test_mistakes_name_the_nearest(run: Run, tmp_path: Path) -> None:
    """Of verbs and rules."""
    file = config(tmp_path)
    for words, said in (
        (("alerts", "lsit"), "did you mean list?"),
        (("alerts", "rules", "exprot"), "did you mean export?"),
        (("alerts", "rules", "test", "GpuHto"), "did you mean GpuHot?"),
        (("alerts", "rules", "test", "--expr", "gpu.power >"), "not the end"),
    ):
        answer = run(*words, "--config", file)
        assert errors.USAGE == answer.code
        assert said in answer.err
