"""The lease: which process may write a store, judge alerts over it and notify.

It is a lock of the kernel's on `<store>.lock`, not a row in the store: a row needs a heart-beat, and a reader has to
guess whether a silent holder is dead or slow. The kernel drops the lock the moment its process is gone, however it
went, and nobody can hold it twice. The file stays where it is: removing it would let two processes lock two files.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path


class LeaseError(Exception):
    """The lock file cannot be used; the message is for a person."""


class Lease:
    """The right to write, held until it is given up or the process ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @staticmethod
    def lock_of(store: Path) -> Path:
        """The lock file of a store."""
        return store.with_name(f"{store.name}.lock")

    @staticmethod
    def take(store: Path) -> Lease | None:
        """Take the lease of a store; None when another process holds it. Never waits.

        Raises LeaseError where the file system does not lock.
        """
        path = Lease.lock_of(store)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise LeaseError(f"{path}: {error.strerror}; check the folder, or set store.path") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError as error:
            os.close(descriptor)
            raise LeaseError(f"{path} cannot be locked ({error.strerror}): put store.path on a local disk") from None
        _sign(descriptor)
        return Lease(descriptor)

    @staticmethod
    def inherited(descriptor: int) -> Lease:
        """The lease as another process has handed it on: of the same lock, so that nobody could take it meanwhile."""
        os.set_inheritable(descriptor, False)
        _sign(descriptor)
        return Lease(descriptor)

    @staticmethod
    def holder(store: Path) -> str:
        """Who holds it, for a person: `process 123`, or `another process`."""
        try:
            text = Lease.lock_of(store).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            text = ""
        return f"process {text}" if text.isdigit() and len(text) < 20 else "another process"

    def copy(self) -> int | None:
        """A file of the same lock, to be handed on: it stays taken when this one is given up. None once it was."""
        return None if self._descriptor is None else os.dup(self._descriptor)

    def give_up(self) -> None:
        """Let another process write. Giving up twice is fine."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def _sign(descriptor: int) -> None:
    with contextlib.suppress(OSError):  # the number is for people; a full disk must not cost the lease
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
