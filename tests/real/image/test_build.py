"""The pods' image, built whole from its own Dockerfile: what is in it, what is not, and how it is to be run."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from app.services.deploy.bundle import fingerprint
from tests.real.image.pod_image import POD, Builder, arguments
from tests.real.image.store import Build

pytestmark = [pytest.mark.real("buildah"), pytest.mark.slow]

OURS = "opt/gpu-watchdog"
SLURM = ("slurmctld", "slurmd", "slurmstepd", "scontrol", "squeue", "sinfo", "srun", "sbatch", "scancel")
TOOLS = ("gcc", "cc", "g++", "make", "git", "ld")
KEYS = ("etc/munge/munge.key", "etc/ssh/ssh_host_ed25519_key", "etc/ssh/ssh_host_rsa_key", "root/.ssh/authorized_keys")
PRIVATE = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----|\brpa_[A-Za-z0-9]{20}|\bhf_[A-Za-z0-9]{20}")


def inside(root: Path, *argv: str) -> str:
    """What a command prints that runs in the image's root."""
    done = subprocess.run(["chroot", str(root), *argv], capture_output=True, text=True, check=False, timeout=60)
    assert 0 == done.returncode, f"{' '.join(argv)}: {done.stderr}"
    return done.stdout


def user(root: Path, name: str) -> str:
    """Number and group of a user of the image."""
    rows = (line.split(":") for line in (root / "etc/passwd").read_text().splitlines())
    return next(f"{row[2]}:{row[3]}" for row in rows if row[0] == name)


def test_it_says_what_it_is_and_starts_as_its_base(builder: Builder, built: Build) -> None:
    """Labels and health check are ours; command and variables are the base's, and none of them is a secret."""
    said, base = builder.store.config(builder.image), builder.store.config(builder.bases["runpod"])
    labels = {key.rpartition(".")[2]: value for key, value in said["Labels"].items() if "opencontainers" in key}

    assert {"title": "GPU Watchdog pod", "version": arguments()["VERSION"], "licenses": "Apache-2.0"} == labels
    assert ["CMD", "bash", "/opt/gpu-watchdog/setup/health.sh"] == said["Healthcheck"]["Test"]
    assert (["/start.sh"], base["Env"], "") == (said["Cmd"], said["Env"], said["User"])
    assert not said.get("ExposedPorts")


def test_scripts_are_those_of_the_bundle(root: Path) -> None:
    """The image prints the fingerprint of the bundle, so `deploy` brings nothing; compiled files and tests stay out."""
    files = [path.relative_to(root / OURS).as_posix() for path in (root / OURS).rglob("*")]
    top = {path.name for path in (root / OURS).iterdir() if not path.name.endswith(".dist-info")}

    assert fingerprint() == inside(root, "bash", f"/{OURS}/setup/fingerprint.sh").strip()
    assert {"pod", "setup", "pynvml.py"} == top
    assert "pod/setup" == str((root / OURS / "setup").readlink())
    assert [] == [name for name in files if "__pycache__" in name or name.endswith(".pyc") or "test" in name]


def test_slurm_is_the_one_that_was_built(builder: Builder, root: Path) -> None:
    """Every command is that of the version asked for; the base's own is gone, and nothing could serve REST."""
    found = inside(root, "bash", "-c", f"command -v {' '.join(SLURM)}").split()
    packages = inside(root, "dpkg-query", "--show", "--showformat", "${db:Status-Abbrev} ${Package}\\n").splitlines()

    assert f"slurm {builder.sources.version}\n" == inside(root, "slurmd", "-V")
    assert {"usr/local/bin", "usr/local/sbin"} == {str(Path(path).parent).strip("/") for path in found}
    assert len(SLURM) == len(found)
    assert [] == [row for row in packages if re.match(r"ii +slurm", row)]
    assert not (root / "usr/local/sbin/slurmrestd").exists()


