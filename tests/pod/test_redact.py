"""Secrets leave neither command lines nor logs."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod.redact import COMMAND_LIMIT, redact_command, redact_text

SECRET = "Zx9kQ2mPq7Lr4TvB"


@pytest.mark.parametrize(
    "arguments",
    [
        ["serve", "--token", SECRET],
        ["serve", f"--token={SECRET}"],
        ["serve", "--api-key", SECRET],
        ["serve", f"--hf_token={SECRET}"],
        ["serve", "--password", f"'{SECRET}'"],
        ["env", f"HF_TOKEN={SECRET}", "python"],
        ["env", f"OPENAI_API_KEY={SECRET}", "python"],
        ["env", f"WANDB_KEY={SECRET}", "python"],
        ["curl", "-H", f"Authorization: Bearer {SECRET}"],
        ["psql", f"postgres://ana:{SECRET}@db/x"],
        ["python", f"hf_{SECRET}"],
        ["python", f"sk-proj-{SECRET}"],
        ["python", f"ghp_{SECRET}"],
        ["python", "--hash", "0123456789abcdef" * 4 + SECRET[:0] + "deadbeef"],
        ["python", '{"password": "' + SECRET + '"}'],
    ],
)
def test_secret_is_replaced_in_a_command(arguments: list[str]) -> None:
    """Named secrets, keys that announce themselves, credentials in URLs and long hex are replaced."""
    shown = redact_command(arguments)

    assert SECRET not in shown
    assert "deadbeef" not in shown
    assert "[redacted]" in shown


@pytest.mark.parametrize(
    "command",
    [
        "python train.py --lr 3e-4 --tokenizer gpt2 --max-tokens 4096 /data/checkpoints/step_000120000",
        "vllm serve nvidia/Nemotron-3-Nano-30B-A3B --tensor-parallel-size 8 --max-model-len 131072",
        "torchrun --nproc-per-node 8 --rdzv-endpoint node-1:29500 main.py --keyboard us",
        "/opt/conda/envs/research/bin/python3.11 -m torch.distributed.run --log-dir=/tmp/torchelastic_a1b2c3",
    ],
)
def test_ordinary_commands_stay_readable(command: str) -> None:
    """Words that only resemble secrets are left alone."""
    assert command == redact_command(command.split())


def test_long_command_is_cut_behind_the_redaction() -> None:
    """A command of thousands of characters shows 256, and no part of a secret at the cut."""
    shown = redact_command(["x" * 240, "--token", SECRET, "y" * 5000])

    assert COMMAND_LIMIT == len(shown)
    assert shown.endswith("…")
    assert SECRET[:4] not in shown


def test_control_characters_do_not_leave() -> None:
    """Escape sequences and line breaks in a command line become blanks."""
    assert "a [31mred b" == redact_command(["a\x1b[31mred", "\nb"])


def test_log_lines_keep_what_is_no_secret() -> None:
    """A log keeps its digests, addresses and GPU names; only the token goes."""
    line = f"INFO sha256:{'ab' * 32} GPU-fa4e0000-0000-4000-8000-000000000003 HF_TOKEN={SECRET} loaded\n"

    assert line.replace(SECRET, "[redacted]") == redact_text(line)


def test_log_lines_about_tokens_stay() -> None:
    """Figures about tokens, which vLLM prints every ten seconds, are no secrets."""
    line = "Avg prompt throughput: 61.4 tokens/s, Avg generation throughput: 12.0 tokens/s, max_tokens=512\n"

    assert line == redact_text(line)


@given(st.lists(st.text(max_size=300), max_size=8))
def test_any_command_ends_in_time_and_size(arguments: list[str]) -> None:
    """Whatever a command line holds, the shown one is short and printable on one line."""
    shown = redact_command(arguments)

    assert len(shown) <= COMMAND_LIMIT
    assert not any(character < " " for character in shown)


@pytest.mark.parametrize("piece", ["a-", "a.", "token", "a:/", "/a", "TOKEN=", "x://a:", "--auth ", "sk-", "0a"])
def test_hostile_log_is_read_in_time(piece: str) -> None:
    """A log line of a hundred thousand characters, made to match again and again, takes well under a second."""
    began = time.process_time()
    redact_text(piece * (100_000 // len(piece)))
    redact_command([piece * (100_000 // len(piece))])

    assert time.process_time() - began < 1.0
