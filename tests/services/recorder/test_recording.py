"""What a recorder writes is what a player shows: looks, failures, logs, sources that go; secrets and names left out."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.reading import NodeReading, Reading, SourceSpec
from app.domain.rented import COST, NOTE, POD, STATUS, has_failed, rent
from app.services.recorder import recorder as recorder_module
from app.services.recorder.container import FIRST_LINE, Frame, Packer, RecordingError, Unpacker, blocks
from app.services.recorder.happenings import Tick
from app.services.recorder.player import Player
from tests.services.recorder.recordings import INTERVAL_S, NOW, PAGES, TOKEN, Making, recording, said

XID = "Nov 24 16:00:00 gpu-01 kernel: NVRM: Xid (PCI:0000:1b:00): 79, pid=1, name=python, GPU has fallen off the bus."


async def at(path: Path, when: float) -> Player:
    """A player at a moment."""
    player = Player(path)
    await player.seek(when)
    return player


def temperature(player: Player) -> float | None:
    """What the picture says of the one GPU."""
    gpu = player.feed.latest().gpu("gpu-01", 0)
    return None if gpu is None else gpu.value("gpu.temperature", player.feed.now())


def unpacked(path: Path) -> bytes:
    """Everything that is in a file."""
    with path.open("rb") as file:
        unpacker = Unpacker(file)
        found = [frame for block in blocks(file) for frame in unpacker.frames(block)]
    return b"".join(repr(frame.head).encode() + frame.body for frame in found)


async def test_each_moment_shows_what_was_seen_by_then(tmp_path: Path) -> None:
    """Forwards, backwards and at the ends; the mode says that it is a replay."""
    await recording(tmp_path / "a.rec")
    player = await at(tmp_path / "a.rec", NOW)
    seen = []
    for number in (0, 3, 19, 7, 7, 19):
        await player.seek(NOW + number * INTERVAL_S)
        seen.append(temperature(player))

    assert [40, 46, 78, 54, 54, 78] == seen
    assert ("replay", "lab") == (player.feed.latest().mode, player.feed.latest().cluster)
    assert (NOW, NOW + 19 * INTERVAL_S) == (player.start, player.end)
    await player.close()


async def test_a_seek_begins_at_a_segment_near_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages that were written as differences are whole again where a segment begins."""
    monkeypatch.setattr(recorder_module, "SEGMENT_S", 20.0)
    monkeypatch.setattr("app.services.recorder.player.WARM_S", 0.0)
    await recording(tmp_path / "a.rec")
    player = Player(tmp_path / "a.rec")

    await player.seek(NOW + 14 * INTERVAL_S, warm_s=0.0)

    assert 68 == temperature(player)
    assert player.begun.at > NOW + 30
    with (tmp_path / "a.rec").open("rb") as file:
        assert 4 <= sum(one.kind == b"S" for one in blocks(file))
    await player.close()


async def test_a_failure_and_a_source_that_went_are_replayed(tmp_path: Path) -> None:
    """A source is down when it was, and gone when it was."""
    made = Making(tmp_path / "a.rec")
    await made.look(1)
    await made.pass_on()
    made.fail("connection refused by gpu-01:9400")
    await made.pass_on()
    made.board.forget(PAGES.name)
    await made.pass_on()
    await made.recorder.end()
    player = await at(tmp_path / "a.rec", NOW + INTERVAL_S)

    assert "connection refused by gpu-01:9400" == player.feed.latest().sources[PAGES.name].error
    await player.seek(player.end)
    assert not player.feed.latest().sources
    await player.close()


async def test_lines_of_a_log_are_read_again(tmp_path: Path) -> None:
    """The same lines make the same evidence."""
    made = Making(tmp_path / "a.rec")
    await made.log("nothing")
    await made.pass_on()
    await made.log(XID)
    await made.pass_on()
    await made.recorder.end()
    player = await at(tmp_path / "a.rec", NOW + 2 * INTERVAL_S)

    assert said(made.board.snapshot.logs) == said(player.feed.latest().logs)
    assert any("79" in text for text in said(player.feed.latest().logs))
    await player.close()


async def test_secrets_are_in_no_recording(tmp_path: Path) -> None:
    """A key in a label, a token in a log line: neither is in the file, whose pages are still read."""
    made = Making(tmp_path / "a.rec")
    for number in range(3):
        await made.look(number)
        await made.log(f"vllm: token={TOKEN}")
        await made.pass_on()
    await made.recorder.end()
    player = await at(tmp_path / "a.rec", made.clock.now())

    assert TOKEN.encode() not in unpacked(tmp_path / "a.rec")
    assert 44 == temperature(player)
    await player.close()


async def test_hidden_names_are_in_no_recording(tmp_path: Path) -> None:
    """With names hidden neither machine nor cluster is named, and the numbers are all there."""
    await recording(tmp_path / "a.rec", 4, hides_names=True)
    player = await at(tmp_path / "a.rec", NOW + 100)
    body = unpacked(tmp_path / "a.rec")

    assert not [name for name in (b"gpu-01", b"'lab'", b'"lab"') if name in body]
    assert ["node-1"] == list(player.feed.latest().nodes)
    gpu = player.feed.latest().gpu("node-1", 0)
    assert gpu is not None
    assert 46 == gpu.value("gpu.temperature", player.feed.now())
    await player.close()


