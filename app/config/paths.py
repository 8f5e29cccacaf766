"""Where things live: state folder, history, socket. Pure: environment, user and home are arguments."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

WATCH = "watch.json"
"""Name of the file in a deployment's folder that says what there is to be watched."""
NONE = "none"
"""As `[discover] terraform`: no deployment is looked at."""


def state_dir(environ: Mapping[str, str], home: Path) -> Path:
    """The state folder: `$GPU_WATCHDOG_STATE_DIR`, else `$XDG_STATE_HOME/gpu-watchdog` (made 0700 by who writes)."""
    named = environ.get("GPU_WATCHDOG_STATE_DIR")
    if named:
        return Path(named)
    return Path(environ.get("XDG_STATE_HOME") or home / ".local" / "state") / "gpu-watchdog"


def config_dir(environ: Mapping[str, str], home: Path) -> Path:
    """The user's configuration folder."""
    return Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "gpu-watchdog"


def deployments_dir(state_dir: Path) -> Path:
    """The folder of this user's deployments, one folder each in it."""
    return state_dir / "deployments"


def watch_files(deployments: Path, which: str) -> tuple[Path, ...]:
    """Where deployments say what there is to be watched; `which` is `[discover] terraform`, and a file may be gone."""
    if which == NONE:
        return ()
    if which:
        return (deployments / which / WATCH,) if "/" not in which and which not in (".", "..") else ()
    return tuple(sorted(deployments.glob(f"*/{WATCH}")))


def deployments_ssh_config(state_dir: Path) -> Path:
    """What ssh is configured by once there is a deployment: the nodes of all of them, then the user's own."""
    return deployments_dir(state_dir) / "ssh_config"


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
