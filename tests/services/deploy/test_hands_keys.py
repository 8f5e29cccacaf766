"""The keys of a deployment are made once, private, and found again."""

from pathlib import Path

import pytest

from app.services.deploy import keys
from app.services.deploy.folder import folder_of
from app.services.deploy.ports import DeployError

pytestmark = pytest.mark.real("ssh")


async def test_an_ssh_key_is_made_once(tmp_path: Path) -> None:
    """The same public half is told each time, also when its file is gone; the private one is its owner's alone."""
    folder = folder_of(tmp_path, "lab")
    first = await keys.public_key(folder)
    private = folder.key.read_bytes()
    folder.key.with_name("id_ed25519.pub").unlink()
    again = await keys.public_key(folder)

    assert first.split()[:2] == again.split()[:2]
    assert (0o600, private) == (folder.key.stat().st_mode & 0o777, folder.key.read_bytes())


async def test_a_key_that_is_named_is_never_made(tmp_path: Path) -> None:
    """A configured key that is not there is an error, and nothing is written in its place."""
    named = tmp_path / "mine"
    with pytest.raises(DeployError, match="there is no file") as caught:
        await keys.public_key(folder_of(tmp_path, "lab"), str(named))

    assert ("no_ssh_key", False) == (caught.value.trouble.code, named.exists())


def test_tokens_stay_the_same_and_private(tmp_path: Path) -> None:
    """Exporter and model have a token each, made at the first question; one that is broken says which file it is."""
    folder = folder_of(tmp_path, "lab")
    folder.make()
    first, again = keys.tokens(folder), keys.tokens(folder)
    files = (keys.exporter_token_file(folder), keys.model_key_file(folder))

    assert (first, {0o600}) == (again, {path.stat().st_mode & 0o777 for path in files})
    assert first.exporter != first.model
    assert "***" == str(first.exporter)
    files[0].write_text("")
    with pytest.raises(DeployError, match="cannot be read") as caught:
        keys.tokens(folder)
    assert str(files[0]) in caught.value.trouble.what
