"""The user's rule files, read from disk: `[alerts] rules`, relative to the configuration."""

from __future__ import annotations

from pathlib import Path

from app.config.settings import Settings

LARGEST = 1024 * 1024


def rule_texts(settings: Settings) -> list[tuple[str, str | None]]:
    """Path and text of each rule file; None where it cannot be read."""
    base = Path(settings.origin).parent if settings.origin else Path()
    files = [base / Path(name).expanduser() for name in settings.alerts.rules]
    return [(str(file), _text(file)) for file in files]


def _text(file: Path) -> str | None:
    """A file's text; None where it cannot be read, or is no rule file by its size."""
    try:
        if file.stat().st_size > LARGEST:
            return None
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
