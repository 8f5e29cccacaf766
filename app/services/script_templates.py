"""Batch scripts to start from: one row a template, its text in `templates/`."""

from __future__ import annotations

from importlib import resources

from app.domain.frozen import frozen


@frozen
class Template:
    """A batch script to start from."""

    name: str
    title: str
    """One line for a list."""

    @property
    def text(self) -> str:
        """The script."""
        return resources.files("app.services").joinpath("templates", f"{self.name}.sbatch").read_text("utf-8")


TEMPLATES: tuple[Template, ...] = (
    Template("single-gpu", "one GPU, one program"),
    Template("torchrun-node", "eight GPUs of one node, torchrun"),
    Template("torchrun-multi", "several nodes of eight GPUs, torchrun"),
    Template("vllm-serve", "a model server with vLLM"),
    Template("array", "an array of small runs"),
    Template("interactive", "a GPU to work on by hand"),
)


def template(name: str) -> Template | None:
    """The template of a name."""
    return next((one for one in TEMPLATES if one.name == name), None)
