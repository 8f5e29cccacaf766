"""Records `deploy` from nothing to a cluster and back, in a terminal: `python -m tests.tools.deploy_recording`.

Writes docs/pictures/deploy.cast (asciicast v2, for `asciinema play`) and deploy-80x30-dark.svg, its screen when the
cluster stands. RunPod is the emulated one, whose pods are namespaces of this machine: needs root, Terraform, sshd and
Slurm.
"""

from __future__ import annotations

import json
import os
import pty
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import pyte
from rich.console import Console
from rich.segment import Segment, Segments
from rich.style import Style
from rich.terminal_theme import MONOKAI

from tests.real.deploy.cloud import cloud
from tests.real.deploy.pods import Quirks
from tests.standins.runpod.provider.layout import mirror

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
COLUMNS, ROWS = 80, 30
BOOT_S = 4.0
SESSION = (
    ('gpu-watchdog deploy lab --nodes 3 --gpu "NVIDIA L40S" --max-cost-per-hour 3 --ttl 8h', "yes"),
    ("gpu-watchdog deploy lab --status", ""),
    ("gpu-watchdog deploy lab --ssh head -- srun -N3 hostname", ""),
    ("gpu-watchdog deploy lab --destroy", "lab"),
)
"""Command lines, and what is typed when one asks."""
_COLOURS = {"brown": "yellow", "default": ""}
"""pyte's names where rich has others."""


class Recorder:
    """Runs command lines in a terminal of their own and keeps what was shown, and when."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = {**environ, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(ROWS)}
        self._began = time.monotonic()
        self.events: list[tuple[float, str]] = []
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.Stream(self.screen)

    def show(self, text: str) -> None:
        """As a terminal is sent it."""
        self.events.append((round(time.monotonic() - self._began, 3), text))
        self._stream.feed(text)

    def run(self, line: str, answer: str) -> int:
        """Run one command line to its end; what it asks is answered after a moment."""
        self.show(f"$ {line}\r\n")
        words = ["bash", "-c", line.replace("gpu-watchdog", f"{sys.executable} -m app", 1)]
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvpe(words[0], words, self._environ)
        seen = ""
        while part := _read(terminal):
            self.show(part)
            seen += part
            if answer and " to do it;" in seen:
                time.sleep(1.5)
                os.write(terminal, f"{answer}\n".encode())
                answer = ""
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _read(terminal: int) -> str:
    try:
        return os.read(terminal, 65536).decode("utf-8", "replace")
    except OSError:  # so a pty says that nobody is left
        return ""


def picture(screen: pyte.Screen) -> str:
    """The screen as SVG."""
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115, PTH123
    for row in range(ROWS):
        cells = [screen.buffer[row][column] for column in range(COLUMNS)]
        parts = [
            Segment(cell.data, Style(color=_COLOURS.get(cell.fg, cell.fg) or None, bold=cell.bold)) for cell in cells
        ]
        console.print(Segments([*parts, Segment.line()]), end="")
    return console.export_svg(title="gpu-watchdog deploy", theme=MONOKAI, unique_id="deploy")


def record(folder: Path, url: str, key: str) -> None:
    """Run the session and write what it showed."""
    environ = {
        **os.environ,
        "RUNPOD_API_BASE_URL": url,
        "RUNPOD_API_KEY": key,
        "TF_CLI_CONFIG_FILE": str(mirror(folder)),
        "GPU_WATCHDOG_STATE_DIR": str(folder / "s"),
        "HOME": str(folder),
    }
    recorder = Recorder(environ)
    for number, (line, answer) in enumerate(SESSION):
        code = recorder.run(line, answer)
        if code:
            raise SystemExit(f"{line}: exit code {code}\n" + "\n".join(recorder.screen.display))
        if not number:
            (FOLDER / "deploy-80x30-dark.svg").write_text(picture(recorder.screen), "utf-8")
        time.sleep(2.0)
    header = {"version": 2, "width": COLUMNS, "height": ROWS, "title": "gpu-watchdog deploy", "idle_time_limit": 2.0}
    lines = [json.dumps(header), *(json.dumps([at, "o", text]) for at, text in recorder.events)]
    (FOLDER / "deploy.cast").write_text("\n".join(lines) + "\n", "utf-8")


def main() -> None:
    """Record it on pods that boot as slowly as they must for the picture to move."""
    quirks = {key: Quirks(boot_s=BOOT_S) for key in ("head", "w1", "w2")}
    with tempfile.TemporaryDirectory(prefix="gw-") as made, cloud(quirks) as (runpod, _):
        record(Path(made), runpod.url, runpod.key)


if __name__ == "__main__":
    main()
