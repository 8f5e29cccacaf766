"""Who came to a login that is the screen alone, from where and by which key, and when they left: in the audit log.

Also told to the machine's syslog where there is one: there an administrator reads it, and no visitor can change it.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import syslog
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from app.domain.naming import clean
from app.services.audit import Audit, AuditError, actor_of

_LARGEST = 65536


@contextlib.contextmanager
def visit(state_dir: Path, environ: Mapping[str, str], user: str, now: Callable[[], float]) -> Iterator[None]:
    """Write the beginning and the end of a visit down. Raises AuditError where the beginning cannot be."""
    key = key_of(environ)
    audit = Audit(state_dir, actor_of(environ, user, face="bastion"))
    told: dict[str, object] = {"verb": "visit", **({"key": key} if key else {})}
    began = now()
    fact = audit.note("opened", told, began)
    _tell(f"opened by {user} from {environ.get('SSH_CONNECTION', '').split(' ')[0] or 'here'}", key)
    try:
        yield
    finally:
        _tell(f"closed by {user} after {now() - began:.0f} s", key)
        with contextlib.suppress(AuditError):  # the visit is over whatever the disk says
            audit.note("closed", {**told, "lasted_s": round(now() - began, 1)}, now(), fact)


def key_of(environ: Mapping[str, str]) -> str:
    """The fingerprint of the ssh key they came with, as ssh prints it; empty where sshd does not say.

    sshd says it with `ExposeAuthInfo yes`: then people who share an account are told apart.
    """
    named = environ.get("SSH_USER_AUTH", "")
    if not named:
        return ""
    try:
        with Path(named).open(encoding="ascii") as told:
            words = told.read(_LARGEST).split()
    except (OSError, UnicodeDecodeError):
        return ""
    for method, _kind, blob in zip(words, words[1:], words[2:], strict=False):
        if method == "publickey":
            with contextlib.suppress(ValueError):
                digest = hashlib.sha256(base64.b64decode(blob, validate=True)).digest()
                return "SHA256:" + base64.b64encode(digest).decode("ascii").rstrip("=")
    return ""


def _tell(text: str, key: str) -> None:
    """One line for the administrator; a machine without syslog hears nothing."""
    syslog.openlog("gpu-watchdog", syslog.LOG_PID, syslog.LOG_AUTHPRIV)
    syslog.syslog(syslog.LOG_INFO, clean(f"screen {text}{f', key {key}' if key else ''}", 500))
