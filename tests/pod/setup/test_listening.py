"""Where Slurm listens on a pod."""

import pytest

from pod.setup.listening import EVERYWHERE, can_bind, on_head, on_worker, source_towards

PRIVATE, OTHER, ELSEWHERE = "10.0.3.8", "172.17.0.2", "10.9.9.9"


def is_here(address: str) -> bool:
    """A pod with a private address and another one."""
    return address in (PRIVATE, OTHER, EVERYWHERE) or address.startswith("127.")


@pytest.mark.parametrize(
    ("private", "is_named", "expected"),
    [(PRIVATE, True, PRIVATE), (PRIVATE, False, PRIVATE), ("127.0.0.1", False, "127.0.0.1")],
)
def test_head_listens_where_it_was_told_to_be(private: str, *, is_named: bool, expected: str) -> None:
    """On its private address, and a single node without a network on loopback; there is nothing to say."""
    assert (expected, "") == on_head(private, is_here, is_named=is_named)


@pytest.mark.parametrize(
    ("private", "words"),
    [(ELSEWHERE, "none of its interfaces"), (EVERYWHERE, "none of its interfaces"), ("127.0.1.1", "on itself")],
)
def test_head_whose_address_others_cannot_use_listens_everywhere_and_says_so(private: str, words: str) -> None:
    """An address that is translated, or a name that is loopback on its own pod."""
    listens, note = on_head(private, is_here, is_named=True)

    assert EVERYWHERE == listens
    assert private in note
    assert words in note


@pytest.mark.parametrize(
    ("private", "source", "expected"),
    [
        (PRIVATE, PRIVATE, PRIVATE),
        ("", PRIVATE, PRIVATE),
        (PRIVATE, "", PRIVATE),
        ("127.0.1.1", PRIVATE, PRIVATE),
        ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("", "", ""),
    ],
)
def test_worker_listens_where_the_controller_finds_it(private: str, source: str, expected: str) -> None:
    """On the address from which it reaches the head; where there is no way to it, on the one its name has."""
    assert (expected, "") == on_worker(private, source, is_here)


@pytest.mark.parametrize("private", [ELSEWHERE, EVERYWHERE])
def test_worker_whose_address_is_translated_listens_everywhere_and_says_so(private: str) -> None:
    """Nobody knows to which of its addresses the provider hands on what is sent there."""
    listens, note = on_worker(private, PRIVATE, is_here)

    assert EVERYWHERE == listens
    assert "on none of its interfaces" in note


def test_worker_that_reaches_the_head_by_another_address_says_so() -> None:
    """The controller keeps that one, so it is where it has to listen."""
    listens, note = on_worker(PRIVATE, OTHER, is_here)

    assert OTHER == listens
    assert PRIVATE in note


def test_address_of_another_machine_cannot_be_bound() -> None:
    """Loopback can, and is reached from itself."""
    assert (True, False) == (can_bind("127.0.0.1"), can_bind("192.0.2.1"))
    assert "127.0.0.1" == source_towards("127.0.0.1")
