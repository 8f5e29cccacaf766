"""What `[shard]` and `[[member]]` may say: several daemons that share a cluster, and several clusters in one view."""

from __future__ import annotations

from collections.abc import Sequence

from app.config.settings import Member, Shard
from app.domain.clusters import NAME

MOST_SHARES = 256
SLURM_WAYS = ("", "local", "ssh", "rest")
"""What `[[member]] slurm` may say."""


def shard_trouble(shard: Shard) -> str:
    """Why a `[shard]` cannot be used, without the file; empty: it can."""
    if not 0 <= shard.of <= MOST_SHARES:
        return f"shard.of must be 0 … {MOST_SHARES}, not {shard.of}"
    if shard.of and not 0 <= shard.index < shard.of:
        return f"shard.index must be 0 … {shard.of - 1}, not {shard.index}: the first share is number 0"
    return ""


def members_trouble(members: Sequence[Member]) -> str:
    """Why `[[member]]` tables cannot be used, without the file; empty: they can."""
    doors: dict[tuple[str, str, str], str] = {}
    for one in members:
        trouble = _member_trouble(one)
        if trouble:
            return trouble
        door = (one.ssh, one.socket, one.url)
        if door in doors:
            return f"[[member]] {one.cluster}: it has the same address as one of {doors[door]}"
        doors[door] = one.cluster
    return ""


def _member_trouble(one: Member) -> str:
    if not NAME.fullmatch(one.cluster):
        return f"[[member]] cluster must be letters, digits, - and _, a letter first, not {one.cluster!r}"
    if one.url and (one.socket or one.ssh):
        return f"[[member]] {one.cluster}: give either url, or socket and ssh"
    if one.url and not one.url.startswith(("http://", "https://")):
        return f"[[member]] {one.cluster}: url must begin with http:// or https://, not {one.url!r}"
    if one.url and not one.token_file:
        return f"[[member]] {one.cluster}: url needs token_file: a daemon lets nobody in over TCP without a token"
    if one.slurm not in SLURM_WAYS:
        return f"[[member]] {one.cluster}: slurm must be local, ssh, rest or empty, not {one.slurm!r}"
    if one.slurm == "ssh" and not (one.slurm_ssh or one.ssh):
        return f'[[member]] {one.cluster}: slurm = "ssh" needs slurm_ssh'
    if one.slurm == "rest" and not one.slurm_rest_url:
        return f'[[member]] {one.cluster}: slurm = "rest" needs slurm_rest_url'
    return ""
