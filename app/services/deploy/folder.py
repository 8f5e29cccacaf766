"""Where a deployment's files are: one private folder each, under `deployments` in the user's state folder."""

from __future__ import annotations

from pathlib import Path

from app.config import paths
from app.config.paths import private_dir
from app.domain.frozen import frozen


@frozen
class DeploymentFolder:
    """Names of the files of one deployment; no file here ever holds a token of the provider."""

    path: Path

    @property
    def record(self) -> Path:
        """The deployment itself, as JSON, written whole and renamed."""
        return self.path / "deployment.json"

    @property
    def events(self) -> Path:
        """Every event, a JSON object a line; the screen follows it."""
        return self.path / "events.ndjson"

    @property
    def log(self) -> Path:
        """The same for people, with what Terraform and the pods said."""
        return self.path / "deploy.log"

    @property
    def lock(self) -> Path:
        """Held while a run changes anything."""
        return self.path / "lock"

    @property
    def agreed(self) -> Path:
        """What a person agreed to in a run that goes on (see `agreement`); not there: nobody is to go on with it."""
        return self.path / "agreed.json"

    @property
    def terraform(self) -> Path:
        """Working folder of Terraform: module, variables, state, plan."""
        return self.path / "terraform"

    @property
    def ssh_config(self) -> Path:
        """One `Host` a node: address, port, key, pinned host key. `ssh -F FILE lab-head` works for people, too."""
        return self.path / "ssh_config"

    @property
    def known_hosts(self) -> Path:
        """Host keys, under each pod's id."""
        return self.path / "known_hosts"

    @property
    def key(self) -> Path:
        """The deployment's own ssh key, where the user named none; `.pub` beside it."""
        return self.path / "id_ed25519"

    @property
    def targets(self) -> Path:
        """What is there to be watched: exporters, logs, model, Slurm, prices, as JSON (see `watching`)."""
        return self.path / paths.WATCH

    @property
    def memory(self) -> Path:
        """What the keeper has seen of it (see `memory`)."""
        return self.path / "keeper.json"

    def make(self) -> None:
        """Make the folder, private."""
        private_dir(self.path.parent)
        private_dir(self.path)


def deployments_dir(state_dir: Path) -> Path:
    """The folder of all deployments."""
    return paths.deployments_dir(state_dir)


def folder_of(state_dir: Path, name: str) -> DeploymentFolder:
    """The folder of one."""
    return DeploymentFolder(deployments_dir(state_dir) / name)
