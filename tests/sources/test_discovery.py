"""Targets come and go with files and servers, and trouble with one never empties a screen."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.config.settings import Discover, Target
from app.sources.discovery import Difference, Discovery
from app.sources.target_groups import GroupsError, parse_groups
from tests.standins import exporters
from tests.tools.fake_clock import HastyClock

NODE_1, NODE_2 = Target(url="http://node-1:9400/metrics"), Target(url="http://node-2:9400/metrics")


def groups(*targets: str, **labels: str) -> bytes:
    return json.dumps([{"targets": targets, "labels": labels}]).encode()


def write(path: Path, content: bytes, at: int) -> None:
    """Write a file with a time of change of its own, as files written seconds apart have."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (at, at))


def discovery(
    base: Path, files: Sequence[str] = (), http: Sequence[str] = (), clock: HastyClock | None = None
) -> Discovery:
    return Discovery(Discover(files=tuple(files), http=tuple(http)), base, clock or HastyClock())


def test_labels_make_the_address_and_name_the_node() -> None:
    """Scheme, path and parameters come from the labels Prometheus knows; a node label names the machine."""
    raw = groups(
        "node-1:9400",
        "[fd00::5]:9400",
        node="gpu-1",
        __scheme__="https",
        __metrics_path__="/federate",
        __param_module="gpu all",
        job="dcgm",
    )

    assert (
        Target(url="https://node-1:9400/federate?module=gpu+all", node="gpu-1"),
        Target(url="https://[fd00::5]:9400/federate?module=gpu+all", node="gpu-1"),
    ) == parse_groups(raw)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "not valid JSON"),
        (b"- targets: ['a:1']", "not valid JSON"),
        (b'{"targets": []}', "not a list of target groups"),
        (b'[{"targets": "a:1"}]', 'group 1: "targets" must be a list'),
        (b'[{"targets": []}, 7]', "group 2: not an object"),
        (b'[{"targets": ["a:1"], "labels": {"node": 1}}]', '"labels" must be an object of texts'),
        (b'[{"targets": ["http://a:1/metrics"]}]', "'http://a:1/metrics' is not host:port"),
        (b'[{"targets": ["user:pass@a:1"]}]', "is not host:port"),
        (b'[{"targets": ["a:port"]}]', "malformed"),
        (b'[{"targets": ["a b"]}]', "no address"),
        (groups("a:1", __scheme__="file"), "must be http or https"),
        (b"[" * 100_000, "nested too deeply"),
        (b" " * (9 << 20), "larger than 8 MiB"),
    ],
    ids=range(13),
)
def test_what_is_no_list_of_groups_is_refused_as_a_whole(raw: bytes, says: str) -> None:
    """A bad group makes the list bad, and the reason names it."""
    with pytest.raises(GroupsError, match=says):
        parse_groups(raw)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["targets", "labels", "node", "__scheme__", "x"]), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_no_json_raises_anything_but_groups_errors(value: object) -> None:
    """Whatever JSON a file holds, it is targets or a GroupsError."""
    try:
        targets = parse_groups(json.dumps(value).encode())
    except GroupsError:
        return
    assert all(target.url.startswith("http") for target in targets)


async def test_files_are_followed_as_differences(tmp_path: Path) -> None:
    """A first look adds all; later ones tell only what came and went, and a file that is gone takes its targets."""
    looking = discovery(tmp_path, ["targets/*.json"])
    write(tmp_path / "targets/a.json", groups("node-1:9400"), at=1000)
    first = await looking.look()
    again = await looking.look()
    write(tmp_path / "targets/b.json", groups("node-2:9400", "node-1:9400"), at=1000)
    more = await looking.look()
    (tmp_path / "targets/a.json").unlink()
    moved = await looking.look()
    (tmp_path / "targets/b.json").unlink()
    gone = await looking.look()

    assert Difference(added=(NODE_1,)) == first
    assert Difference() == again
    assert Difference(added=(NODE_2,)) == more
    assert Difference() == moved
    assert Difference(removed=(NODE_2, NODE_1)) == gone


async def test_a_file_is_read_again_when_it_changed(tmp_path: Path) -> None:
    """New content comes with a new time of change, or another size, or in another file of that name."""
    path = tmp_path / "a.json"
    looking = discovery(tmp_path, ["a.json"])
    write(path, groups("node-1:9400"), at=1000)
    await looking.look()
    write(path, groups("node-2:9400"), at=2000)

    assert Difference(added=(NODE_2,), removed=(NODE_1,)) == await looking.look()


async def test_a_bad_file_keeps_its_last_good_targets(tmp_path: Path) -> None:
    """A file broken by an editor changes nothing but the sentence about it, until it is whole again."""
    path = tmp_path / "a.json"
    looking = discovery(tmp_path, ["a.json"])
    write(path, groups("node-1:9400"), at=1000)
    await looking.look()
    write(path, b'[{"targets": ["node-1', at=2000)
    broken = [await looking.look() for _ in range(2)]
    write(path, groups("node-1:9400", "node-2:9400"), at=3000)
    mended = await looking.look()

    assert broken[0] == broken[1]
    assert ((), ()) == (broken[0].added, broken[0].removed)
    assert 1 == len(broken[0].problems)
    assert broken[0].problems[0].startswith(f"{path}: not valid JSON: ")
    assert broken[0].problems[0].endswith("; its last 1 good targets stay")
    assert Difference(added=(NODE_2,)) == mended


