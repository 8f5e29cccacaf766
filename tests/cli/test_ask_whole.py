"""`ask` as a whole program against a scripted model: streaming, stopping, going on, and what a secret reaches."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from app.cli import errors
from tests.cli.conftest import Run, dcgm_page, schema
from tests.standins.llm import Call, Fail, Reply, Say, ScriptedModel, Stall
from tests.standins.slurm_commands import FakeSlurm

Serve = Callable[[str], str]
KEY = "canary-api-key-91c7"
HOSTILE = "canary-hf_0123456789abcdefghij"
ANSWER = "Both GPUs of **node-1** are there [1].\n"


def config(folder: Path, page: str, base_url: str, *, key: str = KEY, interval_s: float = 0.2) -> str:
    """A configuration with one exporter and a model whose key stands in a file."""
    folder.mkdir(exist_ok=True)
    secret = folder / "model.key"
    secret.write_text(key + "\n")
    secret.chmod(0o600)
    file = folder / "lab.toml"
    file.write_text(
        f'[cluster]\nname = "lab"\ninterval_s = {interval_s}\n[[target]]\nurl = "{page}"\n[discover]\nlocal = false\n'
        f'[slurm]\nvia = "off"\n[store]\npath = "{folder / "history.db"}"\n'
        f'[agent]\nbase_url = "{base_url}"\napi_key_file = "{secret}"\n'
    )
    return str(file)


def kept() -> dict[str, bytes]:
    """Every file of the state folder."""
    state = Path(os.environ["GPU_WATCHDOG_STATE_DIR"])
    return {str(file.relative_to(state)): file.read_bytes() for file in state.rglob("*") if file.is_file()}


def whole(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The program, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "app", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environ},
    )


def test_a_model_answers_from_what_it_looked_at(run: Run, serve_page: Serve, tmp_path: Path) -> None:
    """It is sent what its look brought; the answer cites it, names the model, and goes on in the same conversation."""
    model = ScriptedModel([(Call("diagnose", {"about": None}),), (Say(ANSWER),), (Say("As before."),)], key=KEY)
    with model.running() as base_url:
        file = config(tmp_path, serve_page(dcgm_page(2)), base_url)
        first = run("ask", "is all well?", "--json", "--config", file)
        second = run("ask", "sure?", "--chat", "last", "--json", "--config", file)

    jsonschema.validate(first.json, schema("ask"))
    jsonschema.validate(second.json, schema("ask"))
    assert (errors.OK, ANSWER.strip(), "stand-in") == (first.code, first.json["answer"].strip(), first.json["model"])
    assert ["diagnose"] == [one["tool"] for one in first.json["tools"]]
    assert [1] == [one["number"] for one in first.json["citations"]]
    assert first.json["conversation"] == second.json["conversation"]
    brought = [one["content"] for one in model.asked[1]["messages"] if one["role"] == "tool"]
    assert 1 == len(brought)
    assert "is all well?" in json.dumps(model.asked[2]["messages"])


def test_offline_asks_no_model(run: Run, serve_page: Serve, tmp_path: Path) -> None:
    """`--offline`: the analyst answers, and the server hears nothing."""
    model = ScriptedModel(key=KEY)
    with model.running() as base_url:
        file = config(tmp_path, serve_page(dcgm_page(2)), base_url)
        answer = run("ask", "is all well?", "--offline", "--json", "--config", file)

    assert (errors.OK, None, []) == (answer.code, answer.json["model"], model.headers)
    assert answer.json["tools"]
    assert answer.json["answer"]


def test_what_is_proposed_is_printed_and_never_done(
    run: Run, serve_page: Serve, tmp_path: Path, slurm: FakeSlurm
) -> None:
    """A model and the analyst alike: the exact command stands there, and Slurm is only asked questions."""
    model = ScriptedModel([(Call("propose_cancel", {"jobs": ["812"], "why": "it is stuck"}),), (Say("Shall it [1]?"),)])
    with model.running() as base_url:
        file = config(tmp_path, serve_page(dcgm_page(2)), base_url)
        words = ("cancel job 812, now, I am sure", "--slurm-via", "local", "--config", file)
        answers = [run("ask", *words, "--json", *more) for more in ((), ("--offline",))]

    for answer in answers:
        jsonschema.validate(answer.json, schema("ask"))
        (proposed,) = answer.json["proposals"]
        assert ([["scancel", "812"]], "proposed", None) == (
            proposed["commands"],
            proposed["state"],
            proposed["outcome"],
        )
    assert ["stand-in", None] == [answer.json["model"] for answer in answers]
    assert [] == slurm.acts
    files = kept()
    assert "audit.jsonl" not in files
    assert 2 == files["agent.jsonl"].count(b'"fact":"proposal"')


def test_a_daemon_is_asked_where_there_is_one(run: Run, serve_page: Serve, tmp_path: Path) -> None:
    """What it shows is what is answered from, now and then; it is not told of the conversation."""
    file = config(tmp_path, serve_page(dcgm_page(2)), "", interval_s=1.0)
    with daemon(file):
        now = run("ask", "is all well?", "--json", "--config", file)
        at, until = ("--at", "-1s", "--config", file), time.monotonic() + 20
        while errors.UNAVAILABLE == run("status", "--json", *at).code and time.monotonic() < until:
            time.sleep(0.1)  # it has not yet kept a picture that is a second old
        then = run("ask", "what was wrong?", "--json", *at)

    for answer in (now, then):
        assert errors.OK == answer.code, answer.err
        jsonschema.validate(answer.json, schema("ask"))
        assert "" == answer.err
    assert 2 == len(run("chats", "--json").json["chats"])


@contextmanager
def daemon(file: str) -> Iterator[None]:
    """A daemon for a configuration, once it listens."""
    serving = subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--config", file], stderr=subprocess.PIPE, text=True
    )
    assert serving.stderr is not None
    try:
        assert "serving" in serving.stderr.readline()
        yield
    finally:
        serving.send_signal(signal.SIGTERM)
        serving.communicate(timeout=20)


def test_secrets_reach_only_whom_they_are_for(
    run: Run, serve_page: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is in the header and nowhere else: not in requests, answers, errors, conversations or logs.

    Nor are secrets of the environment, of the question, of what was looked at, or of what the server says.
    """
    page = dcgm_page(2).replace("NVIDIA H100 80GB HBM3", f"H100 token={HOSTILE}")
    for name in ("HF_TOKEN", "OPENAI_API_KEY", "RUNPOD_API_KEY"):
        monkeypatch.setenv(name, HOSTILE)
    question = f"why does curl -H 'Authorization: Bearer {HOSTILE}' fail?"
    script: list[Reply] = [
        (Call("current_metrics", {}), Call("gpu_details", {"gpu": "node-1/0"}), Call("cluster_status", {})),
        (Say(f"Your password={HOSTILE} is wrong [1]."),),
    ]
    model = ScriptedModel(script, otherwise=(Fail(401, f"bad key {KEY}"),), key=KEY)
    about = ("--about", f"job:token={HOSTILE}")
    with model.running() as base_url:
        file, wrong = (config(tmp_path / name, serve_page(page), base_url, key=f"{KEY}{name}") for name in ("", "-no"))
        said = [run("ask", question, *words, "--config", file) for words in (("--json",), (), about)]
        asked = json.dumps([model.asked, model.probes])
        said.append(run("ask", question, "--json", "--config", wrong))
    show = (("--json",), ("show", "last"), ("export", "last", "-"), ("curl",))
    said += [run("chats", *words) for words in show]

    assert 3 <= len(model.asked)
    assert {f"Bearer {KEY}", f"Bearer {KEY}-no"} == {one.get("authorization") for one in model.headers}
    files = kept()
    assert {"chats.db", "agent.jsonl"} <= files.keys()
    for secret in (HOSTILE, KEY):
        assert secret not in asked
        assert [] == [one for one in said if secret in one.out + one.err]
        assert [] == [name for name, text in files.items() if secret.encode() in text]