@pytest.mark.parametrize("hides_names", [True, False])
async def test_rented_pods_are_in_a_recording(tmp_path: Path, *, hides_names: bool) -> None:
    """As they were understood: cost and state; with names hidden nobody can tell whose they are."""
    facts = {POD: "kx81mq", STATUS: "EXITED", NOTE: "was stopped outside", "deployment": "lab"}
    spec = SourceSpec("runpod", "provider", "runpod:/home/ada/.local/state/gpu-watchdog/deployments", 30.0)
    made = Making(tmp_path / "a.rec", hides_names=hides_names)
    made.board.apply(spec, Reading("runpod", NOW, 0.2, nodes=(NodeReading("lab-w1", {COST: 2.5}, facts),)))
    await made.pass_on()
    await made.recorder.end()
    player = await at(tmp_path / "a.rec", NOW + INTERVAL_S)
    (node,) = player.feed.latest().nodes.values()
    body = unpacked(tmp_path / "a.rec")

    assert has_failed(node)
    assert 2.5 == rent(node, NOW)
    assert hides_names is not any(name in body for name in (b"ada", b"kx81mq", b"lab-w1", b'"lab"'))
    await player.close()


async def test_a_step_of_a_judge_is_taken_again_at_its_moment(tmp_path: Path) -> None:
    """What began when is told as it was, since a step's time is recorded with it."""
    made = Making(tmp_path / "a.rec")
    for number in (0, 1, 2):
        await made.log(*([XID] if number == 1 else []))
        await made.look(number)
        made.recorder._heard.happenings += _steps(made.clock.now() + 0.125)  # as `run` does where nobody judges here
        await made.pass_on()
    await made.recorder.end()
    player = await at(tmp_path / "a.rec", made.clock.now())

    assert NOW + 2 * INTERVAL_S + 0.125 == player.feed.diagnosis().at
    assert NOW + 2 * INTERVAL_S + 0.125 == player.feed.alerts().at
    assert ["B1"] == [one.code for one in player.feed.diagnosis().findings if one.root]
    await player.close()


def _steps(now: float) -> list[Tick]:
    return [Tick(kind, now, True, True) for kind in ("watch", "diagnose", "alert")]


async def test_damage_costs_the_rest_of_its_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flipped byte is passed over to the next segment, and said."""
    monkeypatch.setattr(recorder_module, "SEGMENT_S", 20.0)
    await recording(tmp_path / "a.rec")
    body = bytearray((tmp_path / "a.rec").read_bytes())
    with (tmp_path / "a.rec").open("rb") as file:
        hurt = list(blocks(file))[2]
    body[hurt.end - 3] ^= 0xFF
    (tmp_path / "b.rec").write_bytes(bytes(body))
    player = Player(tmp_path / "b.rec")

    await player.seek(NOW + 1000, warm_s=1000.0)

    assert 78 == temperature(player)
    assert "damaged" in player.damage
    await player.close()


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@given(st.data())
def test_a_hostile_file_costs_an_error_at_most(tmp_path: Path, data: st.DataObject) -> None:
    """Frames with values that no writer gives them replay, or are refused or passed over; nothing else is raised."""
    frames = _frames(tmp_path)
    chosen = data.draw(st.integers(0, len(frames) - 1))
    head, body = dict(frames[chosen].head), frames[chosen].body
    if data.draw(st.booleans()):
        head[data.draw(st.sampled_from(sorted(head)))] = data.draw(JUNK)
    else:
        at_byte = data.draw(st.integers(0, len(body)))
        body = body[:at_byte] + data.draw(st.binary(max_size=8)) + body[at_byte + data.draw(st.integers(0, 8)) :]
    frames[chosen] = Frame(head, body)
    (tmp_path / "b.rec").write_bytes(FIRST_LINE + Packer().pack(frames, NOW + 15))

    async def play() -> None:
        player = await at(tmp_path / "b.rec", NOW + 100)
        player.feed.latest()
        await player.close()

    with contextlib.suppress(RecordingError):
        asyncio.run(play())


def _frames(folder: Path) -> list[Frame]:
    """The frames of a small recording."""
    if not (folder / "a.rec").exists():
        asyncio.run(recording(folder / "a.rec", 3))
    with (folder / "a.rec").open("rb") as file:
        unpacker = Unpacker(file)
        return [frame for block in blocks(file) for frame in unpacker.frames(block)]


def test_what_writes_is_loaded_with_the_first_write() -> None:
    """The first numbers wait neither for what cleans and packs, nor for the classes of a Slurm that is not there."""
    code = "import sys, app.services.recorder.opening; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = ("app.services.recorder.scribe", "app.domain.redact", "app.domain.pseudonyms", "app.domain.slurm")

    assert [] == [name for name in heavy if name in done.stdout.split()]
