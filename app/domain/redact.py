"""Secrets taken out of text that leaves this machine or is kept: reports, recordings, logs, a model's input. Pure.

By their looks (tokens of known makers, JWTs, private keys) and by what stands before them (`password=`, `Bearer `,
`--api-key `, `user:password@` of an address). Whoever holds a secret as a `Secret` cannot let it into text at all; this
is for the text of others. Rather too much than too little: what is taken out wrongly is missed, not leaked.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from app.domain.masking import MASK, NAMED

LONGEST = 65536
"""Characters of one text that are looked through; what follows is cut off, since nobody looked at it."""

# In prose, tokens are counted and credentials are refused.
_WORDS = rf"[\w.-]{{0,40}}(?:token(?!s|iz)|credential(?!s:)|{NAMED})[\w-]{{0,40}}"
_NAME = rf"(?<![\w.-]){_WORDS}"
_VALUE = r"(?:\"[^\"]*\"|'[^']*'|[^\s,;&\"'<>(){}\[\]]+)"


class _Rule(NamedTuple):
    """What is taken out, and what stands there instead."""

    signs: tuple[str, ...]
    """No text without one of these is changed by the rule; in lower case where the rule looks past case."""
    pattern: re.Pattern[str]
    instead: str = MASK
    is_cased: bool = False


_TOLD = ("token", "credential", "secret", "passwd", "password", "passphrase", "key", "signature")
"""Of each name that `_WORDS` finds, a part."""
_RULES = (
    _Rule(
        ("PRIVATE KEY",),
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
        is_cased=True,
    ),
    _Rule(("://",), re.compile(r"(?P<scheme>\b[a-zA-Z][a-zA-Z0-9+.-]{0,20}://)[^/?#\s\"'<>@]{1,500}@"), r"\g<scheme>"),
    _Rule(
        ("hooks.slack.com/", "/webhooks/"),
        re.compile(r"((?:hooks\.slack\.com/services|discord(?:app)?\.com/api/webhooks)/)[^\s\"'<>]+"),
        rf"\1{MASK}",
    ),
    _Rule(("eyJ",), re.compile(r"\beyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)*"), is_cased=True),
    _Rule(
        ("authorization",),
        re.compile(r"(?i)\b(authorization[\"']?\s*[:=]\s*[\"']?(?:[a-z]+\s+)?)[^\s\"',;]+"),
        rf"\1{MASK}",
    ),
    _Rule(("bearer",), re.compile(r"(?i)\b(bearer\s+)[^\s\"',;]{6,}"), rf"\1{MASK}"),
    _Rule(("cookie:",), re.compile(r"(?i)((?:set-)?cookie:\s*)[^\r\n]+"), rf"\1{MASK}"),
    _Rule(("AKIA", "ASIA"), re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{12,}\b"), is_cased=True),
    _Rule(
        (
            *("hf_", "sk-", "rpa_", "nvapi-", "gho_", "ghp_", "ghs_", "ghu_", "ghr_", "github_pat_", "glpat-", "xox"),
            *("dop_v1_", "npm_", "AIza", "pypi-", "k_live_", "k_test_", "gsk_", "r8_", "dapi"),
        ),
        re.compile(
            r"(?<![A-Za-z0-9])(?:hf_|sk-|rpa_|nvapi-|gh[opsur]_|github_pat_|glpat-|xox[abeoprs]-|dop_v1_|npm_|AIza"
            r"|pypi-|[prs]k_(?:live|test)_|gsk_|r8_|dapi(?=[0-9a-f]{20}))[\w-]{12,}"
        ),
        is_cased=True,
    ),
    _Rule(
        ("ya29.", "hvb.", "hvs.", "SG."),
        re.compile(r"(?<![A-Za-z0-9])(?:ya29\.|hv[bs]\.|SG\.)[\w.-]{16,}"),
        is_cased=True,
    ),
    _Rule((":",), re.compile(r"(?<!\d)\d{8,10}:[\w-]{30,}")),  # a bot of Telegram's
    _Rule(_TOLD, re.compile(rf"(?i)((?<![\w-])--?{_WORDS}[\s=]+){_VALUE}"), rf"\1{MASK}"),
    _Rule(_TOLD, re.compile(rf"(?i)({_NAME}[\"']?\s*[:=]\s*){_VALUE}"), rf"\1{MASK}"),
    _Rule(
        ("key", "pwd=", "sig="),
        re.compile(rf"(?i)((?<![\w.-])(?:aws_\w{{0,20}}key\w{{0,20}}|key|pwd|sig)=){_VALUE}"),
        rf"\1{MASK}",
    ),
    # Last, what is left of a password with an `@` in it: earlier, a name before the sign would go with it.
    _Rule(("://",), re.compile(r"(?<=://)[^/?#\s\"'<>]+@"), ""),
)
_BOT = re.compile(r":[\w-]{30}")
"""Stands in every token of a bot: in a colon alone, nearly every text has a sign."""
_SIGNS = tuple({sign for rule in _RULES for sign in rule.signs if not rule.is_cased} - {":"})
_CASED_SIGNS = tuple({sign for rule in _RULES for sign in rule.signs if rule.is_cased})
_LEFT = r"(?<![A-Za-z0-9])"
_CLOSER = {
    "token": re.compile(r"token(?!s|iz)"),
    "credential": re.compile(r"credential(?!s:)"),
    "key": re.compile(r"(?:api|access|private|auth)[-_]?key|aws_\w{0,20}key|key="),
    "sk-": re.compile(rf"{_LEFT}sk-"),
    "r8_": re.compile(rf"{_LEFT}r8_"),
    "hf_": re.compile(rf"{_LEFT}hf_"),
    "SG.": re.compile(rf"{_LEFT}SG\."),
}
"""A closer look at signs that plain words hold as well: tokens, tasks, keyboards."""


_QUOTE = '"'
_MANY = 4096
"""Characters beyond which what is said twice is looked at once."""


def is_harmless(text: str) -> bool:
    """Whether there is certainly nothing to take out, found out some fifty times as fast as by `redact`.

    False tells nothing. Only plain ASCII is known to be harmless: other letters count as these in some rules. However
    long a text is, all of it is looked at.
    """
    if not text.isascii():
        return False
    if len(text) > _MANY:
        # No sign holds a quote, and what JSON and pages quote they quote again and again.
        text = _QUOTE.join(dict.fromkeys(text.split(_QUOTE)))
    lowered = text.lower()
    for sign in _SIGNS:
        if sign in lowered and _is_meant(sign, lowered):
            return False
    for sign in _CASED_SIGNS:
        if sign in text and _is_meant(sign, text):
            return False
    return _BOT.search(text) is None


def _is_meant(sign: str, text: str) -> bool:
    closer = _CLOSER.get(sign)
    return closer is None or closer.search(text) is not None


def redact(text: str) -> str:
    """The text without secrets, `***` in their places; a text without any as it is."""
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    is_plain = text.isascii()
    lowered = shown.lower()
    for rule in _RULES:
        looked = shown if rule.is_cased else lowered
        if is_plain and not any(sign in looked for sign in rule.signs):
            continue
        after = rule.pattern.sub(rule.instead, shown)
        if after is not shown:
            shown, lowered = after, after.lower()
    return shown
