"""Who comes in to the daemon over TCP: a private file of names, roles and hashes of tokens, one a line.

`name role sha256:…` holds a token that nobody can read back; a line that is a token and nothing else is an admin's.
Hashes are compared in constant time. Knows no HTTP.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path
from typing import Literal, get_args

from app.config.secret import SecretError, read_private_text
from app.config.tokens import HOW_TO_MAKE, LEAST
from app.domain.frozen import frozen

Role = Literal["view", "act", "admin"]
"""`view` looks; `act` also acknowledges, silences and asks; `admin` also changes rules."""
ROLES: tuple[Role, ...] = get_args(Role)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,62}")
PREFIX = "gw_"
"""Begins every token that we make, so that a scanner for leaked secrets can find one."""
_HASH = re.compile(r"sha256:([0-9a-f]{64})")


@frozen
class TokenLine:
    """One that may come in."""

    name: str
    role: Role
    hash: bytes
    """SHA-256 of the token: what is random enough needs no slow hash."""


def may(role: Role, wanted: Role) -> bool:
    """Whether a role covers another."""
    return ROLES.index(role) >= ROLES.index(wanted)


def read_lines(path: Path) -> tuple[TokenLine, ...]:
    """Every line of a token file; blank ones and those that begin with `#` are passed over.

    Raises SecretError when others can read or change the file, it holds no token, or a line is none.
    """
    found: list[TokenLine] = []
    for number, text in enumerate(read_private_text(path).splitlines(), start=1):
        line = text.strip()
        if line and not line.startswith("#"):
            found.append(_line(line, f"{path}, line {number}", number))
    if not found:
        raise SecretError(f"{path}: holds no token; `gpu-watchdog serve --new-token NAME --role view` adds one")
    if len({one.name for one in found}) < len(found):
        raise SecretError(f"{path}: two lines have the same name: nobody could tell them apart in the audit log")
    return tuple(found)


def holder(lines: tuple[TokenLine, ...], token: str) -> TokenLine | None:
    """Whose token this is; takes as long for a wrong one as for a right one."""
    shown = hash_of(token)
    found = None
    for one in lines:
        if hmac.compare_digest(shown, one.hash):
            found = one
    return found


def add_token(path: Path, name: str, role: str) -> str:
    """Make a token and write its line down; gives the token, which nothing keeps. Raises SecretError."""
    if not NAME.fullmatch(name):
        raise SecretError(f"a name has 1 to 63 letters, digits, dots, dashes and underscores, not {name!r}")
    if role not in ROLES:
        raise SecretError(f"a role is one of {', '.join(ROLES)}, not {role!r}")
    if path.exists() and _begun(path) and name in {one.name for one in read_lines(path)}:
        raise SecretError(f"{path}: {name} has a token already; take its line out first")
    token = PREFIX + secrets.token_urlsafe(32)
    line = f"{name} {role} sha256:{hash_of(token).hex()}\n".encode()
    try:
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(file).st_size
            is_open = size and os.pread(file, 1, size - 1) != b"\n"
            os.write(file, b"\n" + line if is_open else line)
            os.fsync(file)
        finally:
            os.close(file)
    except OSError as error:
        raise SecretError(f"{path}: cannot be written: {error.strerror or error}") from error
    return token


def hash_of(token: str) -> bytes:
    """What stands in the file for a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _begun(path: Path) -> bool:
    """Whether a file holds a line that counts."""
    return any(line.strip() and not line.strip().startswith("#") for line in read_private_text(path).splitlines())


def _line(line: str, place: str, number: int) -> TokenLine:
    words = line.split()
    if len(words) == 1 and len(line) >= LEAST and line.isascii() and line.isprintable():
        if _HASH.fullmatch(line):
            raise SecretError(f"{place}: a hash without a name and a role; write `name role sha256:…`")
        return TokenLine(f"line-{number}", "admin", hash_of(line))
    found = _HASH.fullmatch(words[-1])
    role = next((one for one in ROLES if len(words) == 3 and one == words[1]), None)
    if found is None or role is None or not NAME.fullmatch(words[0]):
        raise SecretError(
            f"{place}: neither `name role sha256:…` (role: {', '.join(ROLES)}) nor a token of {LEAST} characters or "
            f"more without blanks; make one: {HOW_TO_MAKE}"
        )
    return TokenLine(words[0], role, bytes.fromhex(found[1]))
