"""The stand-in for the Terraform provider `runpod/runpod` 2.0.0: what its executable runs.

It refuses any address that is not loopback, so that no test can ever rent a real pod.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from threading import Thread
from typing import NoReturn
from urllib.parse import urlsplit

from tf import runner, schema
from tf.iface import Config, DataSource, Provider, Resource
from tf.schema import Attribute
from tf.utils import Diagnostics

from tests.standins.runpod.provider import plugin
from tests.standins.runpod.provider.api import Api
from tests.standins.runpod.provider.catalogue_data import DataCenters, GpuTypes
from tests.standins.runpod.provider.pod import Pod, PodData
from tests.standins.runpod.provider.volume import NetworkVolume

LOOPBACK = ("127.0.0.1", "localhost", "::1")
LOOK_S = 0.25
"""How often it is seen whether Terraform still lives."""


class RunPodProvider(Provider):
    """The provider."""

    api: Api | None = None
    """None until it is configured."""

    def get_model_prefix(self) -> str:
        return "runpod_"

    def full_name(self) -> str:
        return "registry.terraform.io/runpod/runpod"

    def get_provider_schema(self, diags: Diagnostics) -> schema.Schema:
        return schema.Schema(
            attributes=[
                Attribute("api_key", plugin.TEXT, optional=True, sensitive=True),
                plugin.given("base_url", plugin.TEXT),
                plugin.given("graphql_url", plugin.TEXT),
            ]
        )

    def validate_config(self, diags: Diagnostics, config: Config) -> None:
        """Nothing to check before it is configured."""

    def configure_provider(self, diags: Diagnostics, config: Config) -> None:
        key = config.get("api_key") or os.environ.get("RUNPOD_API_KEY")
        base = config.get("base_url") or os.environ.get("RUNPOD_API_BASE_URL")
        if not base:
            diags.add_error("The stand-in needs RUNPOD_API_BASE_URL", "It only ever talks to an emulator on loopback.")
        elif urlsplit(base).hostname not in LOOPBACK:
            diags.add_error("The stand-in refuses an address that is not loopback", base)
        elif not key:
            diags.add_error("Missing RunPod API Key", "Set api_key in the provider block, or RUNPOD_API_KEY.")
        else:
            self.api = Api(base, key)

    def get_data_sources(self) -> list[type[DataSource]]:
        return [PodData, GpuTypes, DataCenters]

    def get_resources(self) -> list[type[Resource]]:
        return [Pod, NetworkVolume]


def _end_with(parent: int) -> None:
    """End when Terraform was killed: nobody else would end us, and tests kill it a hundred times."""
    while os.getppid() == parent:
        time.sleep(LOOK_S)
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> NoReturn:
    """Serve until Terraform ends us, which it does several times a command: an end has to be as cheap as a start."""
    plugin.install()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # so that the socket's folder is removed
    Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    try:
        runner.run_provider(RunPodProvider(), sys.argv)
    finally:
        sys.stdout.flush()
        os._exit(0)
