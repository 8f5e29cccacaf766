"""What the scripts make of a pod's /etc/hosts."""

import os
from pathlib import Path

import pytest

from pod.setup.hosts import BEGIN, END, rewrite, with_block, with_own, without_own

ENGINES = "127.0.0.1 localhost\n::1 localhost ip6-localhost\n172.17.0.2\tabc123\n"
"""As a container's engine writes it."""
ROWS = ("10.0.3.7 lab-head", "10.0.3.8 lab-w1")


def addresses(text: str, name: str) -> list[str]:
    """Every address that a name has, as a resolver reads the lines."""
    rows = [line.partition("#")[0].split() for line in text.splitlines()]
    return [row[0] for row in rows if name.lower() in [one.lower() for one in row[1:]]]


def test_block_is_replaced_where_it_stands_last() -> None:
    """The lines of before go with it, and those of others stay."""
    first = with_block(ENGINES, ["10.0.3.9 lab-head"])

    assert f"{ENGINES}{BEGIN}\n10.0.3.7 lab-head\n10.0.3.8 lab-w1\n{END}\n" == with_block(first, ROWS)


def test_the_same_again_is_the_same_text() -> None:
    """However often, and in either order."""
    once = with_own(with_block(ENGINES, ROWS), "abc123", "10.0.3.8")
    again = with_own(with_block(with_own(once, "abc123", "10.0.3.8"), ROWS), "abc123", "10.0.3.8")

    assert sorted(once.splitlines()) == sorted(again.splitlines())
    assert again == with_own(again, "abc123", "10.0.3.8")


def test_own_name_has_one_address_and_nothing_else_loses_its_own() -> None:
    """What other names shared its line keep their address, in whatever case and on however many lines it stood."""
    text = ENGINES + "127.0.1.1 ABC123.pods.example abc123 printer # by hand\nfd00::2 abc123\n"

    led = with_own(text, "abc123", "10.0.3.8")

    assert ["10.0.3.8"] == addresses(led, "abc123")
    assert ["127.0.1.1"] == addresses(led, "printer")
    assert ["127.0.1.1"] == addresses(led, "abc123.pods.example")
    assert ["127.0.0.1", "::1"] == addresses(led, "localhost")


def test_name_with_a_domain_is_led_with_its_first_part() -> None:
    """Slurm asks for the whole, others for the part before the dot."""
    led = with_own("172.17.0.2 abc.pods.example abc\n", "abc.pods.example", "10.0.3.8")

    assert (["10.0.3.8"], ["10.0.3.8"]) == (addresses(led, "abc.pods.example"), addresses(led, "abc"))


def test_a_node_whose_pod_is_called_like_it_has_one_address() -> None:
    """Its line of our block goes for that of its own name."""
    led = with_own(with_block(ENGINES, ROWS), "lab-w1", "10.0.3.8")

    assert ["10.0.3.8"] == addresses(led, "lab-w1")
    assert ["10.0.3.7"] == addresses(led, "lab-head")


@pytest.mark.parametrize("name", ["abc123", "new", "printer"])
def test_everything_is_put_back(name: str) -> None:
    """Without a line for the block the text is that of before, to the letter."""
    before = ENGINES + "127.0.1.1 abc123 printer # by hand\n\n# a remark\n"

    assert before == with_block(with_own(with_block(before, ROWS), name, "10.0.3.8"), ())


def test_nothing_of_ours_is_nothing_to_put_back() -> None:
    """A file that we never touched stays as it is."""
    assert ENGINES.splitlines() == without_own(ENGINES.splitlines())


def test_the_file_is_rewritten_in_place_and_only_when_it_differs(tmp_path: Path) -> None:
    """A container's is a mount, so it stays the same file; the same text is not written, a shorter one has no rest."""
    path = tmp_path / "hosts"
    path.write_text(ENGINES)
    os.utime(path, (1, 1))
    number = path.stat().st_ino

    rewrite(path, ENGINES)
    untouched = path.stat().st_mtime
    rewrite(path, "127.0.0.1 localhost\n")

    assert 1 == untouched
    assert ("127.0.0.1 localhost\n", number) == (path.read_text(), path.stat().st_ino)
