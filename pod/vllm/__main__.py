"""Starts vLLM and keeps it running; `--print` shows the command and leaves.

Ends with 0 when it was told to stop, 64 for a wrong setting, 70 when the server failed too often in a row.
"""

import os
import shlex
import signal
import sys
from collections.abc import Mapping, Sequence

from pod.vllm.boards import boards
from pod.vllm.command import Start, start_of
from pod.vllm.guard import Guard
from pod.vllm.settings import EXIT_USAGE, SettingsError, parse

_SECRET = frozenset(("VLLM_API_KEY",))


def main(words: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ) -> int:
    """Run the command line."""
    try:
        settings = parse(sys.argv[1:] if words is None else words, environment)
        start = start_of(settings, boards(environment))
    except SettingsError as error:
        _say(f"vllm guard: {error}")
        return EXIT_USAGE
    for remark in start.remarks:
        _say(f"vllm guard: {remark}")
    if settings.prints:
        sys.stdout.write(f"{shown(start)}\n")
        return 0
    guard = Guard(settings, start, environment, _say)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, guard.stop)
    return guard.run()


def shown(start: Start) -> str:
    """The command as a shell takes it, its environment before it; secrets are named and not told."""
    words = [f"{name}={'***' if name in _SECRET else shlex.quote(value)}" for name, value in start.environment.items()]
    dropped = [f"-u {name}" for name in start.dropped]
    return " ".join(["env", *dropped, *words, shlex.join(start.argv)])


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
