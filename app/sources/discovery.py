"""Targets that come and go: Prometheus's file_sd files (JSON), http_sd servers, and this user's own deployments.

A file is read again when it changed, a server asked again every `refresh_s`. What cannot be read keeps its last good
targets and says why; a file that is gone takes its targets with it. What changed is told as a difference.
"""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, replace
from pathlib import Path

from app.config.settings import Discover, Log, Slurm, Target
from app.domain.frozen import frozen
from app.domain.masking import redact_url
from app.sources import deployed
from app.sources.deployed import Deployed
from app.sources.log_targets import log_target
from app.sources.slurm_ways import slurm_targets
from app.sources.target_groups import MOST_BYTES, GroupsError, parse_groups
from app.transport.clock import Clock

_WILD = "*?["
_NOT_JSON = "only JSON target files are read; convert it: yq -o json FILE.yml > FILE.json"


@frozen
class Difference:
    """What one look at the discovery changed."""

    added: tuple[Target, ...] = ()
    removed: tuple[Target, ...] = ()
    problems: tuple[str, ...] = ()
    """A sentence for each file or server that cannot be read now, whether it could before or not."""
    prices: Mapping[str, float] = field(default_factory=dict)
    """$/h of one GPU by model, as deployments tell them."""


@frozen
class _Origin:
    """What one file or server is known to hold."""

    targets: tuple[Target, ...] = ()
    problem: str | None = None
    stamp: tuple[int, ...] = ()
    """Tells one state of a file from the next: time of change, size, inode."""
    asked_at: float = 0.0
    """When a server was asked last, by the clock that never jumps."""


@frozen
class Deployments:
    """Where deployments are, and what is known without them."""

    folder: Path
    logs: tuple[Log, ...] = ()
    """Those that are configured: a log is known by its place among all of them."""
    wants_slurm: bool = True
    """No way to Slurm is configured, so a deployment's is taken."""
    interval_s: float = 5.0
    rented: Callable[[], tuple[Target, ...]] = tuple
    """Tells what stands for their pods at the provider, now."""


class Discovery:
    """All that `[discover]` names, looked at together."""

    def __init__(self, settings: Discover, base: Path, clock: Clock, deployments: Deployments | None = None) -> None:
        """`base`: the folder that file patterns are relative to."""
        self._settings = settings
        self._base = base
        self._clock = clock
        self._deployments = deployments
        self.logs: tuple[Log, ...] = deployments.logs if deployments else ()
        """The configured logs, then every deployment's that was ever seen, each at its place for good."""
        self.slurm: Slurm | None = None
        """Of the deployment whose cluster is looked at."""
        self._files: dict[str, _Origin] = {}
        self._servers: dict[str, _Origin] = {}
        self._targets: tuple[Target, ...] = ()
        self._prices: Mapping[str, float] = {}

    async def look(self) -> Difference:
        """Look at every file, and at the servers whose time has come; say what changed since the last look."""
        servers = self._look_at_servers()
        (self._files, deployments), self._servers = await asyncio.gather(asyncio.to_thread(self._look_here), servers)
        ours = self._look_at_deployments(*deployments)
        origins = (*self._files.values(), *self._servers.values(), ours)
        # One source an address, however often it is listed: the first to list it names its node.
        by_place = {place_of(target): target for origin in reversed(origins) for target in reversed(origin.targets)}
        found = tuple(reversed(by_place.values()))
        known, listed = set(self._targets), set(found)
        added = tuple(target for target in found if target not in known)
        removed = tuple(target for target in self._targets if target not in listed)
        self._targets = found
        problems = tuple(origin.problem for origin in origins if origin.problem)
        return Difference(added, removed, problems, self._prices)

    def _look_here(self) -> tuple[dict[str, _Origin], tuple[Deployed, tuple[str, ...]]]:
        """Everything that lies on this machine; runs in a thread."""
        return self._look_at_files(), self._read_deployments()

    def _read_deployments(self) -> tuple[Deployed, tuple[str, ...]]:
        if self._deployments is None:
            return Deployed(), ()
        found, problems = deployed.look(self._deployments.folder, self._settings.terraform)
        told = deployed.whole(found)
        return replace(told, targets=(*told.targets, *self._deployments.rented())), problems

    def _look_at_deployments(self, found: Deployed, problems: tuple[str, ...]) -> _Origin:
        """Their exporters, logs and cluster as targets."""
        self._prices = found.prices
        self.logs = (*self.logs, *(log for log in dict.fromkeys(found.logs) if log not in self.logs))
        logs = [log_target(self.logs.index(log), log) for log in dict.fromkeys(found.logs)]
        cluster: tuple[Target, ...] = ()
        if self._deployments is not None and self._deployments.wants_slurm:
            self.slurm = found.slurm
            if found.slurm is not None:
                ways = slurm_targets(found.slurm, self._deployments.interval_s, {})
                cluster = tuple(replace(one, ssh=found.slurm.ssh) for one in ways)
        return _Origin((*found.targets, *logs, *cluster), "; ".join(problems) or None)

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


def place_of(target: Target) -> tuple[str, str]:
    """What makes it another target: its address, and the host that is asked from."""
    return target.ssh, target.url


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
