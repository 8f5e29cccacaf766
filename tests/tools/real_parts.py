"""The pytest side of real parts: skip loudly, count at the end, and fail where parts are required."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.tools.parts import PARTS, Part, can_make_hosts, is_present, named

MISSING = "real part missing: "
NO_HOSTS = "hosts of its own cannot be made here (needs root, namespaces and overlay mounts): "
KEPT = "kept for make test-real"
REQUIRE = "GW_REQUIRE_PARTS"
ROOM = Path("tests/real")


def are_required() -> bool:
    """Tell whether a missing part is a failure: in CI, or where the user asks for it."""
    return os.environ.get("CI", "").lower() == "true" or os.environ.get(REQUIRE, "") not in {"", "0"}


def parts_of(item: pytest.Item) -> list[Part]:
    """Return the real parts a test asks for; fail a test that names an unknown one, or none where it must."""
    names = [str(name) for mark in item.iter_markers("real") for name in mark.args]
    if not names and (is_in_real(item) or item.get_closest_marker("real")):
        pytest.fail('say what this test needs: @pytest.mark.real("prometheus")', pytrace=False)
    try:
        return [named(name) for name in dict.fromkeys(names)]
    except KeyError as error:
        pytest.fail(str(error.args[0]), pytrace=False)


def is_in_real(item: pytest.Item) -> bool:
    """Tell whether a test lives in the room of real parts."""
    return item.path.is_relative_to(item.config.rootpath / ROOM)


def are_asked_for(config: pytest.Config) -> bool:
    """Tell whether the command line names tests/real itself, as `make test-real` does."""
    room = config.rootpath / ROOM
    paths = (Path(argument.partition("::")[0]).absolute() for argument in config.args)
    return any(path.is_relative_to(room) for path in paths)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose parts are absent, or fail it where they are required."""
    missing = [part for part in parts_of(item) if not is_present(part)]
    absent = [part.name for part in missing]
    required = [part.name for part in missing if not part.is_optional]
    if required and are_required():
        pytest.fail(f"{MISSING}{', '.join(required)} (`make parts` installs it)", pytrace=False)
    if absent:
        pytest.skip(f"{MISSING}{', '.join(absent)}")
    refuse_without_hosts([part.name for part in parts_of(item) if part.needs_hosts])
    if is_in_real(item) and not are_asked_for(item.config):
        pytest.skip(KEPT)


def refuse_without_hosts(names: list[str]) -> None:
    """Skip, or fail where parts are required, a test that makes hosts on a machine that does not let it."""
    if not names or can_make_hosts():
        return
    if are_required():
        pytest.fail(f"{NO_HOSTS}{', '.join(names)}", pytrace=False)
    pytest.skip(f"{NO_HOSTS}{', '.join(names)}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly how many tests each missing part cost, and how many wait for `make test-real`."""
    reasons = [str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", [])]
    missing = missing_line(reasons)
    if missing:
        terminalreporter.write_line(missing, yellow=True, bold=True)
    hostless = sum(reason.partition("Skipped: ")[2].startswith(NO_HOSTS) for reason in reasons)
    if hostless:
        line = f"REAL PARTS IDLE: {hostless} tests make hosts of their own, which needs root and namespaces"
        terminalreporter.write_line(line, yellow=True, bold=True)
    kept = sum(reason.endswith(KEPT) for reason in reasons)
    if kept:
        terminalreporter.write_line(f"REAL PARTS: {kept} tests wait for `make test-real`", yellow=True)


def missing_line(reasons: list[str]) -> str:
    """Return the sentence about missing parts, or ""; a test that lacks two parts counts for both."""
    counts: Counter[str] = Counter()
    for reason in reasons:
        _, found, names = reason.partition(MISSING)
        counts.update(names.split(", ") if found else ())
    if not counts:
        return ""
    known = [part.name for part in PARTS if part.name in counts]
    listed = ", ".join(f"{name} ({counts[name]} test{'s' if counts[name] != 1 else ''})" for name in known)
    return f"REAL PARTS MISSING: {listed} - `make parts` installs them"
