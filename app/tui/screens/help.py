"""Help: every key and command of the page it was asked from, what the filter understands, what the signs mean."""

from __future__ import annotations

from textual.app import ComposeResult

from app.domain import job_filtering
from app.domain.filter_terms import EXAMPLES, STATES
from app.present import incident_filter
from app.present.glyphs import Glyphs
from app.present.help import HelpSection
from app.tui.actions import Action, bindings, here, keys_of
from app.tui.commands import COMMANDS
from app.tui.moment import Moment
from app.tui.page import Page
from app.tui.screens.registry import row_of
from widgets.notes import HelpPanel


class Help(Page):
    """What the keys do."""

    ID = "help"
    CSS_PATH = "help.tcss"
    BINDINGS = bindings("help")

    def __init__(self) -> None:
        super().__init__()
        page = self.desk.page_id
        self._about = "home" if page in ("", "help") else page
        self._panel = HelpPanel(id="help")

    def body(self) -> ComposeResult:
        yield self._panel

    def on_mount(self) -> None:
        self._panel.show(self._sections())
        super().on_mount()

    def show(self, moment: Moment) -> None:
        """The keys do not change with the moment."""

    def _sections(self) -> tuple[HelpSection, ...]:
        row = row_of(self._about)
        mine = [action for action in here(self._about) if action.where]
        everywhere = [action for action in here(self._about) if not action.where]
        return (
            HelpSection(
                row.title.upper() if len(row.title) <= 3 else row.title.capitalize(),
                (("", row.help), *self._keys(mine)),
            ),
            HelpSection("Everywhere", (*MOVING, *self._keys(everywhere))),
            HelpSection("Commands, after :", tuple((_usage(one), one.help) for one in COMMANDS.values())),
            HelpSection("Filter, after /", _FILTERS.get(self._about, FILTER_HELP)),
            HelpSection("Signs", signs(self.desk.glyphs)),
        )

    def _keys(self, actions: list[Action]) -> tuple[tuple[str, str], ...]:
        keymap = self.desk.keymap
        return tuple((" ".join(keys), f"{one.title}: {one.help}") for one in actions if (keys := keys_of(one, keymap)))


def _usage(action: Action) -> str:
    return f"{action.command} {action.argument}".strip()


MOVING: tuple[tuple[str, str], ...] = (
    ("arrows", "Move the cursor of the pane that has the keys; pgup, pgdn, home and end as everywhere."),
    ("mouse", "A click chooses, a double click opens, the wheel scrolls; a head sorts, a key of the bar is a button."),
)
FILTER_HELP: tuple[tuple[str, str], ...] = (
    (
        "util<10 mem>90",
        "Comparisons of any metric, by key, last part or short name; both must hold. Unknown values fit none.",
    ),
    ("mem>40g power>0.6kw", "Numbers may carry a unit; memory with a size compares what is used."),
    (" ".join(f"{field}:" for field in EXAMPLES), "Fields of text, several values by commas, * and ? as globs."),
    ("node:gpu-[01-04,7]", "Nodes as Slurm writes them."),
    (
        " ".join(STATES),
        "States, as words or as state:lost,stale. alloc: a job, a process or memory holds it; free: none does.",
    ),
    ("h100", "A word: part of the node's name, the model or the UUID."),
    ("!term  a | b  (a b)", "Not (- too), or, groups."),
)


JOB_FILTER_HELP: tuple[tuple[str, str], ...] = (
    ("user:ana state:pd", "Fields of text; both must hold. Several values by commas, * and ? as globs."),
    (
        " ".join(f"{field}:" for field in job_filtering.EXAMPLES),
        "Every field; states by word or Slurm's code.",
    ),
    ("gpus>4 elapsed>2h mem>100g", "Numbers, spans of time, sizes. Unknown values fit none."),
    (" ".join(job_filtering.NUMBERS), "Every number."),
    (" ".join(job_filtering.STATES), "States, as words or as state:held,r."),
    ("llama", "A word: part of the id, the name, the user, the account or the partition."),
    ("!term  a | b  (a b)", "Not (- too), or, groups."),
)


INCIDENT_FILTER_HELP: tuple[tuple[str, str], ...] = (
    ("critical user:ana", "Terms that must both hold; a field holds where any finding of the incident fits it."),
    (
        " ".join(f"{field}:" for field in incident_filter.EXAMPLES),
        "Every field; several values by commas, * and ? as globs, nodes as Slurm writes them.",
    ),
    ("gpus>4 cost>10 age>1h", "Numbers and spans of time. Unknown values fit none."),
    (" ".join(incident_filter.NUMBERS), "Every number."),
    (" ".join(incident_filter.STATES), "States, as words or as state:critical,warning."),
    ("nfs", "A word: part of a title, a subject, a code, a user or a job."),
    ("!term  a | b  (a b)", "Not (- too), or, groups."),
)
_FILTERS = {"queue": JOB_FILTER_HELP, "incidents": INCIDENT_FILTER_HELP}


def signs(glyphs: Glyphs) -> tuple[tuple[str, str], ...]:
    """What the signs on screen mean."""
    return (
        (f"{glyphs.missing} and grey", "Nobody knows, and the value is too old; the line below says why."),
        (
            f"{glyphs.warning} amber, {glyphs.critical} red",
            "Look today, look now. Being busy is never coloured as bad.",
        ),
        (f"{glyphs.lost} lost", "The GPU was there and its source no longer lists it. It stays until it is back."),
        (f"{glyphs.live} LIVE  {glyphs.stale} STALE", "News came within two intervals; no source brings any."),
        (f"{glyphs.replay} REPLAY 14:32", "The whole screen shows that moment; } goes back to now."),
        (f"{glyphs.simulated} SIMULATED", "Numbers of a made-up cluster."),
    )
