"""What health scripts write into a node's reason, in words: `ecc-error:gpu0,gpu3` is about GPUs 0 and 3. Pure."""

from __future__ import annotations

import re

from app.domain.naming import clean
from app.engine.words import names

MOST = 6
"""Complaints of one reason that are told."""
_COMPLAINT = re.compile(r"(?P<what>[a-z][a-z0-9_-]{2,40})[:=](?P<gpus>gpu\d{1,3}(?:,gpu\d{1,3})*)", re.IGNORECASE)
_NUMBER = re.compile(r"\d+")


def health_words(reason: str | None) -> str:
    """`ecc-uncorrectable on GPUs 0 and 3`; the reason itself where it has no such parts."""
    text = clean(reason or "", 400)
    told = [_complaint(one) for one in _COMPLAINT.finditer(text)]
    if not told:
        return clean(text, 160)
    return "; ".join(told[:MOST]) + (f"; and {len(told) - MOST} more" if len(told) > MOST else "")


def _complaint(found: re.Match[str]) -> str:
    gpus = _NUMBER.findall(found["gpus"])
    return f"{found['what']} on {'GPU' if len(gpus) == 1 else 'GPUs'} {names(gpus, 8)}"
