"""Checks that `doctor` makes of the alert rules: how many there are, and what is wrong in the user's files."""

from __future__ import annotations

from collections.abc import Iterator

from app.cli.checks import Check
from app.config.settings import Settings
from app.services.rule_files import rule_book


def alert_checks(settings: Settings) -> Iterator[Check]:
    """The rules, and each that cannot be used."""
    book = rule_book(settings)
    enabled = len(book.enabled())
    yield Check("alerts", "rules", "ok", f"{enabled} evaluated, {len(book.rules) - enabled} turned off")
    for problem in book.problems:
        yield Check("alerts", "rule file", "failed", str(problem), "mend it; the other rules are evaluated meanwhile")
