"""Writing a stack's folder: what the person changed stays, what we wrote is renewed, what is not needed any more goes.

What was written is remembered in a list beside it, by hash. A file that is there and not in the list is the person's.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from app.domain.frozen import frozen
from app.services.stack.plan import File

LIST = ".gpu-watchdog-stack.json"
State = Literal["written", "unchanged", "kept", "removed"]


@frozen
class Done:
    """What became of one file."""

    path: str
    state: State
    """`kept`: it was changed by hand and left alone."""


def write_stack(folder: Path, files: Iterable[File], *, force: bool) -> tuple[Done, ...]:
    """Bring the folder up to date. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    known = _known(folder)
    written: dict[str, str] = {}
    done = []
    for file in files:
        done.append(Done(file.path, _state(folder / file.path, file, known.get(file.path), force=force)))
        if done[-1].state == "written":
            _write(folder / file.path, file)
        # What was kept stays under the old hash: it is still the person's the next time.
        written[file.path] = known.get(file.path, "") if done[-1].state == "kept" else _hash(file.text.encode())
    done += _remove(folder, {path: one for path, one in known.items() if path not in written}, written)
    text = json.dumps({"schema": 1, "files": dict(sorted(written.items()))}, indent=1) + "\n"
    _write(folder / LIST, File(LIST, text))
    return tuple(done)


def _state(path: Path, file: File, known: str | None, *, force: bool) -> State:
    if path.is_symlink():
        return "kept"
    try:
        there = path.read_bytes()
    except FileNotFoundError:
        return "written"
    if file.is_made_once:
        return "unchanged"
    if there == file.text.encode():
        return "unchanged"
    return "written" if force or _hash(there) == known else "kept"


def _remove(folder: Path, gone: Mapping[str, str], written: dict[str, str]) -> list[Done]:
    """Files of an earlier run that this one does not have: those that nobody changed go."""
    done = []
    for name, known in sorted(gone.items()):
        path = folder / name
        if not _is_within(name) or path.is_symlink() or not path.is_file():
            continue
        if _hash(path.read_bytes()) == known:
            path.unlink()
            done.append(Done(name, "removed"))
        else:
            written[name] = known
            done.append(Done(name, "kept"))
    return done


def _is_within(name: str) -> bool:
    """Whether a path of the list stays in the folder."""
    path = Path(name)
    return not path.is_absolute() and ".." not in path.parts


def _known(folder: Path) -> dict[str, str]:
    """Path → hash of what was written before; a list that cannot be read counts as none, so that nothing is lost."""
    try:
        files = json.loads((folder / LIST).read_text("utf-8"))["files"]
        return {str(path): str(one) for path, one in files.items()}
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _write(path: Path, file: File) -> None:
    """All of it or nothing, with its own mode whatever the umask: servers of other users read it."""
    for missing in reversed([one for one in path.parents if not one.exists()]):
        missing.mkdir()
        missing.chmod(0o755)
    number, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(number, "w", encoding="utf-8") as out:
        out.write(file.text)
        os.fchmod(out.fileno(), file.mode)
    Path(scratch).replace(path)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
