"""Slurm's sources as a git repository: one's own clone, or one made of what Debian ships, with one tagged commit.

    GPU_WATCHDOG_TEST_SLURM=~/src/slurm make test-image

builds the very tag and commit of the Dockerfile out of a clone of SchedMD's repository. Without it no git server is
asked: the release of Debian's stable suite is taken, under a tag and commit of its own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.tools.parts import CACHE
from tests.tools.slurm_root import machine_mirror

OWN = "GPU_WATCHDOG_TEST_SLURM"
"""Names a clone of SchedMD's repository, which has the Dockerfile's tag."""
SUITE = "trixie"
"""Has a Slurm that the scripts of the pods treat as they treat the image's own: 23.11 or newer."""
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_TAG = re.compile(r"slurm-(\d+)-(\d+)-(\d+)-\d+")
_WHO = ("-c", "user.name=Debian", "-c", "user.email=debian@example.invalid")
_WHEN = "2020-01-01T00:00:00+0000"
"""The same files are the same commit on every machine."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What the image's build clones."""

    repository: Path
    tag: str
    commit: str

    @property
    def version(self) -> str:
        """As slurmd tells it."""
        found = _TAG.fullmatch(self.tag)
        assert found is not None, self.tag
        return ".".join(found.groups())


def sources(tag: str, commit: str) -> Sources:
    """One's own clone, of which that tag and commit are built; else Debian's release, fetched once, with its own."""
    own = os.environ.get(OWN)
    if own:
        return Sources(Path(own).expanduser(), tag, commit)
    repository = CACHE / "pod-image" / f"slurm-{SUITE}"
    if not repository.is_dir():
        _make(repository)
    return Sources(repository, _git(repository, "describe", "--tags"), _git(repository, "rev-parse", "HEAD"))


def _make(repository: Path) -> None:
    """A repository of one commit; half of one is never left."""
    repository.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=repository.parent) as scratch:
        archive = _fetched(Path(scratch))
        with tarfile.open(archive) as packed:
            packed.extractall(scratch, filter="data")
        tree = next(path.parent for path in Path(scratch).glob("*/configure"))
        version = archive.name.removeprefix("slurm-wlm_").partition(".orig")[0]
        _git(tree, "init", "--quiet")
        _git(tree, "add", "--all", "--force")
        _git(tree, *_WHO, "commit", "--quiet", "--message", f"Slurm {version} as Debian has it")
        _git(tree, "tag", f"slurm-{version.replace('.', '-')}-1")
        shutil.move(tree, repository)


def _fetched(scratch: Path) -> Path:
    """The release's own archive, by apt with a state of its own: it checks what it fetches."""
    for name in ("parts", "lists/partial", "cache/archives/partial"):
        (scratch / "apt" / name).mkdir(parents=True)
    row = f"deb-src [signed-by={KEYRING}] {machine_mirror()} {SUITE} main\n"
    (scratch / "apt/parts/source.list").write_text(row)
    options = {
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": scratch / "apt/parts",
        "Dir::State::lists": scratch / "apt/lists",
        "Dir::Cache": scratch / "apt/cache",
        "Acquire::Check-Valid-Until": "false",
        "APT::Sandbox::User": "root",
    }
    apt = ["apt-get", "-q", *(f"-o{key}={value}" for key, value in options.items())]
    for words in (["update"], ["source", "--download-only", "--tar-only", "slurm-wlm"]):
        done = subprocess.run([*apt, *words], cwd=scratch, capture_output=True, text=True, check=False)
        assert 0 == done.returncode, f"apt-get {' '.join(words)}: {done.stderr}"
    return next(scratch.glob("slurm-wlm_*.orig.tar.*"))


def _git(folder: Path, *words: str) -> str:
    dated = {"GIT_AUTHOR_DATE": _WHEN, "GIT_COMMITTER_DATE": _WHEN}
    argv = ["git", "-C", str(folder), *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ, **dated})
    assert 0 == done.returncode, f"git {' '.join(words)} in {folder}: {done.stderr}"
    return done.stdout.strip()
