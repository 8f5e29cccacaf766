"""A user's own `.tf` files beside ours: read and checked before Terraform sees them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from app.domain.frozen import frozen
from app.domain.naming import clean
from app.services.deploy.ports import InfraError
from app.services.terraform.hcl import Body, HclError, blocks, labelled, parse_hcl

PREFIX = "user_"
"""What the names of their copies begin with, so that none takes the place of ours; `…_override.tf` still overrides."""
MOST_FILES = 50
MOST_BYTES = 1 << 20


@frozen
class Overlay:
    """What a user adds."""

    files: tuple[tuple[str, str], ...] = ()
    """Names as they are laid out, and texts."""
    adds: tuple[str, ...] = ()
    """Addresses of the resources they bring, for people: these cost what they cost, and no cap of ours counts it."""
    providers: tuple[str, ...] = ()
    """Sources of the providers they need: `hashicorp/aws`."""


def read_overlay(folder: Path) -> Overlay:
    """Read and check the `.tf` files of a folder.

    Raises InfraError (`config`) where the folder cannot be read, a file is not Terraform's language, moves the state
    elsewhere, holds the provider's key, or names a module by a path that is not there once the files are copied.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".tf" and path.is_file())
        texts = [(path.name, _read(path)) for path in paths[: MOST_FILES + 1]]
    except OSError as error:
        reason = error.strerror or str(error)
        raise InfraError(f"{folder}: cannot be read: {reason}; see settings: deploy.overlay", "config") from error
    except UnicodeDecodeError as error:
        raise InfraError(f"{folder}: holds a .tf file that is not text", "config") from error
    if len(texts) > MOST_FILES:
        raise InfraError(f"{folder}: more than {MOST_FILES} .tf files; see settings: deploy.overlay", "config")
    adds: list[str] = []
    providers: list[str] = []
    for name, text in texts:
        try:
            body = parse_hcl(text, str(folder / name))
        except HclError as error:
            raise InfraError(str(error), "config") from error
        for problem in _problems(body):
            raise InfraError(f"{folder / name}: {problem}", "config")
        adds += _resources(body)
        providers += _providers(body)
    files = tuple((name if name.startswith(PREFIX) else PREFIX + name, text) for name, text in texts)
    return Overlay(files, tuple(sorted(adds)), tuple(sorted(set(providers))))


def _read(path: Path) -> str:
    if path.stat().st_size > MOST_BYTES:
        raise InfraError(f"{path}: larger than {MOST_BYTES} bytes; see settings: deploy.overlay", "config")
    return path.read_text("utf-8")


def _problems(body: Body) -> Iterator[str]:
    for settings in blocks(body, "terraform"):
        for moved in ("backend", "cloud"):
            if moved in settings:
                yield f"a `{moved}` would move the state away, and nothing could then be proved to be gone; take it out"
    for name, settings in labelled(body, "provider"):
        if name == "runpod" and "api_key" in settings:
            yield "the provider's key comes from the environment and stands in no file; take api_key out"
    for name, module in labelled(body, "module"):
        source = module.get("source")
        if isinstance(source, str) and source.startswith("."):
            yield f'module "{clean(name)}" is named by a path beside the file, which is copied; write the whole path'


def _resources(body: Body) -> Iterator[str]:
    for kind, named in labelled(body, "resource"):
        for name in named:
            yield clean(f"{kind}.{name}")


def _providers(body: Body) -> Iterator[str]:
    for settings in blocks(body, "terraform"):
        for needed in blocks(settings, "required_providers"):
            for name, wanted in needed.items():
                source = wanted.get("source") if isinstance(wanted, dict) else None
                yield clean(source if isinstance(source, str) else name)
