"""Secrets of a deployment are in their own files and where they are used, and nowhere else that anybody could look."""

from __future__ import annotations

import base64
import io
import json
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from app.services.deploy import keys
from app.services.deploy.folder import folder_of
from app.services.recorder.container import FIRST_LINE, Unpacker, blocks
from tests.real.deploy.customer import GPU, ROOT, Customer, customer
from tests.real.deploy.spy import Seen, spying
from tests.terminal.tmux import python, terminal

pytestmark = [pytest.mark.real("terraform", "slurm", "gcc", "ssh", "tmux"), pytest.mark.terminal]
API_KEY = "rpa_canaryCANARYcanary0123456789"
HF_TOKEN = "hf_canaryCANARYcanary9876543210"
WISH = ("--nodes", "2", "--gpu", GPU, "--model", "org/tiny")
MAY_HAVE = {"API key": (b"terraform", b"provider"), "HF token": (b"vllm",), "model key": (b"vllm",)}
"""Whose environment holds it, by a word of the command line: neither takes it in another way, but for an argument."""
Forms = Mapping[str, tuple[bytes, ...]]
"""By a secret's name, what it may look like."""


@pytest.fixture
def user(state_dir: Path) -> Iterator[Customer]:
    """Somebody whose key and token are in files of their own, which the configuration names."""
    folder = state_dir / ".config/gpu-watchdog"
    folder.mkdir(parents=True)
    for name, secret in (("key", API_KEY), ("token", HF_TOKEN)):
        (folder / name).write_text(secret)
        (folder / name).chmod(0o600)
    (folder / "config.toml").write_text('[deploy]\napi_key_file = "key"\nhf_token_file = "token"\n')
    with customer(state_dir, key=API_KEY, extra={"RUNPOD_API_KEY": ""}) as made:
        yield made


def test_no_secret_is_seen_beside_its_file(user: Customer) -> None:
    """While a cluster is made and looked at, in what was told and shown, and in all that is left on both sides."""
    with spying() as seen:
        runs = [
            user.run("deploy", "lab", *WISH, "--yes"),
            user.run("deploy", "lab", "--yes", "--json"),
            user.run("deploy", "lab", "--status", "--json"),
            user.run("deploy", "lab", "--logs", "head", "vllm"),
        ]
        shown = infra_page(user)
        recorded = record(user)
    secrets = secrets_of(user)
    told = [shown, json.dumps(user.runpod.requests), *(run.stdout + run.stderr for run in runs)]

    assert [0] * 4 == [run.returncode for run in runs], runs[0].stderr
    assert (True, []) == (seen.looks > 10, elsewhere(seen, secrets))
    assert [] == found(secrets, [("what was told", text.encode()) for text in told])
    assert [] == found(secrets, files_here(user))
    assert [] == found(secrets, files_there(user))
    assert b"DCGM_FI_DEV_GPU_UTIL" in b"".join(body for _, body in frames_of(recorded))


def test_variables_are_handed_on_to_nobody(state_dir: Path) -> None:
    """Where key and token are given as variables, no child has them but Terraform and vLLM: not ssh, which stays."""
    with (
        customer(state_dir, key=API_KEY, extra={"RUNPOD_API_KEY": API_KEY, "HF_TOKEN": HF_TOKEN}) as user,
        spying() as seen,
    ):
        done = user.run("deploy", "lab", *WISH, "--yes")
        status = user.run("status", "--json")
        secrets = secrets_of(user)

    assert (0, 0) == (done.returncode, status.returncode), done.stderr
    ours = [(name, words) for name, words in elsewhere(seen, secrets) if "-m app" not in words]
    assert (True, []) == (seen.looks > 10, ours)


def record(user: Customer) -> Path:
    """A recording of the cluster, some looks long."""
    path = user.home / "lab.recording"
    words = (sys.executable, "-m", "app", "record", str(path), "--interval", "1")
    recorder = subprocess.Popen(words, cwd=ROOT, env=user.environ(), stderr=subprocess.PIPE)
    user.until(lambda: path.exists() and any(b"DCGM" in body for _, body in frames_of(path)))
    recorder.send_signal(signal.SIGINT)
    recorder.communicate(timeout=30)
    return path


