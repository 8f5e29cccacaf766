"""Bytes between the processes of a burn-in: messages, a proof of the shared secret, and a two-way exchange."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import select
import socket
import time
from typing import Any

_LONGEST = 1_000_000
_NONCE = 16
_PROOF = 32


class WireError(Exception):
    """The other side is gone, silent, or not one of ours; the message is for a person."""


def send(to: socket.socket, message: object) -> None:
    """One small message."""
    raw = json.dumps(message).encode()
    to.sendall(len(raw).to_bytes(4, "big") + raw)


def receive(of: socket.socket) -> Any:  # noqa: ANN401 - JSON has no better name
    """One small message. Raises WireError."""
    length = int.from_bytes(take(of, 4), "big")
    if length > _LONGEST:
        raise WireError("the other side says more than it may")
    return json.loads(take(of, length))


def take(of: socket.socket, count: int) -> bytes:
    """Exactly so many bytes. Raises WireError where the other side goes first."""
    parts = bytearray()
    while len(parts) < count:
        part = of.recv(min(1 << 20, count - len(parts)))
        if not part:
            raise WireError("the other side went away")
        parts += part
    return bytes(parts)


def ask_proof(of: socket.socket, token: str) -> None:
    """Let the other side show that it knows the secret. Raises WireError."""
    nonce = os.urandom(_NONCE)
    of.sendall(nonce)
    if not hmac.compare_digest(_proof(token, nonce), take(of, _PROOF)):
        raise WireError("somebody without the shared secret knocked")


def give_proof(to: socket.socket, token: str) -> None:
    """Show that we know the secret, without telling it."""
    to.sendall(_proof(token, take(to, _NONCE)))


def _proof(token: str, nonce: bytes) -> bytes:
    return hmac.new(token.encode(), nonce, hashlib.sha256).digest()


def dial(address: str, port: int, timeout_s: float) -> socket.socket:
    """A connection to who may not listen yet. Raises WireError when it still does not at the end of the time."""
    ends = time.monotonic() + timeout_s
    while True:
        try:
            return _tuned(
                socket.create_connection((address, port), timeout=max(0.1, ends - time.monotonic())), timeout_s
            )
        except OSError as error:
            if time.monotonic() >= ends:
                raise WireError(f"{address}:{port} does not answer: {error}") from error
            time.sleep(0.05)


def accept(of: socket.socket, token: str, timeout_s: float) -> socket.socket:
    """The next connection by one of ours; strangers are sent away. Raises WireError when none comes in time."""
    ends = time.monotonic() + timeout_s
    while True:
        left_s = ends - time.monotonic()
        if left_s <= 0:
            raise WireError("another process of the burn-in did not come in time")
        of.settimeout(left_s)
        try:
            other = _tuned(of.accept()[0], min(left_s, 5.0))
        except OSError:
            continue
        try:
            ask_proof(other, token)
        except (WireError, OSError):
            other.close()
            continue
        other.settimeout(timeout_s)
        return other


def _tuned(of: socket.socket, timeout_s: float) -> socket.socket:
    of.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    of.settimeout(timeout_s)
    return of


def exchange(to: socket.socket, out: bytes, of: socket.socket, count: int, timeout_s: float) -> bytes:
    """Send and receive at the same time: in a ring everybody sends first, and with plain calls all would wait.

    Raises WireError.
    """
    left, parts = memoryview(out), bytearray()
    while left or len(parts) < count:
        writers = [to] if left else []
        readers = [of] if len(parts) < count else []
        can_read, can_write, _ = select.select(readers, writers, [], timeout_s)
        if not can_read and not can_write:
            raise WireError(f"a neighbour in the ring was silent for {timeout_s:g} s")
        if can_write:
            left = left[to.send(left[: 1 << 16]) :]
        if can_read:
            part = of.recv(min(1 << 20, count - len(parts)))
            if not part:
                raise WireError("a neighbour in the ring went away")
            parts += part
    return bytes(parts)