def test_ctrl_c_stops_the_answer_and_keeps_what_came(serve_page: Serve, tmp_path: Path) -> None:
    """In a terminal the words stand there already; 130, the server is left at once, and the conversation has them."""
    model = ScriptedModel([(Say("The first words of it "), Stall())], key=KEY)
    with model.running() as base_url:
        file = config(tmp_path, serve_page(dcgm_page(2)), base_url)
        master, slave = pty.openpty()
        talking = subprocess.Popen(
            [sys.executable, "-m", "app", "ask", "tell me", "--config", file], stdin=slave, stdout=slave, stderr=slave
        )
        os.close(slave)
        shown = b""
        while b"first words" not in shown:
            shown += os.read(master, 4096)
        talking.send_signal(signal.SIGINT)
        code = talking.wait(20)
        os.close(master)

    assert (errors.INTERRUPTED, 1) == (code, model.hung_up)
    (one,) = json.loads(whole("chats", "show", "last", "--json").stdout)["exchanges"]
    assert ("stopped", "The first words of it") == (one["state"], one["answer"].strip())


@pytest.mark.parametrize("command", ["ask", "chats", "mcp"])
def test_help_loads_nothing_that_answers(command: str) -> None:
    """Neither a client of models, nor the SDK of MCP, nor the agent's session."""
    code = (
        f"import sys; from app.__main__ import main; main([{command!r}, '--help']); "
        "print(' '.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    heavy = {"openai", "mcp", "mcp_types", "pydantic", "uvicorn", "starlette", "textual", "app.agent.session"}
    assert set() == set(done.stderr.split()) & heavy
    assert "app" in done.stderr.split()


def test_the_agent_without_a_model_loads_no_client_of_one(serve_page: Serve) -> None:
    """The offline analyst costs neither the openai package nor a second HTTP stack."""
    given: list[Any] = ["ask", "is all well?", "--json", "--target", serve_page(dcgm_page(1)), "--interval", "0.1"]
    code = f"import sys; from app.__main__ import main; main({given!r}); print(' '.join(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert set() == set(done.stderr.split()) & {"openai", "mcp", "httpx", "textual"}
    assert json.loads(done.stdout)["model"] is None
