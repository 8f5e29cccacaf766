"""The bastion recipe of the documentation with a real sshd: the login is the screen, and there is no way out of it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.real.conftest import StartServer
from tests.runtime.daemons import Pages, daemon
from tests.terminal.tmux import Terminal, terminal

pytestmark = [pytest.mark.real("ssh"), pytest.mark.real("tmux")]
RECIPE = Path(__file__).parents[3] / "docs" / "bastion.md"


@dataclass(frozen=True, slots=True)
class Bastion:
    """A machine with the recipe's login, and what a visitor has."""

    folder: Path
    port: int

    @property
    def home(self) -> Path:
        """The home that the visitor's session has."""
        return self.folder / "visitor"

    def words(self, *more: str, command: str = "ssh") -> list[str]:
        """A command line of the visitor's."""
        return [command, "-F", str(self.folder / "config"), *more]

    def says(self, *words: str, command: str = "ssh") -> subprocess.CompletedProcess[str]:
        """What comes of a command line without a terminal."""
        return subprocess.run(
            self.words(*words, command=command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def facts(self) -> list[dict[str, object]]:
        """The visits that were written down."""
        log = self.home / ".local/state/gpu-watchdog/audit.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def recipe(number: int = 0) -> list[str]:
    """The lines of the documentation's configuration of sshd."""
    block = re.findall(r"```sshd_config\n(.*?)```", RECIPE.read_text("utf-8"), re.DOTALL)[number]
    return [line.strip() for line in block.splitlines()]


def new_key(path: Path) -> str:
    """Make a key pair and return the public half."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path.with_suffix(".pub").read_text()


def settled(folder: Path, config: Path) -> list[str]:
    """The recipe as it stands, but for where this installation, its configuration and its keys are."""
    program = f"HOME={folder}/visitor exec {sys.executable} -m app"
    lines = [
        line.replace("exec /opt/gpu-watchdog/bin/gpu-watchdog", f"cd {Path.cwd()}; {program}")
        .replace("/etc/gpu-watchdog/config.toml", str(config))
        .replace("/etc/gpu-watchdog/keys/%u", f"{folder}/authorized")
        .replace("Match Group gpu-viewers", "Match User *")
        for line in recipe()
    ]
    assert any("--bastion" in line for line in lines)
    return lines


@pytest.fixture
def pages() -> Iterator[Pages]:
    """The one exporter of the cluster."""
    made = Pages()
    yield made
    made.close()


@pytest.fixture
def config(tmp_path: Path, pages: Pages) -> Path:
    """The configuration that everybody reads."""
    path = tmp_path / "config.toml"
    path.write_text(
        f'[cluster]\nname = "lab"\ninterval_s = 1.0\n[[target]]\nurl = "{pages.url}"\n[slurm]\nvia = "off"\n'
        f'[serve]\nsocket = "{tmp_path}/run/api.sock"\n[store]\npath = "{tmp_path}/history.db"\n'
    )
    return path


@pytest.fixture
def bastion(start_server: StartServer, free_port: Callable[[], int], tmp_path: Path, config: Path) -> Bastion:
    """A real sshd with the documentation's recipe, for the user of the test."""
    found = Bastion(tmp_path, free_port())
    (tmp_path / "visitor").mkdir()
    host = new_key(tmp_path / "host")
    (tmp_path / "authorized").write_text(new_key(tmp_path / "id"))
    settings = [
        *(f"Port {found.port}", "ListenAddress 127.0.0.1", f"HostKey {tmp_path}/host", "PidFile none"),
        *("StrictModes no", "UsePAM no", "Subsystem sftp internal-sftp"),
    ]
    text = "\n".join([*settings, *settled(tmp_path, config)])
    (tmp_path / "sshd_config").write_text(text + "\n")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    start_server(["sshd", "-D", "-E", str(tmp_path / "sshd.log"), "-f", str(tmp_path / "sshd_config")], found.port)
    (tmp_path / "known").write_text(f"[127.0.0.1]:{found.port} {host}")
    (tmp_path / "config").write_text(
        f"Host bastion\n HostName 127.0.0.1\n Port {found.port}\n IdentityFile {tmp_path}/id\n IdentitiesOnly yes\n"
        f" UserKnownHostsFile {tmp_path}/known\n GlobalKnownHostsFile none\n ExitOnForwardFailure yes\n"
    )
    return found


@pytest.fixture
def visitor(bastion: Bastion, config: Path, tmp_path: Path) -> Iterator[Terminal]:
    """A visitor's terminal, logged in while the daemon runs."""
    with daemon(config) as service, terminal(tmp_path / "t", {"TERM": "xterm-256color"}) as shell:
        service.until("serving")
        shell.run(*bastion.words("bastion"))
        shell.shows("node-1", "daemon", "LIVE")
        yield shell


def screens() -> list[str]:
    """State and words of each process that is the screen of a bastion."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if b"--bastion" in words:
            found.append(f"{state} {process.name}")
    return found


def test_the_login_is_the_screen_and_its_end_is_the_login_s(bastion: Bastion, visitor: Terminal) -> None:
    """The screen shows what the daemon sees; `q` ends the connection; who came, and by which key, is written down."""
    print_of = subprocess.run(
        ["ssh-keygen", "-lf", str(bastion.folder / "id.pub")], capture_output=True, text=True, check=True
    )

    visitor.press("q")
    visitor.until(lambda text: "closed" in text or text.rstrip().endswith("$"))

    opened, closed = bastion.facts
    assert ("opened", "closed", "bastion") == (opened["fact"], closed["fact"], opened["face"])
    assert "127.0.0.1" == opened["ssh_client"]
    assert str(opened["key"]) in print_of.stdout
    assert opened["id"] == closed["id"]


def test_no_key_and_no_command_of_the_screen_leads_out(bastion: Bastion, visitor: Terminal, tmp_path: Path) -> None:
    """Ctrl-Z, `:ssh`, `:bg`, `/export`, `:savelog` are refused; nothing is written, nobody is stopped or started."""
    outside = tmp_path / "outside"
    for command, told in ((":ssh node-1", "no shell"), (":bg", "no shell"), (f":savelog {outside}", "no file is")):
        visitor.type(command)
        visitor.shows(command[:6])
        visitor.press("Enter")
        visitor.shows(told)
        visitor.press("Escape")
        visitor.until(lambda text, typed=command[:6]: typed not in text)  # type: ignore[misc]  # a lambda's default
    visitor.press("C-\\")
    visitor.press("C-z")
    visitor.press("5")
    visitor.until(lambda text: "offline analyst" in text and "Queue" not in text)
    visitor.type(f"/export {outside}")
    visitor.shows("/outside")
    visitor.press("Enter")
    visitor.until(lambda text: "no file is written from here" in text and "Queue" not in text)

    assert not outside.exists()
    assert {"S", "R", "D"} >= {one[0] for one in screens()}, (
        "one that waits for a disk runs, one that is stopped does not"
    )
    assert ["audit.jsonl"] == sorted(
        one.name for one in bastion.home.rglob("*") if one.is_file() and one.suffix == ".jsonl"
    )
    kept = {one.relative_to(bastion.home).parts[:4] for one in bastion.home.rglob("*") if one.is_file()}
    assert {(".local", "state", "gpu-watchdog")} >= {parts[:3] for parts in kept}


def test_a_command_is_not_run(bastion: Bastion) -> None:
    """Whatever is asked for, the screen is started, finds no terminal and ends: no output of any command comes."""
    for options, command in (
        ((), ("id",)),
        (("-s",), ("sftp",)),
        (("-o", "SetEnv=GPU_WATCHDOG_SCREEN_BASTION=false"), ("sh",)),
    ):
        said = bastion.says(*options, "bastion", *command)
        assert (64, "") == (said.returncode, said.stdout), said


def test_no_file_comes_or_goes(bastion: Bastion, tmp_path: Path) -> None:
    """`scp` both ways, and `sftp`, fail and leave nothing."""
    mine, put = tmp_path / "mine", tmp_path / "put"
    mine.write_text("mine")

    results = [
        bastion.says(str(mine), f"bastion:{put}", command="scp").returncode,
        bastion.says(f"bastion:{mine}", str(tmp_path / "got"), command="scp").returncode,
        bastion.says("-b", "/dev/null", "bastion", command="sftp").returncode,
    ]

    assert all(results)
    assert not (tmp_path / "got").exists()
    assert not put.exists()


def test_nothing_is_forwarded(bastion: Bastion, free_port: Callable[[], int]) -> None:
    """Not to a port, not to a socket of this machine, and not back to the visitor."""
    local, here = bastion.folder / "out.sock", bastion.folder / "in.sock"
    to_a_port = bastion.says("-W", f"127.0.0.1:{bastion.port}", "bastion")
    back = bastion.says("-N", "-R", f"{free_port()}:127.0.0.1:{bastion.port}", "bastion")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(here))
        listening.listen()
        client = subprocess.Popen(bastion.words("-N", "-L", f"{local}:{here}", "bastion"), stdin=subprocess.DEVNULL)
        try:
            to_a_socket = first_bytes(local)
        finally:
            client.kill()  # a signal that ssh catches just before it waits for news is seen with the next news only
            client.wait(20)
        listening.setblocking(False)
        with pytest.raises(BlockingIOError):
            listening.accept()

    assert (255, "") == (to_a_port.returncode, to_a_port.stdout)
    assert "prohibited" in to_a_port.stderr
    assert 255 == back.returncode
    assert b"" == to_a_socket


def first_bytes(path: Path) -> bytes:
    """What an HTTP request through a local socket brings, once ssh has made it."""
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, "ssh has made no socket"
        time.sleep(0.05)
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(30)
        line.connect(str(path))
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            return line.recv(100)
        except ConnectionResetError:
            return b""


def test_without_a_daemon_nothing_is_collected(bastion: Bastion, pages: Pages, tmp_path: Path) -> None:
    """The screen says that no daemon answers, asks no exporter itself, and keeps no history."""
    with terminal(tmp_path / "t", {"TERM": "xterm-256color"}) as shell:
        shell.run(*bastion.words("bastion"))
        shell.shows("no daemon answers")
        shell.press("q")
        shell.until(lambda text: "closed" in text)

    assert 0 == pages.asked
    assert [] == list(tmp_path.rglob("history.db"))


def test_one_port_can_be_allowed_and_no_other(
    start_server: StartServer, bastion: Bastion, free_port: Callable[[], int], pages: Pages
) -> None:
    """With the documentation's other lines the daemon's port is reached through ssh, and nothing beside it."""
    allowed, port = int(pages.url.rpartition(":")[2].partition("/")[0]), free_port()
    text = (bastion.folder / "sshd_config").read_text().replace(f"Port {bastion.port}", f"Port {port}")
    more = "\n".join(recipe(1)).replace("127.0.0.1:9444", f"127.0.0.1:{allowed}")
    (bastion.folder / "sshd_config2").write_text(text.replace("DisableForwarding yes", more))
    start_server(["sshd", "-D", "-f", str(bastion.folder / "sshd_config2")], port)
    known = (bastion.folder / "known").read_text().replace(f":{bastion.port} ", f":{port} ")
    (bastion.folder / "known").write_text(known)

    through = subprocess.run(
        bastion.words("-p", str(port), "-W", f"127.0.0.1:{allowed}", "bastion"),
        input=b"GET /metrics HTTP/1.0\r\n\r\n",
        capture_output=True,
        timeout=60,
        check=False,
    )
    beside = bastion.says("-p", str(port), "-W", f"127.0.0.1:{port}", "bastion")

    assert b"DCGM_FI_DEV_POWER_USAGE" in through.stdout
    assert (255, "") == (beside.returncode, beside.stdout)
