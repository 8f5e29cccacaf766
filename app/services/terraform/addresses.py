"""What the module calls its resources, and which node each one is. Pure."""

from __future__ import annotations

import re

from app.domain.deployment import HEAD

POD, VOLUME = "runpod_pod", "runpod_network_volume"
HEAD_ADDRESS = f"{POD}.head"
VOLUME_KEY = "volume"
"""Stands for the network volume where a key is asked for: it is no node."""
VOLUME_ADDRESS = f"{VOLUME}.cache"
_KEY = re.compile(r"w[1-9][0-9]{0,3}")
_WORKER = re.compile(rf'{POD}\.worker\["({_KEY.pattern})"\]')


def address_of(key: str) -> str:
    """The address of a node's pod, or of the volume. Raises ValueError for what is no key: a command is made of it."""
    if key in {HEAD, VOLUME_KEY}:
        return HEAD_ADDRESS if key == HEAD else VOLUME_ADDRESS
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is no key of a node; they are {HEAD!r}, 'w1', 'w2' and so on")
    return f'{POD}.worker["{key}"]'


def key_of(address: str) -> str:
    """The key of the node whose pod it is; empty: something else."""
    if address == HEAD_ADDRESS:
        return HEAD
    found = _WORKER.fullmatch(address)
    return found[1] if found else ""
