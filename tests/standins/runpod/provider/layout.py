"""Where Terraform looks for the stand-in provider: an executable, and the CLI configuration that names its folder.

The executable holds the checkout's path and nothing else of ours, so a mirror's lock file stays true when the code
changes.
"""

from __future__ import annotations

import platform
import shlex
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[4]
VERSION = "2.0.0"
HOSTS = ("registry.terraform.io", "registry.opentofu.org")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}

# SIGINT is ignored from the very first moment: a terminal's Ctrl-C reaches the whole group, and Terraform alone may
# act on it. Python keeps what it inherits. Nothing is collected: a provider lives for a second, and starts faster so.
SCRIPT = """#!/bin/sh
trap '' INT
exec {python} -I -c 'import gc, sys; gc.disable(); sys.path.insert(0, sys.argv.pop(1))
from tests.standins.runpod.provider.serve import main; main()' {checkout} "$@"
"""


def executable(folder: Path) -> Path:
    """Write the executable into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "terraform-provider-runpod"
    script.write_text(SCRIPT.format(python=shlex.quote(sys.executable), checkout=shlex.quote(str(CHECKOUT))))
    script.chmod(0o755)
    return script


def mirror(folder: Path) -> Path:
    """Lay out a filesystem mirror, so that a real `init` finds the provider; returns the CLI configuration."""
    system = f"{platform.system().lower()}_{ARCHITECTURES.get(platform.machine(), platform.machine())}"
    for host in HOSTS:
        executable(folder / "mirror" / host / "runpod" / "runpod" / VERSION / system)
    includes = ", ".join(f'"{host}/*/*"' for host in HOSTS)
    method = f'filesystem_mirror {{\n    path    = "{folder / "mirror"}"\n    include = [{includes}]\n  }}'
    return _configuration(folder, "mirror.tfrc", method)


def dev_overrides(folder: Path) -> Path:
    """Lay out a folder for `dev_overrides`, which needs no `init`; returns the CLI configuration."""
    executable(folder / "provider")
    method = f'dev_overrides {{\n    "runpod/runpod" = "{folder / "provider"}"\n  }}\n  direct {{}}'
    return _configuration(folder, "dev.tfrc", method)


def _configuration(folder: Path, name: str, method: str) -> Path:
    written = folder / name
    written.write_text(f"provider_installation {{\n  {method}\n}}\ndisable_checkpoint = true\n")
    return written