def test_nothing_is_missing_that_a_program_of_slurm_needs(root: Path) -> None:
    """Every program and plugin finds its libraries in the image, among them those of munge and json-c."""
    folder = root / "usr/local/lib/slurm"
    plugins = sorted(path.relative_to(root).as_posix() for path in folder.glob("*.so"))
    needed = inside(root, "ldd", *(f"/usr/local/sbin/{name}" for name in ("slurmd", "slurmctld")), *plugins)

    assert {"auth_munge.so", "cred_munge.so", "serializer_json.so"} <= {path.rpartition("/")[2] for path in plugins}
    assert "libmunge" in needed
    assert "libjson-c" in needed
    assert [] == [line.strip() for line in needed.splitlines() if "not found" in line]


def test_no_secret_is_in_it(root: Path) -> None:
    """No munge key, though its base has one, no key of sshd, no login, and nothing that looks like one."""
    texts = [path for folder in ("etc", "root", "usr/local", OURS) for path in (root / folder).rglob("*")]
    plain = [path for path in texts if path.is_file() and not path.is_symlink() and path.stat().st_size < 10**6]

    assert [] == [name for name in KEYS if (root / name).exists()]
    assert [] == [str(path) for path in plain if PRIVATE.search(path.read_bytes())]


def test_base_has_what_the_image_takes_away(builder: Builder, built: Build) -> None:
    """The stand-in has Slurm and a munge key of its own, as RunPod's image: else the tests above would say nothing."""
    with builder.store.mounted(builder.bases["runpod"]) as base:
        assert (base / "etc/munge/munge.key").stat().st_size >= 32
        assert "slurm-wlm" in inside(base, "slurmd", "-V")


def test_nothing_of_the_first_stage_is_left(root: Path) -> None:
    """No compiler, no git, no sources, no static libraries, no manual pages, no lists of packages."""
    tools = [name for name in TOOLS for folder in ("usr/bin", "usr/local/bin") if (root / folder / name).exists()]

    assert [] == tools
    assert [] == [name for name in ("build", "built") if (root / name).exists()]
    assert [] == [str(path) for path in (root / "usr/local/share").rglob("*") if path.is_file()]
    assert [] == [str(path) for path in (root / "usr/local/lib").rglob("*") if path.suffix in {".a", ".la", ".h"}]
    assert [] == list((root / "var/lib/apt/lists").glob("*_Packages*"))


def test_daemons_have_users_of_their_own(root: Path) -> None:
    """The controller runs as slurm, by Debian's number; munge's folders are its own, and closed."""
    folder = (root / "etc/munge").stat()

    assert "64030:64030" == user(root, "slurm")
    assert (user(root, "munge"), 0o700) == (f"{folder.st_uid}:{folder.st_gid}", folder.st_mode & 0o777)


def test_hook_is_where_the_bases_start_script_looks(root: Path) -> None:
    """/pre_start.sh is ours, and the start script that runs it is the base's."""
    assert (POD / "image/pre_start.sh").read_bytes() == (root / "pre_start.sh").read_bytes()
    assert "/pre_start.sh" in (root / "start.sh").read_text()


def test_tag_that_is_another_commit_builds_nothing(builder: Builder) -> None:
    """A tag that was moved ends the build with a sentence that says what it is and what it should be."""
    wanted = "0123456789abcdef0123456789abcdef01234567"

    build = builder.build("--target", "slurm", commit=wanted, image="localhost/never:built")

    assert 0 != build.code
    sentence = f"build-slurm: {builder.sources.tag} is {builder.sources.commit} and not {wanted}: nothing is built"
    assert sentence in build.log


def test_base_without_slurm_will_do(builder: Builder) -> None:
    """A base that has no Slurm and no munge is given the user by the same number, and ours."""
    build = builder.build("--build-arg", f"BASE_IMAGE={builder.bases['plain']}", image="localhost/on-plain:built")
    assert 0 == build.code, build.log[-3000:]

    with builder.store.mounted("localhost/on-plain:built") as root:
        assert "64030:64030" == user(root, "slurm")
        assert f"slurm {builder.sources.version}\n" == inside(root, "slurmd", "-V")
        assert not (root / "etc/munge/munge.key").exists()
