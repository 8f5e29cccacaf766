"""Targets behind a real sshd on loopback, through the system's ssh: one login, private sockets, no questions."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.config.settings import Slurm, Target
from app.domain.reading import SourceSpec
from app.sources.exporter import make
from app.sources.registry import Making
from app.sources.slurm.source import make as make_slurm
from app.transport.destination import SshError, parse_destination
from app.transport.dialer import Dialer
from app.transport.endpoint import parse_endpoint
from app.transport.failure import ScrapeError
from app.transport.process import TimedOutError
from app.transport.runner import SshRunner
from app.transport.scrape import ScrapeClient
from app.transport.ssh import RETRY_S, SshForwards
from tests.real.conftest import StartServer
from tests.standins import exporters
from tests.standins.slurmrestd import FakeRest
from tests.tools.fake_clock import FakeClock

pytestmark = pytest.mark.real("ssh")


@dataclass(frozen=True, slots=True)
class Sshd:
    """A running sshd, and a client's configuration that it lets in."""

    port: int
    folder: Path
    log: Path

    @property
    def config(self) -> Path:
        return self.folder / "config"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    @property
    def destination(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def logins(self) -> int:
        """How many logins it has accepted."""
        return self.log.read_text(errors="replace").count("Accepted publickey")

    @property
    def refusals(self) -> int:
        """How many logins it has refused."""
        return self.log.read_text(errors="replace").count("Failed publickey")


def new_key(path: Path) -> str:
    """Make a key pair and return the public half."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path.with_suffix(".pub").read_text()


@pytest.fixture
def sshd(start_server: StartServer, free_port: Callable[[], int], tmp_path: Path) -> Sshd:
    """An sshd of the current user, with one key that may come in, and its host key known."""
    found = Sshd(free_port(), tmp_path, tmp_path / "sshd.log")
    host = new_key(tmp_path / "host")
    (tmp_path / "authorized").write_text(new_key(tmp_path / "id"))
    settings = {
        "Port": found.port,
        "ListenAddress": "127.0.0.1",
        "HostKey": tmp_path / "host",
        "AuthorizedKeysFile": tmp_path / "authorized",
        "PidFile": "none",
        "StrictModes": "no",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "UsePAM": "no",
        "LogLevel": "VERBOSE",
    }
    (tmp_path / "sshd_config").write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where a root's sshd separates its privileges
    start_server(["sshd", "-D", "-E", str(found.log), "-f", str(tmp_path / "sshd_config")], found.port)
    found.known_hosts.write_text(f"[127.0.0.1]:{found.port} {host}")
    found.config.write_text(
        f"Host *\n IdentityFile {tmp_path / 'id'}\n IdentitiesOnly yes\n UserKnownHostsFile {found.known_hosts}\n"
        " GlobalKnownHostsFile none\n"
    )
    return found


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: sockets want one, and a test's own folder is too deep."""
    with tempfile.TemporaryDirectory(prefix="gw-") as made:
        yield Path(made)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def forwards(sshd: Sshd, folder: Path, clock: FakeClock) -> AsyncIterator[SshForwards]:
    """Forwards on a clock that stands still; the connection is ended with the test."""
    made = SshForwards(folder / "ssh", clock, ["-F", str(sshd.config)])
    yield made
    await made.close()
    await made.end(parse_destination(sshd.destination))


@pytest.fixture
async def client(forwards: SshForwards) -> AsyncIterator[ScrapeClient]:
    async with ScrapeClient(Dialer(forwards)) as made:
        yield made


async def test_pages_come_over_one_login(client: ScrapeClient, sshd: Sshd, folder: Path) -> None:
    """Three targets of one host are read twice each over one connection, and only its owner can use it."""
    async with (
        exporters.serving(exporters.says(exporters.whole(b"a 1\n"))) as a,
        exporters.serving(exporters.says(exporters.whole(b"b 1\n"))) as b,
        exporters.serving(exporters.says_and_closes(exporters.whole(b"c 1\n"))) as c,
    ):
        endpoints = [parse_endpoint(url, ssh=sshd.destination) for url in (a, b, c)]
        first = await asyncio.gather(*(client.get(one, 10.0) for one in endpoints))
        again = await asyncio.gather(*(client.get(one, 10.0) for one in endpoints))

    assert [b"a 1\n", b"b 1\n", b"c 1\n"] * 2 == [answer.body for answer in (*first, *again)]
    assert 1 == sshd.logins
    assert [0o40700] == [(folder / "ssh").stat().st_mode]
    assert {0} == {path.stat().st_mode & 0o077 for path in (folder / "ssh").iterdir()}


async def test_another_process_shares_the_connection(
    client: ScrapeClient, sshd: Sshd, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second program of the same user finds the forward made, and starts no ssh at all."""
    async with exporters.serving(exporters.says(exporters.whole(b"a 1\n"))) as url:
        endpoint = parse_endpoint(url, ssh=sshd.destination)
        await client.get(endpoint, 10.0)
        other = SshForwards(folder / "ssh", FakeClock(), ["-F", str(sshd.config)])
        with monkeypatch.context() as without_ssh:
            without_ssh.setenv("PATH", str(tmp_path / "nothing"))
            async with ScrapeClient(Dialer(other)) as second:
                answer = await second.get(endpoint, 10.0)

    assert b"a 1\n" == answer.body
    assert 1 == sshd.logins


async def test_a_unix_socket_of_the_host_is_reached(client: ScrapeClient, sshd: Sshd, folder: Path) -> None:
    """A server that listens on a socket of the ssh host, as slurmrestd does, is a target too."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await exporters.request(reader)
        writer.write(exporters.whole(b"a 1\n"))
        await writer.drain()

    async with await asyncio.start_unix_server(behave, folder / "far.sock"):
        answer = await client.get(parse_endpoint(f"unix://{folder}/far.sock:/x", ssh=sshd.destination), 10.0)

    assert b"a 1\n" == answer.body


def sweep(path: Path) -> None:
    """Remove a socket, as a cleaner of old files does."""
    path.unlink()


async def test_a_connection_that_ended_is_made_anew(
    client: ScrapeClient, forwards: SshForwards, sshd: Sshd, folder: Path
) -> None:
    """When the master connection is gone, or its sockets were swept away, the next look makes them again."""
    async with exporters.serving(exporters.says_and_closes(exporters.whole(b"a 1\n"))) as url:
        endpoint = parse_endpoint(url, ssh=sshd.destination)
        host = parse_destination(sshd.destination)
        await client.get(endpoint, 10.0)
        await forwards.end(host)
        after_end = await client.get(endpoint, 10.0)
        sweep(Path(forwards.path(host, endpoint.server.authority)))
        after_sweep = await client.get(endpoint, 10.0)

    assert [b"a 1\n"] * 2 == [after_end.body, after_sweep.body]
    assert 2 == sshd.logins


async def test_an_unknown_host_key_is_refused(client: ScrapeClient, sshd: Sshd) -> None:
    """A host whose key nobody has checked is not connected to, and the remedy is said."""
    sshd.known_hosts.write_text("")
    with pytest.raises(ScrapeError, match="Host key verification failed") as caught:
        await client.get(parse_endpoint("http://127.0.0.1:9/", ssh=sshd.destination), 10.0)

    assert "ssh" == caught.value.kind
    assert f"run `ssh -p {sshd.port} 127.0.0.1` by hand and check it" in str(caught.value)
    assert 0 == sshd.logins


async def test_a_refused_login_is_not_repeated_at_every_look(
    client: ScrapeClient, sshd: Sshd, clock: FakeClock
) -> None:
    """A wrong key is told, and tried again only after a pause: many wrong logins get an address banned."""
    (sshd.folder / "authorized").write_text("")
    errors = []
    for port in (9, 10, 11):
        with pytest.raises(ScrapeError, match="Permission denied") as caught:
            await client.get(parse_endpoint(f"http://127.0.0.1:{port}/", ssh=sshd.destination), 10.0)
        errors.append(str(caught.value))
    before = sshd.refusals
    await clock.advance(RETRY_S)
    with pytest.raises(ScrapeError, match="Permission denied"):
        await client.get(parse_endpoint("http://127.0.0.1:9/", ssh=sshd.destination), 10.0)

    assert errors[0].endswith("must work without a question: put a key into the agent or ~/.ssh/config")
    assert [True, True] == [error.endswith(f"next try in {RETRY_S:.0f} s") for error in errors[1:]]
    assert (1, 2) == (before, sshd.refusals)


async def test_nobody_listening_behind_the_host_is_told(client: ScrapeClient, sshd: Sshd) -> None:
    """A connection that ssh takes and drops is a refused connection, over there."""
    with pytest.raises(
        ScrapeError, match=r"nothing answers at 127.0.0.1:1 through ssh .*: is the exporter running there"
    ):
        await client.get(parse_endpoint("http://127.0.0.1:1/", ssh=sshd.destination), 10.0)


async def test_a_login_longer_than_a_look_is_there_for_the_next(client: ScrapeClient, sshd: Sshd) -> None:
    """A look gives up at its time-out; the login it began goes on and serves a later look."""
    async with exporters.serving(exporters.says(exporters.whole(b"a 1\n"))) as url:
        endpoint = parse_endpoint(url, ssh=sshd.destination)
        with pytest.raises(ScrapeError, match=r"no connection to .* through ssh .* within 0.02 s"):
            await client.get(endpoint, 0.02)
        answer = await client.get(endpoint, 10.0)

    assert b"a 1\n" == answer.body
    assert 1 == sshd.logins


async def test_an_ssh_target_is_a_source_like_any_other(client: ScrapeClient, sshd: Sshd) -> None:
    """A target with `ssh` becomes readings; of a loopback address, the host is the ssh host's."""
    async with exporters.serving(exporters.says(exporters.whole(exporters.PAGE))) as url:
        target = Target(url=url, ssh=sshd.destination)
        spec = SourceSpec("far", "exporter", url, 30.0)
        reading = await make(Making(spec, target, 10.0, client, FakeClock())).read()

    assert reading.error is None
    assert ["node-1"] == [node.name for node in reading.nodes]


async def test_commands_run_over_the_same_login(client: ScrapeClient, forwards: SshForwards, sshd: Sshd) -> None:
    """A page and five commands are one login; every word arrives as it is, whatever a shell would make of it."""
    hostile = ["a b", "$(touch x)", "`id`", "'", '"', "; exit 9", "-o", "--", "a\nb", "\x1f", "", "*", "ü", "\\", "!"]
    show = "import json, os, sys; print(json.dumps([sys.argv[1:], os.environ.get('LC_ALL'), sys.stdin.read()]))"
    runner = SshRunner(parse_destination(sshd.destination), forwards, {"LC_ALL": "C"}, ("SQUEUE_FORMAT",))
    async with exporters.serving(exporters.says(exporters.whole(b"a 1\n"))) as url:
        await client.get(parse_endpoint(url, ssh=sshd.destination), 10.0)
        argv = [sys.executable, "-c", show, *hostile]
        results = await asyncio.gather(*(runner.run(argv, 20.0, stdin=b"#!/bin/sh\n") for _ in range(5)))

    assert [[hostile, "C", "#!/bin/sh\n"]] * 5 == [json.loads(result.stdout) for result in results]
    assert 1 == sshd.logins


def is_running(pid: str, name: bytes) -> bool:
    """Whether a process of that number and name is there."""
    line = Path("/proc") / pid / "cmdline"
    return line.is_file() and name in line.read_bytes()


async def test_a_command_of_a_host_ends_with_its_time(forwards: SshForwards, sshd: Sshd, tmp_path: Path) -> None:
    """What hangs over there is ended over there: nothing of it is left running."""
    runner = SshRunner(parse_destination(sshd.destination), forwards, {})
    await runner.run(["true"], 20.0)
    script = f"echo $$ > {tmp_path}/pid; exec sleep 60"
    with pytest.raises(TimedOutError, match=r"sh on 127\.0\.0\.1:\d+ did not end within 2\.5 s"):
        await runner.run(["sh", "-c", script], 2.5)

    async with asyncio.timeout(20):  # it may have begun late over there, and ends as late
        while is_running((tmp_path / "pid").read_text().strip(), b"sleep"):  # noqa: ASYNC110 - another's process
            await asyncio.sleep(0.02)


async def test_a_command_never_logs_in_by_itself(forwards: SshForwards, sshd: Sshd) -> None:
    """When the connection ends under a command, that is an error; the next command makes it anew."""
    destination = parse_destination(sshd.destination)
    runner = SshRunner(destination, forwards, {})
    await runner.run(["true"], 20.0)
    await forwards.end(destination)
    with pytest.raises(SshError, match="lost the connection"):
        await forwards.run(destination, "true", 10.0, stdin=b"", max_output=1000)
    before = sshd.logins
    again = await runner.run(["true"], 20.0)

    assert (1, True, 2) == (before, again.ok, sshd.logins)


async def test_a_commands_user_is_asked_of_sshs_configuration(forwards: SshForwards, sshd: Sshd) -> None:
    """Without a login: whom `~/.ssh/config` names for the host."""
    with sshd.config.open("a") as file:
        file.write(" User bea\n")

    assert "bea" == await SshRunner(parse_destination(sshd.destination), forwards, {}).user()
    assert 0 == (sshd.log.read_text().count("Accepted") if sshd.log.exists() else 0)


@pytest.mark.parametrize("by", ["tcp", "unix"])
async def test_slurmrestd_behind_a_host_is_reached(
    by: str, client: ScrapeClient, sshd: Sshd, folder: Path, clock: FakeClock
) -> None:
    """A slurmrestd that listens on loopback or a socket of the ssh host is read over the same login."""
    fake = FakeRest()
    async with fake.serving(folder / "far.sock" if by == "unix" else None) as url:
        slurm = Slurm(via="rest", ssh=sshd.destination, rest_url=url)
        spec = SourceSpec("slurm", "slurm", "slurm:rest", 60.0)
        source = make_slurm(Making(spec, Target(url="slurm:rest"), 20.0, client, clock, slurm=slurm))
        reading = await source.read()
        await source.close()

    assert None is reading.error
    assert reading.slurm is not None
    assert ["812"] == [job.id for job in reading.slurm.jobs or ()]
    assert f"{url} through ssh {sshd.destination}" == source.spec.target
    assert 1 == sshd.logins
