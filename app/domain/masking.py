"""What tells of a secret, and addresses without theirs. Pure, and light: every command loads it (`redact` is not)."""

from __future__ import annotations

import re

MASK = "***"
"""In place of a secret."""
NAMED = r"secret|passwd|password|passphrase|api[-_]?key|access[-_]?key|private[-_]?key|auth[-_]?key|signature"
TELLING = rf"token|credential|{NAMED}"
"""A pattern: parts of a name that tell of a secret behind it, whatever the case; `NAMED` holds those no prose has."""

# Possessive, and each begins where a scheme or a parameter does: a hostile address costs time as it is long, no more.
_USERINFO = re.compile(r"((?<![a-zA-Z0-9+.-])[0-9+.-]*+[a-zA-Z][a-zA-Z0-9+.-]*+://)[^/?#\s]*@")
_QUERY = re.compile(rf"([?&;](?=[\w.-]*+=)(?:[\w.-]*?(?:{TELLING})[\w.-]*+|key|auth|sig)=)[^&;#\s]*", re.IGNORECASE)


def redact_url(url: str) -> str:
    """A URL, or text with URLs in it, without user names, passwords and values of telling query parameters.

    Of these parts it leaves less than `redact`, which stops at quotes and brackets, since around an address they may
    belong to the text.
    """
    return _QUERY.sub(rf"\1{MASK}", _USERINFO.sub(r"\1", url))
