"""What tells of a secret, and addresses without theirs. Pure, and light: every command loads it (`redact` is not)."""

from __future__ import annotations

import re
from functools import cache

MASK = "***"
"""In place of a secret."""
NAMED = r"secret|passwd|password|passphrase|api[-_]?key|access[-_]?key|private[-_]?key|auth[-_]?key|signature"
TELLING = rf"token|credential|{NAMED}"
"""A pattern: parts of a name that tell of a secret behind it, whatever the case; `NAMED` holds those no prose has."""


@cache
def _telling_parts() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """User names and passwords, and telling parameters; compiled for the first address, which not every start has."""
    # Possessive, and each begins where a scheme or a parameter does: a hostile address costs time as it is long.
    userinfo = r"((?<![a-zA-Z0-9+.-])[0-9+.-]*+[a-zA-Z][a-zA-Z0-9+.-]*+://)[^/?#\s]*@"
    query = rf"([?&;](?=[\w.-]*+=)(?:[\w.-]*?(?:{TELLING})[\w.-]*+|key|auth|sig)=)[^&;#\s]*"
    return re.compile(userinfo), re.compile(query, re.IGNORECASE)


def redact_url(url: str) -> str:
    """A URL, or text with URLs in it, without user names, passwords and values of telling query parameters.

    Of these parts it leaves less than `redact`, which stops at quotes and brackets, since around an address they may
    belong to the text.
    """
    userinfo, query = _telling_parts()
    return query.sub(rf"\1{MASK}", userinfo.sub(r"\1", url))
