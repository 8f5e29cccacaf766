"""The exporter's settings: flags, or GPU_WATCHDOG_EXPORTER_… variables; a flag wins."""

import argparse
import ipaddress
import math
import os
import re
import socket
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

EXIT_USAGE = 64
"""EX_USAGE of sysexits.h."""
PREFIX = "GPU_WATCHDOG_EXPORTER_"
LEAST_TOKEN = 16
_LOG_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class SettingsError(Exception):
    """A setting is wrong; the text says which and what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the exporter can be told."""

    bind: str = "127.0.0.1"
    port: int = 9400
    interval_s: float = 1.0
    token: str | None = field(default=None, repr=False)
    """None only when bound to loopback."""
    logs: Mapping[str, Path] = field(default_factory=dict)
    expected_gpus: int | None = None
    hostname: str = ""
    pcie_every_s: float | None = 10.0


DEFAULTS = Settings()


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Read flags and variables; raises SettingsError. `--help` and `--version` print and leave."""
    try:
        chosen, unknown = _parser(environment).parse_known_args(arguments)
    except argparse.ArgumentError as error:
        raise SettingsError(str(error)) from error
    if unknown:
        raise SettingsError(f"unknown argument {unknown[0]}; see --help")
    token = read_token(Path(chosen.token_file)) if chosen.token_file else None
    if token is None and not is_loopback(chosen.bind):
        raise SettingsError(
            f"{chosen.bind} can be reached by others, so a token is needed: write one into a file of your own "
            "(umask 077; head -c 32 /dev/urandom | base64 > token) and give it as --token-file"
        )
    return Settings(
        bind=chosen.bind,
        port=_whole(chosen.port, "--port", 0, 65535),
        interval_s=_positive(chosen.interval, "--interval"),
        token=token,
        logs=_logs(chosen.log if chosen.log is not None else environment.get(f"{PREFIX}LOGS", "").split()),
        expected_gpus=_whole(chosen.expect_gpus, "--expect-gpus", 0, 1024) if chosen.expect_gpus else None,
        hostname=chosen.hostname or socket.gethostname(),
        pcie_every_s=None if chosen.pcie_every == "0" else _positive(chosen.pcie_every, "--pcie-every"),
    )


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach the address. A name counts as such only when it is `localhost`."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def read_token(path: Path) -> str:
    """The token in a file that nobody but its owner can read."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            raw = file.read(4096)
    except OSError as error:
        raise SettingsError(f"token file {path}: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
        raise SettingsError(f"token file {path} can be read by others: chmod 600 {path}")
    if status.st_uid not in (0, os.geteuid()):
        raise SettingsError(f"token file {path} belongs to another user")
    token = raw.decode("ascii", "replace").strip()
    if len(token) < LEAST_TOKEN or not token.isprintable() or " " in token or not token.isascii():
        raise SettingsError(f"token file {path} must hold one word of at least {LEAST_TOKEN} ASCII characters")
    return token


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gpu-watchdog-exporter",
        description="Serve this machine's GPUs as Prometheus text, with dcgm-exporter's names.",
        epilog=f"Every flag is also a variable: --token-file is {PREFIX}TOKEN_FILE. Bad settings exit with 64.",
        exit_on_error=False,
        allow_abbrev=False,
    )

    def add(flag: str, default: str, text: str) -> None:
        variable = PREFIX + flag.removeprefix("--").replace("-", "_").upper()
        parser.add_argument(flag, default=environment.get(variable, default), help=text, metavar="X")

    add("--bind", DEFAULTS.bind, "address to listen on (127.0.0.1); any but loopback needs --token-file")
    add("--port", str(DEFAULTS.port), "port (9400); 0 takes a free one")
    add("--token-file", "", "file (mode 0600) with the bearer token that every request must bring")
    add("--interval", str(DEFAULTS.interval_s), "seconds between two readings (1)")
    rented = environment.get("RUNPOD_GPU_COUNT", "")
    add("--expect-gpus", rented if rented.isdigit() else "", "how many GPUs this machine ought to have")
    add("--hostname", "", "value of the Hostname label (this machine's name)")
    add(
        "--pcie-every",
        str(DEFAULTS.pcie_every_s),
        "seconds between PCIe throughput samples on GPUs without GPM; 0 never",
    )
    parser.add_argument(
        "--log", action="append", metavar="NAME=PATH", help="serve this file under /logs/NAME; may be repeated"
    )
    return parser


def _logs(pairs: Sequence[str]) -> dict[str, Path]:
    logs = {}
    for pair in pairs:
        name, separator, path = pair.partition("=")
        if not separator or not _LOG_NAME.fullmatch(name) or not Path(path).is_absolute():
            raise SettingsError(f"--log {pair}: give a plain name and an absolute path, as in kernel=/var/log/kern.log")
        if name in logs:
            raise SettingsError(f"--log {name} is given twice")
        logs[name] = Path(path)
    return logs


def _whole(text: str, flag: str, least: int, most: int) -> int:
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise SettingsError(f"{flag} {text}: give a whole number from {least} to {most}")
    return int(text)


def _positive(text: str, flag: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.1 <= value <= 3600:
        raise SettingsError(f"{flag} {text}: give seconds from 0.1 to 3600")
    return value
