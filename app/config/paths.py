"""Where things live: state folder, history, socket. Pure: environment, user and home are arguments."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def state_dir(environ: Mapping[str, str], home: Path) -> Path:
    """The state folder: `$GPU_WATCHDOG_STATE_DIR`, else `$XDG_STATE_HOME/gpu-watchdog` (made 0700 by who writes)."""
    named = environ.get("GPU_WATCHDOG_STATE_DIR")
    if named:
        return Path(named)
    return Path(environ.get("XDG_STATE_HOME") or home / ".local" / "state") / "gpu-watchdog"


def config_dir(environ: Mapping[str, str], home: Path) -> Path:
    """The user's configuration folder."""
    return Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "gpu-watchdog"


def sockets(environ: Mapping[str, str], configured: str = "") -> tuple[Path, ...]:
    """Where a daemon's socket may be, the likeliest first; the first is where one's own daemon listens."""
    if configured:
        return (Path(configured),)
    runtime = environ.get("XDG_RUNTIME_DIR")
    machine = Path("/run/gpu-watchdog/api.sock")
    return (Path(runtime) / "gpu-watchdog" / "api.sock", machine) if runtime else (machine,)


def private_dir(path: Path) -> Path:
    """Make a folder only its owner can enter, parents as usual; tightens one that exists and is ours."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.stat().st_mode & 0o077:
        path.chmod(0o700)
    return path
