"""Terraform's folder of one deployment: the module's files, the user's, the variables; written where they differ."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from app.config.paths import private_dir
from app.domain.deployment import Deployment, Node, Wish
from app.domain.frozen import frozen
from app.services.deploy.ports import InfraError
from app.services.terraform.overlay import Overlay

VARIABLES = "gpu-watchdog.auto.tfvars.json"
PLAN, DESTROY_PLAN = "apply.tfplan", "destroy.tfplan"
READY = ".initialised"
"""Holds the fingerprint of what Terraform was initialised for."""
ADOPTED = "adopted_override.tf"
LOCK_INFO = ".terraform.tfstate.lock.info"
"""Terraform's own note of who holds the state."""


def modules_dir() -> Path:
    """Where the Terraform files are: beside the packages in a wheel, in `terraform` of a checkout."""
    root = Path(__file__).parents[3]
    for folder in (root / "gpu_watchdog_data" / "terraform", root / "terraform"):
        if (folder / "cluster" / "main.tf").is_file():
            return folder
    raise InfraError("this installation lacks its Terraform files; install it anew", "missing")


def variables_of(deployment: Deployment, public_key: str) -> dict[str, object]:
    """The module's variables. Raises InfraError where a volume is wished for and no data centre is known."""
    wish = deployment.wish
    variables: dict[str, object] = {
        "name_prefix": deployment.prefix,
        "nodes": {node.key: _node(node, wish) for node in deployment.nodes},
        "disk_gb": wish.disk_gb,
        "public_key": public_key.strip(),
        "cloud": wish.cloud,
    }
    if wish.image:
        variables["image"] = wish.image
    if wish.volume_gb:
        head = deployment.head
        chosen = deployment.volume_center or (head.offer.data_center if head else "")
        center = chosen or next(iter(wish.data_centers), "")
        if not center:
            raise InfraError("a network volume needs a data centre: name one (--data-center)", "config")
        variables["volume"] = {"size_gb": wish.volume_gb, "data_center": center}
    return variables


def _node(node: Node, wish: Wish) -> dict[str, object]:
    center = node.offer.data_center
    return {
        "gpu_type": node.offer.gpu_type,
        "gpu_count": node.offer.gpus,
        "data_centers": [center] if center else list(wish.data_centers),
    }


@frozen
class Workspace:
    """The folder; everything in it is its owner's alone."""

    path: Path

    @property
    def variables(self) -> Path:
        """What the module is given."""
        return self.path / VARIABLES

    def plan_file(self, *, is_destroy: bool) -> Path:
        """Where a plan is saved."""
        return self.path / (DESTROY_PLAN if is_destroy else PLAN)

    def spares_adopted(self) -> bool:
        """Whether the file is there that keeps pods of unknown make from being replaced for it."""
        return (self.path / ADOPTED).is_file()

    def spare_adopted(self) -> None:
        """Lay that file out."""
        _write(self.path / ADOPTED, (modules_dir() / "adopted" / ADOPTED).read_text("utf-8"))

    def lay_out(self, variables: Mapping[str, object], overlay: Overlay, *, spare_adopted: bool = False) -> None:
        """Write what differs, and take away what is no longer ours. Raises InfraError where that fails."""
        modules = modules_dir()
        try:
            files = {file.name: file.read_text("utf-8") for file in (modules / "cluster").glob("*.tf")}
            if "volume" in variables:
                files["volume.tf"] = (modules / "volume" / "volume.tf").read_text("utf-8")
            if spare_adopted:
                files[ADOPTED] = (modules / "adopted" / ADOPTED).read_text("utf-8")
            files |= dict(overlay.files)
            private_dir(self.path)
            for name, text in files.items():
                _write(self.path / name, text)
            for old in self.path.glob("*.tf"):
                if old.name not in files:
                    old.unlink()
            _write(self.variables, json.dumps(variables, indent=2, sort_keys=True) + "\n")
        except OSError as error:
            reason = error.strerror or str(error)
            raise InfraError(f"{self.path}: Terraform's files cannot be written: {reason}", "failed") from error

    def fingerprint(self, *more: str) -> str:
        """Of all that decides which providers and modules are needed, and where they come from."""
        digest = hashlib.sha256()
        for file in sorted(self.path.glob("*.tf")):
            digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
        for text in more:
            digest.update(text.encode() + b"\0")
        return digest.hexdigest()

    def is_ready(self, fingerprint: str) -> bool:
        """Terraform was initialised for just this."""
        try:
            return (self.path / READY).read_text("utf-8") == fingerprint
        except OSError:
            return False

    def ready(self, fingerprint: str) -> None:
        """Note that Terraform is initialised for this; empty: for nothing."""
        _write(self.path / READY, fingerprint)

    def holder(self) -> str:
        """Who holds the state, by Terraform's own note, which a killed one leaves behind; empty: nobody said."""
        try:
            told = json.loads((self.path / LOCK_INFO).read_text("utf-8"))
        except (OSError, ValueError):
            return ""
        words = [told.get(name) for name in ("Who", "Created")] if isinstance(told, dict) else []
        return " since ".join(word for word in words if isinstance(word, str) and word)

    def tighten(self) -> None:
        """Make every file its owner's alone: one that another program made may be looser."""
        for file in self.path.iterdir():
            # One may go meanwhile: Terraform's note on its lock does.
            with suppress(FileNotFoundError):
                if file.is_file() and not file.is_symlink() and file.stat().st_mode & 0o077:
                    file.chmod(0o600)


def _write(file: Path, text: str) -> None:
    """Write a file whole, 0600; one that holds just this stays as it is."""
    try:
        if file.read_text("utf-8") == text:
            return
    except (OSError, UnicodeDecodeError):
        pass
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as new:
            new.write(text)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
