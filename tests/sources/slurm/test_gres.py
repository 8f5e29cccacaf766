"""Generic resources and TRES in every spelling that Slurm has had."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.slurm import Gres
from app.sources.slurm.gres import Request, indices_of, memory_mib, parse_gres, parse_tres, request


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gpu:h100:8(S:0-1)", [Gres("gpu", "h100", 8)]),
        ("gpu:h100:4(IDX:0-2,5)", [Gres("gpu", "h100", 4, (0, 1, 2, 5))]),
        ("gpu:h100:0(IDX:N/A)", [Gres("gpu", "h100", 0, ())]),
        ("gpu:h100:0(IDX:)", [Gres("gpu", "h100", 0, ())]),
        ("gpu:(null):3(IDX:0-2)", [Gres("gpu", None, 3, (0, 1, 2))]),
        ("gpu:8", [Gres("gpu", None, 8)]),
        ("gpu:0", [Gres("gpu", None, 0)]),
        ("gpu:nvidia_a100_1g.5gb:7(S:0,1)", [Gres("gpu", "nvidia_a100_1g.5gb", 7)]),
        ("gpu:a:2(IDX:0,3),gpu:b:1(IDX:2)", [Gres("gpu", "a", 2, (0, 3)), Gres("gpu", "b", 1, (2,))]),
        ("shard:a100:4(1/8,3/8)", [Gres("shard", "a100", 4)]),
        ("mps:400", [Gres("mps", None, 400)]),
        ("gpu:2,shard:1K", [Gres("gpu", None, 2), Gres("shard", None, 1024)]),
        ("gpu(IDX:0,2-3,5)", [Gres("gpu", None, 4, (0, 2, 3, 5))]),
        ("gpu:rtx2080:1(IDX:1),gg:g0(CNT:1)", [Gres("gpu", "rtx2080", 1, (1,)), Gres("gg", "g0", 1)]),
        ("gres:gpu:2", [Gres("gpu", None, 2)]),
        ("gres/gpu:4", [Gres("gpu", None, 4)]),
        ("gres/gpu=2", [Gres("gpu", None, 2)]),
        ("gres/gpu:h100=4", [Gres("gpu", "h100", 4)]),
        ("gpu:h100", [Gres("gpu", "h100", 1)]),
        ("gpu", [Gres("gpu", None, 1)]),
        ("gpu:no_consume:4", [Gres("gpu", None, 4)]),
        ("(null)", []),
        ("N/A", []),
        ("", []),
    ],
)
def test_resource_is_read_in_every_spelling(text: str, expected: list[Gres]) -> None:
    """Name, type, count and indices of each entry are found, commas in parentheses and dots in types included."""
    assert expected == list(parse_gres(text))


@pytest.mark.parametrize("text", ["gpu:h100:8(S:0-1", "((((", "gpu:a:b(c", "=4", ",,,", "gpu=x", "gpu:\x1b[31m=a("])
def test_what_is_no_resource_is_left_out(text: str) -> None:
    """A broken entry gives nothing; it is never guessed at."""
    assert () == parse_gres(text)


@pytest.mark.parametrize("text", ["0-99999999", "5-2", "a", "0-3,", "4096", "1" * 30])
def test_absurd_indices_are_unknown(text: str) -> None:
    """A list of indices that cannot be is unknown and costs nothing to refuse."""
    assert indices_of(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cpu=8,mem=64G,node=1,billing=8,gres/gpu=2", (2, None, 65536.0)),
        ("cpu=1,mem=1280.50G,gres/gpu:h100=4", (4, "h100", 1311232.0)),
        ("cpu=1,gres/gpu=6,gres/gpu:a100=4,gres/gpu:h100=2", (6, None, None)),
        ("cpu=1,mem=1000M,node=1", (None, None, 1000.0)),
        ("", (None, None, None)),
    ],
)
def test_tres_names_gpus_and_memory(text: str, expected: tuple[int | None, str | None, float | None]) -> None:
    """A total and its parts count once; what is not named is unknown."""
    assert expected == parse_tres(text)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"tres": "gres/gpu=8", "per_node": "gres/gpu:h100:4", "nodes": 2}, Request(8, 4, "h100", None)),
        ({"tres": "cpu=1", "per_node": "gres:gpu:4", "nodes": 3}, Request(12, 4, None, None)),
        ({"per_job": "gres/gpu:a100:6", "nodes": 2}, Request(6, None, "a100", None)),
        ({"per_task": "gres/gpu:2", "tasks": 4}, Request(8, None, None, None)),
        ({"per_task": "gres/gpu:2"}, Request(None, None, None, None)),
        ({"per_socket": "gres/gpu:2", "nodes": 2}, Request(None, None, None, None)),
        ({"tres": "cpu=4,mem=2G"}, Request(0, None, None, 2048.0)),
        ({"per_node": "N/A", "per_job": "N/A"}, Request(0, None, None, None)),
    ],
)
def test_request_is_sized_by_tres_then_by_what_was_asked(asked: dict[str, Any], expected: Request) -> None:
    """GPUs of a job come from TRES, else from what it asks for times the count; asking for none in any way is none."""
    assert expected == request(**asked)


def test_memory_is_mib() -> None:
    """Slurm's units are powers of 1024; a bare number is MiB."""
    assert [512.0, 1.0, 1000.0, 2097152.0, None] == [memory_mib(one) for one in ("0.5G", "1024K", "1000", "2T", "x")]
