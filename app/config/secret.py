"""Secrets: text that cannot be printed, logged, pickled or written as JSON by accident, and the files they live in."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Never, final

from app.domain.masking import MASK

LONGEST_SECRET = 65536
"""Bytes; a secret file larger than this is not one."""


class SecretError(Exception):
    """A secret file cannot be used; the message is for a person and holds nothing of the secret."""


@final
class Secret:
    """Text nobody sees unless they ask for it by `reveal`.

    Two secrets are equal when their texts are. `str`, `repr` and every format give `***`; pickling, copying into JSON
    and joining with text fail, so a secret cannot travel unnoticed.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself: for the one line that sends it."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return self._text == other._text if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __repr__(self) -> str:
        return MASK

    def __str__(self) -> str:
        return MASK

    def __format__(self, _spec: str) -> str:
        return MASK

    def __reduce_ex__(self, _protocol: object) -> Never:
        raise TypeError("a secret is never pickled or copied")


def read_secret_file(path: Path) -> Secret:
    """Read the secret a file holds, without the white space around it.

    Raises SecretError when the file cannot be read, is empty, is far too large to be one, holds control characters, or
    can be read or changed by everybody. A group that may read it is accepted (a service's group is a common set-up);
    `permission_problem` names that too.
    """
    text = read_private_text(path).strip()
    if not text:
        raise SecretError(f"{path}: empty")
    if not text.isprintable():
        raise SecretError(f"{path}: holds more than one line or control characters; it must be one line")
    return Secret(text)


def read_private_text(path: Path) -> str:
    """Read a file that holds secrets in its lines; its text must not travel as such. Raises SecretError."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            raw = file.read(LONGEST_SECRET + 1)
    except OSError as error:
        raise SecretError(f"{path}: cannot be read: {error.strerror or error}") from error
    if stat.S_ISREG(mode) and mode & (stat.S_IROTH | stat.S_IWOTH | stat.S_IWGRP):
        raise SecretError(f"{path}: {_who(mode)}; run: chmod 600 {path}")
    if len(raw) > LONGEST_SECRET:
        raise SecretError(f"{path}: larger than {LONGEST_SECRET} bytes; that is no token")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        # `from None`: the error holds the bytes.
        raise SecretError(f"{path}: not text") from None


def permission_problem(path: Path) -> str | None:
    """What is loose about the permissions of a secret file, for a person; None when only its owner gets at it."""
    mode = path.stat().st_mode
    return f"{path}: {_who(mode)}; run: chmod 600 {path}" if stat.S_ISREG(mode) and mode & 0o077 else None


def _who(mode: int) -> str:
    if mode & stat.S_IWOTH:
        return "everybody can change it"
    if mode & stat.S_IROTH:
        return "everybody can read it"
    return "its group can change it" if mode & stat.S_IWGRP else "its group can read it"
