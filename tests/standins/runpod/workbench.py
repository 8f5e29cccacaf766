"""A folder in which the real Terraform works against an emulated RunPod, through the stand-in provider."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.standins.runpod.emulator import Emulator
from tests.standins.runpod.provider.layout import dev_overrides, mirror
from tests.tools.parts import find

REQUIRED = """
terraform {
  required_providers {
    runpod = { source = "runpod/runpod", version = "~> 2.0" }
  }
}
provider "runpod" {}
"""


@dataclass
class Workbench:
    """Terraform in a folder of its own; `stop` is what the provider does when Terraform is interrupted."""

    folder: Path
    runpod: Emulator
    stop: str = "graceful"
    is_mirror: bool = False
    """False: dev_overrides, which needs no `init`."""
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        layout = mirror if self.is_mirror else dev_overrides
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
        self.environ = kept | {
            "TF_CLI_CONFIG_FILE": str(layout(self.folder / "providers")),
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "CHECKPOINT_DISABLE": "1",
            "RUNPOD_API_BASE_URL": self.runpod.url,
            "RUNPOD_API_KEY": self.runpod.key,
            "STANDIN_STOP": self.stop,
            **self.environ,
        }

    def write(self, configuration: str) -> None:
        """Write what is wished for."""
        (self.folder / "main.tf").write_text(REQUIRED + configuration)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start Terraform, in a session of its own."""
        command = find("terraform")
        assert command is not None, "mark this test with the part terraform"
        return subprocess.Popen(
            [command, *arguments],
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> Run:
        """Run it to its end."""
        return ended(self.start(*arguments))

    def apply(self, *arguments: str) -> Run:
        """Apply what is wished for, with events."""
        return self.run("apply", "-auto-approve", "-json", *arguments)

    @property
    def state(self) -> dict[str, dict[str, Any]]:
        """What the state has: attributes by address."""
        found = self.folder / "terraform.tfstate"
        text = found.read_text() if found.exists() else ""
        resources = json.loads(text)["resources"] if text else []
        return {
            f"{each['type']}.{each['name']}{_index(instance)}": instance["attributes"]
            for each in resources
            for instance in each["instances"]
        }


def _index(instance: dict[str, Any]) -> str:
    return f"[{instance['index_key']}]" if "index_key" in instance else ""


@dataclass(frozen=True)
class Run:
    """What came of one run of Terraform."""

    status: int
    events: tuple[dict[str, Any], ...]
    """Of `-json`; empty without it."""
    text: str
    """All it said."""

    @property
    def errors(self) -> tuple[str, ...]:
        """Summary and detail of each error."""
        found = (event["diagnostic"] for event in self.events if event["type"] == "diagnostic")
        return tuple(f"{each['summary']}: {each['detail']}" for each in found if each["severity"] == "error")

    def changes(self, kind: str = "planned_change") -> dict[str, str]:
        """Actions by address: what is planned, or with `resource_drift` what was found changed."""
        found = (event["change"] for event in self.events if event["type"] == kind)
        return {each["resource"]["addr"]: each["action"] for each in found}


def ended(process: subprocess.Popen[str], within_s: float = 60) -> Run:
    """Wait for the end of a run."""
    out, error = process.communicate(timeout=within_s)
    lines: Sequence[str] = out.splitlines()
    events = tuple(json.loads(line) for line in lines if line.startswith('{"@level"'))
    return Run(process.returncode, events, out + error)
