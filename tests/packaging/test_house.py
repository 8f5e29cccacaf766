"""The files that hold the house together agree with each other."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
LOCK = dict(
    line.split("==")
    for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
)


def canonical(name: str) -> str:
    """Return a distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_lock_pins_every_declared_dependency_within_its_bounds() -> None:
    """What pyproject.toml asks for (the pod's vllm aside) has one version in the lock, and an allowed one."""
    extras = PROJECT["optional-dependencies"]
    declared = [Requirement(line) for line in (*PROJECT["dependencies"], *extras["web"], *extras["dev"])]
    locked = {canonical(name): Version(version) for name, version in LOCK.items()}

    missing = [wish.name for wish in declared if canonical(wish.name) not in locked]
    assert [] == missing
    wrong = [str(wish) for wish in declared if locked[canonical(wish.name)] not in wish.specifier]

    assert [] == wrong


def test_lock_holds_plain_pins_only() -> None:
    """No hashes, no addresses of an index, no paths: any pip with any index can use the lock."""
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in LOCK)
    assert all(re.fullmatch(r"[A-Za-z0-9.+!]+", version) for version in LOCK.values())


def test_every_target_of_the_makefile_is_explained() -> None:
    """`make help` leaves no target out: each phony one has its line."""
    text = (ROOT / "Makefile").read_text("utf-8")
    phony = set(" ".join(re.findall(r"^\.PHONY: (.+)$", text, re.MULTILINE)).split())
    explained = set(re.findall(r"^([a-z-]+):.*## \S", text, re.MULTILINE))

    assert phony == explained


def test_changelog_has_a_place_for_this_version_or_for_what_is_not_released() -> None:
    """The changelog names the version that is being built, or says that it is not released yet."""
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")

    assert f"## [{PROJECT['version']}]" in text or "## [Unreleased]" in text
