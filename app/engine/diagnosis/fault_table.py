"""The list of faults, read once from `app/engine/faults/*.toml` and checked: codes, references, keys, patterns."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from app.domain.metrics import by_key
from app.engine.alerting.parse import span_s
from app.engine.diagnosis.fault import KEEP_S, Condition, Fault, Graded, Rule, Step
from app.engine.diagnosis.sign import Limit

PLACE = Path(__file__).parent.parent / "faults"
_FAULT_KEYS = frozenset(
    (
        "key",
        "title",
        "scope",
        "severity",
        "any",
        "all",
        "none",
        "severity_when",
        "ends",
        "keep",
        "leads_to",
        "leads_from",
        "reach",
    )
    + ("joins", "lag", "hardware", "symptom", "also", "means", "alike", "do", "source")
)
_CONDITION_KEYS = frozenset(
    ("sign", "at_least", "above", "below", "equals", "for", "times", "total", "within", "where", "whose")
    + ("subjects", "share", "each", "same", "unless")
)
_RULE_KEYS = frozenset(("any", "all", "none", "severity"))
_STEP_KEYS = frozenset(("text", "command", "gated", "needs"))


class FaultError(Exception):
    """An entry of the list is wrong; the message names it."""


@dataclass(frozen=True)
class FaultTable:
    """Every fault there is, by code, with what the engine looks up by."""

    faults: Mapping[str, Fault] = field(default_factory=dict)

    @cached_property
    def by_sign(self) -> Mapping[str, tuple[Fault, ...]]:
        """Kind of sign → faults that it makes one look for."""
        found: dict[str, list[Fault]] = {}
        for fault in self.faults.values():
            for kind in sorted(fault.triggers):
                found.setdefault(kind, []).append(fault)
        return {kind: tuple(some) for kind, some in found.items()}

    @cached_property
    def by_key(self) -> Mapping[str, Fault]:
        """Faults by their keys, and by those under which others find them."""
        return {key: fault for fault in self.faults.values() for key in (fault.key, *fault.also)}

    @cached_property
    def dangling(self) -> tuple[str, ...]:
        """What entries lead to that is not in the list."""
        codes = {code for fault in self.faults.values() for code in fault.leads_to}
        return tuple(sorted(codes - set(self.faults)))

    @cached_property
    def causes(self) -> Mapping[str, tuple[str, ...]]:
        """Code → codes of the faults that lead to it."""
        found: dict[str, list[str]] = {}
        for fault in self.faults.values():
            for code in fault.leads_to:
                found.setdefault(code, []).append(fault.code)
        return {code: tuple(some) for code, some in found.items()}

    @cached_property
    def signs(self) -> frozenset[str]:
        """Every kind of sign that any fault asks for."""
        return frozenset(
            kind for fault in self.faults.values() for one in fault.conditions for kind in (*one.signs, *one.unless)
        )

    @cached_property
    def limits(self) -> Mapping[str, tuple[Limit, ...]]:
        """Metric → the limits that faults have for it."""
        found: dict[str, dict[Limit, None]] = {}
        for fault in self.faults.values():
            for one in fault.conditions:
                for kind in one.signs:
                    if kind in by_key():
                        found.setdefault(kind, {})[one.limit] = None
        return {kind: tuple(some) for kind, some in found.items()}

    @cached_property
    def rises(self) -> frozenset[str]:
        """Counters whose rise some fault asks for."""
        return frozenset(kind[:-1] for kind in self.signs if kind.endswith("+"))

    @cached_property
    def longest_s(self) -> float:
        """How far back any condition looks."""
        spans = [one.within_s for fault in self.faults.values() for one in fault.conditions]
        return max((*spans, *(fault.keep_s for fault in self.faults.values())), default=KEEP_S)


@lru_cache(maxsize=1)
def fault_table() -> FaultTable:
    """The built-in list."""
    return read_faults({path.name: path.read_text("utf-8") for path in sorted(PLACE.glob("*.toml"))})


def read_faults(files: Mapping[str, str]) -> FaultTable:
    """The list out of its files' texts. Raises FaultError."""
    found: dict[str, Fault] = {}
    for name, text in files.items():
        for code, table in tomllib.loads(text).items():
            where = f"{name}, [{code}]"
            if code in found:
                raise FaultError(f"{where}: there is another of this code")
            found[code] = fault_from(code, table, where)
    keys = [fault.key for fault in found.values()]
    doubled = sorted({key for key in keys if keys.count(key) > 1})
    if doubled:
        raise FaultError(f"keys are given twice: {', '.join(doubled)}")
    return FaultTable(found)


