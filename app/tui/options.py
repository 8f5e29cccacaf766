"""What the screen is told when it starts: where it keeps things, how it looks, how it reaches a feed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from app.domain.frozen import frozen

if TYPE_CHECKING:
    from app.agent.desk import ChatDesk
    from app.services.feed import Feed
    from app.services.log_tail import ModelLogs
    from app.services.own_processes import OwnProcesses
    from app.tui.infra_looks import InfraGround
    from app.tui.job_desk import JobDesk

NO_FILES = "no file is written from here: this login is for the screen alone"
Connect: TypeAlias = "Callable[[], AbstractAsyncContextManager[Feed]]"
"""Opens a feed and closes it at the end; called again after a pause when it raises, with the reason on screen."""

OpenLogs: TypeAlias = "Callable[[], AbstractAsyncContextManager[ModelLogs]]"
"""Opens what follows the model servers' logs."""

OpenJobs: TypeAlias = "Callable[[], AbstractAsyncContextManager[JobDesk | None]]"
"""Opens what looks jobs up and acts on them; None where this way to Slurm takes no questions."""

OpenChat: TypeAlias = "Callable[[Feed, JobDesk | None], ChatDesk]"
"""Opens what answers questions about a feed, with what does the deeds that a person approves, where there is a way."""


@frozen
class ScreenOptions:
    """Everything the screen needs to know before it has a feed."""

    state_dir: Path
    """Folder of the saved view and the log; made when first written."""
    keymap: Path | None = None
    """File that remaps keys; None or absent: the keys as they are."""
    theme: str = ""
    """`dark`, `light`, `colourblind`, `mono` or a theme's own name; empty: as it was left."""
    ascii: bool = False
    """Draw with ASCII characters only, whatever the terminal says it can do."""
    cluster: str = ""
    """What the header says until the first snapshot."""
    filter: str = ""
    """Filter to begin with; empty: as it was left."""
    tz: tzinfo | None = None
    """Zone of the clocks; None: the machine's own."""
    jobs: OpenJobs | None = None
    """None: there is no Slurm, or nothing may be asked of it."""
    model_logs: OpenLogs | None = None
    """None: no model server's log can be read here."""
    infra: Callable[[], InfraGround] | None = None
    """What deploying needs, called when the Infra page is first opened; None: nothing is deployed from here."""
    chat: OpenChat | None = None
    """Called with the first question; None: nobody answers."""
    read_only: bool = False
    """Nothing may be done to jobs, nodes, processes or deployments."""
    shell: bool = True
    """A shell on a node may be opened by ssh."""
    bastion: bool = False
    """The login is for the screen alone: nobody names a file to be written."""
    call: str = "warning"
    """From which severity a new incident rings the terminal: `critical`, `warning`, or `never`."""
    line: str = "auto"
    """The way to the terminal: `auto` is measured, `slow` saves bytes, `fast` does not."""
    jump: str = ""
    """Login host that nodes are reached through; empty: from here."""
    processes: Callable[[], OwnProcesses] | None = None
    """Signals one's own processes on this machine; None: nothing is signalled."""

    @property
    def view_file(self) -> Path:
        """Where the view is saved."""
        return self.state_dir / "view.json"

    @property
    def log_file(self) -> Path:
        """Where errors are written, since the screen must not show them."""
        return self.state_dir / "screen.log"
