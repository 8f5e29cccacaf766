"""What was submitted from here: a list in the state folder, each with its script, so that it can be sent again.

`submissions.jsonl` and one file a script, for their owner alone; the oldest go when there are more than `MOST`. A list
that cannot be written never stops a submission: it is told, and that is all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from app.config.paths import private_dir
from app.domain.frozen import frozen
from app.domain.naming import clean
from app.services.audit import masked

FILE = "submissions.jsonl"
FOLDER = "submissions"
MOST = 200
LARGEST = 4 * 1024 * 1024


@frozen
class Submission:
    """One script that was sent."""

    at: float
    job_id: str
    name: str
    options: tuple[str, ...]
    """As given to sbatch; values that may be secrets are masked, and are to be given again."""
    cluster: str = ""
    origin: str = ""
    """The file or template it came from."""


class Submissions:
    """The list of one state folder."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._scripts = folder / FOLDER

    def add(self, one: Submission, script: str) -> None:
        """Note a submission and keep its script. Raises OSError."""
        private_dir(self._scripts)
        kept = Submission(**{**asdict(one), "options": tuple(masked(word) for word in one.options)})
        _write(self._script(kept), script.encode("utf-8", "surrogateescape"))
        lines = [*self.all(), kept]
        for old in lines[:-MOST]:
            self._script(old).unlink(missing_ok=True)
        _write(self._file, b"".join(json.dumps(asdict(line)).encode() + b"\n" for line in lines[-MOST:]))

    def all(self) -> tuple[Submission, ...]:
        """Every submission that can be read, the oldest first; none where there is no list."""
        try:
            raw = self._file.read_bytes()[-LARGEST:]
        except OSError:
            return ()
        return tuple(one for line in raw.splitlines() if (one := _read(line)) is not None)

    def script(self, one: Submission) -> str | None:
        """The script of a submission; None where it is no longer kept."""
        try:
            return self._script(one).read_bytes()[:LARGEST].decode("utf-8", "surrogateescape")
        except OSError:
            return None

    def _script(self, one: Submission) -> Path:
        number = "".join(char for char in one.job_id if char.isdigit()) or "0"
        return self._scripts / f"{int(one.at)}-{number}.sbatch"


def _read(line: bytes) -> Submission | None:
    try:
        told = json.loads(line)
        words: Sequence[object] = told["options"]
        return Submission(
            float(told["at"]),
            clean(str(told["job_id"]), 40),
            clean(str(told["name"]), 200),
            tuple(str(word) for word in words),
            clean(str(told.get("cluster", "")), 60),
            clean(str(told.get("origin", "")), 300),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _write(path: Path, body: bytes) -> None:
    """Replace a file at once, for its owner alone."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "wb") as out:
            out.write(body)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
