"""Single values of Slurm's text."""

from __future__ import annotations

import math
import time

import pytest

from app.sources.slurm import fields


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("UNLIMITED", math.inf), ("Partition_Limit", None), ("NOT_SET", None), ("1-02:03:04", 93784.0),
        ("02:03:04", 7384.0), ("03:04", 184.0), ("60", 3600.0), ("365-00:00:00", 31536000.0), ("INVALID", None),
        ("", None), ("1-", None), ("-1", None),
    ],
)  # fmt: skip
def test_limit_is_seconds_or_infinity(text: str, expected: float | None) -> None:
    """No limit is infinity; the partition's limit and nothing are unknown."""
    assert expected == fields.limit_s(text)


def test_time_is_epoch_seconds_in_every_spelling() -> None:
    """Epoch, local ISO and ISO with a zone are the same instant; unset times are none."""
    stamp = time.mktime((2026, 11, 23, 12, 49, 44, 0, 0, -1))

    assert [stamp, stamp, stamp] == [
        fields.epoch_of(text) for text in (str(int(stamp)), "2026-11-23T12:49:44", "2026-11-23T13:49:44+01:00")
    ]
    assert [None] * 6 == [fields.epoch_of(text) for text in ("0", "Unknown", "N/A", "None", "9" * 30, "2026-99-99")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RUNNING", ("RUNNING", ())), ("CONFIGURING", ("RUNNING", ("CONFIGURING",))),
        ("COMPLETING", ("COMPLETING", ("COMPLETING",))), ("SPECIAL_EXIT", ("PENDING", ("SPECIAL_EXIT",))),
        ("CANCELLED by 2001", ("CANCELLED", ())), ("SOME_NEW_STATE", ("SOME_NEW_STATE", ())),
    ],
)  # fmt: skip
def test_job_state_keeps_words_it_does_not_know(text: str, expected: tuple[str, tuple[str, ...]]) -> None:
    """A flag that text prints in place of the state gives both; an unknown word stays as it is."""
    assert expected == fields.job_state(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MIXED+DRAIN+DYNAMIC_NORM", ("MIXED", ("DRAIN", "DYNAMIC_NORM"))), ("idle*", ("IDLE", ("NOT_RESPONDING",))),
        ("DOWN*+DRAIN", ("DOWN", ("DRAIN", "NOT_RESPONDING"))), ("idle~", ("IDLE", ("POWERED_DOWN",))),
        ("drained*", ("DRAINED", ("DRAIN", "NOT_RESPONDING"))), ("maint", ("MAINT", ("MAINTENANCE",))),
        ("mixed-", ("MIXED", ("PLANNED",))), ("FANCY+NEW_FLAG", ("FANCY", ("NEW_FLAG",))), ("", ("", ())),
    ],
)  # fmt: skip
def test_node_state_has_base_and_flags(text: str, expected: tuple[str, tuple[str, ...]]) -> None:
    """Suffixes of sinfo are the flags that scontrol prints; unknown words are kept."""
    assert expected == fields.node_state(text)


@pytest.mark.parametrize("path", ["/home/ana/%x-%j.out", "/data/ä b/[1].log", "/tmp/" + "a" * 4000])
def test_path_keeps_its_exact_characters(path: str) -> None:
    """A path that can be shown is passed on unchanged."""
    assert path == fields.path_of(path)


@pytest.mark.parametrize(
    "path", ["/tmp/a\nb", "/tmp/\x1b[31m", "/tmp/\x00", "/tmp/\u202egnp", "/" + "a" * 4096, "/x\x85", "(null)"]
)
def test_path_that_would_have_to_be_altered_is_none(path: str) -> None:
    """A path with control or direction characters, or of absurd length, is refused and never mended."""
    assert fields.path_of(path) is None


def test_numbers_are_strict() -> None:
    """Digits count, a range gives its least, everything else is unknown."""
    assert [4, 1, None, None, None, None] == [fields.int_of(text) for text in ("4", "1-2", "-1", "٣", "1_0", "9" * 40)]
    assert [0.93, None, None] == [fields.float_of(text) for text in ("0.93", "nan", "N/A")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gpu-[01-03,7],login", ("gpu-01", "gpu-02", "gpu-03", "gpu-7", "login")), ("(null)", ()),
        ("None assigned", ()),
        ("gpu-1;reboot", ()), ("gpu\x1b[2J", ()), ("a" * 300, ()), ("a[1-9][1-9][1-9][1-9]", ()), ("x" * 70_000, ()),
        ("a[" + "b" * 65 + "]", ()),
    ],
)  # fmt: skip
def test_host_list_holds_names_of_hosts_only(text: str, expected: tuple[str, ...]) -> None:
    """Names of nodes end up in commands: what no host is called is no list; a few bytes never write out gigabytes."""
    assert expected == fields.hosts_of(text)


def test_longest_host_list_is_bounded() -> None:
    """Millions of names are the first 65,536."""
    assert 65_536 == len(fields.hosts_of("a[1-999999]"))
