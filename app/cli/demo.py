"""`demo`: a simulated cluster, read by the real collectors; with `--headless` it is only served.

Everything that shows it says SIMULATED.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import tempfile
from dataclasses import replace
from pathlib import Path

from app.cli.command import Context, Parser, nearest
from app.cli.errors import OK, UNAVAILABLE, CliError
from app.cli.options import declare_settings, plain_settings
from app.cli.session import run_async
from app.config import paths
from app.config.settings import Slurm
from app.sim.scenarios import SCENARIOS, SHOWCASE
from app.sim.spec import SimSpec

_USUAL = SimSpec()


def declare(parser: Parser) -> None:
    """Add the options."""
    add = parser.add_argument
    add("--nodes", metavar="N", type=int, default=_USUAL.nodes, help=f"nodes, 1 to 1024 (default {_USUAL.nodes})")
    add("--gpus", metavar="G", type=int, default=_USUAL.gpus, help=f"GPUs a node, 1 to 16 (default {_USUAL.gpus})")
    add("--scenario", metavar="NAME", default=SHOWCASE, help=f"what happens, see --list (default {SHOWCASE})")
    add("--speed", metavar="X", type=float, default=_USUAL.speed, help="simulated seconds in a second (default 1)")
    add("--seed", metavar="S", type=int, default=_USUAL.seed, help="another seed, another cluster")
    add("--list", action="store_true", help="list the scenarios and leave")
    add("--headless", action="store_true", help="only serve the pages and print a configuration that reads them")
    add("--port", metavar="P", type=int, default=0, help="with --headless: port on 127.0.0.1 (default: a free one)")
    declare_settings(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """List, serve, or open the screen on a simulated cluster."""
    if args.list:
        width = max(len(one.name) for one in SCENARIOS)
        context.output.lines([f"{one.name:<{width}}  {one.help}" for one in SCENARIOS])
        return OK
    spec = spec_of(args)
    if args.headless:
        return run_async(_serve(spec, args.port, context))
    from app.cli.simulator import Wish, commands_in, simulated_feed  # noqa: PLC0415 - late: only the screen collects
    from app.transport.clock import SystemClock  # noqa: PLC0415 - late: with it

    given = plain_settings(args, context.environ)
    state = paths.state_dir(context.environ, context.home) / "demo"
    with tempfile.TemporaryDirectory(prefix="gpu-watchdog-demo-") as folder:
        # Who acts on jobs reads the settings before there is a simulator, so the place of the commands is known now.
        settings = replace(given, slurm=Slurm(via="local", bin_dir=str(commands_in(Path(folder)))))
        wish = Wish(spec, settings, Path(folder))
        return context.open_screen(lambda: simulated_feed(wish, SystemClock()), settings, state)


def spec_of(args: argparse.Namespace) -> SimSpec:
    """The cluster that the options describe. Raises CliError."""
    names = [one.name for one in SCENARIOS]
    if args.scenario not in names:
        raise CliError(f"no scenario is called {args.scenario!r}{nearest(args.scenario, names)} (see --list)")
    try:
        return SimSpec(nodes=args.nodes, gpus=args.gpus, scenario=args.scenario, speed=args.speed, seed=args.seed)
    except ValueError as error:
        raise CliError(str(error)) from error


async def _serve(spec: SimSpec, port: int, context: Context) -> int:
    """Serve until SIGINT or SIGTERM."""
    from app.cli.simulator import commands_in  # noqa: PLC0415 - late: with it
    from app.sim.server import serve  # noqa: PLC0415 - late: aiohttp is paid for by who serves
    from app.sim.slurm.tools import install  # noqa: PLC0415 - late: with it

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with tempfile.TemporaryDirectory(prefix="gpu-watchdog-demo-") as folder:
        try:
            running = await serve(spec, context.clock, port=port, home=Path(folder) / "home")
        except OSError as error:
            raise CliError(f"cannot serve on port {port}: {error.strerror or error}", UNAVAILABLE) from error
        try:
            address = install(commands_in(Path(folder)), running.address)
            context.output.text(address.config_text())
            context.output.flush()
            pages = f"{len(address.pages)} simulated pages on {address.base_url}"
            context.output.note(f"serving {pages} and Slurm's commands in {address.bin_dir} until interrupted")
            await stop.wait()
        finally:
            await running.close()
    return OK
