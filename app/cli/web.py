"""`web`: the screen in a browser, behind a token. It looks and does nothing: no deed, no shell, no file.

Each window of a browser is a screen of its own in a process of its own, as if it had been opened on a terminal; with a
daemon they all attach to it.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import secrets
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from app.cli.command import Context, Parser
from app.cli.errors import OK, UNAVAILABLE, CliError
from app.cli.options import declare_sources, given_settings, plain_settings, settings_of
from app.cli.web_gate import Gate
from app.config.secret import SecretError
from app.config.tokens import is_loopback, read_tokens
from app.domain.frozen import frozen

USUAL = "127.0.0.1:9445"
MOST_WINDOWS = 8


def declare(parser: Parser) -> None:
    """Add the options."""
    parser.add_argument(
        "--http", metavar="[ADDRESS:]PORT", default=USUAL, help=f"listen there (default {USUAL}; port 0: a free one)"
    )
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        help="the tokens that are let in, one a line (0600); without it one is made for this run and told",
    )
    parser.add_argument("--tls-cert", metavar="FILE", help="certificate; with --tls-key it is HTTPS")
    parser.add_argument("--tls-key", metavar="FILE", help="its key; needed beyond this machine's own addresses")
    parser.add_argument(
        "--allow-host", metavar="NAME", action="append", default=[], help="another name of this machine; repeatable"
    )
    parser.add_argument(
        "--windows", metavar="N", type=int, default=MOST_WINDOWS, help=f"open at once (default {MOST_WINDOWS})"
    )
    declare_sources(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """Serve until SIGINT or SIGTERM."""
    if not 1 <= args.windows <= 1000:
        raise CliError("--windows: 1 to 1,000")
    if args.replay:
        plain_settings(args, context.environ)
    else:
        settings_of(args, context.environ, context.home)  # what is wrong with it is said here, not in each window
    host, port = place_of(args.http)
    secure = _tls(args)
    if secure is None and not is_loopback(host):
        raise CliError(
            f"--http {args.http}: beyond this machine it must be HTTPS: give --tls-cert and --tls-key, or listen on "
            "127.0.0.1 and come by `ssh -L 9445:127.0.0.1:9445 HOST`"
        )
    token = "" if args.token_file else secrets.token_urlsafe(24)
    return asyncio.run(_serve(args, context, Wish(host, port, _tokens(args, token), secure, token)))


@frozen
class Wish:
    """Where it is to listen, and whom it lets in."""

    host: str
    port: int
    is_token: Callable[[str], bool]
    secure: ssl.SSLContext | None
    token: str
    """Made for this run, to be told; empty: the tokens are a file's."""


def place_of(text: str) -> tuple[str, int]:
    """Address and port that are written `[ADDRESS:]PORT`. Raises CliError."""
    address, _, port = text.rpartition(":")
    host = address.strip("[]") or "127.0.0.1"
    if not port.isascii() or not port.isdigit() or int(port) > 65535 or not host.isprintable() or " " in host:
        raise CliError(f"--http {text!r}: write a PORT or ADDRESS:PORT, such as {USUAL}")
    return host, int(port)


def _tokens(args: argparse.Namespace, token: str) -> Callable[[str], bool]:
    if token:
        return lambda shown: hmac.compare_digest(shown.encode("utf-8", "replace"), token.encode())
    try:
        return read_tokens(Path(args.token_file).expanduser()).knows
    except SecretError as error:
        raise CliError(f"--token-file: {error}") from error


def window_words(args: argparse.Namespace) -> tuple[str, ...]:
    """The command line of one window: the screen as this run was told to look, and to do nothing."""
    # -P: a folder `app` where this was started must not be taken for ours.
    words = [sys.executable, "-P", "-m", "app", "tui", "--read-only"]
    for name in ("config", "replay"):
        value = getattr(args, name)
        words += [f"--{name}={Path(value).expanduser().absolute()}"] if value else []
    words += [f"--attach={args.attach}"] if args.attach else []
    words += [f"--target={one}" for one in args.target]
    words += ["--embedded"] if args.embedded else []
    given = {name: value for name, value in given_settings(args).items() if name != "screen.read_only"}
    words += [f"--{name.replace('.', '-').replace('_', '-')}={value}" for name, value in given.items()]
    return tuple(words)


def _tls(args: argparse.Namespace) -> ssl.SSLContext | None:
    if not args.tls_cert and not args.tls_key:
        return None
    if not args.tls_cert or not args.tls_key:
        raise CliError("--tls-cert and --tls-key go together")
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        made.load_cert_chain(Path(args.tls_cert).expanduser(), Path(args.tls_key).expanduser())
    except (OSError, ssl.SSLError) as error:
        raise CliError(f"--tls-cert, --tls-key: no certificate and key can be read from them: {error}") from error
    return made


def _bound(wish: Wish) -> socket.socket:
    """The socket that is listened on. Raises CliError."""
    family = socket.AF_INET6 if ":" in wish.host else socket.AF_INET
    try:
        return socket.create_server((wish.host, wish.port), family=family)
    except OSError as error:
        raise CliError(f"cannot serve on {wish.host}:{wish.port}: {error.strerror or error}", UNAVAILABLE) from error


async def _serve(args: argparse.Namespace, context: Context, wish: Wish) -> int:
    try:
        from app.cli.web_server import Screens, serving  # noqa: PLC0415 - late: the extra may not be installed
    except ImportError as error:
        raise CliError(
            f"the screen in a browser needs {error.name}: pip install 'gpu-watchdog-tui[web]'", UNAVAILABLE
        ) from error
    listening = _bound(wish)
    is_secure = wish.secure is not None
    port = listening.getsockname()[1]
    gate = Gate(wish.host, port, wish.is_token, tuple(args.allow_host), is_secure=is_secure)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with serving(Screens(gate, window_words(args), args.windows), listening, wish.secure):
        for line in told(gate.address, wish.token):
            context.output.note(line)
        await stopped.wait()
    return OK


def told(address: str, token: str) -> Sequence[str]:
    """What a person is told: where it is, and what it means to hand it on."""
    if not token:
        return (f"the screen is at {address} for who shows a token of --token-file",)
    return (
        f"the screen is at {address}?token={token}",
        "the token is for this run alone; whoever has it sees what you see, and can do nothing",
    )
