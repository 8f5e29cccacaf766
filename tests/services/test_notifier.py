"""Telling, with real receivers: what arrives, what is tried again, what a restart does, and what nobody may see."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import jsonschema
import pytest

from app.domain.notice import Outcome
from app.domain.snapshot import Snapshot
from app.services.board import Board
from app.services.outbox import OUT
from tests.cli.conftest import schema
from tests.engine.notifying.build import NOW, alert, alerts
from tests.services.receivers import mailbox, webhook
from tests.services.telling import FELL_OFF, Scene, notifier, notify_file, send_all
from tests.tools.fake_clock import FakeClock

CANARY = "c4n4ry-s3cr3t"


async def test_an_incident_reaches_a_webhook_and_a_mailbox(tmp_path: Path) -> None:
    """One request of the documented form, one mail with a Message-ID of ours; nothing more at the next look."""
    async with webhook() as hook, mailbox() as box:
        settings = notify_file(tmp_path, f"{hook.url}/x\nmailto://localhost:{box.port}/?{MAIL}\n")
        scene = Scene(FakeClock(NOW), diagnosis=FELL_OFF)
        async with notifier(tmp_path, scene, settings) as made:
            await made.step(scene.clock.now())
            await send_all(made)
            await made.step(scene.clock.now() + 5)
            await send_all(made)

        ((headers, body),) = hook.got
        jsonschema.validate(body, schema("webhook"))
        assert ("incident:i-1", "began", body["id"]) == (
            body["key"].split("/")[2],
            body["phase"],
            headers["Idempotency-Key"],
        )
        (mail,) = box.mails
        assert "[CRITICAL] lab: gpu.fell_off_bus of gpu-1/3" == mail["Subject"]
        assert mail["Message-ID"].endswith(".mailto@gpu-watchdog.invalid>")
        assert "GPU Watchdog <watch@example.com>" == mail["From"]
        assert "    scontrol update nodename=gpu-1 state=drain reason=xid79" in mail.get_content()


MAIL = "from=watch@example.com&to=ops@example.com&mode=insecure"


async def test_a_receiver_that_is_away_is_tried_again(tmp_path: Path) -> None:
    """503 twice, then taken: three attempts, pauses as asked for, one arrival; the channel's trouble is an event."""
    async with webhook() as hook:
        hook.answers.extend((503, 503))
        hook.headers["Retry-After"] = "30"
        scene = Scene(FakeClock(NOW), diagnosis=FELL_OFF)
        async with notifier(tmp_path, scene, notify_file(tmp_path, hook.url)) as made:
            await made.step(scene.clock.now())
            for after in (0, 10, 20, 30, 30, 30):
                scene.clock.set(scene.clock.now() + after)
                await send_all(made)

        assert ["began"] == [body["phase"] for body in hook.bodies]
        assert {} == made.outbox.queue
        told = [(event.kind, event.text) for event in scene.board.recent]
        assert [
            ("notify.failed", f"webhook was not told: 127.0.0.1:{hook.port} answered HTTP 503"),
            ("notify.sent", "webhook is told again"),
        ] == told


async def test_a_refusal_is_given_up_and_seen(tmp_path: Path) -> None:
    """HTTP 403 will not pass: it is kept to be looked at, and told as an event as grave as what was lost."""
    async with webhook() as hook:
        hook.answers.append(403)
        scene = Scene(FakeClock(NOW), diagnosis=FELL_OFF)
        async with notifier(tmp_path, scene, notify_file(tmp_path, hook.url)) as made:
            await made.step(scene.clock.now())
            await send_all(made)

            assert ["failed"] == [one.state for one in made.outbox.queue.values()]
            assert "critical" == scene.board.recent[-1].severity
            assert scene.board.recent[-1].text.startswith("given up: webhook was not told of gpu.fell_off_bus")


async def test_what_was_decided_before_a_kill_is_sent_after_it(tmp_path: Path) -> None:
    """Decided, not sent, killed; the next process sends it, and decides nothing again."""
    async with webhook() as hook:
        settings = notify_file(tmp_path, hook.url)
        scene = Scene(FakeClock(NOW), diagnosis=FELL_OFF)
        async with notifier(tmp_path, scene, settings) as made:
            await made.step(scene.clock.now())
        async with notifier(tmp_path, scene, settings) as made:
            await made.step(scene.clock.now())
            await send_all(made)

        assert ["began"] == [body["phase"] for body in hook.bodies]


async def test_an_attempt_that_a_kill_cut_off_is_repeated_under_its_id(tmp_path: Path) -> None:
    """It has arrived, and its mark was not written: the receiver gets the same id again, marked as a repeat."""
    async with webhook() as hook:
        settings = notify_file(tmp_path, hook.url)
        scene = Scene(FakeClock(NOW), diagnosis=FELL_OFF)
        async with notifier(tmp_path, scene, settings) as made:
            await made.step(scene.clock.now())
            (one,) = made.outbox.queue.values()
            channel = made.policy_file.policy.channels["webhook"]
            begun = await made.outbox.begun(one)
            await made._channels.send(channel, begun, made.policy_file.policy, is_repeat=False)
        async with notifier(tmp_path, scene, settings) as made:
            await send_all(made)

        first, second = hook.bodies
        assert (first["id"], False, True) == (second["id"], first["repeat"], second["repeat"])


async def test_only_who_holds_the_lease_tells(tmp_path: Path) -> None:
    """A second process beside the first one is silent."""
    async with webhook() as hook:
        settings = notify_file(tmp_path, hook.url)
        scene = Scene(FakeClock(NOW), diagnosis=FELL_OFF)
        async with notifier(tmp_path, scene, settings) as first, notifier(tmp_path, scene, settings) as second:
            await second.tick()
            await send_all(second)
            assert [] == hook.got
            await first.tick()
            await send_all(first)

        assert 1 == len(hook.got)


