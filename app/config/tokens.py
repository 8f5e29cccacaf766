"""Bearer tokens that others show us: read from a private file, kept as hashes, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import final

from app.config.secret import SecretError, read_private_text
from app.domain.frozen import frozen

LEAST = 16
"""Characters of a token; a shorter one can be guessed."""
HOW_TO_MAKE = "umask 077; head -c 32 /dev/urandom | base64 > FILE"


@final
class Tokens:
    """The tokens that are let in; only their hashes are kept, so that nothing can print or leak them."""

    __slots__ = ("_hashes",)

    def __init__(self, hashes: tuple[bytes, ...]) -> None:
        self._hashes = hashes

    def knows(self, token: str) -> bool:
        """Whether this is one of them; takes as long for a wrong one as for a right one."""
        shown = _hash(token)
        found = False
        for one in self._hashes:
            found |= hmac.compare_digest(shown, one)
        return found


@frozen
class Door:
    """Where others come in over TCP, and whom it lets in."""

    host: str
    """The address that is listened on."""
    port: int
    """0: a free one."""
    tokens: Tokens
    names: tuple[str, ...] = ()
    """What clients may call this machine beside its address (`Host`), without a port."""


def is_loopback(host: str) -> bool:
    """Whether only this machine gets to an address."""
    return host in ("localhost", "::1") or host.startswith("127.")


def read_tokens(path: Path) -> Tokens:
    """The tokens of a file, one a line; blank lines and those that begin with `#` are passed over.

    Raises SecretError when nobody but the owner must read the file and others can, or a line is no token.
    """
    hashes = []
    for number, line in enumerate(read_private_text(path).splitlines(), start=1):
        token = line.strip()
        if not token or token.startswith("#"):
            continue
        if len(token) < LEAST or not token.isascii() or not token.isprintable() or " " in token:
            raise SecretError(
                f"{path}, line {number}: no token: at least {LEAST} characters without blanks; make one: {HOW_TO_MAKE}"
            )
        hashes.append(_hash(token))
    if not hashes:
        raise SecretError(f"{path}: holds no token; make one: {HOW_TO_MAKE}")
    return Tokens(tuple(hashes))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
