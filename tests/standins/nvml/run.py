"""Runs a program on GPUs that do not exist: `python -m tests.standins.nvml.run [--gpus N] [--busy] -- nvitop -1`.

The state file's path is printed on stderr; change or replace the file while the program runs.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.standins.nvml.state import FakeNvml


def main() -> None:
    """Write the state and become the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gpus", type=int, default=8)
    parser.add_argument("--busy", action="store_true", help="all GPUs under load, this process on each")
    parser.add_argument("command", nargs="+")
    chosen = parser.parse_args()
    fake = FakeNvml(Path(tempfile.mkdtemp(prefix="fake-nvml-")) / "state", chosen.gpus)
    if chosen.busy:
        fake.busy(pids=(os.getpid(),))
    print(f"state: {fake.path}", file=sys.stderr)
    os.execvpe(chosen.command[0], chosen.command, fake.environment())


if __name__ == "__main__":
    main()
