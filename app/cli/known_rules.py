"""The alert rules as a command that evaluates nothing knows them: of files, and of the store."""

from __future__ import annotations

from app.config.settings import Settings
from app.engine.alerting.rulebook import RuleBook
from app.runtime.options import RuntimeOptions, store_path
from app.runtime.past import open_history
from app.services import alert_notes
from app.services.rule_files import rule_book


async def known_rules(settings: Settings, options: RuntimeOptions) -> RuleBook:
    """The rules of files, with those made through the API as far as they are stored."""
    book, path = rule_book(settings), store_path(settings, options)
    if path is None or not path.is_file():
        return book
    history = await open_history(path, options.clock, want_lease=False)
    try:
        return alert_notes.with_own(book, alert_notes.read(await history.notes(alert_notes.RULES)).rules)
    finally:
        await history.close()
