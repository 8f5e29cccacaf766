"""What every test stands on: a home of its own, a frozen locale and time zone, and the real parts."""

from __future__ import annotations

import os
import signal
import time
from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.tools.real_parts"]

LEAKY = (
    "GPU_WATCHDOG_",
    "XDG_",
    "OPENAI_",
    "RUNPOD_",
    "HF_",
    "TF_",
    "SLURM_",
    "SQUEUE_",
    "SINFO_",
    "TEXTUAL",
    "CUDA_",
)
"""Beginnings of variables that would let the user's machine speak in a test."""

LEAKY_NAMES = (
    *("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "COLORTERM", "COLUMNS", "LINES"),
    *("EDITOR", "VISUAL", "PAGER", "SSH_AUTH_SOCK", "TMUX", "STY"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
)

# No deadline: on shared cores any would be a coin toss. The fixture below is not renewed for each example,
# and need not be: it only sets variables.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
settings.load_profile("house")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the folder of recorded exporter pages, which are not part of the project."""
    parser.addoption("--captures", metavar="DIR", type=Path, help="folder of recorded pages for tests/conformance")


def pytest_configure(config: pytest.Config) -> None:
    """Freeze zone and locale, children included; refuse pictures painted by another Textual."""
    os.environ.update(TZ="UTC", LC_ALL="C.UTF-8", LANG="C.UTF-8", LANGUAGE="C")
    time.tzset()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in the background of a shell; children would inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    installed, pinned = version("textual"), pinned_textual(config)
    if installed != pinned and config.getoption("update_snapshots", default=False):
        raise pytest.UsageError(
            f"Textual {installed} is installed, but pictures are accepted from {pinned} only: "
            "run `make snapshots`, which installs the pinned one."
        )


def pinned_textual(config: pytest.Config) -> str:
    """Return the version of Textual that the lock names."""
    lines = (config.rootpath / "constraints.txt").read_text("utf-8").splitlines()
    return next(line.removeprefix("textual==") for line in lines if line.startswith("textual=="))


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Cut a test off from the user: home, XDG folders and state are fresh, and no setting of theirs leaks in.

    The folder is hidden in `tmp_path`; only the home and the runtime folder (0700) exist at the start.
    """
    home = tmp_path / ".home"
    runtime = home / "run"
    runtime.mkdir(parents=True)
    runtime.chmod(0o700)
    for name in list(os.environ):
        if name.startswith("TEXTUAL_SNAPSHOT"):
            continue  # where the snapshot plug-in keeps what it compares
        if name.startswith(LEAKY) or name in LEAKY_NAMES:
            monkeypatch.delenv(name)
    folders = {
        "HOME": home,
        "XDG_CONFIG_HOME": home / ".config",
        "XDG_STATE_HOME": home / ".local/state",
        "XDG_DATA_HOME": home / ".local/share",
        "XDG_CACHE_HOME": home / ".cache",
        "XDG_CONFIG_DIRS": home / "etc/xdg",
        "XDG_RUNTIME_DIR": runtime,
        "GPU_WATCHDOG_STATE_DIR": home / "state",
    }
    for name, folder in folders.items():
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setenv("TERM", "xterm-256color")
    return home


@pytest.fixture(scope="session")
def captures(request: pytest.FixtureRequest) -> Path:
    """The folder given with --captures; tests that want it are skipped without one."""
    folder: Path | None = request.config.getoption("--captures")
    if folder is None:
        pytest.skip("no recorded pages: run `make conformance CAPTURES=DIR`")
    if not folder.is_dir():
        pytest.fail(f"--captures {folder}: there is no such folder", pytrace=False)
    return folder.resolve()
