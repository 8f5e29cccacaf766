"""`serve --new-token NAME --role ROLE`: lets somebody in over TCP; the token is printed once and kept nowhere."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.cli.command import Context, Parser
from app.cli.errors import CANNOT_WRITE, OK, USAGE, CliError
from app.config.settings import Settings


def declare(parser: Parser) -> None:
    """Add the options."""
    parser.add_argument(
        "--new-token",
        metavar="NAME",
        default="",
        help="print a new token for NAME, add its hash to the file, and leave",
    )
    parser.add_argument(
        "--role", choices=("view", "act", "admin"), default="view", help="what a new token may do (default view)"
    )


def make(args: argparse.Namespace, context: Context, settings: Settings) -> int:
    """Add the line and print the token. Raises CliError."""
    from app.config.api_tokens import add_token  # noqa: PLC0415 - late: for this option only
    from app.config.secret import SecretError  # noqa: PLC0415 - likewise

    if not settings.serve.token_file:
        raise CliError("serve --new-token: which file? set serve.token_file, or give --serve-token-file FILE", USAGE)
    path = Path(settings.serve.token_file).expanduser()
    try:
        token = add_token(path, args.new_token, args.role)
    except SecretError as error:
        raise CliError(str(error), CANNOT_WRITE) from error
    context.output.line(token)
    context.output.note(f"{args.new_token} ({args.role}) stands in {path}; the token is not shown again")
    return OK
