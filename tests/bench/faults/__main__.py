"""Runs the fault benchmark by itself: `python -m tests.bench.faults [--quick | --tick | --long HOURS | STORY…]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tests.bench.faults.controls import CONTROLS
from tests.bench.faults.long import INTERVAL_S, watch_healthy
from tests.bench.faults.section import (
    misses,
    report_controls,
    report_degraded,
    report_stories,
    report_ticks,
    table_of_faults,
)
from tests.bench.faults.show import show, show_control
from tests.bench.faults.suite import STORIES, run_all
from tests.bench.report import Report, table


def main(argv: Sequence[str]) -> int:
    """Play what was asked for and print it; 1 where a target is missed."""
    words = argparse.ArgumentParser(prog="python -m tests.bench.faults", description=__doc__)
    words.add_argument("--quick", action="store_true", help="leave degraded sight out")
    words.add_argument("--long", type=float, metavar="HOURS", help="watch a healthy fleet for so many hours instead")
    words.add_argument("--tick", action="store_true", help="only measure a tick at 8,192 GPUs")
    words.add_argument("--every", type=float, default=INTERVAL_S, metavar="SECONDS", help="between two looks at it")
    words.add_argument("--nodes", type=int, default=128, help="machines of that fleet (8 GPUs each)")
    words.add_argument("story", nargs="*", help="show these stories or controls look by look instead (part of a name)")
    wanted = words.parse_args(argv)
    if wanted.story:
        for story in STORIES:
            if any(part in f"{story.name} #{story.variant}" for part in wanted.story):
                print("\n".join(show(story)))
        for control in CONTROLS:
            if any(part in control.name for part in wanted.story):
                print("\n".join(show_control(control)))
        return 0
    report = Report()
    report.begin("faults")
    if wanted.tick:
        report_ticks(report)
    elif wanted.long is not None:
        watch_healthy(report, wanted.long, wanted.nodes, wanted.every)
    else:
        results = run_all(with_degraded=not wanted.quick)
        print("\n".join(table_of_faults(results)), end="\n\n")
        report_stories(report, results.told)
        report_degraded(report, results)
        report_controls(report, results)
        for line in misses(results):
            report.note(line)
    print("\n".join(table(report)))
    return 1 if report.misses else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
