"""The fault benchmark as a section of `make bench`: figures with their targets, baselines beside, misses by name.

`python -m tests.bench.faults` prints the table of faults and, with `--long`, watches a healthy fleet for days.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import process_time

from tests.bench.faults.baselines import Tally
from tests.bench.faults.score import StoryScore, alarms_each, cleared, polls, precision, recall, root_right
from tests.bench.faults.suite import Results, Told, run_all
from tests.bench.faults.tick import measure_ticks
from tests.bench.report import Report, Target

MOST_SHOWN = 40
"""Misses that are named."""


def run(report: Report) -> None:
    """Play everything and report it."""
    began = process_time()
    results = run_all()
    report.add("CPU of stories, degraded sight and controls", "s", process_time() - began)
    report_stories(report, results.told)
    report_degraded(report, results)
    report_controls(report, results)
    for line in misses(results):
        report.note(line)
    report_ticks(report)


def report_ticks(report: Report) -> None:
    """What one look costs at 8,192 GPUs."""
    for what, times_ms in measure_ticks().items():
        target = Target(at_most=150.0) if what == "all" else None
        report.add(f"a tick at 8,192 GPUs, CPU: {what}", "ms", times_ms, target)


def report_stories(report: Report, told: Sequence[Told]) -> None:
    """Recall, precision, root, time, grouping, endings, danger; open and held out apart."""
    for split, is_held in (("open", False), ("held out", True)):
        for kind, is_chain in (("singles", False), ("chains", True)):
            some = [
                one for one in told if one.score.story.is_held_out == is_held and one.score.story.is_chain == is_chain
            ]
            _split(report, f"{kind}, {split} ({len(some)})", some, is_chain=is_chain)
    every = [one.score for one in told]
    report.add("polls until it is told, median", "", polls(every, 0.5), Target(at_most=1.0))
    report.add("polls until it is told, 95 %", "", polls(every, 0.95), Target(at_most=2.0))
    stood = sorted(cleared(every))
    report.add("looks a finding stands on after its fault, worst", "", float(stood[-1]), Target(at_most=2.0))
    report.add("dangerous actions proposed", "", float(sum(len(one.dangers) for one in every)), Target(at_most=0.0))


def _split(report: Report, what: str, told: Sequence[Told], *, is_chain: bool) -> None:
    scores = [one.score for one in told]
    peers = {"rules": [one.rules for one in told], "Xid table": [one.xids for one in told]}
    truths = max(1, sum(one.truths for one in peers["rules"]))

    def beside(figure: Callable[[Sequence[Tally]], float]) -> dict[str, tuple[float]]:
        return {name: (figure(some),) for name, some in peers.items()}

    report.add(
        f"{what}: recall", "", recall(scores), Target(at_least=0.95 if is_chain else 0.98),
        beside(lambda some: sum(one.found for one in some) / truths),
    )  # fmt: skip
    report.add(f"{what}: precision", "", precision(scores), Target(at_least=0.95), beside(_precise))
    report.add(
        f"{what}: root right, of those found", "", root_right(scores), Target(at_least=0.95),
        beside(lambda some: sum(one.first_right for one in some) / max(1, sum(one.found for one in some))),
    )  # fmt: skip
    report.add(
        f"{what}: alarms an incident", "", alarms_each(scores), Target(at_most=1.2),
        beside(lambda some: sum(one.alarms for one in some) / truths),
    )  # fmt: skip


def _precise(some: Sequence[Tally]) -> float:
    return sum(one.true for one in some) / max(1, sum(one.alarms for one in some))


def report_degraded(report: Report, results: Results) -> None:
    """The same stories without one kind of source."""
    for name, some in results.degraded.items():
        report.add(f"without {name}: recall", "", recall(some))
        report.add(f"without {name}: precision", "", precision(some), Target(at_least=0.95))
        if name == "Slurm":
            report.note("without Slurm none is configured: then nothing of it is a blind spot")
        else:
            told = sum(one.is_blind_told for one in some) / len(some)
            report.add(f"without {name}: told as a blind spot", "", told, Target(at_least=1.0))


def report_controls(report: Report, results: Results) -> None:
    """What quiet hours raised."""
    hours = sum(one.control.hours for one in results.controls)
    for severity, most in (("warning", 0.1), ("critical", 0.0)):
        count = sum(one == severity for control in results.controls for one in control.alarms.values())
        report.add(
            f"controls, {hours:.0f} h: {severity} alarms a day and 100 GPUs", "", count / results.gpu_days,
            Target(at_most=most),
            {
                "rules, all": (sum(one.rules for one in results.controls) / results.gpu_days,),
                "Xid table": (sum(one.xids for one in results.controls) / results.gpu_days,),
            } if severity == "warning" else None,
        )  # fmt: skip
    unsafe = sum(len(one.dangers) for one in results.controls)
    report.add("controls: dangerous actions proposed", "", float(unsafe), Target(at_most=0.0))


def misses(results: Results) -> list[str]:
    """What is not as it should be, a line each."""
    lines = [line for told in results.told for line in missed(told.score)]
    for name, some in results.degraded.items():
        lines += [f"without {name}: {line}" for one in some for line in missed(one) if "false alarm" in line]
    for control in results.controls:
        lines += [f"control {control.control.name}: {severity} {what}" for what, severity in control.alarms.items()]
        lines += [f"control {control.control.name}: dangerous: {one}" for one in control.dangers]
    return [*lines[:MOST_SHOWN], *([f"and {len(lines) - MOST_SHOWN} more"] if len(lines) > MOST_SHOWN else [])]


def missed(one: StoryScore) -> list[str]:
    """What went wrong in a story, in words."""
    where = f"{one.story.name} #{one.story.variant}"
    lines = []
    for found in one.found:
        wanted = f"{'/'.join(found.truth.codes)} on {'/'.join(found.truth.subjects[:2])}"
        if found.at is None:
            lines.append(f"{where}: not found: {wanted}")
        elif not found.is_root:
            lines.append(f"{where}: another root than {wanted}")
        elif not found.is_first:
            lines.append(f"{where}: {wanted} is not the first incident")
        if found.at is not None and found.polls > 2:
            lines.append(f"{where}: {wanted} took {found.polls} polls")
        if found.cleared_after is not None and found.cleared_after > 2:
            lines.append(f"{where}: {wanted} stood {found.cleared_after} looks too long")
    lines += [
        f"{where}: {'symptom told as an alarm' if root.is_symptom else 'false alarm'}: {root.severity} {root.code} "
        f"{root.subject} for {root.looks} looks"
        for root in one.alarms
        if not root.is_true
    ]
    return [*lines, *(f"{where}: dangerous: {text}" for text in one.dangers)]


def table_of_faults(results: Results) -> list[str]:
    """Fault by fault: found, root right, slowest, false alarms."""
    by_name: dict[str, list[StoryScore]] = {}
    for told in results.told:
        by_name.setdefault(told.score.story.name, []).append(told.score)
    lines = [f"{'fault':<34} {'found':>7} {'root right':>10} {'polls':>6} {'false':>6}"]
    for name, some in by_name.items():
        found = [one for story in some for one in story.found]
        hit = [one for one in found if one.at is not None]
        right = sum(one.is_root and one.is_first for one in hit)
        slowest = max((one.polls for one in hit), default=0)
        false = sum(not root.is_true for story in some for root in story.alarms)
        lines.append(f"{name:<34} {f'{len(hit)}/{len(found)}':>7} {f'{right}/{len(hit)}':>10} {slowest:>6} {false:>6}")
    return lines
