"""The pages of this folder, read."""

from __future__ import annotations

from pathlib import Path

from app.domain.reading import GpuReading
from app.sources.page import Page, PageContents

FOLDER = Path(__file__).parent / "pages"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.prom")))


def page_bytes(name: str) -> bytes:
    """A page as its exporter would send it."""
    return (FOLDER / f"{name}.prom").read_bytes()


def read(name: str, node: str | None = None, host: str | None = "10.0.0.7", at: float = 1000.0) -> PageContents:
    """A page of this folder, read for the first time."""
    return Page(node, host).read(page_bytes(name), at)


def read_text(text: str, node: str | None = None, host: str | None = "10.0.0.7", at: float = 1000.0) -> PageContents:
    """A page given as text."""
    return Page(node, host).read(text.encode(), at)


def gpus(contents: PageContents) -> list[GpuReading]:
    """Every GPU of a page."""
    return [gpu for node in contents.nodes for gpu in node.gpus or ()]
