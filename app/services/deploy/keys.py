"""Keys that are made for one deployment: its ssh key, and what exporter and model ask for; private files, all."""

from __future__ import annotations

import secrets
from pathlib import Path

from app.config.secret import Secret, SecretError, read_secret_file
from app.domain.deployment import Trouble
from app.services.deploy import marks
from app.services.deploy.folder import DeploymentFolder
from app.services.deploy.login import Tokens
from app.services.deploy.ports import DeployError
from app.services.deploy.ssh_files import write_whole
from app.transport.process import ProcessError, run

_KEYGEN_S = 20.0
_TOKEN_BYTES = 32


def exporter_token_file(folder: DeploymentFolder) -> Path:
    """Holds the token of all its exporters."""
    return folder.path / "exporter_token"


def model_key_file(folder: DeploymentFolder) -> Path:
    """Holds the key of its model server."""
    return folder.path / "model_key"


def munge_key_id_file(folder: DeploymentFolder) -> Path:
    """Holds a few digits of the munge key's hash; the key itself is never written here."""
    return folder.path / "munge_key_id"


def tokens(folder: DeploymentFolder) -> Tokens:
    """The tokens of a deployment, made when they are first asked for. Raises DeployError."""
    return Tokens(_kept(exporter_token_file(folder)), _kept(model_key_file(folder)))


def key_path(folder: DeploymentFolder, configured: str = "") -> Path:
    """Where the private key for the pods is: the one that is configured, else the deployment's own."""
    return Path(configured).expanduser() if configured else folder.key


async def public_key(folder: DeploymentFolder, configured: str = "") -> str:
    """The public half of the key for the pods, one line; the deployment's own is made. Raises DeployError."""
    key = key_path(folder, configured)
    if not configured and not _is_there(key):
        folder.make()
        words = ("-q", "-t", "ed25519", "-N", "", "-C", f"gpu-watchdog {folder.path.name}", "-f", str(key))
        await _keygen(words, f"No ssh key could be made at {key}")
    if not _is_there(key):
        what = f"[deploy] ssh_key: there is no file {key}."
        raise DeployError(Trouble(what, marks.next_of("no_ssh_key", ""), code="no_ssh_key"))
    try:
        text = _public(key).read_text(encoding="ascii", errors="replace").strip()
    except OSError:  # it can be told from the private one, where no passphrase guards it
        text = await _keygen(("-y", "-P", "", "-f", str(key)), f"{_public(key)} is missing and cannot be made again")
    return text.splitlines()[0].strip() if text else ""


async def _keygen(words: tuple[str, ...], failed: str) -> str:
    try:
        result = await run(("ssh-keygen", *words), _KEYGEN_S)
    except ProcessError as error:
        raise DeployError(Trouble(f"{failed}: {error}.", marks.next_of("no_ssh", ""), code="no_ssh")) from error
    if not result.ok:
        said = result.stderr.decode("utf-8", "replace").strip().splitlines()
        what = f"{failed}: {said[-1] if said else 'ssh-keygen failed'}."
        raise DeployError(Trouble(what, marks.next_of("no_ssh_key", ""), code="no_ssh_key"))
    return result.stdout.decode("ascii", "replace").strip()


def _is_there(path: Path) -> bool:
    return path.is_file()


def _public(key: Path) -> Path:
    return key.with_name(f"{key.name}.pub")


def _kept(path: Path) -> Secret:
    """The secret of a file; made where there is none."""
    if not path.exists():
        write_whole(path, f"{secrets.token_urlsafe(_TOKEN_BYTES)}\n")
    try:
        return read_secret_file(path)
    except SecretError as error:
        what = f"A key of the deployment cannot be read: {error}."
        raise DeployError(
            Trouble(what, f"Remove {path}; run deploy again, which makes another.", code="bad_token")
        ) from error
