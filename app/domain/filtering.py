"""The filter language: `util<10 mem>90 node:gpu-0[1-4] !model:a100 | state:lost` → a predicate over GPUs. Pure.

Terms side by side must all hold, `|` means or and binds weaker, `!` or `-` in front means not, `(…)` groups.
A term is a comparison (any GPU metric of the catalogue, by key, last part or short name, with units), a field
(`node:`, `model:`, `state:`, `user:` …), a state (`busy idle alloc wasted free lost …`), or a word:
part of the node's name, the model or the UUID. Quotes keep blanks together: `proc:"python train"`.
"""

from __future__ import annotations

from app.domain.allocation import Allocations, named_alone
from app.domain.filter_grammar import Parser
from app.domain.filter_terms import GPU_TERMS, Ground, Test
from app.domain.frozen import frozen
from app.domain.snapshot import Gpu


@frozen
class Filter:
    """A filter ready to use."""

    text: str
    """As typed, without blanks around it; empty: keeps every GPU."""
    test: Test

    def keeps(self, gpu: Gpu, now: float, join: Allocations | None = None) -> bool:
        """Whether a GPU is wanted at `now` (epoch seconds); `join` is the cluster's, where it has Slurm."""
        return self.test(gpu, Ground(now, named_alone if join is None else join.held))

    def __bool__(self) -> bool:
        """Whether it leaves anything out at all."""
        return bool(self.text)


EVERYTHING = Filter("", lambda _gpu, _now: True)
"""Keeps every GPU."""


def parse_filter(text: str) -> Filter:
    """Read a filter. Raises FilterError, which says what is wrong and where."""
    if not text.strip():
        return EVERYTHING
    return Filter(text.strip(), Parser(text, GPU_TERMS).whole())
