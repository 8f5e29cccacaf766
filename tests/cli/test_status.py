"""`status`: what it prints, how it ends, and what it does not load."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable

import jsonschema
import pytest

from app.cli import errors
from tests.cli.conftest import PAST, Run, dcgm_page, schema

Serve = Callable[[str], str]
HEAVY = (
    "textual",
    "openai",
    "mcp",
    "pandas",
    "matplotlib",
    "aiohttp",
    "starlette",
    "uvicorn",
    "httpx",
    "plotext",
    "rich",
    "aiosqlite",
)


def test_json_holds_every_gpu_and_fits_its_schema(run: Run, serve_page: Serve) -> None:
    """A page with two GPUs becomes two GPUs with their values, units by name, under the published schema."""
    answer = run("status", "--json", "--target", serve_page(dcgm_page(2)))

    assert errors.OK == answer.code
    jsonschema.validate(answer.json, schema("status"))
    gpus = answer.json["nodes"][0]["gpus"]
    assert [(0, 10, 100.5), (1, 20, 201)] == [(g["index"], g["utilization_percent"], g["power_w"]) for g in gpus]


def test_a_hung_target_is_a_source_that_is_down_and_nothing_else(run: Run, serve_page: Serve, hung_page: str) -> None:
    """The other target's GPUs are there; the exit code says that something is missing."""
    answer = run("status", "--json", "--interval", "0.3", "--target", serve_page(dcgm_page(1)), "--target", hung_page)

    assert errors.INCOMPLETE == answer.code
    jsonschema.validate(answer.json, schema("status"))
    assert ["down", "ok"] == sorted(source["state"] for source in answer.json["sources"])
    assert 1 == answer.json["cluster"]["gpus"]


def test_a_page_without_gpus_is_an_answer(run: Run, serve_page: Serve) -> None:
    """A node or a model server without GPUs in sight is a whole answer."""
    answer = run("status", "--json", "--target", serve_page("node_load1 0.5\n"))

    assert errors.OK == answer.code
    assert 0 == answer.json["cluster"]["gpus"]


def test_the_table_has_a_line_a_gpu_and_no_colour_off_a_terminal(
    run: Run, serve_page: Serve, hung_page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """People get the same facts in 80 columns, with the reason for what is down; no escape reaches a pipe."""
    monkeypatch.setenv("COLUMNS", "80")

    answer = run("status", "--interval", "0.3", "--target", serve_page(dcgm_page(3)), "--target", hung_page)

    assert "\x1b" not in answer.out
    assert 3 == len(re.findall(r"node-1/\d", answer.out))
    assert re.search(r"^down +127\.0\.0\.1", answer.out, re.MULTILINE)
    assert max(map(len, answer.out.splitlines())) <= 80


def test_text_of_a_page_cannot_move_the_cursor(run: Run, serve_page: Serve) -> None:
    """Control characters in a host name reach neither the table nor the JSON as they came."""
    page = dcgm_page(1, host="node\x1b[2J\x07\u202eevil")

    shown = run("status", "--target", serve_page(page)).out + run("status", "--json", "--target", serve_page(page)).out

    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", shown)


def test_the_past_comes_from_the_store(run: Run, stored_past: object) -> None:
    """`--at` shows what was kept then, in the same form."""
    answer = run("status", "--json", "--at", str(PAST + 101), "--store-path", str(stored_past))

    jsonschema.validate(answer.json, schema("status"))
    assert ("lab", 1) == (answer.json["cluster"]["name"], len(answer.json["nodes"]))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--at", "half past"], errors.USAGE, "is not a time"),
        (["--at", "-3d"], errors.UNAVAILABLE, "nothing was kept near -3d"),
    ],
)
def test_a_moment_without_a_picture_is_said(
    run: Run, stored_past: object, words: list[str], code: int, said: str
) -> None:
    """A time that is none is wrong usage; one that nothing was kept of is unavailable."""
    answer = run("status", *words, "--store-path", str(stored_past))

    assert (code, "") == (answer.code, answer.out)
    assert said in answer.err


def test_without_a_store_the_past_is_unavailable(run: Run) -> None:
    """The error names the file that is not there."""
    answer = run("status", "--at", "-1h")

    assert errors.UNAVAILABLE == answer.code
    assert "history.db does not exist" in answer.err


def test_watch_prints_an_object_a_line(serve_page: Serve) -> None:
    """A pipe gets one complete JSON object a line, every interval, until the reader has enough."""
    words = ["status", "--watch", "--interval", "0.2", "--target", serve_page(dcgm_page(1))]
    with subprocess.Popen(
        [sys.executable, "-m", "app", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as going:
        assert going.stdout is not None
        first, second = json.loads(going.stdout.readline()), json.loads(going.stdout.readline())
        going.stdout.close()
        code = going.wait(timeout=10)
        said = going.stderr.read() if going.stderr else b""

    jsonschema.validate(first, schema("status"))
    assert first["at"] < second["at"]
    assert (errors.PIPE_CLOSED, b"") == (code, said)


def test_json_loads_nothing_heavy(serve_page: Serve) -> None:
    """A cold `status --json` pays for no screen, no model client, no charts, no second HTTP stack, no database."""
    code = (
        "import sys; from app.__main__ import main; "
        f"main(['status', '--json', '--target', {serve_page(dcgm_page(1))!r}, '--target', 'nvml:']); "
        "print(' '.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)

    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert set() == loaded & set(HEAVY)
    assert "app" in loaded


def test_one_look_loads_nothing_of_who_collects() -> None:
    """What collects, keeps and records for good is loaded by who stays."""
    code = "import sys, app.cli.status; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lasting = ("app.runtime.collecting", "app.services.recording", "app.services.recorder", "app.services.recall")

    assert [] == [name for name in lasting if name in done.stdout.split()]


def test_the_screen_is_opened_before_anything_that_collects() -> None:
    """What runs before the first frame loads neither the runtime nor a client of any kind."""
    code = "import sys; import app.__main__, app.cli.screen; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    early = [name for name in done.stdout.split() if name.startswith(("app.runtime", "app.services", "app.sources"))]
    assert [] == early
