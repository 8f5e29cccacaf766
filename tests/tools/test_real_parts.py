"""How a test of a real part is skipped, counted and required."""

import pytest

from tests.tools import parts, real_parts
from tests.tools.real_parts import MISSING, are_required, missing_line


def test_missing_parts_are_counted_in_the_order_of_the_table() -> None:
    """The closing line names each missing part with its number of tests; other skips do not count."""
    reasons = [f"Skipped: {MISSING}ssh", f"Skipped: {MISSING}gcc, ssh", "Skipped: only on Linux"]

    assert "REAL PARTS MISSING: gcc (1 test), ssh (2 tests) - `make parts` installs them" == missing_line(reasons)


def test_nothing_missing_says_nothing() -> None:
    """Without a skip for a missing part there is no line."""
    assert "" == missing_line(["Skipped: only on Linux"])


@pytest.mark.parametrize(
    ("variables", "required"),
    [({}, False), ({"CI": "true"}, True), ({"CI": "false"}, False), ({"GW_REQUIRE_PARTS": "1"}, True)],
)
def test_parts_are_required_in_ci_or_on_request(
    variables: dict[str, str], required: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing part is a failure with CI=true or GW_REQUIRE_PARTS=1, and a loud skip otherwise."""
    monkeypatch.delenv("CI", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert required == are_required()


def test_part_needs_all_its_commands_and_files() -> None:
    """A part is present only when nothing of it is absent."""
    assert parts.is_present(parts.Part("shell", "", ("sh",), ()))
    assert not parts.is_present(parts.Part("shell", "", ("sh", "no-such-command"), ()))
    assert not parts.is_present(parts.Part("shell", "", ("sh",), (), files=("/no/such/file",)))


def test_unknown_part_is_refused_with_the_known_ones() -> None:
    """A misspelt part is an error that lists what there is."""
    with pytest.raises(KeyError, match="known: gcc, tmux"):
        parts.named("gc")


def test_contrib_is_asked_for_beside_main_in_both_formats_of_apt() -> None:
    """Only lines that name main gain contrib, and those that have it stay as they are."""
    given = "deb http://host/debian stable main\n# deb main\nComponents: main\nComponents: main contrib\n"
    wanted = (
        "deb http://host/debian stable main contrib\n# deb main\nComponents: main contrib\nComponents: main contrib\n"
    )

    assert wanted == parts.contrib_of(given)


@pytest.mark.parametrize(
    ("variables", "outcome"), [({}, pytest.skip.Exception), ({"CI": "true"}, pytest.fail.Exception)]
)
def test_hosts_that_cannot_be_made_are_told(
    variables: dict[str, str], outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without root or namespaces a test of a cluster is skipped, or fails where parts are required; both name it."""
    monkeypatch.delenv("CI", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(real_parts, "can_make_hosts", lambda: False)

    with pytest.raises(outcome, match=r"needs root, namespaces and overlay mounts.*: slurm"):
        real_parts.refuse_without_hosts(["slurm"])


def test_hosts_that_can_be_made_are_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the machine lets us, and for tests that need no hosts, nothing happens."""
    monkeypatch.setattr(real_parts, "can_make_hosts", lambda: True)
    real_parts.refuse_without_hosts(["slurm"])
    monkeypatch.setattr(real_parts, "can_make_hosts", lambda: False)
    real_parts.refuse_without_hosts([])
