"""The `:` command line: which action a line means, and how it could go on. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

from app.domain.filter_terms import EXAMPLES, SHORT, STATES
from app.tui.actions import ACTIONS, Action

COMMANDS: Mapping[str, Action] = {action.command: action for action in ACTIONS if action.command}
"""Every command by its word, in the order of the table."""
SPANS = ("5m", "15m", "1h", "6h", "1d", "7d", "30d")
MOST_SHOWN = 60


class CommandError(ValueError):
    """A line that means nothing; the message is for a person."""


def parse_command(line: str) -> tuple[Action, str]:
    """The action of a line and its argument; a word may be cut short where it stays clear. Raises CommandError."""
    word, _, argument = line.strip().removeprefix(":").partition(" ")
    if not word:
        raise CommandError(f"a command is missing; there are {', '.join(COMMANDS)}")
    action = COMMANDS.get(word.lower())
    if action is None:
        begins = [name for name in COMMANDS if name.startswith(word.lower())]
        # `:q` leaves, as `q` does everywhere.
        by_key = [name for name in begins if word in COMMANDS[name].keys.split(",") and not COMMANDS[name].where]
        begins = by_key if len(by_key) == 1 else begins
        if len(begins) > 1:
            raise CommandError(f"{word!r} could be {', '.join(begins)}")
        if not begins:
            close = difflib.get_close_matches(word.lower(), list(COMMANDS), n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(COMMANDS)}"
            raise CommandError(f"no command is called {word!r}; {hint}")
        action = COMMANDS[begins[0]]
    argument = argument.strip()
    if argument and not action.argument:
        raise CommandError(f"{action.command} takes nothing after it")
    if not argument and action.argument and not action.argument.startswith("["):
        raise CommandError(f"{action.command} {action.argument}: {action.help.lower().rstrip('.')}")
    return action, argument


def completions(line: str, words: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Whole lines that this one could become, the likeliest first; `words` are known words by kind."""
    word, space, argument = line.partition(" ")
    if not space:
        return tuple(
            name + (" " if action.argument and not action.argument.startswith("[") else "")
            for name, action in COMMANDS.items()
            if name.startswith(word.lower()) and name != word
        )
    action = COMMANDS.get(word.lower())
    if action is None or not action.completes:
        return ()
    if action.completes in ("filter", "job_filter"):
        over = filter_completions if action.completes == "filter" else job_filter_completions
        return tuple(f"{word} {one}" for one in over(argument, words))
    head, comma, last = argument.rpartition(",") if action.completes == "columns" else ("", "", argument)
    return tuple(f"{word} {head}{comma}{one}" for one in _fitting(last, words.get(action.completes, ())))


def filter_completions(text: str, words: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Whole filters over GPUs that this one could become: the term being typed, completed."""
    kinds = {"node": "nodes", "gpu": "gpus", "model": "models", "user": "users", "job": "jobs"}
    bare = (*(f"{name}:" for name in EXAMPLES), *STATES, *(f"{name}>" for name in SHORT))
    return _term_completions(
        text, bare, {**{field: words.get(kind, ()) for field, kind in kinds.items()}, "state": STATES}
    )


def job_filter_completions(text: str, words: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Whole filters over jobs that this one could become."""
    from app.domain import job_filtering  # noqa: PLC0415 - late: only who filters jobs needs it

    kinds = {
        "node": "nodes", "user": "job_users", "account": "accounts", "partition": "partitions", "qos": "qos",
        "reason": "reasons", "job": "jobs", "name": "job_names",
    }  # fmt: skip
    bare = (
        *(f"{name}:" for name in job_filtering.EXAMPLES),
        *job_filtering.STATES,
        *(f"{name}>" for name in job_filtering.NUMBERS),
    )
    states = (*job_filtering.STATES, *(state.lower() for state in job_filtering.CODES.values()))
    return _term_completions(
        text, bare, {**{field: words.get(kind, ()) for field, kind in kinds.items()}, "state": states}
    )


def incident_filter_completions(text: str, words: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Whole filters over incidents that this one could become."""
    from app.present import incident_filter  # noqa: PLC0415 - late: only who filters incidents needs it

    kinds = {"node": "nodes", "gpu": "gpus", "user": "job_users", "job": "jobs", "id": "incidents"}
    states = tuple(incident_filter.STATES)
    bare = (
        *(f"{name}:" for name in incident_filter.EXAMPLES),
        *states,
        *(f"{name}>" for name in incident_filter.NUMBERS),
    )
    return _term_completions(
        text, bare, {**{field: words.get(kind, ()) for field, kind in kinds.items()}, "state": states}
    )


def _term_completions(text: str, bare: Sequence[str], values: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """The last term completed: from `bare`, or after a colon from the values of its field."""
    begin = max(text.rfind(" "), text.rfind("|"), text.rfind("(")) + 1
    head, term = text[:begin], text[begin:]
    sign = term[:1] if term[:1] in ("!", "-") else ""
    term = term.removeprefix(sign)
    field, colon, value = term.partition(":")
    if not colon:
        return tuple(f"{head}{sign}{one}" for one in _fitting(term, bare)) if term else ()
    return tuple(f"{head}{sign}{field}:{one}" for one in _fitting(value, values.get(field, ())))


def _fitting(begin: str, known: Iterable[str]) -> list[str]:
    """Known words that begin so, then those that hold it; without the word itself."""
    wanted = begin.lower()
    words = [word for word in known if word.lower() != wanted]
    first = [word for word in words if word.lower().startswith(wanted)]
    return [*first, *(word for word in words if wanted in word.lower() and word not in first)][:MOST_SHOWN]
