"""How much of a look a model is given: at most 15 % of its context and 25,000 tokens. Pure.

Lists are cut at their end, the least important first, and it is said what was left out and how to ask for it. What
comes out is whole JSON always.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.agent.door import inside, quoted
from app.agent.tools.tool import Found

MOST_TOKENS = 25_000
SHARE = 0.15
LEAST_TOKENS = 400
"""Less says nothing at all; a model whose context is that small is asked without tools."""
BYTES_PER_TOKEN = 3
"""JSON of ours has 3.2 to 4 bytes a token in tokenizers of today; rather too many tokens counted than too few."""
_SHORTEST = 60
_NARROWER = "ask for one node, job or GPU"


def tokens(text: str) -> int:
    """How many tokens a text is at the most, as far as one can say without a tokenizer."""
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


def most_tokens(context_tokens: int | None) -> int:
    """Tokens that one result may take of a context; None: it is not known."""
    if context_tokens is None:
        return MOST_TOKENS
    return max(LEAST_TOKENS, min(MOST_TOKENS, int(SHARE * context_tokens)))


def fitted(found: Found, data: Mapping[str, Any], most: int) -> str:
    """What a look brought as JSON of at most `most` tokens; `data` is its data as it passed the door."""
    how = inside(found.narrow, 300) or _NARROWER
    lists = [key for key in found.trim if isinstance(data.get(key), list)]
    lists += [key for key, value in data.items() if isinstance(value, list) and key not in lists]
    totals = {key: max(len(data[key]), found.totals.get(key, 0)) for key in lists}
    cut = {key: _cut(len(data[key]), total, how) for key, total in totals.items() if total > len(data[key])}
    kept: dict[str, Any] = {"truncated": cut, **data} if cut else dict(data)
    text = quoted(kept)
    if tokens(text) <= most:
        return text
    kept = {"truncated": cut, **data}
    for least in (1, 0):  # a row of each list says more than all rows of one
        for key in lists:
            shortened = _shortened(kept, key, totals[key], least, how, most)
            if shortened is not None:
                return shortened
    return _squeezed(kept, how, most)


def _shortened(kept: dict[str, Any], key: str, total: int, least: int, how: str, most: int) -> str | None:
    """Leave of a list as many rows as fit, `least` where none do; the JSON once it fits."""
    rows = kept[key]

    def leave(shown: int) -> str:
        kept[key] = rows[:shown]
        if shown < total:
            kept["truncated"][key] = _cut(shown, total, how)
        return quoted(kept)

    low, high, best = min(least, len(rows)), len(rows), None
    while low <= high:
        middle = (low + high) // 2
        text = leave(middle)
        if tokens(text) <= most:
            low, best = middle + 1, text
        else:
            high = middle - 1
    if best is None:
        leave(min(least, len(rows)))
    return best


def _cut(shown: int, total: int, how: str) -> str:
    return f"shown {shown} of {total}, narrow by: {how}"


def _squeezed(kept: dict[str, Any], how: str, most: int) -> str:
    """What is left when every list is short is made of long texts and deep objects: these are cut, then left out."""
    kept["truncated"]["texts"] = f"cut, narrow by: {how}"
    for longest in (400, 150, _SHORTEST):
        text = quoted(_short(kept, longest))
        if tokens(text) <= most:
            return text
    small = {key: value for key, value in kept.items() if isinstance(value, str | int | float | bool)}
    told = {"truncated": {"everything": f"too large, narrow by: {inside(how, 200)}"}}
    text = quoted({**told, **_short(small, _SHORTEST)})
    return text if tokens(text) <= most else quoted(told)


def _short(value: Any, longest: int) -> Any:  # noqa: ANN401 - JSON has no better name
    if isinstance(value, str):
        return inside(value, longest)
    if isinstance(value, Mapping):
        return {key: _short(part, longest) for key, part in value.items()}
    return [_short(part, longest) for part in value] if isinstance(value, list) else value
