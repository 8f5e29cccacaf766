"""Puts the real parts of `Deploys` together; neither httpx nor hcl2 is loaded before one of them is used."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

from app.config.secret import Secret, SecretError, read_secret_file
from app.config.settings import Settings
from app.domain.deployment import Deployment
from app.domain.frozen import frozen
from app.services.deploy.deploying import Deploys
from app.services.deploy.errors import stop
from app.services.deploy.folder import DeploymentFolder
from app.services.deploy.ports import DeployError, Hands, Infra, Provider
from app.services.deploy.run import Pace, Parts
from app.services.deploy.secrets import Redact, file_named, provider_key, redactor
from app.transport.clock import Clock

BASE_URL = "RUNPOD_API_BASE_URL"
"""The provider's address without `/v2`, as its own tools call the variable."""
HF_VARIABLE = "HF_TOKEN"
USUAL = Pace()


@contextlib.asynccontextmanager
async def deploying(
    settings: Settings, state_dir: Path, environ: Mapping[str, str], clock: Clock, pace: Pace = USUAL
) -> AsyncIterator[Deploys]:
    """The verbs on this user's deployments, with the real provider, Terraform and ssh behind them.

    Nothing is asked for before a verb needs it: what is on disk can be read without a key.
    """
    yield Deploys(_Real(settings, state_dir, environ, clock, pace).parts())


@frozen
class _Real:
    """Makes the real parts."""

    settings: Settings
    state_dir: Path
    environ: Mapping[str, str]
    clock: Clock
    pace: Pace

    def parts(self) -> Parts:
        """All of them; those that load much come late."""
        from app.services.deploy import keys, watching  # noqa: PLC0415 - late: see the module

        return Parts(
            state_dir=self.state_dir,
            clock=self.clock,
            provider=self.provider,
            infra=self.infra,
            hands=self.hands,
            public_key=lambda folder: keys.public_key(folder, self.settings.deploy.ssh_key),
            watch=watching.watch,
            unwatch=watching.unwatch,
            redact=self.redact,
            needed=self.needed,
            prices=self.settings.prices,
            pace=self.pace,
        )

    def provider(self) -> Provider:
        """A client of the provider's API. Raises DeployError without a key, ProviderError for a wrong address."""
        from app.sources.runpod.client import DEFAULT_URL, RunPod  # noqa: PLC0415 - late: see the module

        return RunPod(self._key(), self.environ.get(BASE_URL) or DEFAULT_URL, clock=self.clock)

    def infra(self, folder: DeploymentFolder, log: Callable[[str], None]) -> Infra:
        """Terraform in a deployment's folder. Raises DeployError without a key."""
        from app.services.terraform.driver import Setup, Terraform  # noqa: PLC0415 - late: see the module

        deploy = self.settings.deploy
        overlay = str(file_named(self.settings, deploy.overlay)) if deploy.overlay else ""
        base_url = self.environ.get(BASE_URL, "")
        return Terraform(folder.terraform, Setup(self.environ, self._key(), base_url, deploy.terraform, overlay), log)

    def hands(self, folder: DeploymentFolder, deployment: Deployment) -> contextlib.AbstractAsyncContextManager[Hands]:
        """What works on a deployment's pods."""
        from app.services.deploy import keys  # noqa: PLC0415 - late: see the module
        from app.services.deploy.hands import Ground, SshHands  # noqa: PLC0415 - likewise

        key = keys.key_path(folder, self.settings.deploy.ssh_key)
        return SshHands(Ground(folder, self.state_dir, deployment.wish, self.clock, key, self._hf_token))

    def needed(self, deployment: Deployment) -> None:
        """The token that a model may need, where one is wished for: destroying must not depend on it."""
        if deployment.wish.model:
            self._hf_token()

    def redact(self) -> Redact:
        """Takes whatever of these secrets there is out of text."""
        found: list[Secret] = []
        for read in (self._key, self._hf_token):
            with contextlib.suppress(DeployError):
                secret = read()
                found += [secret] if secret else []
        return redactor(found)

    def _key(self) -> Secret:
        return provider_key(self.settings, self.environ)

    def _hf_token(self) -> Secret | None:
        named = self.settings.deploy.hf_token_file
        if not named:
            text = self.environ.get(HF_VARIABLE, "").strip()
            return Secret(text) if text.isprintable() and text else None
        try:
            return read_secret_file(file_named(self.settings, named))
        except SecretError as error:
            raise stop("no_hf_token", f"The Hugging Face token cannot be used: {error}", name="NAME") from error
