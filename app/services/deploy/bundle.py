"""What is brought to a pod over ssh: the `pod` package with its scripts, the same bytes for the same files.

Unpacked in `/opt/gpu-watchdog` it stands as in our image (`pod/Dockerfile`): `pod/`, `setup` (a link into it) and
`pynvml.py`. The package is found, never imported.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

_LINK, _LINKED = "setup", "pod/setup"
_DIGITS = 16


class BundleError(Exception):
    """This installation lacks the files that a pod needs."""


def bundle() -> bytes:
    """The archive, gzipped. Raises BundleError."""
    packed = io.BytesIO()
    # Times, owners and the compressor's own stamp are left out, or no two archives would be alike.
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as squeezed,
        tarfile.open(fileobj=squeezed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, path in (*_files(), *_binding()):
            body = path.read_bytes()
            row = tarfile.TarInfo(name)
            row.size, row.mode = len(body), 0o755 if path.suffix == ".sh" else 0o644
            archive.addfile(row, io.BytesIO(body))
        link = tarfile.TarInfo(_LINK)
        link.type, link.linkname = tarfile.SYMTYPE, _LINKED
        archive.addfile(link)
    return packed.getvalue()


def fingerprint() -> str:
    """What `setup/fingerprint.sh` prints on a pod that has exactly these files. Raises BundleError."""
    lines = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}\n" for name, path in _files())
    return hashlib.sha256(lines.encode()).hexdigest()[:_DIGITS]


def _files() -> tuple[tuple[str, Path], ...]:
    """Every file of the package by its name in the archive, in the order of the names' bytes."""
    spec = find_spec("pod")
    folders = spec.submodule_search_locations if spec is not None else None
    if not folders:
        raise BundleError("the package `pod` is not installed beside `app`")
    root = Path(next(iter(folders)))
    found = [(f"pod/{path.relative_to(root).as_posix()}", path) for path in root.rglob("*") if _is_ours(path)]
    if not any(name.startswith(f"{_LINKED}/") for name, _ in found):
        raise BundleError(f"{root} has no setup scripts")
    return tuple(sorted(found, key=lambda row: row[0].encode()))


def _is_ours(path: Path) -> bool:
    return path.is_file() and path.suffix != ".pyc"


def _binding() -> Iterator[tuple[str, Path]]:
    """NVML's binding, one file; a pod whose image has it needs ours no less, since versions differ."""
    spec = find_spec("pynvml")
    if spec is not None and spec.origin is not None:
        yield "pynvml.py", Path(spec.origin)
