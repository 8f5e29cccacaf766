"""What the wheel holds, what it must never hold, and that it runs on its own."""

import subprocess
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.packaging.conftest import LEFTOVERS, ROOT, run

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]


def names(wheel: Path) -> set[str]:
    """Return the paths inside a wheel."""
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def tracked(*rooms: str) -> list[str]:
    """Return what git tracks in some rooms, or every file where there is no git (a source archive)."""
    listed = subprocess.run(["git", "ls-files", *rooms], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    files = (file for room in rooms for file in (ROOT / room).rglob("*") if "__pycache__" not in file.parts)
    return [str(file.relative_to(ROOT)) for file in files if file.is_file()]


def test_wheel_holds_every_module_and_every_data_file_of_the_packages(wheel: Path) -> None:
    """All that is tracked in app, widgets and pod ships under its own path, styles and rules too."""
    missing = set(tracked("app", "widgets", "pod")) - names(wheel)

    assert set() == missing


def test_terraform_ships_as_data_and_not_as_a_package(wheel: Path) -> None:
    """The modules lie in gpu_watchdog_data, since an importable `terraform` could shadow somebody else's."""
    expected = {f"gpu_watchdog_data/{name}" for name in tracked("terraform")}

    assert expected
    assert expected <= names(wheel)
    assert not any(name.startswith("terraform/") for name in names(wheel))


def test_schemas_ship_as_data(wheel: Path) -> None:
    """The daemon's OpenAPI document is made of them."""
    expected = {f"gpu_watchdog_data/schema/{Path(name).name}" for name in tracked("docs/schema")}

    assert expected
    assert expected <= names(wheel)
    assert not any(name.startswith("docs/") for name in names(wheel))


def test_wheel_holds_nothing_else(wheel: Path) -> None:
    """No tests, no tools, of the docs the manual page: the top of the wheel is packages, data and metadata."""
    tops = {name.partition("/")[0] for name in names(wheel)}

    own = f"gpu_watchdog_tui-{VERSION}"
    assert {"app", "widgets", "pod", "gpu_watchdog_data", f"{own}.dist-info", f"{own}.data"} == tops
    shared = {name for name in names(wheel) if name.startswith(f"{own}.data/")}
    assert {f"{own}.data/data/share/man/man1/gpu-watchdog.1"} == shared


def test_leftovers_of_terraform_never_ship(wheel: Path) -> None:
    """State, variables, providers and crash logs in a checkout stay out of the wheel."""
    shipped = [name for name in names(wheel) for left in LEFTOVERS if name.endswith(left)]

    assert [] == shipped
    assert not [name for name in names(wheel) if "tfstate" in name or "tfvars" in name or ".terraform" in name]


def test_installed_command_says_its_version(installed: Path, tmp_path: Path) -> None:
    """The wheel alone, outside any checkout, answers `gpu-watchdog --version`."""
    assert VERSION in run(installed / "gpu-watchdog", "--version", cwd=tmp_path)


def test_installed_command_runs_from_the_wheel_and_not_from_a_checkout(installed: Path, tmp_path: Path) -> None:
    """What the tests above ran was the wheel's own package."""
    where = run(installed / "python", "-c", "import app; print(app.__file__)", cwd=tmp_path)

    assert where.startswith(str(installed.parent))


@pytest.mark.parametrize("command", ["gpu-watchdog", "gpu-watchdog-exporter"])
def test_both_commands_are_installed_and_explain_themselves(installed: Path, command: str, tmp_path: Path) -> None:
    """Each command of the distribution answers --help with success."""
    assert "usage" in run(installed / command, "--help", cwd=tmp_path).lower()


def test_manual_page_is_installed_where_man_looks(installed: Path) -> None:
    """Beside `bin`, in `share/man`: `man gpu-watchdog` finds it by the PATH."""
    page = installed.parent / "share" / "man" / "man1" / "gpu-watchdog.1"

    assert (ROOT / "docs" / "man" / "gpu-watchdog.1").read_bytes() == page.read_bytes()
