"""What libc can be told of a process's memory, as far as it does what it was told."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAPS = """
import ctypes, sys, threading
from app.transport.memory import share_one_heap
if sys.argv[1] == "one":
    share_one_heap()
held = []
def hold():
    held.append([bytes(2000 + number) for number in range(50)])
    wait.wait()
wait = threading.Barrier(4)
threads = [threading.Thread(target=hold) for _ in range(4)]
[one.start() for one in threads]
[one.join() for one in threads]
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has heaps of threads")
def test_threads_share_one_heap_once_libc_was_told() -> None:
    """Four threads that hold memory have heaps of their own by libc's own rules, and all one where it was told so."""

    def heaps(how: str) -> int:
        command = [sys.executable, "-c", HEAPS, how]
        told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        return told.count("<heap nr=")

    assert heaps("one") == 1
    assert heaps("own") > 1
