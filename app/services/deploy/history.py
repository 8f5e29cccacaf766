"""What is kept of a deployment that was destroyed, when another one takes its name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from app.config.paths import private_dir
from app.services.deploy.folder import DeploymentFolder


def archive(folder: DeploymentFolder, identity: str) -> Path:
    """Move record, journal and Terraform's folder of the former deployment aside. Raises OSError."""
    told = (folder.events, folder.log, folder.known_hosts, folder.ssh_config)
    return _moved(folder, identity, (folder.record, folder.terraform, *told))


def archive_told(folder: DeploymentFolder, identity: str) -> Path:
    """The same of what was told alone: record and Terraform's folder go on, since they know of a volume."""
    return _moved(folder, identity, (folder.events, folder.log, folder.known_hosts, folder.ssh_config))


def _moved(folder: DeploymentFolder, identity: str, paths: Iterable[Path]) -> Path:
    past = private_dir(private_dir(folder.path / "history") / identity)
    for path in paths:
        if path.exists():
            path.rename(_free(past / path.name))
    return past


def _free(path: Path) -> Path:
    """A name that is not taken: an archive that was interrupted is gone on with."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}.{number}")
    return free
