"""pid 1 of a cluster's fabric: holds the namespaces that all hosts hang under, and ends with its standard input.

It runs as a script in fresh network, mount and process namespaces: `fabric_init.py FOLDER`. The folder gets a file
system in memory that only the fabric and its hosts see. When the tests end or are killed, the pipe closes, this
process ends, and the kernel ends every process, mount and network device of the cluster with it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path


def main(folder: str) -> None:
    """Mount the folder, say which process this is on the machine, and stay until standard input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for orphans here: let the kernel
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"cluster", folder.encode(), b"tmpfs", 0, b"mode=755"):
        raise OSError(ctypes.get_errno(), f"cannot mount a tmpfs on {folder}")
    # The machine's own /proc is still mounted, so this link is our number out there; in here we are 1.
    os.write(1, f"{Path('/proc/self').readlink()}\n".encode())
    while os.read(0, 4096):
        pass


if __name__ == "__main__":
    main(sys.argv[1])