async def test_what_cannot_be_read_says_so(tmp_path: Path) -> None:
    """YAML, a missing file and a pipe are each a sentence; the rest is read all the same."""
    write(tmp_path / "a.yml", b"- targets: [node-1:9400]", at=1000)
    write(tmp_path / "b.json", groups("node-1:9400"), at=1000)
    os.mkfifo(tmp_path / "pipe.json")
    found = await discovery(tmp_path, ["a.yml", "b.json", "c.json", "pipe.json"]).look()

    assert (NODE_1,) == found.added
    assert (
        f"{tmp_path}/a.yml: only JSON target files are read; convert it: yq -o json FILE.yml > FILE.json",
        f"{tmp_path}/c.json: there is no such file",
        f"{tmp_path}/pipe.json: not a file",
    ) == found.problems


async def test_an_address_listed_twice_is_one_target(tmp_path: Path) -> None:
    """The first file to list an address names its node."""
    write(tmp_path / "a.json", groups("node-1:9400", node="gpu-1"), at=1000)
    write(tmp_path / "b.json", groups("node-1:9400", node="other"), at=1000)

    assert Difference(added=(Target(url=NODE_1.url, node="gpu-1"),)) == await discovery(tmp_path, ["*.json"]).look()


async def test_a_server_is_asked_again_when_its_time_has_come(tmp_path: Path) -> None:
    """http_sd is asked every `refresh_s` and told how often, as Prometheus does."""
    heads: list[bytes] = []
    bodies = [groups("node-1:9400"), groups("node-2:9400")]

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await exporters.request(reader))
        writer.write(exporters.whole(bodies[len(heads) - 1], content_type="application/json"))
        await writer.drain()

    clock = HastyClock()
    async with exporters.serving(behave) as url:
        looking = discovery(tmp_path, http=[url], clock=clock)
        looks = [await looking.look() for _ in range(2)]
        await clock.sleep(31.0)
        looks.append(await looking.look())

    assert [Difference(added=(NODE_1,)), Difference(), Difference(added=(NODE_2,), removed=(NODE_1,))] == looks
    assert b"x-prometheus-refresh-interval-seconds: 30" in heads[0].lower()


async def test_a_server_in_trouble_is_tried_three_times(tmp_path: Path) -> None:
    """A server's error may pass: it is asked again, soon, and then its last good targets stay."""
    answers = [exporters.whole(groups("node-1:9400"))] + [exporters.whole(b"", "503 Service Unavailable")] * 3
    served = 0

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        await exporters.request(reader)
        writer.write(answers[served])
        await writer.drain()
        served += 1

    clock = HastyClock()
    async with exporters.serving(behave) as url:
        secret = url.replace("http://", "http://ana:hunter2@")
        looking = discovery(tmp_path, http=[secret], clock=clock)
        await looking.look()
        await clock.sleep(31.0)
        clock.slept.clear()
        found = await looking.look()

    assert Difference(problems=(f"http_sd {url}: answered HTTP 503; its last 1 good targets stay",)) == found
    assert (4, 2) == (served, len(clock.slept))
    assert all(0 <= pause <= 3 for pause in clock.slept)


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        (exporters.HTML, "not valid JSON"),
        (exporters.REDIRECT, "answered HTTP 302"),
        (exporters.says(exporters.head(content_length=1 << 31) + b" " * (9 << 20)), "larger than 8 MiB"),
        (exporters.GARBAGE, r"http_sd http://127.0.0.1:\d+/metrics: \w"),
    ],
    ids=["html", "redirect", "endless", "garbage"],
)
async def test_a_server_that_gives_no_list_is_a_problem(
    tmp_path: Path, behaviour: exporters.Behaviour, says: str
) -> None:
    """What is no list of groups is a sentence, whatever came."""
    async with exporters.serving(behaviour) as url:
        found = await discovery(tmp_path, http=[url]).look()

    assert ((), ()) == (found.added, found.removed)
    (problem,) = found.problems
    assert re.search(says, problem)


async def test_a_server_that_dribbles_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that answers a byte now and then holds the other targets up no longer than agreed."""
    monkeypatch.setattr("app.sources.http_sd.TOTAL_S", 0.2)
    write(tmp_path / "a.json", groups("node-1:9400"), at=1000)
    async with exporters.serving(exporters.dribbles(exporters.whole(b"[" * 1000), 0.01)) as url:
        found = await discovery(tmp_path, ["a.json"], [url]).look()

    assert Difference(added=(NODE_1,), problems=(f"http_sd {url}: no whole answer within 0.2 s",)) == found


def test_httpx_is_loaded_only_for_http_sd() -> None:
    """Whoever has no http_sd server does not pay for httpx and tenacity."""
    code = "import sys, app.sources.discovery; sys.exit(bool({'httpx', 'tenacity'} & set(sys.modules)))"

    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
