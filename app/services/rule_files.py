"""The rules in force: ours, and those of the user's rule files."""

from __future__ import annotations

from app.config.settings import Settings
from app.engine.alerting.rulebook import RuleBook, load
from app.services.rule_texts import rule_texts


def rule_book(settings: Settings) -> RuleBook:
    """Our rules and those of the files; what is wrong in a file is told by the book's problems."""
    return load(rule_texts(settings))
