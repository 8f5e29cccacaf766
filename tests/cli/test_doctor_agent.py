"""`doctor` about the model that answers questions: what it can, what is missing, what to do."""

from __future__ import annotations

from pathlib import Path

from app.cli import errors
from tests.cli.conftest import Run
from tests.standins.llm import ScriptedModel

Lines = dict[str, dict[str, str]]


def lines_of(run: Run, tmp_path: Path, base_url: str, more: str = "") -> tuple[int, Lines]:
    """How `doctor` ends with this server configured, and what it says of the model, by name."""
    config = tmp_path / "lab.toml"
    config.write_text(
        f'[discover]\nlocal = false\n[slurm]\nvia = "off"\n[agent]\nbase_url = "{base_url}"\nfirst_token_s = 5\n{more}'
    )
    answer = run("doctor", "--json", "--config", str(config))
    return answer.code, {one["name"]: one for one in answer.json["checks"] if one["group"] == "model"}


def test_a_model_that_works_is_described(run: Run, tmp_path: Path) -> None:
    """Its name, its context, streaming and how it calls tools, each a line."""
    with ScriptedModel().running() as base_url:
        code, lines = lines_of(run, tmp_path, base_url)

    assert errors.OK == code
    assert {"server", "models", "context", "streaming", "reasoning", "tools", "parallel calls"} == set(lines)
    assert lines["server"]["text"].startswith("stand-in: calls tools, several at once")
    assert ("ok", "context 32,768 tokens") == (lines["context"]["state"], lines["context"]["text"])


def test_a_server_without_a_tool_parser_is_advised(run: Run, tmp_path: Path) -> None:
    """It works with calls read from the text, and the line says what would be better."""
    with ScriptedModel(tools="refused").running() as base_url:
        code, lines = lines_of(run, tmp_path, base_url)

    assert errors.OK == code
    assert ("warning", "start the server with a tool parser that fits its model (docs/vllm.md)") == (
        lines["tools"]["state"],
        lines["tools"]["advice"],
    )
    assert "ok" == lines["calls in text"]["state"]


def test_a_model_that_is_not_served_is_named(run: Run, tmp_path: Path) -> None:
    """The line says which model the server does not have."""
    with ScriptedModel().running() as base_url:
        _, lines = lines_of(run, tmp_path, base_url, 'model = "other"\n')

    assert "warning" == lines["server"]["state"]
    assert "has no model 'other'" in lines["server"]["text"]


def test_a_server_that_does_not_answer_fails_nothing(run: Run, tmp_path: Path) -> None:
    """The offline analyst answers until it does, so this is a warning."""
    code, lines = lines_of(run, tmp_path, "http://127.0.0.1:1/v1")

    assert errors.OK == code
    assert ("warning", "until it answers, the offline analyst does") == (
        lines["server"]["state"],
        lines["server"]["advice"],
    )


def test_without_a_model_the_analyst_is_named(run: Run) -> None:
    """One note, and nothing is asked."""
    answer = run("doctor", "--json")

    told = [one["text"] for one in answer.json["checks"] if one["group"] == "model"]
    assert ["none is configured (agent.base_url): the offline analyst answers"] == told
