"""Shares: which of several daemons reads a target, and which of them speaks of what Slurm shows to all. Pure.

The share of a key is Prometheus's `hashmod` of it, so that a Prometheus beside can be cut the same way. A target's key
is its node, as configured, else its host: what is read of one node is read by one daemon, whose faults can be joined.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.config.settings import Shard, Target
from app.domain.frozen import frozen
from app.domain.snapshot import Snapshot

if TYPE_CHECKING:
    from app.domain.alert import Labels
    from app.domain.finding import FindingSubject

_EVERYWHERE = ("nvml:", "slurm:")
"""Read by every daemon: the driver of its own machine, and Slurm, without which no job could be told."""
_ONCE = ("runpod:",)
"""Read by the first one only."""
_OWN = re.compile(r"127(\.\d+){3}|::1|localhost")
"""Hosts that are another machine for every daemon."""


def share_of(key: str, of: int) -> int:
    """The share of a key among `of`, as `hashmod` of Prometheus reckons it: the last eight bytes of its MD5."""
    from hashlib import md5  # noqa: PLC0415 - late: for who shares

    digest = md5(key.encode("utf-8", "replace"), usedforsecurity=False).digest()
    return int.from_bytes(digest[8:], "big") % of


@frozen
class Share:
    """One daemon's share."""

    of: int = 0
    index: int = 0

    @property
    def is_whole(self) -> bool:
        """There is no other daemon."""
        return self.of <= 1

    def has(self, key: str) -> bool:
        """Whether a key falls into this share."""
        return self.is_whole or share_of(key, self.of) == self.index

    def reads(self, target: Target) -> bool:
        """Whether this daemon reads a target."""
        if self.is_whole or target.url.startswith(_EVERYWHERE):
            return True
        if target.url.startswith(_ONCE):
            return self.index == 0
        key = key_of(target)
        return not key or self.has(key)

    def speaks_of_node(self, node: str, snapshot: Snapshot) -> bool:
        """Whether this daemon speaks of a node: one it reads something of, else one whose name falls to it."""
        return self.is_whole or node in snapshot.nodes or self.has(short(node))

    def speaks_of_job(self, job: str, snapshot: Snapshot) -> bool:
        """Whether it speaks of a job: by the first node that it holds; of those that hold none the first one does."""
        picture = snapshot.slurm
        found = (picture.jobs or {}).get(job) if picture is not None else None
        if found is None or not found.nodes:
            return self.index == 0
        return self.speaks_of_node(found.nodes[0], snapshot)

    def finds(self, subject: FindingSubject, snapshot: Snapshot) -> bool:
        """Whether a finding about this is told here; what all can see is told by one."""
        if self.is_whole or subject.service is not None:  # a model server is read by one daemon only
            return True
        if subject.node:
            return self.speaks_of_node(subject.node, snapshot)
        return self.speaks_of_job(subject.job or "", snapshot)

    def alerts(self, labels: Labels, snapshot: Snapshot) -> bool:
        """Whether an alert of these labels is told here."""
        named = dict(labels)
        if self.is_whole or named.get("service") or named.get("source"):
            return True
        if node := named.get("node"):
            return self.speaks_of_node(node, snapshot)
        return self.speaks_of_job(named.get("job", ""), snapshot)


WHOLE = Share()


def share_in(shard: Shard) -> Share:
    """The share that `[shard]` names."""
    return Share(shard.of, shard.index) if shard.of > 1 else WHOLE


def key_of(target: Target) -> str:
    """What decides who reads a target: its node, else the host that it is asked from; empty: this machine's own."""
    if target.node:
        return short(target.node)
    host = _host_of(target.url)
    if target.ssh and (not host or _OWN.fullmatch(host)):
        host = target.ssh.rpartition("@")[2].partition(":")[0]
    return "" if _OWN.fullmatch(host) else short(host)


def _host_of(url: str) -> str:
    """The host of an address; of a Prometheus server's target that of its instance."""
    kind, _, rest = url.partition(":")
    if kind == "log":
        return ""
    place = f"//{rest.partition('/')[2]}" if kind == "prometheus" else url if "://" in url else f"//{url}"
    try:
        return urlsplit(place).hostname or ""
    except ValueError:
        return ""


def short(name: str) -> str:
    """A name without its domain, in small letters; an address as it is."""
    is_address = name.replace(".", "").isdigit() or ":" in name
    return name if is_address else name.partition(".")[0].lower()
