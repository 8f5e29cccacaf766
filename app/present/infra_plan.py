"""What Terraform would do, as lines: every change with its price, what was changed outside, the money. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain.deployment import Change, InfraPlan
from app.present.cells import Cell, Line, Tone, cells, fit_line, line, line_width, spread, tidy
from app.present.infra_view import money, pieces
from app.present.look import Look

MOST_ATTRIBUTES = 6
"""Attributes of one change that are listed."""
LEAST_NAME, MOST_NAME = 12, 28
"""Columns of their names: as many as the longest takes, so that the values stand beneath each other."""
_ACTIONS: Mapping[str, tuple[str, str, Tone]] = {
    "create": ("+", "rent", "good"),
    "update": ("~", "change", "look"),
    "replace": ("±", "replace", "look"),
    "delete": ("-", "end", "bad"),
    "forget": ("-", "forget", "look"),
    "read": ("=", "read", "quiet"),
}
_REASONS: Mapping[str, str] = {
    "cannot_update": "cannot be changed in place",
    "requested": "as you asked",
    "replace_by_request": "as you asked",
    "replace_because_tainted": "was made only in part",
    "tainted": "was made only in part",
    "delete_because_each_key": "no longer wished for",
    "delete_because_no_resource_config": "no longer wished for",
}
_ORDER = ("delete", "replace", "update", "create", "forget", "read")


def plan_lines(plan: InfraPlan, look: Look, width: int) -> tuple[Line, ...]:
    """The plan whole: what is changed, then what was changed outside."""
    lines: list[Line] = []
    if plan.is_empty:
        lines.append((Cell(" nothing is to be changed", "quiet"),))
    for change in in_order(plan.changes):
        lines += _change_lines(change, look, width)
    if plan.drift:
        lines += [(), (Cell(" changed outside since the last run", "head"),)]
        for change in plan.drift:
            lines += _change_lines(change, look, width, is_drift=True)
    return (*lines, (), money_line(plan, look))


def in_order(changes: Sequence[Change]) -> tuple[Change, ...]:
    """What is lost first, then what is new; each by its address."""
    place = {action: number for number, action in enumerate(_ORDER)}
    return tuple(sorted(changes, key=lambda one: (place.get(one.action, len(_ORDER)), one.address)))


def money_line(plan: InfraPlan, look: Look) -> Line:
    """`$2.39/h → $9.56/h  +$7.17/h`."""
    before, after = plan.per_hour_before, plan.per_hour_after
    arrow = Cell(" to ", "quiet") if look.glyphs.name == "ascii" else Cell(" → ", "quiet")
    head = Cell(" all pods  ", "head")
    if before is None and after is not None:  # nothing is known of what was before; what comes is what is paid
        return line(head, Cell(money(after), "strong"), Cell(" afterwards", "quiet"))
    told = line(head, Cell(money(before), "plain"), arrow, Cell(money(after), "strong"))
    if before is None or after is None:
        return line(told, Cell("  a price is not known", "look"))
    more = after - before
    tone: Tone = "quiet" if abs(more) < 0.005 else "look" if more > 0 else "good"
    return line(told, Cell(f"  {money(more, signed=True)}", tone))


def plan_state(plan: InfraPlan, look: Look) -> Line:
    """`3 to rent · 1 to end`, for the frame."""
    counts: dict[str, int] = {}
    for change in in_order(plan.changes):
        word = _ACTIONS.get(change.action, ("", change.action, "quiet"))[1]
        counts[word] = counts.get(word, 0) + 1
    dot = Cell(f" {look.glyphs.dot} ", "frame")
    return pieces([cells(f"{count} to {word}", "quiet") for word, count in counts.items()], dot)


def _change_lines(change: Change, look: Look, width: int, *, is_drift: bool = False) -> list[Line]:
    sign, word, tone = _ACTIONS.get(change.action, ("?", change.action, "look"))
    if sign == "±" and look.glyphs.name == "ascii":
        sign = "!"
    if is_drift:
        word, tone = {"delete": "gone", "update": "changed"}.get(change.action, word), "look"
    what = cells(change.node, "strong") if change.node else cells(change.address)
    price = Cell(money(change.price, signed=True), "plain") if change.price is not None else Cell("")
    why = _REASONS.get(change.reason, tidy(change.reason.replace("_", " "), 60))
    head = line(Cell(f" {sign} ", tone), Cell(f"{word:<8}", tone), what)
    told = line(head, cells(f"  {why}" if why else "", "look"))
    lines = [spread(told, (price,) if price.text else (), width, cut=look.glyphs.more)]
    listed = change.attributes[:MOST_ATTRIBUTES]
    wide = max((min(MOST_NAME, len(tidy(name, 200))) for name, _, _ in listed), default=0)
    lines += [_attribute_line(one, max(LEAST_NAME, wide), look, width) for one in listed]
    if len(change.attributes) > MOST_ATTRIBUTES:
        lines.append((Cell(f"     and {len(change.attributes) - MOST_ATTRIBUTES} more", "old"),))
    return lines


def _attribute_line(of: tuple[str, str, str], wide: int, look: Look, width: int) -> Line:
    name, before, after = (tidy(text, 200) for text in of)
    arrow = " to " if look.glyphs.name == "ascii" else " → "
    head = line("     ", Cell(f"{name:<{wide}} ", "quiet"))
    value = line(cells(before, "old"), Cell(arrow, "old"), cells(after)) if before else cells(after, "quiet")
    return line(head, fit_line(value, max(4, width - line_width(head)), cut=look.glyphs.more))


def change_text(change: Change, look: Look) -> str:
    """A change in a line without tones: `rent w1: +$2.39/h`."""
    word = _ACTIONS.get(change.action, ("", change.action, "quiet"))[1]
    why = _REASONS.get(change.reason, tidy(change.reason.replace("_", " "), 60))
    price = f": {money(change.price, signed=True)}" if change.price is not None else ""
    dot = f" {look.glyphs.dot} {why}" if why else ""
    return f"{word} {change.node or tidy(change.address, 120)}{price}{dot}"
