"""ssh's own files of a deployment: its key, one `Host` a node, the host keys that were taken once.

`ssh_config` of a deployment names its nodes; `deployments/ssh_config` includes those of all deployments and then the
user's own, so that `lab-head` is a host like any other for screen, commands, daemon, and people. Files are written
whole and renamed, since others read them meanwhile.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from app.config.paths import deployments_ssh_config, private_dir
from app.domain.deployment import Address
from app.domain.naming import clean
from app.services.deploy.folder import DeploymentFolder
from app.transport.destination import parse_destination

_HOST = re.compile(r"^Host (\S+)$", re.MULTILINE)
_ALIAS = re.compile(r"^    HostKeyAlias (\S+)$", re.MULTILINE)
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_KEY_LINE = re.compile(r"^\S+ ((?:ssh|ecdsa|sk)-[a-z0-9@.-]+) ([A-Za-z0-9+/=]{16,4096})\s*$")
MOST_KEYS = 16
"""Host keys of one sshd that are believed; it has one a kind, of which there are few."""


def write_host(folder: DeploymentFolder, node: str, pod_id: str, address: Address, key: Path) -> bool:
    """Say where a node is now; whether that is news. Raises ValueError for an address that is none."""
    block = host_block(folder, node, pod_id, address, key)
    blocks = _blocks(folder)
    if blocks.get(node) == block:
        return False
    _write_blocks(folder, blocks | {node: block})
    return True


def drop_host(folder: DeploymentFolder, node: str) -> None:
    """Forget where a node is, and the host key of the pod that played it; one that is not known is fine."""
    blocks = _blocks(folder)
    block = blocks.pop(node, None)
    if block is None:
        return
    alias = _ALIAS.search(block)
    lines = _known_lines(folder)
    kept = [line for line in lines if alias is None or line.split(" ", 1)[0] != alias[1]]
    if len(kept) < len(lines):
        write_whole(folder.known_hosts, "".join(f"{line}\n" for line in kept))
    _write_blocks(folder, blocks)


def host_block(folder: DeploymentFolder, node: str, pod_id: str, address: Address, key: Path) -> str:
    """One node for ssh; nothing of the user's own settings may weaken who is talked to.

    Raises ValueError for an address that is none: it comes from outside, and must add no line and no option here.
    """
    parse_destination(f"{address.user}@{address.host}:{address.port}")
    if not _PLAIN.fullmatch(pod_id) or not _PLAIN.fullmatch(node):
        raise ValueError(f"{clean(pod_id, 80)!r} is no pod's id")
    return (
        f"Host {node}\n"
        f"    HostName {address.host}\n"
        f"    Port {address.port}\n"
        f"    User {address.user}\n"
        f"    IdentityFile {quoted(key)}\n"
        "    IdentitiesOnly yes\n"
        f"    HostKeyAlias {pod_id}\n"
        f"    UserKnownHostsFile {quoted(folder.known_hosts)}\n"
        "    GlobalKnownHostsFile none\n"
        "    StrictHostKeyChecking yes\n"
        "    CheckHostIP no\n"
        "    UpdateHostKeys no\n"
    )


def hosts(folder: DeploymentFolder) -> tuple[str, ...]:
    """Names of the nodes that ssh knows."""
    return tuple(_blocks(folder))


def config_with(state_dir: Path, node: str) -> Path | None:
    """What ssh is configured by, where a node of that name is one of a deployment; None where none is."""
    path = deployments_ssh_config(state_dir)
    names = (name for one in path.parent.glob("*/ssh_config") for name, _ in _cut(_read(one)))
    return path if path.is_file() and node in names else None


def is_pinned(folder: DeploymentFolder, pod_id: str) -> bool:
    """Whether a host key of the pod was taken already."""
    return any(line.split(" ", 1)[0] == pod_id for line in _known_lines(folder))


def pin(folder: DeploymentFolder, pod_id: str, scanned: str) -> int:
    """Keep the host keys that ssh-keyscan printed, under the pod's id; how many there were."""
    found = [match for line in scanned.splitlines() if (match := _KEY_LINE.match(line))][:MOST_KEYS]
    lines = [*_known_lines(folder), *(f"{pod_id} {match[1]} {match[2]}" for match in found)]
    if found:
        write_whole(folder.known_hosts, "".join(f"{line}\n" for line in lines))
    return len(found)


def write_include(state_dir: Path) -> Path:
    """The configuration that everything of ours gives to ssh: every deployment's nodes, then the user's own."""
    path = deployments_ssh_config(state_dir)
    text = (
        "# Written by gpu-watchdog: the nodes of its deployments, then your own configuration.\n"
        f'Include {quoted(path.parent, is_pattern=True)[:-1]}/*/ssh_config"\n'
        "Host *\n"
        "Include ~/.ssh/config\n"
        "Include /etc/ssh/ssh_config\n"
    )
    private_dir(path.parent)
    if not path.is_file() or path.read_text(encoding="utf-8", errors="replace") != text:
        write_whole(path, text)
    return path


def quoted(path: Path, *, is_pattern: bool = False) -> str:
    """A path as a word of ssh's configuration, which would expand a per cent sign, or a wildcard."""
    text = re.sub(r"([*?\[])", r"\\\\\1", str(path)) if is_pattern else str(path).replace("%", "%%")
    return f'"{text}"'


def write_whole(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _blocks(folder: DeploymentFolder) -> dict[str, str]:
    """What is written of each node."""
    return dict(_cut(_read(folder.ssh_config)))


def _cut(text: str) -> Iterator[tuple[str, str]]:
    found = list(_HOST.finditer(text))
    ends = [*(match.start() for match in found[1:]), len(text)]
    for match, end in zip(found, ends, strict=False):
        yield match[1], text[match.start() : end]


def _write_blocks(folder: DeploymentFolder, blocks: dict[str, str]) -> None:
    write_whole(folder.ssh_config, "".join(blocks.values()))


def _known_lines(folder: DeploymentFolder) -> list[str]:
    return [line for line in _read(folder.known_hosts).splitlines() if line.strip()]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
