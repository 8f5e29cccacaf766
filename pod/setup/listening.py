"""Where Slurm listens on a pod: `python3 -m pod.setup.listening [--head ADDRESS] [PRIVATE]` prints `listens=`, `note=`.

PRIVATE is the address of the pod's private name as this pod knows it; `--head`, on a worker, is that of the head. Slurm
takes one address or all; so where the private one is not this pod's, because the provider translates it, it is all.
"""

import argparse
import socket
import sys
from collections.abc import Callable

EVERYWHERE = "0.0.0.0"  # noqa: S104 - told, and bound by nobody here


def on_head(private: str, can_bind: Callable[[str], bool], *, is_named: bool) -> tuple[str, str]:
    """The address to listen on, and what a person ought to know about it; `is_named`: it was told by a name."""
    if is_named and is_loopback(private):
        return EVERYWHERE, f"its private name leads to {private} on itself, so Slurm listens on all its interfaces"
    if is_elsewhere(private, can_bind):
        return EVERYWHERE, not_here(private)
    return private, ""


def on_worker(private: str, source: str, can_bind: Callable[[str], bool]) -> tuple[str, str]:
    """The address to listen on, empty for none, and what a person ought to know about it.

    `source` is the address from which the head is reached, which the controller keeps as the node's own; empty where
    there is no way to it, as `private` is where the node's name is not known.
    """
    if private and is_elsewhere(private, can_bind):
        return EVERYWHERE, not_here(private)
    if not source or not private or source == private or is_loopback(private):
        return source or private, ""
    return source, f"it reaches the head from {source} and not from {private}, its private address, and listens there"


def is_loopback(address: str) -> bool:
    """Whether an address is every pod's own."""
    return address.startswith("127.")


def is_elsewhere(private: str, can_bind: Callable[[str], bool]) -> bool:
    """Whether an address is not this pod's; a pod that is called like its node was led everywhere by us."""
    return private == EVERYWHERE or not can_bind(private)


def not_here(private: str) -> str:
    """What is told where the private address cannot be bound."""
    return f"its private address {private} is on none of its interfaces, so Slurm listens on all of them"


def can_bind(address: str) -> bool:
    """Whether an address is one of this pod's own."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def source_towards(address: str) -> str:
    """The address from which another one is reached; empty where there is no way to it. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, 9))
        except OSError:
            return ""
        found: str = probe.getsockname()[0]
    return found


def main() -> int:
    """Print it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--head")
    parser.add_argument("--named", action="store_true")
    parser.add_argument("private", nargs="?", default="")
    asked = parser.parse_args()
    if asked.head is None:
        listens, note = on_head(asked.private, can_bind, is_named=asked.named)
    else:
        listens, note = on_worker(asked.private, source_towards(asked.head), can_bind)
    sys.stdout.write(f"listens={listens}\n")
    if note:
        sys.stdout.write(f"note={note}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
