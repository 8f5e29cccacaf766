"""Rules from TOML: ours, and the user's that add to them, change them or turn them off. Pure: text in, rules out.

A file holds `[rule.NAME]` or `[[rule]]` tables and `[[inhibit]]` tables. A rule that cannot be used is left out with a
sentence that names file and line; the others go on.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from importlib import resources
from typing import Any

from app.domain.alert import Inhibition, Rule
from app.domain.frozen import frozen
from app.engine.alerting.parse import ExpressionError, parse_matchers
from app.engine.alerting.rule_table import RuleError, rule_from

BUILT_IN = "built in"
MOST_RULES = 1000


@frozen
class Problem:
    """Something in a rule file that is not used, and why."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        """For a person."""
        return f"{self.file}:{self.line}: {self.text}"


@frozen
class RuleBook:
    """Every rule there is."""

    rules: Mapping[str, Rule]
    """By name, ours first; also those turned off."""
    inhibitions: tuple[Inhibition, ...] = ()
    problems: tuple[Problem, ...] = ()

    def enabled(self) -> tuple[Rule, ...]:
        """The rules that are evaluated."""
        return tuple(rule for rule in self.rules.values() if rule.enabled)


@lru_cache(maxsize=1)
def built_in() -> RuleBook:
    """The rules and inhibitions that come with the program."""
    book = RuleBook({})
    folder = resources.files("app.engine") / "rules"
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        if file.name.endswith(".toml"):
            book = extended(book, file.read_text("utf-8"), BUILT_IN)
    return book


def load(files: Iterable[tuple[str, str | None]]) -> RuleBook:
    """Our rules, then those of (path, text); text is None where the file cannot be read."""
    book = built_in()
    for path, text in files:
        if text is None:
            book = replace(book, problems=(*book.problems, Problem(path, 0, "cannot be read")))
        else:
            book = extended(book, text, path)
    return book


def extended(book: RuleBook, text: str, file: str) -> RuleBook:
    """A book with what one file says."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        number = int(line[1]) if line else len(text.splitlines())
        return replace(book, problems=(*book.problems, Problem(file, number, f"not valid TOML: {error}")))
    rules, problems = dict(book.rules), list(book.problems)
    inhibitions = {one.name: one for one in book.inhibitions}
    problems += [
        Problem(file, _line(text, key), f"unknown table {key!r}; known: rule, inhibit")
        for key in raw
        if key not in ("rule", "rules", "alert", "inhibit")
    ]
    seen: set[str] = set()
    for name, table, at in _rule_tables(raw, text):
        try:
            _check_room(name, seen, rules)
            rules[name] = rule_from(name, table, rules.get(name), file if file == BUILT_IN else f"{file}:{at}")
        except RuleError as error:
            problems.append(Problem(file, _line(text, error.key, at), str(error)))
        seen.add(name)
    for place, table in enumerate(_tables(raw.get("inhibit"))):
        at = _nth(text, r"^\s*\[\[inhibit\]\]", place)
        try:
            one = inhibition_from(table)
            _check_cycle(inhibitions, one)
            inhibitions[one.name] = one
        except RuleError as error:
            problems.append(Problem(file, _line(text, error.key, at), str(error)))
    return RuleBook(rules, tuple(inhibitions.values()), tuple(problems))


def _check_room(name: str, seen: set[str], rules: Mapping[str, Rule]) -> None:
    """Raises RuleError for a rule that is there twice in a file, and for too many."""
    if name in seen:
        raise RuleError("", f"rule {name!r} is there twice in this file; the first one counts")
    if len(rules) >= MOST_RULES and name not in rules:
        raise RuleError("", f"more than {MOST_RULES:,} rules")


def _tables(value: object) -> Iterator[Mapping[str, Any]]:
    for one in value if isinstance(value, list) else ():
        if isinstance(one, dict):
            yield one


def _rule_tables(raw: Mapping[str, Any], text: str) -> Iterator[tuple[str, Mapping[str, Any], int]]:
    """Each rule's name, table and line."""
    for key in ("rule", "rules", "alert"):
        some = raw.get(key)
        if isinstance(some, dict):
            for name, table in some.items():
                pattern = rf'^\s*\[{key}\.(?:"{re.escape(name)}"|{re.escape(name)})\]'
                yield name, table if isinstance(table, dict) else {"": table}, _nth(text, pattern, 0)
        for place, table in enumerate(_tables(some)):
            at = _nth(text, rf"^\s*\[\[{key}\]\]", place)
            yield str(table.get("name", table.get("alert", ""))), table, at


def _nth(text: str, pattern: str, place: int) -> int:
    """The line of the nth match; 0 where there is none."""
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(pattern, line):
            if not place:
                return number
            place -= 1
    return 0


def _line(text: str, key: str, after: int = 0) -> int:
    """The line of a key within the table that begins at a line; the table's own where it is not found."""
    if not key:
        return after
    for number, line in enumerate(text.splitlines()[after:], after + 1):
        if re.match(rf"^\s*(?:\[+)?{re.escape(key)}\b", line):
            return number
        if after and re.match(r"^\s*\[", line) and not re.match(r"^\s*\[[^\]]*\.[^\]]*\.", line):
            break
    return after


def inhibition_from(table: Mapping[str, Any]) -> Inhibition:
    """One `[[inhibit]]` table. Raises RuleError."""
    known = ("name", "source", "target", "equal", "why")
    for key in table:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            raise RuleError(
                key, f"unknown key {key!r} of an inhibition" + (f"; did you mean {close[0]!r}?" if close else "")
            )
    for key in ("name", "source", "target"):
        if not isinstance(table.get(key), str) or not table[key]:
            raise RuleError(key, f"an inhibition needs {key} as a text")
    equal = table.get("equal", [])
    if not isinstance(equal, list) or not all(isinstance(one, str) for one in equal):
        raise RuleError("equal", "equal must be a list of labels")
    try:
        source, target = parse_matchers(table["source"]), parse_matchers(table["target"])
    except ExpressionError as error:
        raise RuleError("source", str(error)) from error
    return Inhibition(table["name"], source, target, tuple(equal), str(table.get("why", "")))


def _check_cycle(known: Mapping[str, Inhibition], new: Inhibition) -> None:
    """Refuse rules that mute each other by name: neither would be told. Raises RuleError."""
    edges: dict[str, set[str]] = {}
    for one in (*(old for old in known.values() if old.name != new.name), new):
        sources = [m.value for m in one.source if m.name == "alertname" and m.op == "="]
        targets = [m.value for m in one.target if m.name == "alertname" and m.op == "="]
        for source in sources:
            edges.setdefault(source, set()).update(targets)
    for start in edges:
        path = _path_back(edges, start)
        if path:
            raise RuleError("source", f"inhibition {new.name!r} closes a circle: {' mutes '.join(path)}")


def _path_back(edges: Mapping[str, set[str]], start: str) -> list[str]:
    """A way from a rule back to itself over others; a rule that mutes its own kind is none."""
    waiting = [[start, one] for one in sorted(edges.get(start, ())) if one != start]
    seen: set[str] = set()
    while waiting:
        path = waiting.pop()
        for one in sorted(edges.get(path[-1], ())):
            if one == start:
                return [*path, start]
            if one not in seen and one != path[-1]:
                seen.add(one)
                waiting.append([*path, one])
    return []
