"""A day in less than an hour: nothing is lost, nothing grows, and every hot GPU is told of, whatever happens meanwhile.

By default two simulated hours of a few nodes in four minutes. `SOAK=full` is the whole of it: a day of 64
nodes in some forty-five minutes, the daemon killed twenty times.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.slow.soak.plan import KILLED_SHARE, MOODS, REST_S, plan
from tests.slow.soak.run import Form

ROOT = Path(__file__).parents[3]
SHORT = Form(hours=2.0, nodes=8, kills=4, wall_s=240.0)
FULL = Form(hours=24.0, nodes=64, kills=20, wall_s=2700.0)


def test_plans_are_the_same_for_one_seed_and_spare_the_nodes_of_hot_gpus() -> None:
    """A seed gives one plan; no exporter fails while a GPU of its node is hot, and kills fall into the first part."""
    made = plan(7, length_s=24 * 3600.0, nodes=64, kills=20)

    assert made == plan(7, length_s=24 * 3600.0, nodes=64, kills=20)
    assert 20 == len(made.kills)
    assert all(when < KILLED_SHARE * made.length_s for when in made.kills)
    assert set(MOODS) == {one.mood for one in made.bad}
    assert made.steps
    assert made.full
    for bad in made.bad:
        near = [hot for hot in made.hot if hot.node == bad.node]
        assert all(bad.since >= hot.until + REST_S or bad.until <= hot.since - REST_S for hot in near)


@pytest.mark.slow
def test_nothing_is_lost_and_nothing_grows_whatever_happens(tmp_path: Path) -> None:
    """Dying, hanging and lying exporters, stepping clocks, a full disk and kills cost nothing but ticks in flight."""
    form = FULL if os.environ.get("SOAK") == "full" else SHORT
    words = [str(value) for value in dataclasses.astuple(form)]
    command = [sys.executable, "-m", "tests.slow.soak.run", str(tmp_path), *words]
    alone = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    may_mount = subprocess.run([*alone, "true"], capture_output=True, check=False).returncode == 0
    environ = {**os.environ, "SOAK_MAY_MOUNT": "1" if may_mount else "0"}
    done = subprocess.run(
        [*(alone if may_mount else []), *command], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )

    assert 0 == done.returncode, done.stdout[-4000:] + done.stderr[-4000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert [] == told["wrong"]
    assert told["served"] > 0
