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
    if action.completes == "filter":
        return tuple(f"{word} {one}" for one in filter_completions(argument, words))
    head, comma, last = argument.rpartition(",") if action.completes == "columns" else ("", "", argument)
    return tuple(f"{word} {head}{comma}{one}" for one in _fitting(last, words.get(action.completes, ())))


def filter_completions(text: str, words: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Whole filters that this one could become: the term being typed, completed."""
    begin = max(text.rfind(" "), text.rfind("|"), text.rfind("(")) + 1
    head, term = text[:begin], text[begin:]
    sign = term[:1] if term[:1] in ("!", "-") else ""
    term = term.removeprefix(sign)
    field, colon, value = term.partition(":")
    if not colon:
        known: Iterable[str] = (*(f"{name}:" for name in EXAMPLES), *STATES, *(f"{name}>" for name in SHORT))
        return tuple(f"{head}{sign}{one}" for one in _fitting(term, known)) if term else ()
    kinds = {"node": "nodes", "gpu": "gpus", "model": "models", "state": "states", "user": "users", "job": "jobs"}
    fixed = STATES if field == "state" else words.get(kinds.get(field, ""), ())
    return tuple(f"{head}{sign}{field}:{one}" for one in _fitting(value, fixed))


def _fitting(begin: str, known: Iterable[str]) -> list[str]:
    """Known words that begin so, then those that hold it; without the word itself."""
    wanted = begin.lower()
    words = [word for word in known if word.lower() != wanted]
    first = [word for word in words if word.lower().startswith(wanted)]
    return [*first, *(word for word in words if wanted in word.lower() and word not in first)][:MOST_SHOWN]
