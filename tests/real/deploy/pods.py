"""Pods out of namespaces, as the hooks of the emulated RunPod want them: each a host with a real sshd behind a port.

A pod has what the official images have: root by the key in PUBLIC_KEY, no service manager, a host name of its own that
leads to its engine's network (172.17.0.x), a name on the private one (10.77.0.x), GPUs by the NVML stand-in, a `vllm`
that is one. Slurm is the machine's own.
What goes wrong with one is its `Quirks`. All of it ends with this object, or with its process. Needs root.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from app.domain.deployment import Address
from app.services.deploy.bundle import bundle
from tests.real.deploy.relay import Relay
from tests.real.slurm.host_init import Plan
from tests.real.slurm.namespaces import NETWORK, Fabric, Host, container_hosts, join_outer, make_fabric, make_host
from tests.real.slurm.releases import DEBIAN, Release
from tests.real.slurm.translation import be_a_router, translate
from tests.standins.nvml import build
from tests.standins.nvml.state import XID, FakeNvml

FIRST_NUMBER, LAST_NUMBER = 20, 250
STANDIN = Path(__file__).parents[2] / "standins/pod_vllm.py"
STATE = "/etc/fake-nvml"
"""Where a pod's stand-in of the driver keeps what it tells."""
_LIBRARY_FOLDER = "usr/lib/x86_64-linux-gnu"
_DATE = '#!/bin/sh\nexec /usr/bin/date -d "{skew:+.0f} seconds" "$@"\n'
_SERVER = (
    'import socket, sys; s = socket.create_server(("", 22)); kept = []\n'
    "while kept.append(s.accept()[0]) is None:\n"
    '    if sys.argv[1]: kept[-1].sendall(sys.argv[1].encode() + b"\\n")'
)
"""Takes every connection, and says a line or nothing."""
_SSHD = f"""\
Port 22
HostKey /etc/ssh/pod_host_key
AuthorizedKeysFile .ssh/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PidFile none
MaxStartups 100
SetEnv FAKE_NVML_STATE={STATE}/state
"""


@dataclass(frozen=True, slots=True)
class Quirks:
    """What is not as it should be with a pod, by the end of its name."""

    boot_s: float = 0.0
    """Until its sshd is there; its port is mapped before."""
    ssh: str = "ok"
    """`never`: no sshd comes; `silent`: something takes connections and says nothing; `other`: it is no sshd."""
    wrong_key: bool = False
    """PUBLIC_KEY is not used."""
    missing_gpus: int = 0
    lost_gpu: bool = False
    full_disk: bool = False
    """There is no room where our files go."""
    skew_s: float = 0.0
    """Its clock is so far ahead, as date(1) tells it."""
    no_network: bool = False
    """The private network does not carry."""
    is_translated: bool = False
    """Its private address is on none of its interfaces: what is sent there is handed on to another."""
    model: str = ""
    """How its vllm fails: `memory`, `gated`, `slow`."""
    has_bundle: bool = False
    """Our scripts are there when it boots, as in an image of ours."""


