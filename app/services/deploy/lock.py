"""One run at a time on a deployment: a lock of the kernel's, gone the moment its process is, and who holds it.

The file stays where it is: removing it would let two processes lock two files. Two verbs of one process keep each
other out as well.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator

from app.domain.naming import clean
from app.services.deploy.folder import DeploymentFolder

_TRIES = 5
_PAUSE_S = 0.01
"""Whoever only asks holds the lock for a moment; that is no run."""


class HeldError(Exception):
    """Another run works on the deployment; the message says which."""


@contextlib.contextmanager
def locked(folder: DeploymentFolder, verb: str) -> Iterator[None]:
    """Hold a deployment's lock. Raises HeldError at once where it is taken, OSError where it cannot be."""
    folder.make()
    descriptor = os.open(folder.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if not _take(descriptor, fcntl.LOCK_EX):
            raise HeldError(_told(descriptor))
        with contextlib.suppress(OSError):  # the words are for people; a full disk must not cost the lock
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps({"process": os.getpid(), "verb": verb}).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def holder(folder: DeploymentFolder) -> str:
    """Who works on a deployment now: `process 123 (deploy)`; empty: nobody."""
    try:
        descriptor = os.open(folder.lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return ""
    try:
        return "" if _take(descriptor, fcntl.LOCK_SH) else _told(descriptor)
    except OSError:
        return ""
    finally:
        os.close(descriptor)


def _take(descriptor: int, kind: int) -> bool:
    for attempt in range(_TRIES):
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if attempt + 1 < _TRIES:
                time.sleep(_PAUSE_S)
        else:
            return True
    return False


def _told(descriptor: int) -> str:
    try:
        told = json.loads(os.pread(descriptor, 200, 0))
        return f"process {int(told['process'])} ({clean(str(told['verb']), 20)})"
    except (ValueError, KeyError, TypeError, OSError):
        return "another process"
