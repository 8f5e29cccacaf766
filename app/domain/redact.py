"""Secrets taken out of text that leaves this machine or is kept: reports, recordings, logs, a model's input. Pure.

By their looks (tokens of known makers, JWTs, private keys) and by what stands before them (`password=`, `Bearer `,
`--api-key `, `user:password@` of an address). Whoever holds a secret as a `Secret` cannot let it into text at all; this
is for the text of others. Rather too much than too little: what is taken out wrongly is missed, not leaked.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from app.domain.masking import MASK, NAMED

LONGEST = 65536
"""Characters of one text that are looked through; what follows is cut off, since nobody looked at it."""

# In prose, tokens are counted and credentials are refused.
_WORDS = rf"[\w.-]{{0,40}}(?:token(?!s|iz)|credential(?!s:)|{NAMED})[\w-]{{0,40}}"
_NAME = rf"(?<![\w.-]){_WORDS}"
_VALUE = r"(?:\"[^\"]*\"|'[^']*'|[^\s,;&\"'<>(){}\[\]]+)"
_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), MASK),
    (re.compile(r"(?P<scheme>\b[a-zA-Z][a-zA-Z0-9+.-]{0,20}://)[^/?#\s\"'<>@]{1,500}@"), r"\g<scheme>"),
    (re.compile(r"((?:hooks\.slack\.com/services|discord(?:app)?\.com/api/webhooks)/)[^\s\"'<>]+"), rf"\1{MASK}"),
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)*"), MASK),
    (re.compile(r"(?i)\b(authorization[\"']?\s*[:=]\s*[\"']?(?:[a-z]+\s+)?)[^\s\"',;]+"), rf"\1{MASK}"),
    (re.compile(r"(?i)\b(bearer\s+)[^\s\"',;]{6,}"), rf"\1{MASK}"),
    (re.compile(r"(?i)((?:set-)?cookie:\s*)[^\r\n]+"), rf"\1{MASK}"),
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{12,}\b"), MASK),
    (
        re.compile(
            r"(?<![A-Za-z0-9])(?:hf_|sk-|rpa_|nvapi-|gh[opsur]_|github_pat_|glpat-|xox[abeoprs]-|dop_v1_|npm_|AIza"
            r"|pypi-|[prs]k_(?:live|test)_|gsk_|r8_|dapi(?=[0-9a-f]{20}))[\w-]{12,}"
        ),
        MASK,
    ),
    (re.compile(r"(?<![A-Za-z0-9])(?:ya29\.|hv[bs]\.|SG\.)[\w.-]{16,}"), MASK),
    (re.compile(r"(?<!\d)\d{8,10}:[\w-]{30,}"), MASK),  # a bot of Telegram's
    (re.compile(rf"(?i)((?<![\w-])--?{_WORDS}[\s=]+){_VALUE}"), rf"\1{MASK}"),
    (re.compile(rf"(?i)({_NAME}[\"']?\s*[:=]\s*){_VALUE}"), rf"\1{MASK}"),
    (re.compile(rf"(?i)((?<![\w.-])(?:aws_\w{{0,20}}key\w{{0,20}}|key|pwd|sig)=){_VALUE}"), rf"\1{MASK}"),
    # Last, what is left of a password with an `@` in it: earlier, a name before the sign would go with it.
    (re.compile(r"(?<=://)[^/?#\s\"'<>]+@"), ""),
)


def redact(text: str) -> str:
    """The text without secrets, `***` in their places; a text without any as it is."""
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    for pattern, instead in _RULES:
        shown = pattern.sub(instead, shown)
    return shown
