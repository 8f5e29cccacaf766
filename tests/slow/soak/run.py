"""One soak: `python -m tests.slow.soak.run FOLDER HOURS NODES KILLS WALL_S [SEED]` prints what came of it as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.slow.soak.plan import plan
from tests.slow.soak.soak import Soak
from tests.slow.soak.verdict import judge


@dataclass(frozen=True, slots=True)
class Form:
    """How long and how large a soak is."""

    hours: float
    """Simulated."""
    nodes: int
    kills: int
    wall_s: float
    """Seconds it takes."""


def main(folder: Path, form: Form, seed: int) -> int:
    """Run and judge; 1 where something was wrong."""
    length_s = form.hours * 3600
    made = plan(seed, length_s=length_s, nodes=form.nodes, kills=form.kills)
    log = asyncio.run(Soak(made, folder, length_s / form.wall_s).run())
    verdict = judge(log)
    about = {"kills": len(log.killed), "steps": len(log.passed_of_step), "full": len(log.full), "bad": len(made.bad)}
    rss = {"rss_mib": [round(mib, 1) for _, mib in log.rss_mib[:: max(1, len(log.rss_mib) // 20)]]}
    told = {**asdict(verdict), **about, **rss, "has_disk": log.has_disk, **asdict(form)}
    sys.stdout.write(f"{json.dumps(told)}\n")
    return 1 if verdict.wrong else 0


if __name__ == "__main__":
    hours, nodes, kills, wall_s, *rest = sys.argv[2:]
    wanted = Form(float(hours), int(nodes), int(kills), float(wall_s))
    sys.exit(main(Path(sys.argv[1]), wanted, int(rest[0]) if rest else 7))