class Asked(Protocol):
    """A pod as the emulated API hands it to its hooks."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def gpus(self) -> int: ...
    @property
    def container_env(self) -> dict[str, str]: ...


@dataclass
class Booted:
    """A pod that runs."""

    id: str
    name: str
    host: Host
    nvml: FakeNvml
    relay: Relay
    timer: threading.Timer | None = None

    @property
    def address(self) -> Address:
        """Where its sshd is reached from this machine."""
        return Address("127.0.0.1", self.relay.port)

    @property
    def private_name(self) -> str:
        """What the other pods call it."""
        return f"{self.id}.runpod.internal"


class NamespacePods:
    """All pods of one account, on one private network."""

    def __init__(self, quirks: Mapping[str, Quirks] | None = None, release: Release = DEBIAN) -> None:
        """`quirks`: by the last part of a pod's name, `head`, `w1`, …; changed for pods that boot later."""
        self.quirks = dict(quirks or {})
        self.pods: dict[str, Booted] = {}
        """Those that run, by id."""
        self._release = release
        self._numbers = iter(range(FIRST_NUMBER, LAST_NUMBER))
        self._names: dict[str, str] = {}
        self._lock = threading.Lock()
        self._fabric: Fabric | None = None
        self._is_router = False

    def __enter__(self) -> Self:
        self._fabric = make_fabric()
        (self._fabric.inside / "shared/home").mkdir(parents=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for pod in tuple(self.pods.values()):
            self.on_end_of(pod.id)
        if self._fabric is not None:
            self._fabric.end()

    # --- hooks of the emulator ---

    def on_create(self, asked: Asked) -> Address:
        """Start what plays a pod; its port is mapped when this returns, its sshd may be there later."""
        return self.boot(asked.id, asked.name, asked.gpus, asked.container_env).address

    def on_end(self, asked: Asked) -> None:
        """End it."""
        self.on_end_of(asked.id)

    # --- the same by hand ---

    def boot(self, pod_id: str, name: str, gpus: int, env: Mapping[str, str]) -> Booted:
        """Start a pod."""
        quirks = self.quirks.get(name.rsplit("-", 1)[-1], Quirks())
        with self._lock:
            number = next(self._numbers)
            self._names[pod_id] = f"{NETWORK}.{number}"
            host = self._host(pod_id, number, gpus - quirks.missing_gpus, env)
            nvml = self._lay_out(host, gpus - quirks.missing_gpus, env, quirks)
            pod = self.pods[pod_id] = Booted(pod_id, name, host, nvml, Relay(host.pid))
            for other in self.pods.values():
                self._tell_names(other)
        if quirks.is_translated:
            self._translate(host)
        if quirks.no_network:
            host.must(["ip", "link", "set", "eth0", "down"])
        pod.timer = threading.Timer(quirks.boot_s, self._start, (host, env, quirks))
        pod.timer.start()
        return pod

    def on_end_of(self, pod_id: str) -> None:
        """Pull a pod's plug."""
        with self._lock:
            pod = self.pods.pop(pod_id, None)
            self._names.pop(pod_id, None)
        if pod is None:
            return
        if pod.timer is not None:
            pod.timer.cancel()
        pod.relay.close()
        pod.host.end()

    def of(self, key: str) -> Booted:
        """The pod of a node, by the end of its name."""
        return next(pod for pod in self.pods.values() if pod.name.rsplit("-", 1)[-1] == key)

    def _host(self, pod_id: str, number: int, gpus: int, env: Mapping[str, str]) -> Host:
        assert self._fabric is not None, "enter the context first"
        name = f"{pod_id}-64411eb2"
        plan = Plan(
            name=name,
            lower=self._release.root,
            folder=f"{self._fabric.folder}/{pod_id}-{number}",
            shared=f"{self._fabric.folder}/shared",
            names=container_hosts(name, number),
            users={"slurmrestd": 2003},
            munge_key="",
            gpus=gpus,
            open=[],
        )
        host = make_host(self._fabric, plan, number, environ={**env, "FAKE_NVML_STATE": f"{STATE}/state"})
        join_outer(self._fabric, host)
        return host

    def _lay_out(self, host: Host, gpus: int, env: Mapping[str, str], quirks: Quirks) -> FakeNvml:
        """Fill a pod before it starts."""
        return _lay_out(host, gpus, env, quirks)

    def _start(self, host: Host, env: Mapping[str, str], quirks: Quirks) -> None:
        """Let it come up, up to its sshd."""
        _start_sshd(host, quirks.ssh)

    def _translate(self, host: Host) -> None:
        assert self._fabric is not None
        with self._lock:
            if not self._is_router:
                be_a_router(self._fabric)
                self._is_router = True
            translate(self._fabric, host)

    def _tell_names(self, pod: Booted) -> None:
        """What a pod's resolver knows, above what was put there by others; in place, as a container's is a mount."""
        path = pod.host.root / "etc/hosts"
        kept = [line for line in path.read_text().splitlines() if ".runpod.internal" not in line]
        rows = [f"{address} {pod_id}.runpod.internal" for pod_id, address in self._names.items()]
        path.write_text("\n".join([*rows, *kept, ""]))


def _lay_out(host: Host, gpus: int, env: Mapping[str, str], quirks: Quirks) -> FakeNvml:
    """What an official image has when its start script has run, and the stand-ins."""
    host.must(
        ["sh", "-c", "rm -rf /opt/gpu-watchdog; mount -t tmpfs -o mode=700 root ~root && mkdir -m 700 ~root/.ssh"]
    )
    key = "ssh-ed25519 AAAA other" if quirks.wrong_key else env.get("PUBLIC_KEY", "")
    (host.root / "root/.ssh/authorized_keys").write_text(f"{key}\n")
    (host.root / "etc/ssh/pod_sshd").write_text(_SSHD)
    host.must(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/etc/ssh/pod_host_key"])
    shutil.copy(STANDIN, host.root / "usr/local/bin/vllm")
    (host.root / "usr/local/bin/vllm").chmod(0o755)
    if quirks.model:
        (host.root / "etc/fake-vllm").write_text(quirks.model)
    if quirks.skew_s:
        wrapper = host.root / "usr/local/bin/date"
        wrapper.write_text(_DATE.format(skew=quirks.skew_s))
        wrapper.chmod(0o755)
    if quirks.full_disk:
        host.must(["sh", "-c", "mkdir -p /opt/gpu-watchdog && mount -t tmpfs -o size=64k full /opt/gpu-watchdog"])
    if quirks.has_bundle:
        unpack = ["sh", "-c", "mkdir -p /opt/gpu-watchdog && tar -xzf - -C /opt/gpu-watchdog --no-same-owner"]
        subprocess.run(host.words(unpack), input=bundle(), check=True, timeout=30)
    return put_gpus(host, gpus, quirks)


def put_gpus(host: Host, gpus: int, quirks: Quirks) -> FakeNvml:
    """Give a pod the driver's library, which a container's runtime brings, and what it tells of GPUs."""
    (host.root / STATE.lstrip("/")).mkdir()
    made = FakeNvml(host.root / STATE.lstrip("/") / "state", gpus)
    made.machine(node=host.name)
    for index in range(gpus):
        made.set(index, minor=index)
    if quirks.lost_gpu and gpus:
        made.set(0, lost=1)
    library = host.root / _LIBRARY_FOLDER / build.SONAME
    library.write_bytes(build.build().read_bytes())
    return made


def _start_sshd(host: Host, kind: str) -> None:
    """What listens on port 22, once the image's start script is so far."""
    words = {
        "ok": ["/usr/sbin/sshd", "-f", "/etc/ssh/pod_sshd", "-E", "/var/log/sshd.log"],
        "silent": ["sh", "-c", f"setsid python3 -c '{_SERVER}' '' >/dev/null 2>&1 &"],
        "other": ["sh", "-c", f"setsid python3 -c '{_SERVER}' 'HTTP/1.0 400' >/dev/null 2>&1 &"],
    }.get(kind)
    if words is not None:
        with suppress(subprocess.TimeoutExpired):  # its plug may be pulled meanwhile
            host.run(words)


def raise_xid(pod: Booted, code: int, gpu: int = 0) -> None:
    """Let a GPU of a pod report an Xid to who listens."""
    pod.nvml.event(gpu, XID, code)
