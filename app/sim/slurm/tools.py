"""Slurm's commands as small programs in a private folder, each of which asks the simulator.

A launcher starts the bare interpreter and nothing else, since a screen runs several of them every two seconds. It holds
the token, so the folder is for its owner alone.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from app.sim.address import SimAddress
from app.sim.slurm.desk import COMMANDS

AS = "GPU_WATCHDOG_SIM_USER"
"""Variable that lets a command run as one of the simulated users."""
_LONGEST_SHEBANG = 120
_CODE = """\
import os, sys
try:
    import _socket
except ImportError:
    import socket as _socket
name, words, env = os.path.basename(sys.argv[0]), [os.fsencode(word) for word in sys.argv[1:]], os.environ
user = env.get("GPU_WATCHDOG_SIM_USER")
if not user:
    import pwd
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
script, stdin, size = b"", b"", ""
if name == "sbatch":
    for word in words:
        if not word.startswith(b"-") and os.path.isfile(word):
            with open(word, "rb") as file:
                script = file.read()
            size = str(len(script))
            break
    else:
        if not any(word.startswith((b"--wrap", b"--version")) for word in words) and not os.isatty(0):
            stdin = sys.stdin.buffer.read()
try:
    folder = os.getcwd()
except OSError:
    folder = "/"
parts = [os.fsencode(part) for part in (user, folder, env.get("SLURM_TIME_FORMAT", ""), size)] + words
head = b"".join(part + b"\\0" for part in parts)
body = head + script + stdin
request = b"POST /slurm/%b HTTP/1.0\\r\\nHost: %b\\r\\n" % (os.fsencode(name), HOST.encode())
request += b"Authorization: Bearer %b\\r\\nX-Head: %d\\r\\n" % (TOKEN.encode(), len(head))
request += b"Content-Length: %d\\r\\n\\r\\n" % len(body) + body
link = _socket.socket(FAMILY, _socket.SOCK_STREAM)
try:
    link.connect((HOST, PORT))
    while request:
        request = request[link.send(request):]
    answer = []
    while part := link.recv(1 << 20):
        answer.append(part)
except OSError:
    answer = []
top, _, said = b"".join(answer).partition(b"\\r\\n\\r\\n")
fields = {key.lower(): value.strip() for key, _, value in (line.partition(b":") for line in top.split(b"\\r\\n"))}
if b"x-code" not in fields:
    why = said.decode("utf-8", "replace") or "Unable to contact slurm controller (connect failure)"
    sys.stderr.write("%s: error: %s\\n" % (name, why))
    sys.exit(1)
out = int(fields[b"x-out"])
try:
    sys.stdout.buffer.write(said[:out])
    sys.stdout.buffer.flush()
    sys.stderr.buffer.write(said[out:])
    sys.stderr.flush()
except BrokenPipeError:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
sys.exit(int(fields[b"x-code"]))
"""


def install(folder: Path, address: SimAddress, names: Iterable[str] = COMMANDS) -> SimAddress:
    """Write the commands into `folder`, which is made, and give the address with them. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    text = _launcher(address)
    for name in names:
        path = folder / name
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o700)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        path.chmod(stat.S_IRWXU)
    return replace(address, bin_dir=str(folder))


def _launcher(address: SimAddress) -> str:
    link = urlsplit(address.base_url)
    host = link.hostname or "127.0.0.1"
    family = "_socket.AF_INET6" if ":" in host else "_socket.AF_INET"
    first = f"#!{sys.executable} -IS\n"
    if len(first) > _LONGEST_SHEBANG or " " in sys.executable:
        # The kernel cuts long first lines and parts them at blanks; sh reads what is a string to Python.
        first = f"#!/bin/sh\n'''exec' \"{sys.executable}\" -IS \"$0\" \"$@\"\n' '''\n"
    settings = f"HOST, PORT, TOKEN = {host!r}, {link.port}, {address.token!r}\n"
    code = _CODE.replace("FAMILY", family)
    return first + settings + code
