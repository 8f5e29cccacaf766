"""Deeds: what a key or a typed line does. Loaded with the first of them: the first frame does not wait for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.domain.filter_grammar import FilterError
from app.domain.filtering import Filter, parse_filter
from app.domain.job_filtering import JobFilter, parse_job_filter
from app.present.incident_filter import IncidentFilter, parse_incident_filter
from app.tui.commands import (
    CommandError,
    completions,
    filter_completions,
    incident_filter_completions,
    job_filter_completions,
    parse_command,
)
from app.tui.desk import Desk
from app.tui.feed import RefusedError
from app.tui.verbs import VERBS, filter_mistake
from app.tui.words import words_of

HISTORY_KEPT = 50


def run_verb(desk: Desk, name: str, argument: str) -> None:
    """Do one verb. Raises RefusedError."""
    VERBS[name](desk, argument)


def enter_line(desk: Desk, sign: str, text: str) -> None:
    """Do what was typed after `:` or `/`. Raises RefusedError."""
    if sign == "/":
        run_verb(desk, "filter", text) if text.strip() else desk.change(filter="")
        return
    try:
        action, argument = parse_command(text)
    except CommandError as error:
        raise RefusedError(str(error)) from error
    kept = [line for line in desk.view.history if line != text.strip()]
    desk.view = replace(desk.view, history=(*kept, text.strip())[-HISTORY_KEPT:])
    run_verb(desk, action.handler, argument or ("" if action.argument else action.fixed))


def try_filter(text: str) -> Filter | str:
    """The filter being typed, or what is wrong with it so far."""
    try:
        return parse_filter(text)
    except FilterError as error:
        return filter_mistake(error)


def saved_filter(text: str) -> Filter | None:
    """A filter from a file or an option; one that this version cannot read keeps everything."""
    found = try_filter(text)
    return found if isinstance(found, Filter) and found else None


def try_job_filter(text: str) -> JobFilter | str:
    """The filter of the queue being typed, or what is wrong with it so far."""
    try:
        return parse_job_filter(text)
    except FilterError as error:
        return filter_mistake(error)


def try_incident_filter(text: str) -> IncidentFilter | str:
    """The filter of the incidents being typed, or what is wrong with it so far."""
    try:
        return parse_incident_filter(text)
    except FilterError as error:
        return filter_mistake(error)


def complete(desk: Desk, sign: str, line: str, filters: str = "gpus") -> Sequence[str]:
    """Whole lines that this one could become, the likeliest first; `filters` is what a filter is over here."""
    words = words_of(desk)
    if sign == ":":
        return completions(line, words)
    over = {"jobs": job_filter_completions, "incidents": incident_filter_completions}
    return over.get(filters, filter_completions)(line, words)
