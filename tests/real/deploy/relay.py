"""A port of this machine that leads into another network namespace, as a provider maps one to a pod's sshd.

The listener is here; the connection behind it is made by a thread that has entered the pod's network. Like a mapped
port it takes connections before anything listens behind it, and closes them without a word.
"""

from __future__ import annotations

import ctypes
import os
import socket
import threading
from contextlib import suppress

CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


class Relay:
    """One mapped port."""

    def __init__(self, pid: int, port: int = 22) -> None:
        """`pid`: a process whose network it leads into."""
        self._pid, self._far = pid, port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: set[socket.socket] = set()
        self._is_closed = False
        threading.Thread(target=self._accept, name=f"relay-{self.port}", daemon=True).start()

    def close(self) -> None:
        """Take no more connections, and end those there are."""
        self._is_closed = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in tuple(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with near, suppress(OSError), connected_inside(self._pid, self._far) as far:
            self._open |= {near, far}
            back = threading.Thread(target=_pump, args=(far, near), daemon=True)
            back.start()
            _pump(near, far)
            back.join()
            self._open -= {near, far}


def connected_inside(pid: int, port: int) -> socket.socket:
    """A connection to a port on the loopback of a process's network; for a thread of its own, which stays there."""
    with open(f"/proc/{pid}/ns/net", "rb") as network:  # noqa: PTH123 - a file descriptor is what is wanted
        if _LIBC.setns(network.fileno(), CLONE_NEWNET):
            number = ctypes.get_errno()
            raise OSError(number, f"cannot enter the network of {pid}: {os.strerror(number)}")
    return socket.create_connection(("127.0.0.1", port), timeout=None)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Carry bytes one way until an end closes."""
    with suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
