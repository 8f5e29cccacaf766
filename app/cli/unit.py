"""The systemd units of `serve --unit`: a service for a machine or a user, and sockets that outlive it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

SERVICE_USER = "gpu-watchdog"
CONFIG = Path("/etc/gpu-watchdog/config.toml")
_HEAD = """\
[Unit]
Description=GPU Watchdog: watches a GPU cluster for every screen and command of this machine
Documentation=man:gpu-watchdog(1)
"""
_NETWORK = "Wants=network-online.target\nAfter=network-online.target\n"
_SERVICE = """\
[Service]
Type=notify
# The daemon that takes over (kill -s USR2) says by itself that it is the main process from then on.
NotifyAccess=all
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=2
# A loop that hangs gives no sign of life, and is started anew.
WatchdogSec=60
TimeoutStopSec=30
LimitNOFILE=65536
UMask=0077
"""
_HARDENING = """\
# What it may be and see. Anything more than this is a line to take out, knowingly:
# - GPUs of this machine (nvml:): PrivateDevices=no, DeviceAllow=char-nvidia* rw
# - the kernel's log of this machine: SupplementaryGroups=adm systemd-journal
# - files of the configuration under /home: ProtectHome=read-only
# No PrivateUsers: the kernel could not say any more who is at the other end of the socket.
User={user}
Group={user}
StateDirectory=gpu-watchdog
StateDirectoryMode=0700
RuntimeDirectory=gpu-watchdog
RuntimeDirectoryMode=0755
RuntimeDirectoryPreserve=restart
Environment=GPU_WATCHDOG_STATE_DIR=/var/lib/gpu-watchdog HOME=/var/lib/gpu-watchdog
CapabilityBoundingSet=
AmbientCapabilities=
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
ProtectProc=invisible
ProcSubset=pid
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
"""


def unit_text(kind: str, config: Path | None, program: str) -> str:
    """A unit as it goes into a file; `program` is how this one was started."""
    return _UNITS[kind](config, program)


def _system(config: Path | None, program: str) -> str:
    named = config or CONFIG
    return "\n".join(
        (
            f"# /etc/systemd/system/gpu-watchdog.service\n{_HEAD}{_NETWORK}",
            _SERVICE.format(command=f"{command_of(program)} serve --config {_quoted(str(named))}")
            + _HARDENING.format(user=SERVICE_USER),
            "[Install]\nWantedBy=multi-user.target\n",
        )
    )


def _user(config: Path | None, program: str) -> str:
    named = f" --config {_quoted(str(config))}" if config is not None else ""
    service = _SERVICE.format(command=f"{command_of(program)} serve{named}")
    return "\n".join(
        (
            f"# ~/.config/systemd/user/gpu-watchdog.service\n{_HEAD}",
            f"{service}NoNewPrivileges=yes\nLockPersonality=yes\nRestrictSUIDSGID=yes\nSystemCallArchitectures=native\n",
            "[Install]\nWantedBy=default.target\n",
        )
    )


def _socket(config: Path | None, program: str) -> str:
    del config, program
    return (
        "# /etc/systemd/system/gpu-watchdog.socket: connections wait while the service is started anew\n"
        "[Unit]\nDescription=Where GPU Watchdog answers\n\n"
        "[Socket]\nListenStream=/run/gpu-watchdog/api.sock\nSocketUser=gpu-watchdog\nSocketGroup=gpu-watchdog\n"
        "SocketMode=0660\nDirectoryMode=0755\nBacklog=1024\n\n[Install]\nWantedBy=sockets.target\n"
    )


_UNITS: Mapping[str, Callable[[Path | None, str], str]] = {"system": _system, "user": _user, "socket": _socket}


def command_of(program: str) -> str:
    """The words that start this installation, as a unit writes them."""
    path = Path(program)
    if path.name == "gpu-watchdog" and path.is_absolute():
        return _quoted(str(path))
    beside = Path(sys.executable).with_name("gpu-watchdog")
    return _quoted(str(beside)) if beside.exists() else f"{_quoted(sys.executable)} -m app"


def _quoted(word: str) -> str:
    """A word of a command line of systemd's."""
    plain = word.replace("%", "%%").replace("$", "$$")
    if any(c in plain for c in " \t\"'\\"):
        return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return plain
