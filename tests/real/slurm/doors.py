"""Ways from the tests into a cluster that no network reaches: wrappers of Slurm's commands, and ssh without a port."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from tests.real.slurm.configuration import SSHD
from tests.real.slurm.namespaces import PATH, Host
from tests.tools.parts import find

COMMANDS = (
    *("squeue", "scontrol", "sinfo", "sbatch", "scancel", "sacct", "sdiag", "sstat", "sprio", "srun"),
    *("sacctmgr", "strigger", "sreport", "sshare"),
)
_HOST_KEY = "etc/ssh/test_host_key"


def make_bin_dir(folder: Path, head: Host, user: str) -> Path:
    """A folder of Slurm's commands that run on the head as a user, in their home, with the caller's environment.

    The environment goes through as it is, apart from what names the user: a program that forgets to clear
    `SQUEUE_FORMAT` fails here as it would on a real head.
    """
    folder.mkdir(parents=True)
    become = ["setpriv"] + ([f"--reuid={user}", f"--regid={user}", "--init-groups"] if user != "root" else [])
    home = "/root" if user == "root" else f"/home/{user}"
    named = ["env", f"PATH={PATH}", f"HOME={home}", f"USER={user}", f"LOGNAME={user}"]
    for name in COMMANDS:
        words = [*head.enter(), "--", *become, *named, "sh", "-c", 'cd "$HOME" && exec "$@"', "sh", name]
        path = folder / name
        path.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        path.chmod(0o755)
    return folder


def make_ssh(folder: Path, head: Host, users: tuple[str, ...]) -> Path:
    """A folder whose `ssh` is the system's, with a key that the head's sshd lets in; return that folder.

    There is no port: ssh's ProxyCommand starts sshd in the head's namespaces and talks to it through a pipe.
    """
    (folder / "bin").mkdir(parents=True)
    for name in ("id", "host"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    host_key = head.root / _HOST_KEY
    host_key.write_bytes((folder / "host").read_bytes())
    host_key.chmod(0o600)
    (head.root / "etc/ssh/test_authorized").write_text((folder / "id.pub").read_text())
    (head.root / "etc/ssh/test_sshd").write_text(SSHD)
    (folder / "known_hosts").write_text(f"{head.name} {(folder / 'host.pub').read_text()}")
    serve = shlex.join(head.words(["/usr/sbin/sshd", "-i", "-f", "/etc/ssh/test_sshd"]))
    (folder / "config").write_text(
        f"Host {head.name}\n User {users[0]}\n ProxyCommand {serve}\n HostKeyAlias {head.name}\n"
        f" IdentityFile {folder / 'id'}\n IdentitiesOnly yes\n UserKnownHostsFile {folder / 'known_hosts'}\n"
        " GlobalKnownHostsFile none\n"
    )
    wrapper = folder / "bin" / "ssh"
    wrapper.write_text(f'#!/bin/sh\nexec {find("ssh")} -F {shlex.quote(str(folder / "config"))} "$@"\n')
    wrapper.chmod(0o755)
    return folder / "bin"
