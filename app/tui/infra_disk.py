"""What stands on disk of every deployment, read in one go in a thread: record, journal, who works on it, ssh's file."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.deployment import DeployEvent, Deployment
from app.domain.frozen import frozen
from app.present.infra_told import Need
from app.services.deploy.agreement import carrier
from app.services.deploy.folder import DeploymentFolder, folder_of
from app.services.deploy.journal import follow
from app.services.deploy.lock import holder
from app.services.deploy.record import RecordError, names, read_record

if TYPE_CHECKING:
    from app.config.settings import Deploy

KEY = "RUNPOD_API_KEY"
MOST_PARTS = 32
"""Parts of a journal, a megabyte each, that one reading takes in."""


@frozen
class JournalRead:
    """What was new in one journal."""

    began_at: int
    ends_at: int
    """Offsets in bytes; it was begun anew where it ends before it began."""
    events: tuple[DeployEvent, ...]
    held_by: str
    """Who works on the deployment; empty: nobody."""
    ssh_config: str
    """Path of ssh's configuration; empty: not written yet."""

    @property
    def is_anew(self) -> bool:
        """The journal was shortened or replaced."""
        return self.ends_at < self.began_at


@frozen
class Read:
    """What was found."""

    deployments: tuple[Deployment, ...] = ()
    journals: Mapping[str, JournalRead] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """Why records cannot be read, by name."""
    carrier: str = ""
    """The daemon that goes on with runs that are left, `process 123`; empty: there is none."""


def read_disk(state_dir: Path, offsets: Mapping[str, int]) -> Read:
    """Every deployment, and what is new in its journal since `offsets`."""
    found: list[Deployment] = []
    journals: dict[str, JournalRead] = {}
    unreadable: dict[str, str] = {}
    for name in names(state_dir):
        folder = folder_of(state_dir, name)
        try:
            found.append(read_record(folder))
        except FileNotFoundError:
            continue
        except RecordError as error:
            unreadable[name] = str(error)
            continue
        journals[name] = _journal(folder, offsets.get(name, 0))
    return Read(tuple(found), journals, unreadable, carrier(state_dir))


def _journal(folder: DeploymentFolder, offset: int) -> JournalRead:
    events: list[DeployEvent] = []
    at = offset
    for _ in range(MOST_PARTS):
        part, ends_at = follow(folder.events, at)
        events += part
        if ends_at == at:
            break
        at = ends_at
    ssh_config = str(folder.ssh_config) if folder.ssh_config.is_file() else ""
    return JournalRead(offset, at, tuple(events), holder(folder), ssh_config)


@cache
def read_helps() -> Mapping[str, str]:
    """What the Terraform module says of each of its variables; nothing where its files cannot be read."""
    # Late: reading Terraform's language takes a library that only this needs, and some tenths of a second.
    from app.services.deploy.ports import InfraError  # noqa: PLC0415
    from app.services.terraform.hcl import HclError  # noqa: PLC0415
    from app.services.terraform.variables import read_variables  # noqa: PLC0415
    from app.services.terraform.workspace import modules_dir  # noqa: PLC0415

    try:
        folders = [modules_dir() / name for name in ("cluster", "volume")]
        return {one.name: one.description for folder in folders for one in read_variables(folder)}
    except (InfraError, HclError, OSError, ImportError):
        return {}


def needs_of(deploy: Deploy, environ: Mapping[str, str]) -> tuple[Need, ...]:
    """What deploying needs, and whether it is there; nobody is asked over the network."""
    return (_key(deploy, environ), _terraform(deploy, environ), _ssh(environ))


def _key(deploy: Deploy, environ: Mapping[str, str]) -> Need:
    path = Path(deploy.api_key_file).expanduser() if deploy.api_key_file else None
    if path is not None:
        if path.is_file():
            return Need("API key", is_met=True, said=f"in {path}")
        return Need("API key", is_met=False, said=f"{path} is not there; [deploy] api_key_file names it")
    if environ.get(KEY):
        return Need("API key", is_met=True, said=f"in {KEY}")
    told = f"none: set {KEY}, or name a file with it (0600) in [deploy] api_key_file"
    return Need("API key", is_met=False, said=told)


def _terraform(deploy: Deploy, environ: Mapping[str, str]) -> Need:
    path = environ.get("PATH", "")
    words = (deploy.terraform,) if deploy.terraform else ("terraform", "tofu")
    found = next((at for word in words if (at := shutil.which(word, path=path)) is not None), None)
    if found is not None:
        return Need("Terraform", is_met=True, said=found)
    told = f"{deploy.terraform} is not there" if deploy.terraform else "neither terraform nor tofu is on the path"
    return Need("Terraform", is_met=False, said=f"{told}: install one, or name it in [deploy] terraform")


def _ssh(environ: Mapping[str, str]) -> Need:
    found = shutil.which("ssh", path=environ.get("PATH", ""))
    if found is not None:
        return Need("ssh", is_met=True, said=found)
    return Need("ssh", is_met=False, said="not on the path: install OpenSSH's client")
