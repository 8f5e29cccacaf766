"""Bearer tokens of a file: kept as hashes, told to nobody."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest

from app.config.secret import SecretError
from app.config.tokens import LEAST, Door, Tokens, is_loopback, read_tokens

ONE, OTHER = "canary-0123456789abcdef", "canary-fedcba9876543210"


def file_of(folder: Path, text: str, mode: int = 0o600) -> Path:
    """A file with this text."""
    file = folder / "tokens"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_each_line_is_a_token(tmp_path: Path) -> None:
    """Comments and blank lines are none; a piece of a token, more than it, and nothing are not known."""
    tokens = read_tokens(file_of(tmp_path, f"# of agents\n\n  {ONE}\n{OTHER}\n"))

    assert [True, True] == [tokens.knows(one) for one in (ONE, OTHER)]
    assert [] == [one for one in (ONE[:-1], f"{ONE}x", f" {ONE}", "", "# of agents", "\udc80") if tokens.knows(one)]


def test_a_token_is_kept_by_its_hash_alone(tmp_path: Path) -> None:
    """Neither what holds them, nor what it is printed, copied and pickled as, has the text of one."""
    door = Door("127.0.0.1", 0, read_tokens(file_of(tmp_path, ONE)))

    held = pickle.dumps(door) + repr(door).encode() + str(copy.deepcopy(door)).encode()
    assert b"canary" not in held


@pytest.mark.parametrize(
    ("text", "mode", "told"),
    [
        (ONE, 0o604, "everybody can read it"),
        (ONE, 0o620, "its group can change it"),
        ("", 0o600, "holds no token"),
        ("x" * (LEAST - 1), 0o600, "line 1: no token"),
        (f"{ONE}\n{OTHER} twice", 0o600, "line 2: no token"),
        (f"{ONE}\x1b[2J", 0o600, "line 1: no token"),
        ("schlüssel-schlüssel", 0o600, "line 1: no token"),
    ],
)
def test_what_is_no_secret_is_refused(tmp_path: Path, text: str, mode: int, told: str) -> None:
    """Files of others, no token, short ones, several on a line, what a header cannot carry; none is repeated."""
    with pytest.raises(SecretError) as refused:
        read_tokens(file_of(tmp_path, text, mode))

    assert told in str(refused.value)
    assert "canary" not in str(refused.value)


def test_nobody_is_known_where_there_are_no_tokens() -> None:
    """Not even who shows nothing."""
    assert not Tokens(()).knows("")


def test_loopback_is_where_only_this_machine_gets() -> None:
    """By address and by name."""
    assert [True, True, True, True] == [is_loopback(one) for one in ("127.0.0.1", "127.9.9.9", "::1", "localhost")]
    assert [False, False, False] == [is_loopback(one) for one in ("0.0.0.0", "::", "10.0.0.1")]