def frames_of(path: Path) -> Iterator[tuple[str, bytes]]:
    """What is in a recording, inflated: heads and bodies."""
    with path.open("rb") as file:
        if file.read(len(FIRST_LINE)) != FIRST_LINE:
            return
        file.seek(0)
        unpacker = Unpacker(file)
        for block in list(blocks(file)):
            for frame in unpacker.frames(block):
                yield str(path), json.dumps(frame.head).encode() + frame.body + b"".join(frame.rest)


def infra_page(user: Customer) -> str:
    """The Infra page and the deployment's log on it."""
    with terminal(user.home / "terminal", user.environ(), 160, 50) as shell:
        shell.run(*python("-m", "app", "tui"))
        shell.shows("LIVE", "2/2 GPUs")
        shell.press("6")
        text = shell.shows("10 of 10", "lab-w1", "Log")
        shell.press("q")
        shell.until(lambda left: left.rstrip().endswith("$"))
    return text


def secrets_of(user: Customer) -> Forms:
    """All there are; each pod has the same munge key."""
    made = keys.tokens(folder_of(user.state_dir, "lab"))
    munge = {(pod.host.root / "etc/munge/munge.key").read_bytes() for pod in user.pods.pods.values()}
    [key] = munge
    plain = {
        "API key": API_KEY,
        "HF token": HF_TOKEN,
        "exporter token": made.exporter.reveal(),
        "model key": made.model.reveal(),
    }
    forms = {name: (text.encode(), base64.b64encode(text.encode()).rstrip(b"=")) for name, text in plain.items()}
    return {**forms, "munge key": (key, base64.b64encode(key)[:64], key.hex()[:64].encode())}


def elsewhere(seen: Seen, secrets: Forms) -> list[tuple[str, str]]:
    """Secrets with the command lines of processes that had one and ought not to."""
    told = []
    for name, forms in secrets.items():
        for form in forms:
            held = seen.with_argument(form)
            held += [
                words for words in seen.with_variable(form) if not any(one in words for one in MAY_HAVE.get(name, ()))
            ]
            told += [(name, words.replace(b"\0", b" ").decode(errors="replace")[:200]) for words in held]
    return told


def found(secrets: Forms, places: Iterable[tuple[str, bytes]]) -> list[tuple[str, str]]:
    """Secrets with the places they are in."""
    held = list(places)
    return [
        (name, place) for name, forms in secrets.items() for place, body in held if any(form in body for form in forms)
    ]


def files_here(user: Customer) -> Iterator[tuple[str, bytes]]:
    """Every file of this user, but for those that are there for a secret; a plan of Terraform's is a zip."""
    folder = folder_of(user.state_dir, "lab")
    own = {keys.exporter_token_file(folder), keys.model_key_file(folder)}
    own |= {user.home / ".config/gpu-watchdog" / name for name in ("key", "token")}
    for path in user.home.rglob("*"):
        if path in own or path.is_symlink() or not path.is_file():
            continue
        body = path.read_bytes()
        yield str(path), body
        if body.startswith(FIRST_LINE):
            yield from frames_of(path)
        if zipfile.is_zipfile(io.BytesIO(body)):
            with zipfile.ZipFile(io.BytesIO(body)) as packed:
                yield from ((f"{path}: {name}", packed.read(name)) for name in packed.namelist())


def files_there(user: Customer) -> Iterator[tuple[str, bytes]]:
    """Every log and every script on the pods."""
    for pod in user.pods.pods.values():
        for folder in ("var/log", "opt/gpu-watchdog", "etc/slurm"):
            for path in (pod.host.root / folder).rglob("*"):
                if path.is_file() and not path.is_symlink():
                    yield f"{pod.name}: {path.name}", path.read_bytes()
