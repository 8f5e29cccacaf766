"""The exporter's settings: flags over variables, and no open door without a token."""

from pathlib import Path

import pytest

from pod.settings import Settings, SettingsError, is_loopback, parse, read_token

TOKEN = "a-token-of-enough-letters"


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """A token only its owner can read."""
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    return path


def test_without_anything_it_listens_on_loopback() -> None:
    """The defaults are 127.0.0.1:9400, once a second, no token, no logs."""
    expected = Settings(hostname="node-1")

    assert expected == parse(["--hostname", "node-1"], {})
    assert ("127.0.0.1", 9400, 1.0, None) == (expected.bind, expected.port, expected.interval_s, expected.token)


def test_flags_win_over_variables(token_file: Path) -> None:
    """A variable sets what no flag sets."""
    variables = {
        "GPU_WATCHDOG_EXPORTER_PORT": "9500",
        "GPU_WATCHDOG_EXPORTER_BIND": "10.0.0.7",
        "GPU_WATCHDOG_EXPORTER_TOKEN_FILE": str(token_file),
        "GPU_WATCHDOG_EXPORTER_LOGS": "kernel=/var/log/kern.log vllm=/workspace/vllm.log",
        "RUNPOD_GPU_COUNT": "8",
    }
    settings = parse(["--port", "9600", "--pcie-every", "0"], variables)

    assert ("10.0.0.7", 9600, TOKEN) == (settings.bind, settings.port, settings.token)
    assert {"kernel": Path("/var/log/kern.log"), "vllm": Path("/workspace/vllm.log")} == settings.logs
    assert (8, None) == (settings.expected_gpus, settings.pcie_every_s)


@pytest.mark.parametrize("bind", ["0.0.0.0", "::", "10.0.0.7", "node-1", ""])
def test_open_address_needs_a_token(bind: str, token_file: Path) -> None:
    """Whatever others can reach is refused without a token, and taken with one."""
    with pytest.raises(SettingsError, match="a token is needed"):
        parse(["--bind", bind], {})
    assert TOKEN == parse(["--bind", bind, "--token-file", str(token_file)], {}).token


def test_loopback_is_told_from_the_rest() -> None:
    """All of 127/8, ::1 and localhost are this machine; a name that only looks like it is not."""
    assert [True] * 4 == [is_loopback(a) for a in ("127.0.0.1", "127.9.9.9", "::1", "localhost")]
    assert [False] * 3 == [is_loopback(a) for a in ("0.0.0.0", "localhost.evil.example", "128.0.0.1")]


def test_token_is_in_no_print_of_the_settings(token_file: Path) -> None:
    """The settings can be printed in an error without giving the token away."""
    assert TOKEN not in repr(parse(["--token-file", str(token_file)], {}))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_token_file_that_others_can_read_is_refused(token_file: Path, mode: int) -> None:
    """A file mode that lets anybody else read is refused, with the command that mends it."""
    token_file.chmod(mode)

    with pytest.raises(SettingsError, match="chmod 600"):
        read_token(token_file)


@pytest.mark.parametrize("text", ["", "short", "two words of enough letters", "zwölf-große-buchstaben", "a\x00b" * 9])
def test_token_must_be_one_long_word(token_file: Path, text: str) -> None:
    """What could not be a bearer token is refused."""
    token_file.write_text(text)

    with pytest.raises(SettingsError, match="one word"):
        read_token(token_file)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--port", "70000"], "--port 70000: give a whole number from 0 to 65535"),
        (["--port", "x"], "--port x"),
        (["--port"], "expected one argument"),
        (["--interval", "0"], "--interval 0: give seconds"),
        (["--interval", "nan"], "--interval nan"),
        (["--expect-gpus", "-1"], "--expect-gpus"),
        (["--log", "kernel"], "give a plain name and an absolute path"),
        (["--log", "../x=/var/log/x"], "give a plain name"),
        (["--log", "x=relative"], "an absolute path"),
        (["--log", "x=/a", "--log", "x=/b"], "--log x is given twice"),
        (["--token-file", "/nonexistent/token"], "No such file"),
        (["--bogus"], "unknown argument --bogus"),
    ],
)
def test_wrong_setting_is_named(arguments: list[str], text: str) -> None:
    """Every mistake names its flag and what would be right."""
    with pytest.raises(SettingsError) as caught:
        parse(arguments, {})

    assert text in str(caught.value)
