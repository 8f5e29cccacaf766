"""The pods of our deployments as a source of kind `provider`: what they cost, how they stand, and which are gone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from app.config.secret import Secret, SecretError, read_secret_file
from app.config.settings import Deploy
from app.domain.reading import NodeReading, Reading, SourceSpec
from app.domain.refusals import Kind, ProviderError
from app.domain.rented import NOTE, POD, WAS_ENDED
from app.sources.registry import Making
from app.sources.rented_targets import KEY, SCHEME, URL
from app.sources.runpod.client import DEFAULT_URL, RunPod
from app.sources.runpod.expected import read_expected
from app.sources.runpod.rented import read_nodes
from app.transport.clock import Clock


class RunPodSource:
    """All pods of the deployments in one folder; one request a look, and none where there is nothing to look for."""

    def __init__(
        self, spec: SourceSpec, folder: Path, deploy: Deploy, environ: Mapping[str, str], clock: Clock, timeout_s: float
    ) -> None:
        self.spec = spec
        self.timeout_s = timeout_s
        self._folder = folder
        self._deploy = deploy
        self._environ = environ
        self._clock = clock
        self._client: RunPod | None = None
        self._before: dict[str, str] = {}
        """Pod of each node at the last look."""

    async def read(self) -> Reading:
        """Look once; a failure is a reading."""
        began = self._clock.monotonic()
        try:
            nodes = await self._look()
        except ProviderError as error:
            if error.kind == Kind.AUTH:  # a new key may have come: it is read again for the next look
                await self.close()
            return self._failed(str(error), began)
        except SecretError as error:
            return self._failed(f"RunPod's API key: {error}; see settings: deploy.api_key_file", began)
        now = self._clock.now()
        return Reading(self.spec.name, now, self._clock.monotonic() - began, nodes=nodes)

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _look(self) -> tuple[NodeReading, ...]:
        expected = read_expected(self._folder)
        if not expected and not self._before:
            return ()
        if self._client is None:
            base = self._environ.get(URL, "") or DEFAULT_URL
            self._client = RunPod(self._key(), base, clock=self._clock)
        # The list is asked for after the records were read: a pod that is in them was made before.
        nodes = read_nodes(expected, await self._client.pods(), self._before)
        self._before = {one.name: one.facts[POD] for one in nodes if one.facts[NOTE] != WAS_ENDED}
        return nodes

    def _key(self) -> Secret:
        """The key, from its file or the environment. Raises SecretError."""
        if self._deploy.api_key_file:
            return read_secret_file(Path(self._deploy.api_key_file).expanduser())
        return Secret(self._environ.get(KEY, ""))

    def _failed(self, error: str, began: float) -> Reading:
        return Reading.failed(self.spec.name, self._clock.now(), error, self._clock.monotonic() - began)


def make(making: Making) -> RunPodSource:
    """Make the source of `runpod:FOLDER`, the folder of the deployments."""
    folder = Path(making.target.url.removeprefix(SCHEME))
    return RunPodSource(making.spec, folder, making.deploy, making.environ, making.clock, making.timeout_s)
