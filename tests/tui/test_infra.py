"""The Infra page: what is on disk and at the provider is shown, and followed as it changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from app.domain.deployment import Step, Told
from app.services.deploy.folder import folder_of
from app.services.deploy.journal import as_json
from app.services.deploy.lock import locked
from app.tui.infra_looks import ASK_S
from tests.tui.deployments import (
    ENDED,
    FakeDeploys,
    astray,
    failed,
    gone,
    ground,
    ready,
    standing,
    told,
    under_way,
    write,
)
from tests.tui.driving import driving
from tests.tui.infra_driving import a_ready, infra, read_again, row, said, settled


async def test_empty_page_says_what_it_is_and_what_is_missing(tmp_path: Path) -> None:
    """The key that begins stands there, too."""
    async with infra(tmp_path, FakeDeploys(tmp_path)) as drive:
        assert "in RUNPOD_API_KEY" in drive.line("API key")
        assert "neither terraform nor tofu" in drive.line("Terraform   ")
        assert "N fills the form in" in drive.text


async def test_page_without_anything_to_deploy_with_explains_itself(tmp_path: Path) -> None:
    """A simulated cluster rents nothing."""
    async with driving(tmp_path) as drive:
        await drive.press("6")

        assert "nothing is deployed from here" in drive.text
        await drive.press("N")
        assert "infra" == drive.app.page_id


async def test_key_six_opens_the_page(tmp_path: Path) -> None:
    """As `:infra` does."""
    async with driving(tmp_path, infra=ground(a_ready(tmp_path))) as drive:
        await drive.press("6")
        await settled(drive)

        assert "infra" == drive.app.page_id
        assert "ready" in row(drive, " lab ")


async def test_run_of_another_process_is_followed_by_its_files(tmp_path: Path) -> None:
    """Steps, log and price grow as the journal does, and nobody has to ask."""
    one = under_way(tmp_path)
    fake = FakeDeploys(tmp_path, {"lab": standing(one)})
    with locked(folder_of(tmp_path, "lab"), "deploy"):
        async with infra(tmp_path, fake) as drive:
            assert "deploying" in row(drive, " lab ")
            assert "apt-get install slurm-wlm" in drive.text

            write_more(tmp_path, told(-1, Told.DONE, "all four are ready", Step.INSTALL))
            await read_again(drive)

            assert "✓ install   all four are ready" in drive.text
            assert "✓ all four are ready" in drive.line("16:00:01")


def write_more(folder: Path, *events: object) -> None:
    """Append to the journal, as a run does."""
    import json

    with folder_of(folder, "lab").events.open("a") as file:
        for event in events:
            file.write(json.dumps(as_json(event)) + "\n")  # type: ignore[arg-type]  # events of a deployment


async def test_half_a_line_of_a_journal_waits_for_its_other_half(tmp_path: Path) -> None:
    """A line being written is neither lost nor shown twice."""
    one = under_way(tmp_path)
    path = folder_of(tmp_path, "lab").events
    whole = b'{"at":1764000000.0,"told":"note","text":"halved and whole"}\n'
    async with infra(tmp_path, FakeDeploys(tmp_path, {"lab": standing(one)})) as drive:
        with path.open("ab") as file:
            file.write(whole[:20])
        await read_again(drive)
        assert "halved" not in drive.text
        with path.open("ab") as file:
            file.write(whole[20:])
        await read_again(drive)

        assert 1 == drive.text.count("halved and whole")


async def test_record_that_cannot_be_read_is_a_row_with_its_reason(tmp_path: Path) -> None:
    """It hides nothing else, and says what may be billed and what to do."""
    fake = a_ready(tmp_path)
    folder_of(tmp_path, "torn").make()
    folder_of(tmp_path, "torn").record.write_text("{", "utf-8")
    async with infra(tmp_path, fake, (200, 60)) as drive:
        assert "ready" in row(drive, " lab ")
        torn = row(drive, " torn ")
        assert "unreadable" in torn
        assert "deployment.json" in torn
        await drive.press("down")
        await settled(drive)
        assert "its record cannot be read" in said(drive)
        assert "gpu-watchdog deploy torn --destroy" in said(drive)
        await drive.press("up")
        await settled(drive)
        assert "its record cannot be read" not in said(drive)


async def test_record_that_cannot_be_read_is_shown_where_it_is_the_only_one(tmp_path: Path) -> None:
    """A page that says `none yet` would hide what is billed."""
    folder_of(tmp_path, "torn").make()
    folder_of(tmp_path, "torn").record.write_text("{", "utf-8")
    async with infra(tmp_path, FakeDeploys(tmp_path)) as drive:
        assert "unreadable" in row(drive, " torn ")


async def test_volume_that_is_billed_keeps_its_deployment_on_the_list(tmp_path: Path) -> None:
    """Long after the end it says what stays, and how that is ended."""
    one = replace(gone(tmp_path, ago_s=90_000.0), volume_id="vol1", volume_center="US-KS-2")
    write(tmp_path, one, ENDED)
    fake = FakeDeploys(tmp_path, {"lab": standing(one)})
    async with infra(tmp_path, fake, (200, 60)) as drive:
        assert "its volume vol1 stays, and is billed" in row(drive, " lab ")
        assert "vol1 in US-KS-2 stays, and is billed" in said(drive)
        await drive.press("X")
        assert "volume too" in said(drive)


async def test_drift_and_orphan_are_told_with_their_price(tmp_path: Path) -> None:
    """In the list, in the frame, beside the node, and as a node of their own."""
    one = ready(tmp_path)
    async with infra(tmp_path, FakeDeploys(tmp_path, {"lab": astray(one)})) as drive:
        assert "an orphan at $19.12/h" in row(drive, " lab ")
        assert "1 orphan" in drive.line("Deployments")
        assert "lab-w2: its pod was terminated outside" in drive.text
        assert "gone" in drive.line("lab-w2  ")
        assert "$19.12/h" in drive.line("▲  orphan")


async def test_provider_is_asked_now_and_then_and_not_each_second(tmp_path: Path) -> None:
    """A whole account has sixty questions a minute."""
    fake = CountingDeploys(tmp_path, {"lab": standing(ready(tmp_path))})
    async with infra(tmp_path, fake) as drive:
        for _ in range(3):
            await read_again(drive)
        assert 1 == fake.count

        drive.feed.advance(ASK_S)
        await settled(drive)
        assert 2 == fake.count
        await drive.press("u")
        await settled(drive)
        assert 3 == fake.count


class CountingDeploys(FakeDeploys):
    """Counts how often the provider is asked."""

    count = 0

    async def status(self, name: str):  # type: ignore[no-untyped-def]  # as the fake's
        self.count += 1
        return await super().status(name)


async def test_provider_that_cannot_be_asked_leaves_what_is_known(tmp_path: Path) -> None:
    """The reason stands where the age of its answer stood."""
    one = ready(tmp_path)
    fake = FakeDeploys(tmp_path, {"lab": replace(standing(one), pods={}, problem="RunPod does not take the key")})
    async with infra(tmp_path, fake) as drive:
        assert "RunPod does not take the key" in drive.text
        assert "rented" in drive.line("lab-w1")
        assert "$76.48/h" in row(drive, " lab ")


async def test_destroyed_ones_are_shown_on_demand(tmp_path: Path) -> None:
    """One that went just now stays a while by itself."""
    fake = a_ready(tmp_path)
    gone(tmp_path, "old", 90_000)
    gone(tmp_path, "fresh", 60)
    async with infra(tmp_path, fake) as drive:
        assert "1 destroyed, e shows them" in drive.text
        assert ("fresh", "") == (row(drive, " fresh ").split()[1], row(drive, " old "))
        await drive.press("e")

        assert "destroyed" in row(drive, " old ")


async def test_small_screen_shows_one_part_at_a_time(tmp_path: Path) -> None:
    """Space goes on to the next one; the plan is left out while there is none."""
    async with infra(tmp_path, a_ready(tmp_path), (80, 24)) as drive:
        assert "✓ watch" in drive.text
        await drive.press("space")
        assert "lab-w3" in drive.text
        assert "ssh -F" in drive.text
        await drive.press("space")
        assert "15:58:42" in drive.text
        await drive.press("space")
        assert "✓ watch" in drive.text


async def test_node_page_opens_where_the_node_is_watched(tmp_path: Path) -> None:
    """Else a note says that it is not watched yet."""
    async with infra(tmp_path, a_ready(tmp_path)) as drive:
        await drive.press("enter", "n")

        assert "lab-head is not watched yet" in drive.text


async def test_failed_one_shows_reasons_above_its_steps(tmp_path: Path) -> None:
    """What happened, what is billed, what to do, then why each candidate was passed over."""
    one = failed(tmp_path)
    async with infra(tmp_path, FakeDeploys(tmp_path, {"lab": standing(one)}), (120, 40)) as drive:
        for part in ("No capacity for lab-w3", "3 pods at $57.36/h", "Run it again later", "no instances available"):
            assert part in said(drive), drive.text
