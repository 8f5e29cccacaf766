"""An all-reduce over TCP among processes of one or several nodes, with the standard library alone.

Everybody tells the first process where it listens, hears where the others do, and connects to the next one. Then each
part of the data goes round twice: once to be summed, once to be told. Sums are of 64-bit numbers so small that none
overflows into its neighbour; a whole part is then one long number, which Python adds at the speed of memory.
"""

from __future__ import annotations

import ipaddress
import socket

from pod.stress.engine import Meeting
from pod.stress.wire import accept, dial, exchange, give_proof, receive, send

WORD = 8


class Ring:
    """One process's place in a ring."""

    def __init__(self, before: socket.socket, after: socket.socket, meeting: Meeting) -> None:
        self.rank = meeting.rank
        self.size = meeting.size
        self._before = before
        self._after = after
        self._timeout_s = meeting.timeout_s

    def all_reduce(self, mine: bytes) -> bytes:
        """The sum of everybody's words, which is the same for everybody. Raises WireError.

        All give equally many bytes, a multiple of 8 times the size of the ring.
        """
        part = len(mine) // self.size
        parts = [mine[at * part : (at + 1) * part] for at in range(self.size)]
        for turn in range(self.size - 1):
            out, into = (self.rank - turn) % self.size, (self.rank - turn - 1) % self.size
            parts[into] = _sum(parts[into], self._pass(parts[out]))
        for turn in range(self.size - 1):
            out, into = (self.rank + 1 - turn) % self.size, (self.rank - turn) % self.size
            parts[into] = self._pass(parts[out])
        return b"".join(parts)

    def _pass(self, part: bytes) -> bytes:
        return exchange(self._after, part, self._before, len(part), self._timeout_s)

    def close(self) -> None:
        """Let the neighbours go."""
        self._before.close()
        self._after.close()


def _sum(left: bytes, right: bytes) -> bytes:
    total = int.from_bytes(left, "little") + int.from_bytes(right, "little")
    return total.to_bytes(len(left), "little")


def join(meeting: Meeting) -> Ring:
    """Meet the others and take the place in the ring. Raises WireError, OSError."""
    with socket.create_server(("", 0), backlog=4) as listening:
        port = listening.getsockname()[1]
        address, next_port = _gather(meeting, port) if meeting.rank == 0 else _report(meeting, port)
        # One after the other round the ring: if all proved themselves first, nobody would be left to ask.
        if meeting.rank == 0:
            after = _knock(address, next_port, meeting)
            before = accept(listening, meeting.token, meeting.timeout_s)
        else:
            before = accept(listening, meeting.token, meeting.timeout_s)
            after = _knock(address, next_port, meeting)
    return Ring(before, after, meeting)


def _knock(address: str, port: int, meeting: Meeting) -> socket.socket:
    after = dial(address, port, meeting.timeout_s)
    give_proof(after, meeting.token)
    return after


def _gather(meeting: Meeting, own_port: int) -> tuple[str, int]:
    """As the first process: hear where everybody listens, and tell each who comes after it."""
    others: dict[int, socket.socket] = {}
    ports = {0: own_port}
    loopback = ipaddress.ip_address(meeting.address).is_loopback if _is_number(meeting.address) else False
    with socket.create_server(("127.0.0.1" if loopback else "", meeting.port), backlog=meeting.size) as listening:
        try:
            while len(others) < meeting.size - 1:
                other = accept(listening, meeting.token, meeting.timeout_s)
                told = receive(other)
                rank = int(told["rank"])
                others[rank], ports[rank] = other, int(told["port"])
            for rank, other in others.items():
                following = (rank + 1) % meeting.size
                send(other, {"address": _address(following, others, other), "port": ports[following]})
            following = 1 % meeting.size
            return (others[following].getpeername()[0] if following else "127.0.0.1"), ports[following]
        finally:
            for other in others.values():
                other.close()


def _address(of: int, others: dict[int, socket.socket], for_whom: socket.socket) -> str:
    """Where a process is reached by another one; who lives beside the first process has that one's address."""
    seen = "127.0.0.1" if of == 0 else str(others[of].getpeername()[0])
    return str(for_whom.getsockname()[0]) if ipaddress.ip_address(seen).is_loopback else seen


def _report(meeting: Meeting, own_port: int) -> tuple[str, int]:
    with dial(meeting.address, meeting.port, meeting.timeout_s) as first:
        give_proof(first, meeting.token)
        send(first, {"rank": meeting.rank, "port": own_port})
        told = receive(first)
    return str(told["address"]), int(told["port"])


def _is_number(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True
