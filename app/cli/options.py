"""Options that commands share, and the settings that come of them.

`--config F`, repeated `--target URL`, `--embedded`, `--interval S`, and every setting of a plain table as a flag named
after it (`[store] path` is `--store-path`). Settings are listed by `--help-settings` so that `--help` stays short.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.cli.command import HelpShown, Parser
from app.cli.errors import CliError
from app.config.load import ConfigError, find_file, load
from app.config.paths import NONE, deployments_dir, state_dir, watch_files
from app.config.settings import TABLES, Prometheus, Settings, Target, help_of
from app.domain.frozen import frozen

if TYPE_CHECKING:
    from app.transport.remote_place import Remote

_PREFIX = "setting:"
LOCAL_DRIVER = "nvml:"


@frozen
class SettingFlag:
    """A setting as a flag."""

    flag: str
    dotted: str
    kind: str
    """Shown in place of the value: `NUMBER`, `TEXT`, `true|false`, `LIST`."""
    help: str


def setting_flags() -> tuple[SettingFlag, ...]:
    """Every setting of a plain table, in the order of the configuration file."""
    # By their names: that module's annotations are text, and every start would have all of them looked up.
    kinds = {"float": "NUMBER", "int": "NUMBER", "bool": "true|false", "tuple[str, ...]": "LIST"}
    found = []
    for table, kind in TABLES.items():
        for one in fields(kind):
            flag = f"--{table}-{one.name}".replace("_", "-")
            found.append(SettingFlag(flag, f"{table}.{one.name}", kinds.get(str(one.type), "TEXT"), help_of(one)))
    return tuple(found)


def declare_sources(parser: Parser, *, replays: bool = True) -> None:
    """The options of every command that looks at a cluster; `replays`: it can look at a recording as well."""
    group = parser.add_argument_group("where to look")
    group.add_argument("--config", metavar="FILE", help="configuration file (default: the user's, then the machine's)")
    group.add_argument(
        "--target",
        metavar="URL",
        action="append",
        default=[],
        help="address of an exporter, or nvml: for this machine's GPUs; may be repeated; takes the place of the "
        "configured targets, asks no daemon, and reads no configuration file unless --config names one",
    )
    group.add_argument("--embedded", action="store_true", help="collect here, even if a daemon runs")
    if replays:
        group.add_argument(
            "--attach", metavar="HOST", help="look through the daemon of user@host[:port][/its/api.sock], by ssh"
        )
    if replays:
        group.add_argument("--replay", metavar="FILE", help="look at a recording, as it ended or was --at a TIME")
    declare_settings(parser)


def declare_settings(parser: Parser) -> None:
    """`--interval` and one flag a setting."""
    group = parser.add_argument_group("settings")
    group.add_argument("--interval", metavar="SECONDS", help="seconds between two looks (--cluster-interval-s)")
    group.add_argument(
        "--help-settings", action=_HelpSettings, help="list the settings, each of which is a flag too, and leave"
    )
    for one in setting_flags():
        is_switch = one.kind == "true|false"
        group.add_argument(
            one.flag,
            dest=_PREFIX + one.dotted,
            metavar=one.kind,
            nargs="?" if is_switch else None,
            const="true" if is_switch else None,
            help=argparse.SUPPRESS,
        )


class _HelpSettings(argparse.Action):
    """`--help-settings`: one line a setting."""

    def __init__(self, option_strings: Sequence[str], dest: str, **rest: object) -> None:
        del dest
        super().__init__(
            option_strings, dest=argparse.SUPPRESS, default=argparse.SUPPRESS, nargs=0, help=str(rest["help"])
        )

    def __call__(self, *_: object) -> None:
        rows = [(f"{one.flag} {one.kind}", one.help) for one in setting_flags()]
        width = max(len(left) for left, _ in rows)
        raise HelpShown("\n".join(f"  {left:<{width}}  {right}" for left, right in rows) + "\n")


def given_settings(args: argparse.Namespace) -> dict[str, str]:
    """The settings given as flags, by dotted key."""
    given = {
        name.removeprefix(_PREFIX): value
        for name, value in vars(args).items()
        if name.startswith(_PREFIX) and value is not None
    }
    if args.interval is not None:
        given["cluster.interval_s"] = args.interval
    return given


def config_file(args: argparse.Namespace, environ: Mapping[str, str], home: Path) -> Path | None:
    """The configuration file this run reads; None for none."""
    if args.config:
        return Path(args.config).expanduser().absolute()  # a daemon is found by the file it serves
    return None if args.target else find_file(environ, home)


def settings_of(args: argparse.Namespace, environ: Mapping[str, str], home: Path) -> Settings:
    """The settings of a run: file, environment, flags, and targets given on the command line.

    Raises CliError for a configuration or an address that cannot be used.
    """
    try:
        settings = load(config_file(args, environ, home), environ, given_settings(args))
    except ConfigError as error:
        raise CliError(str(error)) from error
    if getattr(args, "replay", None):
        from app.cli.recorded import settings_for  # noqa: PLC0415 - late: for recordings only

        return settings_for(args, settings)
    if not args.target:
        files = watch_files(deployments_dir(state_dir(environ, home)), settings.discover.terraform)
        return replace(settings, is_deployed=any(file.is_file() for file in files))
    targets = tuple(target_of(text) for text in args.target)
    discover = replace(settings.discover, files=(), http=(), terraform=NONE, local=False)
    # Just these targets: Slurm too only where it is named, and not because its commands happen to be here.
    slurm = settings.slurm if settings.slurm.is_named else replace(settings.slurm, via="off")
    server = settings.prometheus if "prometheus.url" in given_settings(args) else Prometheus()
    return replace(settings, target=targets, discover=discover, slurm=slurm, prometheus=server)


def plain_settings(args: argparse.Namespace, environ: Mapping[str, str]) -> Settings:
    """The settings of a run that reads no configuration file. Raises CliError."""
    try:
        return load(None, environ, given_settings(args))
    except ConfigError as error:
        raise CliError(str(error)) from error


def is_embedded(args: argparse.Namespace) -> bool:
    """Whether this run must collect for itself."""
    return bool(args.embedded or args.target or "prometheus.url" in given_settings(args))


def remote_of(args: argparse.Namespace) -> Remote | None:
    """The daemon of another machine that is to be looked through; None: those of this one. Raises CliError."""
    if not getattr(args, "attach", None):
        return None
    from app.transport.remote_place import parse_remote  # noqa: PLC0415 - late: for who asks for one

    if is_embedded(args):
        raise CliError("--attach looks through a daemon; --embedded, --target and --prometheus-url collect here")
    try:
        return parse_remote(args.attach)
    except ValueError as error:
        raise CliError(f"--attach: {error}") from error


def target_of(text: str) -> Target:
    """A target as people type it: `http://` and `/metrics` may be left out. Raises CliError."""
    wanted = text.strip()
    if wanted == LOCAL_DRIVER or wanted == LOCAL_DRIVER.rstrip(":"):
        return Target(url=LOCAL_DRIVER)
    full = wanted if "://" in wanted else f"http://{wanted}"
    try:
        parts = urlsplit(full)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise CliError(f"--target {text!r} is not an address: {error}") from error
    if parts.scheme not in ("http", "https") or not host or not wanted.isprintable() or " " in wanted:
        raise CliError(f"--target {text!r} is not an address; write http://node-1:9400/metrics, node-1:9400 or nvml:")
    return Target(url=full if parts.path.strip("/") else full.rstrip("/") + "/metrics")
