"""What the size check complains about, and what it lets pass."""

from pathlib import Path

from tests.tools.size_check import ALLOWED, Excess, complaints, excesses, main

ROOT = Path(__file__).parents[2]


def function(lines: int, docstring: str = "") -> str:
    """Build a function whose body has that many lines."""
    head = f'    """{docstring}"""\n' if docstring else ""
    return f"def long() -> None:\n{head}" + "    x = 1\n" * lines


def test_body_of_forty_lines_passes_whatever_its_docstring() -> None:
    """A docstring does not count, so forty lines below a long one are within the limit."""
    assert [] == list(excesses("app/a.py", function(40, docstring="One.\n\n" + "More.\n" * 20)))


def test_body_of_forty_one_lines_is_reported_with_its_name() -> None:
    """One line too many is reported with path, line and qualified name."""
    source = "class Box:\n" + "".join(f"    {line}\n" for line in function(41).splitlines())

    expected = Excess("app/a.py::Box.long", 2, found=41, limit=40, what="function")
    assert [expected] == list(excesses("app/a.py", source))


def test_file_of_more_than_four_hundred_lines_is_reported() -> None:
    """The four hundred and first line of a file is one too many."""
    assert [] == list(excesses("app/a.py", "x = 1\n" * 400))
    assert [Excess("app/a.py", 1, found=401, limit=400, what="file")] == list(excesses("app/a.py", "x = 1\n" * 401))


def test_app_and_screen_have_limits_of_their_own() -> None:
    """A class is held to 200 lines below App, to 250 below Screen, and to none otherwise."""
    body = "    x = 1\n" * 200
    sizes = {
        base: [excess.limit for excess in excesses("app/a.py", f"class Long({base}):\n{body}")]
        for base in ("App[None]", "ModalScreen[str]", "Widget")
    }

    assert {"App[None]": [200], "ModalScreen[str]": [], "Widget": []} == sizes


def test_allowance_that_nothing_needs_is_a_complaint() -> None:
    """The list of exceptions can only shrink: an entry without its excess is reported."""
    found = [Excess("app/a.py::f", 1, 50, 40, "function")]

    assert [] == complaints(found, {"app/a.py::f": "a table of keys"})
    assert ["app/b.py::g: no longer too long; remove it from ALLOWED"] == complaints(
        found, {"app/a.py::f": "a table of keys", "app/b.py::g": "gone"}
    )


def test_every_allowance_gives_its_reason() -> None:
    """Each exception of this project says why it is one."""
    assert all(len(reason) > 10 for reason in ALLOWED.values())


def test_long_file_in_a_room_fails_the_check(tmp_path: Path) -> None:
    """The command ends with 1 when a room holds a file that is too long, else with 0."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "good.py").write_text("x = 1\n")
    assert 0 == main(tmp_path)

    (tmp_path / "app" / "bad.py").write_text("x = 1\n" * 401)
    assert 1 == main(tmp_path)