async def test_a_disk_that_cannot_be_written_stops_no_page(tmp_path: Path) -> None:
    """It is told all the same; only a restart would not know of it."""
    (tmp_path / "file").write_text("")
    async with webhook() as hook:
        scene = Scene(FakeClock(NOW), diagnosis=FELL_OFF)
        async with notifier(tmp_path / "file", scene, notify_file(tmp_path, hook.url)) as made:
            await made.tick()
            await send_all(made)

        assert 1 == len(hook.got)


async def test_alertmanagers_and_the_dead_mans_switch_are_told(tmp_path: Path) -> None:
    """Alerts and incident by the v2 route, again after a minute; a heartbeat only while somebody evaluates."""
    async with webhook() as manager, webhook() as switch:
        settings = notify_file(tmp_path, f"[notify]\nheartbeat = '{switch.url}/ping'\n")
        scene = Scene(FakeClock(NOW), diagnosis=FELL_OFF, alerts=alerts(alert("Hot", node="x")))
        async with notifier(tmp_path, scene, settings, (manager.url,)) as made:
            for after in (0, 5, 60):
                scene.clock.set(scene.clock.now() + after)
                await made.step(scene.clock.now())
                await send_all(made)

        assert ["/api/v2/alerts"] * 2 == [headers["path"] for headers, _ in manager.got]
        assert [["Hot", "Incident"]] * 2 == [[one["labels"]["alertname"] for one in body] for body in manager.bodies]
        assert ["/ping"] * 2 == [headers["path"] for headers, _ in switch.got]


async def test_a_simulated_cluster_says_so_in_every_message(tmp_path: Path) -> None:
    """Nobody is to get up for it."""
    async with webhook() as hook:
        scene = Scene(FakeClock(NOW), Board(Snapshot(cluster="lab", mode="simulated")), diagnosis=FELL_OFF)
        async with notifier(tmp_path, scene, notify_file(tmp_path, hook.url)) as made:
            await made.step(scene.clock.now())
            await send_all(made)

        assert hook.bodies[0]["text"].startswith("[CRITICAL] SIMULATED lab: gpu.fell_off_bus")


async def test_a_slow_channel_keeps_no_other_waiting(tmp_path: Path) -> None:
    """The loop tells the quick one while the slow one still hangs, and ends cleanly when it is cancelled."""
    async with webhook() as hook:
        hanging = asyncio.Event()

        async def hang(*_: object, **__: object) -> Outcome:
            await hanging.wait()
            return Outcome(ok=True)

        text = f"[channel.slow]\nurl='http://127.0.0.1:9/x'\n[channel.quick]\nurl='{hook.url}'\n"
        scene = Scene(FakeClock(NOW), diagnosis=FELL_OFF)
        async with notifier(tmp_path, scene, notify_file(tmp_path, text)) as made:
            send = made._channels.send
            made._channels.send = lambda channel, *rest, **more: (  # type: ignore[method-assign]  # the slow one
                hang() if channel.name == "slow" else send(channel, *rest, **more)
            )
            running = asyncio.create_task(made.run())
            await made.step(scene.clock.now())
            await hook.wait_for(1)
            assert {"slow"} == {one.channel for one in made.outbox.queue.values()} - {"quick"}
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running


async def test_a_secret_is_seen_nowhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Addresses that fail in every way leave nothing of themselves in notes, events, logs, errors or health."""
    caplog.set_level(logging.DEBUG)
    async with webhook() as hook:
        hook.answers.extend([403] * 9)
        text = "\n".join(
            (
                f"http://user:{CANARY}@127.0.0.1:{hook.port}/{CANARY}?token={CANARY}",
                f"http://127.0.0.1:9/{CANARY}",
                f"json://127.0.0.1:{hook.port}/{CANARY}",
                f"slack://{CANARY}/bad",
                f"nosuch://{CANARY}",
                f"mailto://u:{CANARY}@localhost:9/?{MAIL}",
            )
        )
        scene = Scene(FakeClock(NOW), diagnosis=FELL_OFF)
        async with notifier(tmp_path, scene, notify_file(tmp_path, text)) as made:
            await made.tick()
            await send_all(made)
            problems = made.policy_file.problems
            seen = repr((made.outbox.queue, made.outbox.health, made.outbox.state, made.policy_file, problems))

        assert 6 == len(made.outbox.health)
        with closing(sqlite3.connect(tmp_path / "h.db")) as db:
            seen += json.dumps(db.execute("SELECT key, body FROM note").fetchall())
        ours = [one for one in caplog.records if one.name != "aiohttp.access"]  # that is the receiver's own
        seen += "".join(one.getMessage() for one in ours) + repr(scene.board.recent)
        assert OUT in seen
        assert CANARY not in seen


async def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    """A new channel hears of what lasts; a file that turns bad leaves who was told before, and says so."""
    async with webhook() as hook:
        settings = notify_file(tmp_path, "# nobody yet\n")
        scene = Scene(FakeClock(NOW), diagnosis=FELL_OFF)
        async with notifier(tmp_path, scene, settings) as made:
            await made.tick()
            (tmp_path / "notify").write_text(f"{hook.url}/a\n")
            await made.tick()
            await send_all(made)
            (tmp_path / "notify").chmod(0o644)
            await made.tick()

            assert 1 == len(hook.got)
            assert {"webhook"} == set(made.policy_file.policy.channels)
            assert "everybody can read it; run: chmod 600" in scene.board.recent[-1].text
