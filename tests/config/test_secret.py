"""Secrets are not shown, copied or written anywhere unless asked for by name."""

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from app.config.secret import Secret, SecretError, permission_problem, read_secret_file

TEXT = "hunter2"


@dataclass
class Holder:
    token: Secret


def file_with(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "token"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_no_way_of_printing_shows_it() -> None:
    """str, repr, every format, and what holds it show three stars."""
    secret = Secret(TEXT)
    shown = (
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret!r:>9}",
        f"{secret:>9}",
        "%s" % secret,  # noqa: UP031 - the way that is meant
        repr(Holder(secret)),
    )

    assert not [one for one in shown if TEXT in one]
    assert ("***", "***") == (str(secret), f"{secret:>9}")
    assert TEXT == secret.reveal()


@pytest.mark.parametrize(
    "take", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, lambda s: asdict(Holder(s)), vars]
)
def test_no_way_of_copying_takes_it(take: Callable[[Secret], object]) -> None:
    """Pickle, copy, JSON and asdict refuse it."""
    with pytest.raises(TypeError):
        take(Secret(TEXT))


def test_equal_texts_are_equal_secrets() -> None:
    """Secrets compare by text among themselves and equal nothing else."""
    assert (Secret("a"), True) == (Secret("a"), bool(Secret("a")))
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert not Secret("")
    assert 1 == len({Secret("a"), Secret("a")})


def test_a_private_file_is_read_without_the_space_around_it(tmp_path: Path) -> None:
    """What a file holds is the secret, minus the line end editors leave."""
    path = file_with(tmp_path, b"  hunter2\n")

    assert Secret(TEXT) == read_secret_file(path)
    assert permission_problem(path) is None


@pytest.mark.parametrize(
    ("mode", "says"),
    [(0o644, "everybody can read it"), (0o606, "everybody can change it"), (0o660, "its group can change it")],
)
def test_a_file_open_to_others_is_refused(tmp_path: Path, mode: int, says: str) -> None:
    """A token that anybody could have read or put there is not used, and the remedy is said."""
    path = file_with(tmp_path, b"hunter2", mode)

    with pytest.raises(SecretError, match=f"{says}; run: chmod 600") as caught:
        read_secret_file(path)
    assert TEXT not in str(caught.value)


def test_a_group_that_may_read_is_named_but_accepted(tmp_path: Path) -> None:
    """A service's group may read its token; `permission_problem` says so."""
    path = file_with(tmp_path, b"hunter2", 0o640)

    assert Secret(TEXT) == read_secret_file(path)
    assert f"{path}: its group can read it; run: chmod 600 {path}" == permission_problem(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b" \n", "empty"),
        (b"a\nb", "one line"),
        (b"\xff\xfe", "not text"),
        (b"x" * 70000, "larger"),
        (b"a\x1bb", "control"),
    ],
)
def test_what_is_no_token_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    """Files that cannot hold a token are refused with the reason."""
    with pytest.raises(SecretError, match=says):
        read_secret_file(file_with(tmp_path, content))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """A file that is not there is an error that names it."""
    with pytest.raises(SecretError, match="token: cannot be read: No such file"):
        read_secret_file(tmp_path / "token")
