"""Builds the NVML stand-in with gcc, once for each version of its sources.

Safe to call from several test processes at once: each compiles into a file of its own and renames it into place.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SOURCES = ("state.c", "fakenvml.c", "health.c", "activity.c")
HEADERS = ("nvml_abi.h", "state.h")
SONAME = "libnvidia-ml.so.1"
"""The name pynvml and every other reader load; the loader also matches it against libraries already in the process."""
FLAGS = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-fPIC", "-shared", "-fvisibility=hidden")


class BuildError(Exception):
    """The stand-in could not be compiled; the text says what gcc said."""


def build(to: Path | None = None) -> Path:
    """Return the path of the built library, in `to` or in the repository's `.cache`, compiling it if needed.

    Beside it lies `libnvidia-ml.so`, the name nvtop tries first.
    """
    folder = to or cache_folder() / f"fake-nvml-{source_hash()}"
    library = folder / SONAME
    if not library.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _compile(library)
    link = folder / "libnvidia-ml.so"
    if not link.exists():
        _replace_link(link)
    return library


def source_hash() -> str:
    """A short hash over everything that goes into the library."""
    digest = hashlib.sha256(" ".join(FLAGS).encode())
    for name in SOURCES + HEADERS:
        digest.update((HERE / name).read_bytes())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """`.cache` of the checkout these tests lie in; the temporary folder when that is read-only."""
    root = HERE.parents[2]
    return root / ".cache" if os.access(root, os.W_OK) else Path(tempfile.gettempdir()) / "gpu-watchdog-cache"


def _compile(library: Path) -> None:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise BuildError("the NVML stand-in needs gcc: apt-get install gcc libc6-dev")
    with tempfile.TemporaryDirectory(dir=library.parent) as scratch:
        fresh = Path(scratch) / SONAME
        command = [compiler, *FLAGS, f"-Wl,-soname,{SONAME}", *SOURCES, "-o", str(fresh), "-lpthread"]
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise BuildError(f"{compiler} failed:\n{done.stderr}")
        fresh.replace(library)


def _replace_link(link: Path) -> None:
    scratch = link.with_name(f"{link.name}.{os.getpid()}")
    scratch.symlink_to(SONAME)
    scratch.replace(link)
