"""The file of those who come in over TCP."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from app.config.api_tokens import TokenLine, add_token, hash_of, holder, read_lines
from app.config.secret import SecretError


def written(path: Path, text: str, mode: int = 0o600) -> Path:
    """A file with a mode."""
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_new_token_is_kept_as_a_hash_alone(tmp_path: Path) -> None:
    """In a private file; it is its holder's from then on, and nobody else's."""
    path = tmp_path / "tokens"
    token, other = add_token(path, "ana", "view"), add_token(path, "grafana", "admin")

    assert [("ana", "view"), ("grafana", "admin")] == [(one.name, one.role) for one in read_lines(path)]
    assert token not in path.read_text()
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert ["ana", "grafana", None] == [
        found.name if (found := holder(read_lines(path), one)) else None for one in (token, other, token + "x")
    ]


def test_a_plain_token_is_an_admins(tmp_path: Path) -> None:
    """Comments and blank lines are passed over."""
    path = written(tmp_path / "tokens", "# ours\n\n0123456789abcdef\n")

    assert (TokenLine("line-3", "admin", hash_of("0123456789abcdef")),) == read_lines(path)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "holds no token"),
        ("short", "line 1"),
        ("ana boss sha256:" + "0" * 64, "line 1"),
        ("ana view sha256:xyz", "line 1"),
        ("../ana view sha256:" + "0" * 64, "line 1"),
        ("sha256:" + "0" * 64, "without a name"),
        ("ana view sha256:" + "0" * 64 + "\nana act sha256:" + "1" * 64, "same name"),
    ],
)
def test_a_line_that_is_none_is_named(tmp_path: Path, text: str, why: str) -> None:
    """With its number, and nothing of what may be a secret."""
    with pytest.raises(SecretError, match=why) as caught:
        read_lines(written(tmp_path / "tokens", text))
    assert "0" * 64 not in str(caught.value)


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """Hashes of tokens are no secret, but plain tokens may stand beside them."""
    with pytest.raises(SecretError, match="chmod 600"):
        read_lines(written(tmp_path / "tokens", "0123456789abcdef", 0o644))


@pytest.mark.parametrize(("name", "role"), [("", "view"), ("a b", "view"), ("ana", "boss"), ("-x", "view")])
def test_a_name_or_role_that_is_none_makes_no_token(tmp_path: Path, name: str, role: str) -> None:
    """Nothing is written."""
    with pytest.raises(SecretError):
        add_token(tmp_path / "tokens", name, role)
    assert not (tmp_path / "tokens").exists()


def test_a_second_token_of_the_same_name_is_refused(tmp_path: Path) -> None:
    """The audit log could not tell them apart."""
    add_token(tmp_path / "tokens", "ana", "view")
    with pytest.raises(SecretError, match="has a token already"):
        add_token(tmp_path / "tokens", "ana", "admin")
