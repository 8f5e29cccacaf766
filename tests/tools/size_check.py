"""The size check: files, functions and the two classes that grow in every Textual project stay small.

Counted are physical lines. A function's docstring and signature do not count; what it defines inside does.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOMS = ("app", "widgets", "pod", "tests")
FILE_LIMIT = 400
FUNCTION_LIMIT = 40
CLASS_LIMITS = {"App": 200, "Screen": 250}
"""By the end of a base class's name: `class Watchdog(App[None])`, `class HomeScreen(ModalScreen)`."""

ALLOWED: Mapping[str, str] = {}
"""What may be longer, as `path::qualified.name` (a path alone for a file), with the reason.

An entry that is no longer needed is an error too.
"""


@dataclass(frozen=True, slots=True)
class Excess:
    """Something that is longer than its limit."""

    where: str
    line: int
    found: int
    limit: int
    what: str

    def __str__(self) -> str:
        path = self.where.partition("::")[0]
        return f"{path}:{self.line}: {self.what} has {self.found} lines, {self.limit} are allowed ({self.where})"


Function = ast.FunctionDef | ast.AsyncFunctionDef


def body_lines(function: Function) -> int:
    """Count a function's lines from its first statement to its last, without signature and docstring."""
    body = function.body
    if ast.get_docstring(function, clean=False) is not None:
        body = body[1:]
    if not body:
        return 0
    return (body[-1].end_lineno or body[-1].lineno) - body[0].lineno + 1


def class_limit(node: ast.ClassDef) -> int | None:
    """Return the limit for a class, by what its bases are called, or None for an ordinary class."""
    for base in node.bases:
        name = ast.unparse(base).partition("[")[0]
        for ending, limit in CLASS_LIMITS.items():
            if name.endswith(ending):
                return limit
    return None


def excesses(path: str, source: str) -> Iterator[Excess]:
    """Yield everything in one module that is longer than its limit."""
    length = len(source.splitlines())
    if length > FILE_LIMIT:
        yield Excess(path, 1, length, FILE_LIMIT, "file")
    yield from _excesses_within(path, ast.parse(source, path), prefix="")


def _excesses_within(path: str, parent: ast.AST, prefix: str) -> Iterator[Excess]:
    for node in ast.iter_child_nodes(parent):
        if not isinstance(node, ast.ClassDef | Function):
            yield from _excesses_within(path, node, prefix)
            continue
        name = f"{prefix}{node.name}"
        where = f"{path}::{name}"
        if isinstance(node, ast.ClassDef):
            found, limit, what = (
                (node.end_lineno or node.lineno) - node.lineno + 1,
                class_limit(node),
                "class",
            )
        else:
            found, limit, what = body_lines(node), FUNCTION_LIMIT, "function"
        if limit is not None and found > limit:
            yield Excess(where, node.lineno, found, limit, what)
        yield from _excesses_within(path, node, prefix=f"{name}.")


def complaints(found: Sequence[Excess], allowed: Mapping[str, str]) -> list[str]:
    """Return a line for each excess that is not allowed and for each allowance that nothing uses."""
    used = {excess.where for excess in found}
    lines = [str(excess) for excess in found if excess.where not in allowed]
    lines += [f"{where}: no longer too long; remove it from ALLOWED" for where in allowed if where not in used]
    return lines


def main(root: Path) -> int:
    """Check every room under `root`, print what is too long, and return an exit status."""
    files = sorted(file for room in ROOMS for file in (root / room).rglob("*.py"))
    found = [excess for file in files for excess in excesses(str(file.relative_to(root)), file.read_text("utf-8"))]
    lines = complaints(found, ALLOWED)
    for line in lines:
        print(line)
    print(f"size check: {len(files)} files, {len(lines)} too long or no longer so", file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(Path.cwd()))
