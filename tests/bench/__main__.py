"""Runs the benchmark: `python -m tests.bench [SECTION…]` measures and prints one table; exit 1 if a target is missed.

A section is a module of this folder with `run(report)`, or a folder whose `section` has it; to add one, add a row.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from time import perf_counter

from tests.bench.report import Report, table

FOLDER = Path(__file__).parent
SECTIONS: dict[str, str] = {
    "parse": "reading exporter pages beside the official parser",
    "scrape": "fetching pages: the bounded client",
    "store": "history on disk: size, and time to answer",
    "start": "how soon there is something to see",
    "cost": "what watching 8 GPUs at 1 s costs beside other monitors",
    "sick": "one GPU is lost, one takes 3 s a call: how soon the others' numbers are there",
    "slurm": "a queue of 10,000 jobs on 1,000 nodes beside other viewers",
    "alarm": "from a fault to a webhook, beside Prometheus and Alertmanager",
    "paint": "painting fleets: CPU and bytes to the terminal, keys meanwhile",
    "link": "a line of 128 kbit/s, 200 ms each way: bytes, and how long a key waits",
    "scale": "8,192 GPUs beside Prometheus: collecting, a day asked for",
    "screens": "fifty screens attached to one daemon, and one screen over 8,192 GPUs",
    "chat": "an answer of 10,000 tokens on the screen: CPU, late frames, keys meanwhile",
    "ask": "what the agent's client adds to a model server",
    "faults": "faults told as text at the real boundary: found, root right, false alarms, beside rules alone",
}
"""Every section, in the order of the table."""


def main(argv: Sequence[str]) -> int:
    """Run the sections named, or all there are."""
    unknown = [name for name in argv if name not in SECTIONS]
    if unknown:
        print(f"unknown section {unknown[0]!r}; there are {', '.join(SECTIONS)}", file=sys.stderr)
        return 64
    report = Report()
    for name in argv or SECTIONS:
        report.begin(f"{name}: {SECTIONS[name]}")
        is_folder = (FOLDER / name / "section.py").is_file()
        if not is_folder and not (FOLDER / f"{name}.py").is_file():
            report.skip(f"tests/bench/{name}.py is not there")
            continue
        began, load = perf_counter(), os.getloadavg()[0]
        import_module(f"tests.bench.{name}.section" if is_folder else f"tests.bench.{name}").run(report)
        print(f"{name}: measured in {perf_counter() - began:.0f} s, load {load:.1f}", file=sys.stderr)
        if load > 0.5 * (os.cpu_count() or 1):
            report.note(f"others kept the machine busy (load {load:.1f}): times are longer than they would be")
    print("\n".join(table(report)))
    return 1 if report.misses else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
