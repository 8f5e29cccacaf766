"""The burn-in as one file that runs wherever python3 is: the package `pod.stress` and what it imports, zipped.

pynvml goes along where it is installed here, so that a node needs nothing but its driver to tell its clocks.
"""

from __future__ import annotations

import base64
import io
import textwrap
import zipfile
from importlib.util import find_spec
from pathlib import Path

_MAIN = "import sys\nfrom pod.stress.__main__ import main\nsys.exit(main())\n"
_PLAIN_DATE = (2020, 1, 1, 0, 0, 0)
"""The same files give the same bytes."""
_LINE = 120

BOOT = """\
import base64, os, runpy, sys, tempfile
body = base64.b64decode(sys.stdin.buffer.read())
file, path = tempfile.mkstemp(suffix=".pyz")
try:
    with os.fdopen(file, "wb") as out:
        out.write(body)
    sys.argv[0] = path
    runpy.run_path(path, run_name="__main__")
finally:
    os.unlink(path)
"""
"""What `python3 -c` is given: takes the pack from its standard input.

srun hands that to every process of every node, so nothing must be shared, copied before or cleared away after."""


class PackError(Exception):
    """The package is not where it was installed; the message is for a person."""


def pack() -> bytes:
    """The zipped application. Raises PackError."""
    found = find_spec("pod.stress")
    if found is None or not found.submodule_search_locations:
        raise PackError("this installation lacks the package pod.stress: install it anew")
    folder = Path(next(iter(found.submodule_search_locations)))
    files = {f"pod/stress/{path.name}": path for path in sorted(folder.glob("*.py"))}
    files |= {"pod/__init__.py": folder.parent / "__init__.py", "pod/driver.py": folder.parent / "driver.py"}
    pynvml = find_spec("pynvml")
    if pynvml is not None and pynvml.origin and pynvml.origin.endswith("pynvml.py"):
        files["pynvml.py"] = Path(pynvml.origin)
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        for name, body in {"__main__.py": _MAIN.encode(), **_bodies(files)}.items():
            out.writestr(zipfile.ZipInfo(name, _PLAIN_DATE), body, zipfile.ZIP_DEFLATED)
    return whole.getvalue()


def _bodies(files: dict[str, Path]) -> dict[str, bytes]:
    try:
        return {name: path.read_bytes() for name, path in files.items()}
    except OSError as error:
        raise PackError(f"this installation cannot be read: {error}") from error


def text_of(packed: bytes) -> str:
    """The pack as lines of text, for a script."""
    return "\n".join(textwrap.wrap(base64.b64encode(packed).decode(), _LINE))
