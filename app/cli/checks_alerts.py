"""Checks that `doctor` makes of alerting: how many rules there are, who is told, and what is wrong in the files."""

from __future__ import annotations

from collections.abc import Iterator

from app.cli.checks import Check
from app.config.settings import Settings
from app.services.notify_file import NotifyFile
from app.services.rule_files import rule_book


def alert_checks(settings: Settings) -> Iterator[Check]:
    """The rules, each that cannot be used, and who is told."""
    book = rule_book(settings)
    enabled = len(book.enabled())
    yield Check("alerts", "rules", "ok", f"{enabled} evaluated, {len(book.rules) - enabled} turned off")
    for problem in book.problems:
        yield Check("alerts", "rule file", "failed", str(problem), "mend it; the other rules are evaluated meanwhile")
    file = NotifyFile(settings)
    found, managers = file.current(), len(settings.alerts.alertmanager)
    if file.path is not None or managers:
        channels = ", ".join(found.policy.channels) or "no channel"
        told = f"{channels}{f', {managers} of Alertmanager' if managers else ''}; `gpu-watchdog notify test` tries them"
        yield Check("alerts", "who is told", "ok" if found.policy.channels or managers else "warning", told)
    for text in found.problems:
        yield Check("alerts", "notify file", "failed", text, "mend it; what can be used of the file is used meanwhile")
