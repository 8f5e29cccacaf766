"""The burn-in of one device, or the launcher of one process a device on this machine.

    python3 -m pod.stress --processes 0        every GPU of this machine
    srun --ntasks-per-node=8 python3 -m pod.stress

Stands alone: the standard library, and torch and pynvml where they can be imported. Ends with 0 when it measured what
it was asked to, also where something was found; with 1 when a phase failed, and 4 when the device hung.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import platform
import signal
import sys
from pathlib import Path
from typing import Sequence  # noqa: UP035 - the nodes' Python may be 3.8

from pod.stress.clocks import meter_of
from pod.stress.engine import Engine
from pod.stress.launch import launch
from pod.stress.lines import Lines, Who
from pod.stress.phases import Run, Stopped
from pod.stress.plain import PlainEngine
from pod.stress.settings import Settings, parse

_LEAVE_S = 30.0
_NOWHERE = Path(os.devnull).open("w")  # noqa: SIM115 - for the whole life of the process


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line."""
    given = list(sys.argv[1:] if words is None else words)
    settings = parse(given, os.environ)
    out = _opened(settings.output)
    if settings.processes is not None:
        return launch(settings, given, out)
    signal.signal(signal.SIGTERM, _stop)
    return burn_in(settings, out)


def _opened(path: str | None) -> int:
    if path is None:
        return sys.stdout.fileno()
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0), 0o600)


def _stop(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Stopped


def burn_in(settings: Settings, out: int) -> int:
    """All phases of this process's device."""
    engine, why = engine_of(settings)
    place = settings.place
    lines = Lines(out, Who(settings.host, place.rank, settings.device, engine.kind, engine.model, engine.uuid))
    meter = None
    notes = [why] if why else []
    if engine.kind == "cuda":
        meter, trouble = meter_of(engine.uuid, engine.bus_id, place.local_rank)
        notes += [trouble] if trouble else []
    try:
        lines.start(
            {
                "engine": engine.name,
                "python": platform.python_version(),
                "ranks": place.size,
                "expects_gpu": settings.expects_gpu,
                "text": "; ".join(notes),
            }
        )
        failed = Run(settings, engine, meter, lines).all()
    except Stopped:
        with contextlib.suppress(OSError):
            lines.end({"reason": "terminated"})
        return 0
    except BrokenPipeError:
        return 1
    lines.end({"reason": "done", "failed": failed})
    _leave(engine)
    return 1 if failed else 0


def _leave(engine: Engine) -> None:
    """Leave the others.

    Where they are gone, NCCL may wait without end, also while Python ends: then the process is cut off.
    """
    faulthandler.dump_traceback_later(_LEAVE_S, exit=True, file=_NOWHERE)
    with contextlib.suppress(Exception):
        engine.close()


def engine_of(settings: Settings) -> tuple[Engine, str]:
    """The engine, and why it is not the one that was hoped for."""
    if settings.engine == "plain":
        return PlainEngine(), ""
    try:
        from pod.stress.torch_engine import TorchEngine  # noqa: PLC0415 - late: where torch is wanted

        engine = TorchEngine(settings.place.local_rank)
    except Exception as error:  # noqa: BLE001 - a broken torch raises OSError, RuntimeError and others at its import
        return PlainEngine(), f"torch cannot be used: {error}"
    return engine, "torch sees no GPU here" if engine.kind == "cpu" else ""


if __name__ == "__main__":
    sys.exit(main())
