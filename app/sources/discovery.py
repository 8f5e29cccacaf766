"""Targets that come and go: Prometheus's file_sd files (JSON) and http_sd servers.

A file is read again when it changed, a server asked again every `refresh_s`. What cannot be read keeps its last good
targets and says why; a file that is gone takes its targets with it. What changed is told as a difference.
"""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.config.settings import Discover, Target
from app.domain.masking import redact_url
from app.sources.target_groups import MOST_BYTES, GroupsError, parse_groups
from app.transport.clock import Clock

_WILD = "*?["
_NOT_JSON = "only JSON target files are read; convert it: yq -o json FILE.yml > FILE.json"


@dataclass(frozen=True, slots=True)
class Difference:
    """What one look at the discovery changed."""

    added: tuple[Target, ...] = ()
    removed: tuple[Target, ...] = ()
    problems: tuple[str, ...] = ()
    """A sentence for each file or server that cannot be read now, whether it could before or not."""


@dataclass(frozen=True, slots=True)
class _Origin:
    """What one file or server is known to hold."""

    targets: tuple[Target, ...] = ()
    problem: str | None = None
    stamp: tuple[int, ...] = ()
    """Tells one state of a file from the next: time of change, size, inode."""
    asked_at: float = 0.0
    """When a server was asked last, by the clock that never jumps."""


class Discovery:
    """All that `[discover]` names, looked at together."""

    def __init__(self, settings: Discover, base: Path, clock: Clock) -> None:
        """`base`: the folder that file patterns are relative to."""
        self._settings = settings
        self._base = base
        self._clock = clock
        self._files: dict[str, _Origin] = {}
        self._servers: dict[str, _Origin] = {}
        self._targets: tuple[Target, ...] = ()

    async def look(self) -> Difference:
        """Look at every file, and at the servers whose time has come; say what changed since the last look."""
        servers = self._look_at_servers()
        self._files, self._servers = await asyncio.gather(asyncio.to_thread(self._look_at_files), servers)
        origins = (*self._files.values(), *self._servers.values())
        # One source an address, however often it is listed: the first to list it names its node.
        by_url = {target.url: target for origin in reversed(origins) for target in reversed(origin.targets)}
        found = tuple(reversed(by_url.values()))
        known, listed = set(self._targets), set(found)
        added = tuple(target for target in found if target not in known)
        removed = tuple(target for target in self._targets if target not in listed)
        self._targets = found
        return Difference(added, removed, tuple(origin.problem for origin in origins if origin.problem))

    def _look_at_files(self) -> dict[str, _Origin]:
        """Every file there is now; runs in a thread, since a file may lie on a network that hangs."""
        return {str(path): _read(path, self._files.get(str(path), _Origin())) for path in self._paths()}

    def _paths(self) -> Iterator[Path]:
        """The files the patterns name; one without a wildcard is named whether it is there or not."""
        for pattern in self._settings.files:
            path = self._base / Path(pattern).expanduser()
            if any(sign in path.name for sign in _WILD):
                yield from sorted(path.parent.glob(path.name))
            else:
                yield path

    async def _look_at_servers(self) -> dict[str, _Origin]:
        urls = self._settings.http
        found = await asyncio.gather(*(self._ask(url, self._servers.get(url)) for url in urls))
        return dict(zip(urls, found, strict=True))

    async def _ask(self, url: str, known: _Origin | None) -> _Origin:
        now = self._clock.monotonic()
        if known is not None and now - known.asked_at < self._settings.refresh_s:
            return known
        # httpx and tenacity cost 150 ms to import: paid for only where an http_sd server is configured.
        from app.sources.http_sd import HttpSdError, fetch_targets  # noqa: PLC0415

        try:
            return _Origin(await fetch_targets(url, self._settings.refresh_s, self._clock), asked_at=now)
        except HttpSdError as error:
            kept = known.targets if known else ()
            return _Origin(kept, _problem(str(error), kept), asked_at=now)


def _read(path: Path, known: _Origin) -> _Origin:
    """What a file holds now; what it held before where it cannot be read."""
    if path.suffix != ".json":
        return _Origin((), f"{path}: {_NOT_JSON}")
    try:
        found = path.stat()
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        if stamp == known.stamp:
            return known
        if not stat.S_ISREG(found.st_mode):  # opening a pipe would wait for its writer, for ever
            return _Origin((), f"{path}: not a file")
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return _Origin((), f"{path}: there is no such file")
    except OSError as error:
        text = f"{path}: cannot be read: {error.strerror or error}"
        return _Origin(known.targets, _problem(text, known.targets))
    try:
        return _Origin(parse_groups(raw), stamp=stamp)
    except GroupsError as error:
        return _Origin(known.targets, _problem(f"{path}: {error}", known.targets), stamp)


def _problem(text: str, kept: tuple[Target, ...]) -> str:
    return f"{redact_url(text)}; its last {len(kept)} good targets stay" if kept else redact_url(text)
