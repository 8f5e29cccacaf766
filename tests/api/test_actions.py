"""Acting on jobs from elsewhere: with the caller's own slurmrestd token, for one call, and never as the daemon."""

from __future__ import annotations

import json
from pathlib import Path

from app.config.settings import Settings, Slurm
from tests.api.house import house
from tests.standins.slurmrestd import FakeRest

OWN = {"X-Slurm-User-Token": "ana-own-token", "X-Slurm-User-Name": "ana"}


async def test_a_job_is_cancelled_with_the_callers_own_token(tmp_path: Path) -> None:
    """Slurm sees the caller; the daemon's token is not used, and the caller's is kept nowhere."""
    (tmp_path / "daemon-token").write_text("daemons-own-token")
    (tmp_path / "daemon-token").chmod(0o600)
    rest = FakeRest(token="ana-own-token", answers={"job/812": {"jobs": [RUNNING], "errors": []}})
    async with rest.serving() as url:
        slurm = Slurm(via="rest", rest_url=url, token_file=str(tmp_path / "daemon-token"), user="daemon")
        async with house(tmp_path / "run", Settings(slurm=slurm)) as here, here.client("act") as client:
            dry = await client.post("/api/jobs/812/actions", json={"verb": "cancel", "dry_run": True}, headers=OWN)
            assert (200, True, []) == (dry.status_code, dry.json()["dry_run"], rest.asked)
            done = await client.post("/api/jobs/812/actions", json={"verb": "cancel"}, headers=OWN)
            wrong = {**OWN, "X-Slurm-User-Token": "somebody-elses"}
            refused = await client.post("/api/jobs/812/actions", json={"verb": "cancel"}, headers=wrong)

    assert (200, True, {"ana"}) == (done.status_code, done.json()["ok"], rest.users)
    assert (409, False) == (refused.status_code, refused.json()["ok"])
    kept = "".join(file.read_text(errors="replace") for file in (tmp_path / "run").rglob("*") if file.is_file())
    assert "ana-own-token" not in kept + done.text
    assert "somebody-elses" not in kept + refused.text
    by = [json.loads(line) for line in (tmp_path / "run" / "audit.jsonl").read_text().splitlines()]
    assert {("acter", "ana")} == {(one["user"], one["runs_as"]) for one in by if one["verb"] == "cancel"}


async def test_without_a_token_of_ones_own_nothing_is_done(tmp_path: Path) -> None:
    """Nor through a slurmrestd that might take the daemon's login for the caller's; also by the unix socket."""
    slurm = Slurm(via="rest", rest_url=f"unix://{tmp_path}/slurmrestd.sock")
    async with house(tmp_path / "run", Settings(slurm=slurm)) as here, here.peer() as client:
        missing = await client.post("/api/jobs/812/actions", json={"verb": "cancel"})
        local = await client.post("/api/jobs/812/actions", json={"verb": "cancel"}, headers=OWN)
        node = await client.post("/api/nodes/gpu-1/actions", json={"verb": "drain", "reason": "fan"}, headers=OWN)

    assert (400, True) == (missing.status_code, "x-slurm-user-token" in missing.json()["error"])
    assert [(409, True)] * 2 == [(one.status_code, "over TCP" in one.json()["error"]) for one in (local, node)]


RUNNING = {"job_id": 812, "name": "train", "user_name": "ana", "job_state": ["RUNNING"], "partition": "gpu"}
