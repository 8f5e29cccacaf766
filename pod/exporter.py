"""The exporter's entry point: reads this machine's GPUs and serves them until SIGTERM.

Needs Python and nvidia-ml-py, nothing else. Exit codes: 0 stopped, 64 bad settings, 69 the address cannot be used.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from pod.detached import detached
from pod.logs import Logs
from pod.nvml import Reader, ReadOptions
from pod.routes import Routes
from pod.sampler import Sampler, State
from pod.server import Server
from pod.settings import EXIT_USAGE, Settings, SettingsError, parse
from pod.xid import Ledger

DISTRIBUTION = "gpu-watchdog-tui"
EXIT_UNAVAILABLE = 69
"""EX_UNAVAILABLE of sysexits.h."""
FIRST_ROUND_S = 3.0
"""How long the line at the start waits for something to say."""
STOP_S = 2.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until told to stop; returns the exit code."""
    try:
        settings = parse(sys.argv[1:] if arguments is None else arguments, os.environ)
    except SettingsError as error:
        _say(str(error))
        return EXIT_USAGE
    return asyncio.run(serve(settings))


async def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopping.set)
    ledger = Ledger()
    options = ReadOptions(expected_gpus=settings.expected_gpus, pcie_every_s=settings.pcie_every_s)
    sampler = Sampler(lambda: Reader(options, ledger), settings.interval_s, settings.expected_gpus)
    routes = Routes(
        sampler,
        ledger,
        Logs(settings.logs),
        version=own_version(),
        hostname=settings.hostname,
        interval_s=settings.interval_s,
    )
    server = Server(routes, settings.token)
    try:
        port = await server.start(settings.bind, settings.port)
    except OSError as error:
        _say(f"cannot listen on {settings.bind}:{settings.port}: {error.strerror or error}")
        return EXIT_UNAVAILABLE
    sampler.start()
    await detached(lambda: sampler.wait_first(FIRST_ROUND_S), 2 * FIRST_ROUND_S)
    _say(start_line(settings, port, sampler.state))
    await stopping.wait()
    await server.close()
    # Daemon threads that hang in the driver end with the process.
    await detached(lambda: sampler.stop(STOP_S), 2 * STOP_S)
    return 0


def start_line(settings: Settings, port: int, state: State) -> str:
    """The one line that tells where it listens and what it sees."""
    host = f"[{settings.bind}]" if ":" in settings.bind else settings.bind
    guard = "bearer token" if settings.token else "no token, this machine only"
    if state.reading is not None:
        lost = sum(gpu.is_lost for gpu in state.reading.gpus)
        seen = (
            f"{len(state.reading.gpus)} GPUs{f' ({lost} lost)' if lost else ''}, driver {state.reading.driver_version}"
        )
    else:
        seen = f"no GPUs yet: {state.error or 'the driver has not answered'}"
    return f"{own_version()} on http://{host}:{port}/metrics ({guard}); {seen}"


def own_version() -> str:
    """The installed version; "source" when only the files were copied."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "source"


def _say(text: str) -> None:
    sys.stderr.write(f"gpu-watchdog-exporter: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
