"""Deployments come and go as targets, logs, Slurm and prices, by a file each; what is broken empties no screen."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.config.paths import WATCH
from app.config.settings import Agent, Discover, Log, Settings, Slurm, Target
from app.sources import deployed
from app.sources.deployed import Deployed, WatchError
from app.sources.discovery import Deployments, Discovery
from tests.tools.fake_clock import HastyClock

LAB = Deployed(
    "lab",
    (Target(url="http://127.0.0.1:9400/metrics", node="lab-w1", name="lab-w1", ssh="lab-w1", token_file="/t"),),
    (Log(kind="vllm", url="http://127.0.0.1:9400/logs/vllm", ssh="lab-head"),),
    Slurm(via="ssh", ssh="lab-head"),
    Agent(base_url="http://127.0.0.1:8000/v1", ssh="lab-head", model="org/m", api_key_file="/k"),
    {"H100": 2.5},
)
OTHER = Deployed(
    "two", (replace(LAB.targets[0], node="two-w1", name="two-w1", ssh="two-w1"),), (), Slurm(via="ssh", ssh="t")
)


def write(folder: Path, found: Deployed) -> None:
    path = folder / found.name / WATCH
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(deployed.text_of(found))


def test_what_is_written_is_read_back() -> None:
    """Every table comes back as it was."""
    assert LAB == deployed.parse(deployed.text_of(LAB).encode())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'{"format": 99}',
        b'{"format": 1, "targets": {}}',
        b'{"format": 1, "targets": [{"url": 3}]}',
        b'{"format": 1, "targets": [{"nothing": "x"}]}',
        b'{"format": 1, "prices": {"a": "much"}}',
        b'{"format": 1, "slurm": "x"}',
        b"[" * 100_000,
        b" " * (deployed.MOST_BYTES + 1),
    ],
)
def test_a_file_that_is_not_as_we_write_it_is_an_error(raw: bytes) -> None:
    """Whatever stands there, it is said and nothing else happens."""
    with pytest.raises(WatchError):
        deployed.parse(raw)


def test_one_of_them_or_all_or_none(tmp_path: Path) -> None:
    """`[discover] terraform` names one; a name is no path; `none` looks at none of them."""
    write(tmp_path, LAB)
    write(tmp_path, OTHER)

    assert [["lab", "two"], ["two"], [], [], []] == [
        [one.name for one in deployed.look(tmp_path, which)[0]] for which in ("", "two", "none", "three", "../lab")
    ]


def test_a_broken_one_is_told_and_the_others_stay(tmp_path: Path) -> None:
    """Of two files, the one that can be read counts."""
    write(tmp_path, LAB)
    write(tmp_path, OTHER)
    (tmp_path / "lab" / WATCH).write_text("{")
    found, problems = deployed.look(tmp_path, "")

    assert (["two"], 1) == ([one.name for one in found], len(problems))
    assert "not valid JSON" in problems[0]


def discovery(folder: Path, *, wants_slurm: bool = True, logs: tuple[Log, ...] = ()) -> Discovery:
    return Discovery(Discover(), Path(), HastyClock(), Deployments(folder, logs, wants_slurm))


async def test_a_deployment_that_comes_is_found_at_the_next_look(tmp_path: Path) -> None:
    """Its exporters, logs and Slurm come as targets, its prices beside them; and all go with it."""
    looking = discovery(tmp_path, logs=(Log(path="/var/log/kern.log"),))
    before = await looking.look()
    write(tmp_path, LAB)
    came = await looking.look()
    same = await looking.look()
    (tmp_path / "lab" / WATCH).unlink()
    gone = await looking.look()

    assert ((), ()) == (before.added, before.removed)
    assert ["http://127.0.0.1:9400/metrics", "log:1", "slurm:ssh"] == [target.url for target in came.added]
    assert (LAB.logs[0], {"H100": 2.5}) == (looking.logs[1], came.prices)
    assert ((), (), came.added) == (same.added, same.removed, gone.removed)


async def test_nodes_of_two_deployments_are_told_apart(tmp_path: Path) -> None:
    """The same address behind two hosts is two targets; of two clusters the first is looked at, then the other."""
    looking = discovery(tmp_path)
    write(tmp_path, LAB)
    write(tmp_path, OTHER)
    both = await looking.look()
    (tmp_path / "lab" / WATCH).unlink()
    one = await looking.look()

    assert {"lab-w1", "two-w1"} <= {target.ssh for target in both.added}
    assert [("slurm:ssh", "t")] == [(target.url, target.ssh) for target in one.added]
    assert looking.slurm == OTHER.slurm


async def test_a_configured_slurm_stays_the_only_one(tmp_path: Path) -> None:
    """Where the user has named a way, a deployment's is not taken."""
    looking = discovery(tmp_path, wants_slurm=False)
    write(tmp_path, LAB)
    found = await looking.look()

    assert "slurm:ssh" not in [target.url for target in found.added]


def test_who_asks_questions_gets_the_model_where_none_is_configured(tmp_path: Path) -> None:
    """Its logs come along; a server of the user's own is kept."""
    write(tmp_path, LAB)
    plain, own = Settings(), Settings(agent=Agent(base_url="http://mine/v1"))
    with_it, kept = deployed.with_deployed(plain, tmp_path), deployed.with_deployed(own, tmp_path)

    assert ("http://127.0.0.1:8000/v1", "lab-head", "org/m", "/k") == (
        with_it.agent.base_url,
        with_it.agent.ssh,
        with_it.agent.model,
        with_it.agent.api_key_file,
    )
    assert (LAB.logs, "http://mine/v1") == (with_it.log, kept.agent.base_url)


def test_nothing_secret_is_written() -> None:
    """A file names where tokens are; the only words in it are addresses, names and prices."""
    told = json.loads(deployed.text_of(LAB))

    assert {"url", "node", "name", "ssh", "token_file"} == set(told["targets"][0])
