"""Which Terraform there is: HashiCorp's by name, else OpenTofu, and whether it is new enough."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from app.domain.frozen import frozen
from app.services.deploy.ports import InfraError
from app.transport.process import ProcessError, run

NAMES = ("terraform", "tofu")
"""In the order they are looked for."""
OLDEST = (1, 6)
"""What the provider's second version asks for; both programs had it under this number."""
_VERSION_TIMEOUT_S = 20.0
_NUMBERS = re.compile(r"(\d+)\.(\d+)\.(\d+)")


@frozen
class Binary:
    """The program that is run."""

    path: str
    version: tuple[int, int, int]
    is_tofu: bool = False

    @property
    def words(self) -> str:
        """For people: `Terraform 1.11.4`."""
        return f"{'OpenTofu' if self.is_tofu else 'Terraform'} {'.'.join(map(str, self.version))}"


def find(command: str, environ: Mapping[str, str]) -> str:
    """The full path of the configured command; of `terraform`, else `tofu`, where none is. Raises InfraError."""
    wanted = (str(Path(command).expanduser()),) if command else NAMES
    for name in wanted:
        found = shutil.which(name, path=environ.get("PATH"))
        if found:
            return found
    if command:
        raise InfraError(f"{command}: no such command; see settings: deploy.terraform", "missing")
    raise InfraError(
        "neither terraform nor tofu is on the path; install one of them (1.6 or newer), or name it in settings: "
        "deploy.terraform",
        "missing",
    )


async def ask(path: str, environ: Mapping[str, str]) -> Binary:
    """What this program says it is. Raises InfraError when it is none, or too old."""
    try:
        told = await run([path, "version", "-json"], _VERSION_TIMEOUT_S, env=environ)
    except ProcessError as error:
        raise InfraError(f"{error}; see settings: deploy.terraform", "missing") from error
    binary = parse_version(path, told.stdout)
    if binary is None:
        raise InfraError(
            f"{path}: does not say its version as Terraform does; see settings: deploy.terraform", "version"
        )
    if binary.version[:2] < OLDEST:
        raise InfraError(f"{path} is {binary.words}; {'.'.join(map(str, OLDEST))} or newer is needed", "version")
    return binary


def parse_version(path: str, told: bytes) -> Binary | None:
    """Read `version -json`, which both programs answer under Terraform's name; None: something else."""
    try:
        answer = json.loads(told)
    except ValueError:
        return None
    text = answer.get("terraform_version") if isinstance(answer, dict) else None
    found = _NUMBERS.match(text) if isinstance(text, str) else None
    if found is None:
        return None
    return Binary(path, (int(found[1]), int(found[2]), int(found[3])), "tofu" in Path(path).resolve().name.lower())
