"""A saved plan (`show -json`) as a person is shown it: changes, drift, money. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from app.domain.deployment import Change, InfraPlan
from app.domain.masking import MASK
from app.domain.naming import clean, natural
from app.services.deploy.ports import InfraError
from app.services.terraform.addresses import POD, key_of

LATER = "(known after apply)"
NONE = "(none)"
MOST_SHOWN = 120
"""Characters of one value."""

Prices = Mapping[str, float | None]
"""$/h by node key, of the nodes as they are wished for."""


def parse_plan(told: bytes, file: str, prices: Prices, *, is_destroy: bool) -> InfraPlan:
    """Read a plan. Raises InfraError where it is none."""
    try:
        plan = json.loads(told)
    except ValueError as error:
        raise InfraError("Terraform did not show its plan as JSON", "failed") from error
    if not isinstance(plan, dict):
        raise InfraError("Terraform did not show its plan as JSON", "failed")
    paid = _paid(plan)
    changes = tuple(
        change for body in _dicts(plan.get("resource_changes")) if (change := _change(body, prices, paid)) is not None
    )
    drift = tuple(
        change for body in _dicts(plan.get("resource_drift")) if (change := _change(body, {}, {})) is not None
    )
    before = _sum(paid.values())
    return InfraPlan(
        changes=tuple(sorted(changes, key=_order)),
        drift=tuple(sorted((change for change in drift if _is_worth_telling(change)), key=_order)),
        file=file,
        per_hour_before=before,
        per_hour_after=0.0 if is_destroy else _after(before, changes),
        is_destroy=is_destroy,
    )


def _change(body: Mapping[str, object], prices: Prices, paid: Prices) -> Change | None:
    """One resource; None where nothing changes."""
    change = body.get("change")
    if body.get("mode") != "managed" or not isinstance(change, dict):
        return None
    action = _action(change.get("actions"))
    if action in {"no-op", "read"}:
        return None
    address = _text(body.get("address"))
    key = key_of(address)
    return Change(
        address=address,
        action=action,
        reason=_text(body.get("action_reason")),
        attributes=() if action in {"delete", "forget"} else tuple(_differences(change)),
        node=key,
        price=_price(action, key, prices, paid) if key else None,
    )


def _action(actions: object) -> str:
    words = [word for word in actions if isinstance(word, str)] if isinstance(actions, list) else []
    return "replace" if len(words) == 2 else words[0] if words else "no-op"


def _price(action: str, key: str, prices: Prices, paid: Prices) -> float | None:
    """$/h that a change adds."""
    new, old = prices.get(key), paid.get(key)
    match action:
        case "create":
            return new
        case "delete" | "forget":
            return None if old is None else -old
        case "replace":
            return None if new is None or old is None else new - old
        case _:
            # A pod that was stopped costs nothing in the state, and its price once it runs again.
            return new if old == 0.0 else 0.0


def _differences(change: Mapping[str, object]) -> Iterator[tuple[str, str, str]]:
    """Name, before and after of what differs; without what is new and not yet known, which tells nothing."""
    before, after = _flat(change.get("before")), _flat(change.get("after"))
    unknown, masked = (
        _flat(change.get("after_unknown")),
        {
            *_marked(change.get("before_sensitive")),
            *_marked(change.get("after_sensitive")),
        },
    )
    for name in sorted({*before, *after, *(name for name, is_so in unknown.items() if is_so is True)}, key=natural):
        was, becomes = before.get(name), after.get(name)
        is_later = unknown.get(name) is True
        if (was == becomes and not is_later) or (is_later and was is None):
            continue
        if any(name == mark or name.startswith(f"{mark}.") or mark == "" for mark in masked):
            yield name, MASK, MASK
        else:
            yield name, _shown(was), LATER if is_later else _shown(becomes)


def _flat(value: object, name: str = "") -> dict[str, object]:
    """Leaves by dotted name; empty maps and lists are not there at all."""
    if isinstance(value, dict):
        parts = [(str(key), part) for key, part in value.items()]
    elif isinstance(value, list) and any(isinstance(part, dict | list) for part in value):
        parts = [(str(index), part) for index, part in enumerate(value)]
    else:
        return {} if value in (None, []) or not name else {name: value}
    flat: dict[str, object] = {}
    for key, part in parts:
        flat.update(_flat(part, f"{name}.{key}" if name else key))
    return flat


def _marked(value: object) -> list[str]:
    """Names of what is sensitive: `true` in place of a value."""
    if value is True:
        return [""]
    return [name for name, is_so in _flat(value).items() if is_so is True]


def _shown(value: object) -> str:
    if value is None:
        return NONE
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return clean(text, MOST_SHOWN)


def _paid(plan: Mapping[str, object]) -> dict[str, float | None]:
    """$/h of each pod as the provider told when it was last looked at: the state under the plan."""
    values = _get(_get(_get(plan, "prior_state"), "values"), "root_module")
    paid: dict[str, float | None] = {}
    for resource in _dicts(values.get("resources")):
        key = key_of(_text(resource.get("address"))) if resource.get("type") == POD else ""
        cost = _get(resource, "values").get("cost")
        if key:
            paid[key] = float(cost) if isinstance(cost, int | float) else None
    return paid


def _after(before: float | None, changes: Sequence[Change]) -> float | None:
    added = _sum(change.price for change in changes if change.node)
    # The remains of a subtraction are no money.
    return None if before is None or added is None else max(0.0, round(before + added, 6))


def _sum(values: Iterable[float | None]) -> float | None:
    total = 0.0
    for value in values:
        if value is None:
            return None
        total += value
    return total


def _is_worth_telling(change: Change) -> bool:
    """Whether a person wants to know: a price that moved is no drift."""
    return change.action != "update" or any(name not in _VOLATILE for name, _was, _is in change.attributes)


_VOLATILE = frozenset({"cost", "memory_in_gb", "locked", "cluster_ip", "data_center_id", "status"})


def _order(change: Change) -> tuple[bool, tuple[tuple[int, int, str], ...]]:
    return not change.node, natural(change.address)


def _dicts(value: object) -> list[dict[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _get(of: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = of.get(name)
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return clean(value) if isinstance(value, str) else ""