def fault_from(code: str, table: Mapping[str, Any], where: str) -> Fault:
    """One entry. Raises FaultError."""
    _only(_FAULT_KEYS, table, where)
    keep_s = span_s(str(table["keep"])) if "keep" in table else KEEP_S
    try:
        fault = Fault(
            code=code,
            key=table["key"],
            title=table["title"],
            scope=table["scope"],
            severity=table["severity"],
            rule=_rule(table, where, keep_s),
            grades=tuple(_grades(table.get("severity_when", ()), where, keep_s)),
            ends=_conditions(table.get("ends", ()), where),
            keep_s=keep_s,
            leads_to=tuple(table.get("leads_to", ())),
            leads_from=table.get("leads_from", "info"),
            reach=table.get("reach", "own"),
            joins=table.get("joins", ""),
            lag_s=span_s(str(table["lag"])) if "lag" in table else 120.0,
            is_hardware=table.get("hardware", False),
            is_symptom=table.get("symptom", False),
            also=tuple(table.get("also", ())),
            means=table["means"],
            alike=tuple(table.get("alike", ())),
            steps=tuple(_steps(table.get("do", ()), where)),
            source=table["source"],
        )
    except KeyError as error:
        raise FaultError(f"{where}: {error.args[0]} is missing") from None
    if not fault.also and not fault.triggers:
        raise FaultError(f"{where}: nothing would make it be found: any (or all) asks for no sign of its own")
    return fault


def _only(known: frozenset[str], table: Mapping[str, Any], where: str) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise FaultError(f"{where}: unknown key {unknown[0]!r}; known: {', '.join(sorted(known))}")


def _rule(table: Mapping[str, Any], where: str, keep_s: float) -> Rule:
    """What is asked for is looked for as long as the fault's events stand; what forbids it, as far back as is usual."""
    spans = (("any", keep_s), ("all", keep_s), ("none", KEEP_S))
    return Rule(*(_conditions(table.get(part, ()), f"{where} {part}", within_s) for part, within_s in spans))


def _grades(tables: Iterable[Mapping[str, Any]], where: str, keep_s: float) -> Iterator[Graded]:
    for table in tables:
        _only(_RULE_KEYS, table, f"{where} severity_when")
        yield Graded(table["severity"], _rule(table, f"{where} severity_when", keep_s))


def _conditions(tables: Iterable[Mapping[str, Any]], where: str, within_s: float = KEEP_S) -> tuple[Condition, ...]:
    return tuple(_condition(table, where, within_s) for table in tables)


def _condition(table: Mapping[str, Any], where: str, within_s: float) -> Condition:
    _only(_CONDITION_KEYS, table, where)
    signs = table["sign"]
    try:
        patterns = {name: re.compile(text) for name, text in table.get("where", {}).items()}
    except re.error as error:
        raise FaultError(f"{where}: a pattern cannot be read: {error}") from None
    return Condition(
        signs=tuple(signs) if isinstance(signs, list) else (signs,),
        limit=Limit(*(table.get(part) for part in ("at_least", "above", "below", "equals"))),
        for_s=span_s(str(table.get("for", "0s"))),
        times=table.get("times", 1),
        total=table.get("total"),
        within_s=span_s(str(table["within"])) if "within" in table else within_s,
        where=patterns,
        unless=tuple(table.get("unless", ())),
        whose=table.get("whose", "own"),
        subjects=table.get("subjects", 1),
        share=table.get("share", 0.0),
        is_each=table.get("each", False),
        same=tuple(table.get("same", ())),
    )


def _steps(tables: Iterable[Mapping[str, Any]], where: str) -> Iterator[Step]:
    for table in tables:
        _only(_STEP_KEYS, table, f"{where} do")
        yield Step(
            table["text"], table.get("command", ""), table.get("gated", "command" in table), table.get("needs", "")
        )
