"""What a start of vLLM makes of flags, variables and the GPUs there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from pod.vllm.__main__ import main, shown
from pod.vllm.boards import Boards
from pod.vllm.command import start_of
from pod.vllm.settings import MODEL, Settings, SettingsError, parse

H100 = 79.6


def after(words: tuple[str, ...], flag: str) -> str | None:
    """The word behind a flag."""
    return words[words.index(flag) + 1] if flag in words else None


def test_the_default_is_the_model_of_the_agent_with_its_parsers() -> None:
    """On one 80 GB GPU it takes its whole context, on loopback, with the parsers that fit its tool calls."""
    argv = start_of(Settings(), Boards((H100,))).argv

    assert ("vllm", "serve", "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16") == argv[:3]
    assert ("127.0.0.1", "1", "262144") == (
        after(argv, "--host"),
        after(argv, "--tensor-parallel-size"),
        after(argv, "--max-model-len"),
    )
    assert ("qwen3_coder", "nemotron_v3") == (after(argv, "--tool-call-parser"), after(argv, "--reasoning-parser"))
    assert "--enable-auto-tool-choice" in argv


@pytest.mark.parametrize(("count", "used"), [(1, "1"), (2, "2"), (3, "2"), (6, "4"), (8, "8")])
def test_tensor_parallel_takes_the_most_gpus_that_divide(count: int, used: str) -> None:
    """Three GPUs cannot share 32 heads: two do, and that is said."""
    start = start_of(Settings(), Boards((H100,) * count))

    assert used == after(start.argv, "--tensor-parallel-size")
    assert (count != int(used)) == any("are used" in one for one in start.remarks)


def test_a_model_that_does_not_fit_is_refused_with_the_figures() -> None:
    """One GPU of 40 GB cannot hold 59 GiB of weights; nothing is started that must fail after minutes."""
    with pytest.raises(SettingsError, match=r"59 GiB.*1 GPUs of 40 GiB"):
        start_of(Settings(), Boards((40.0,)))


def test_a_context_shrinks_to_the_memory() -> None:
    """Where the memory holds less than two of the longest contexts, a context is shorter, and that is said."""
    start = start_of(Settings(memory_share=0.82), Boards((H100,)))

    assert 8192 <= int(after(start.argv, "--max-model-len") or 0) < 262_144
    assert any("the memory allows no more" in one for one in start.remarks)


def test_of_an_unknown_model_vllm_itself_chooses_the_context() -> None:
    """Nothing is claimed of a model that is not known."""
    assert "--max-model-len" not in start_of(Settings(model="some/model"), Boards((H100,) * 4)).argv


def test_more_gpus_than_there_are_is_a_mistake() -> None:
    """`--gpus` beyond what is there is said at once."""
    with pytest.raises(SettingsError, match="there are 2"):
        start_of(Settings(gpus=4), Boards((H100,) * 2))


def test_caches_lie_on_the_volume() -> None:
    """Weights and compiled graphs outlive the pod."""
    start = start_of(Settings(volume=Path("/vol")), Boards((H100,)))

    assert ("/vol/huggingface", "/vol/vllm") == (start.environment["HF_HOME"], start.environment["VLLM_CACHE_ROOT"])


def test_the_hubs_token_is_in_no_word_of_the_command(tmp_path: Path) -> None:
    """The file's path goes to the hub's library; the token is neither shown, nor an argument, nor a variable."""
    secret = tmp_path / "token"
    secret.write_text("hf_abcdefghijklmnop\n")
    secret.chmod(0o600)
    start = start_of(parse(["--hf-token-file", str(secret)], {}), Boards((H100,)))

    assert "hf_abc" not in " ".join((*start.argv, *start.environment.values(), shown(start)))
    assert str(secret) == start.environment["HF_TOKEN_PATH"]
    assert "HF_TOKEN" in start.dropped


def test_a_secret_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """The sentence says how to put it right."""
    secret = tmp_path / "token"
    secret.write_text("hf_abcdefghijklmnop\n")
    secret.chmod(0o644)

    with pytest.raises(SettingsError, match="chmod 600"):
        parse(["--hf-token-file", str(secret)], {})


def test_an_open_door_needs_a_key(tmp_path: Path) -> None:
    """An address that others reach is refused without a key; with one the key goes by the environment alone."""
    key = tmp_path / "key"
    key.write_text("sk-local-1234567890")
    key.chmod(0o600)
    with pytest.raises(SettingsError, match="not loopback"):
        parse(["--host", "0.0.0.0"], {})
    start = start_of(parse(["--host", "0.0.0.0", "--api-key-file", str(key)], {}), Boards((H100,)))

    assert "sk-local-1234567890" == start.environment["VLLM_API_KEY"]
    assert "sk-local" not in shown(start)


def test_flags_go_before_variables_and_vllms_own_go_through() -> None:
    """A variable is a default; what stands behind `--` is vLLM's."""
    found = parse(["--port", "8100", "--", "--enforce-eager"], {"GPU_WATCHDOG_VLLM_PORT": "8200"})

    assert (8100, ("--enforce-eager",)) == (found.port, found.more)
    assert 8200 == parse([], {"GPU_WATCHDOG_VLLM_PORT": "8200"}).port


@pytest.mark.parametrize("words", [["--port", "0"], ["--nonsense"], ["--memory-share", "2"], ["--model", "--x"]])
def test_mistakes_are_told_before_anything_starts(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong word ends with 64 and a sentence."""
    assert 64 == main(words, {})
    assert "vllm guard: " in capsys.readouterr().err


def test_print_shows_the_command_and_starts_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """`--print` leaves with 0; nothing was made on the volume."""
    volume = tmp_path / "volume"

    assert 0 == main(["--print", "--volume", str(volume), "--gpus", "0"], {"CUDA_VISIBLE_DEVICES": ""})
    assert f"vllm serve {MODEL}" in capsys.readouterr().out
    assert not volume.exists()
