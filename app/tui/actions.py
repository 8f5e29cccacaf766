"""ACTIONS: everything a user can do, one row each.

Key bindings, key bar, palette, `:` commands, help and the keymap file all come from these rows. A row's handler is a
verb (`app.tui.verbs`), a method `action_…` of the pages it is for, or an action of Textual's own (`app.focus_next`).
"""
# ruff: noqa: E501 - a row reads best as one table line

from __future__ import annotations

from collections.abc import Mapping

from textual.binding import Binding, BindingType

from app.domain.frozen import frozen
from app.tui.screens.registry import PAGES

PAGE_METHODS = frozenset(
    {
        "open",
        "to_node",
        "zoom_in",
        "zoom_out",
        "open_event",
        "mark",
        "unmark",
        "send",
        "fold",
        "copy_command",
        "run_command",
        "to_incident",
        "acknowledge",
        "silence",
        "end_silence",
        "edit_rule",
        "switch",
        "delete",
        "save",
    }
)
"""Handlers that are methods `action_…` of a page; every other plain word is a verb of the app."""
FLEET = ("home", "gpus", "heat")
CHARTS = ("home", "gpu", "node", "services", "ended")
METRICS = ("home", "gpu", "heat")
JOBS = ("queue", "job")
NODES = ("node", "partitions")


Keys = tuple[tuple[str, str], ...]


@frozen
class Action:
    """One thing a user can do."""

    id: str
    """Stable: the keymap file names it."""
    title: str
    """A few words, for palette and help."""
    help: str
    """One sentence."""
    handler: str
    keys: str = ""
    """Textual's names of keys, by commas; empty: by command or palette only."""
    where: tuple[str, ...] = ()
    """Pages it is for; empty: all."""
    bar: str = ""
    """Word in the key bar; neighbours with the same word share it. Empty: not there."""
    command: str = ""
    """Word after `:`; empty: none."""
    argument: str = ""
    """What the command takes, in brackets where it may be left out."""
    completes: str = ""
    """Kind of words that complete the argument (see `app.tui.completion`)."""
    fixed: str = ""
    """Argument given to the verb when it is a key that is pressed."""
    is_urgent: bool = False
    """Comes before the keys of the focused widget, so that the very next key already goes where this one says."""


def _pages() -> tuple[Action, ...]:
    """The rows that follow from the registry of pages."""
    return tuple(
        Action(
            f"page.{row.id}",
            row.title,
            row.help,
            f"open_{row.id}" if row.argument else "open_page",
            keys=row.key,
            bar=row.title if row.key else "",
            command=row.id,
            argument=row.argument,
            completes=row.completes,
            fixed=row.id,
        )
        for row in PAGES
    )


_OTHERS: tuple[Action, ...] = (
    Action("filter", "filter", "Keep the GPUs that fit: util<10 mem>40g node:gpu-[01-04] state:lost user:ana.", "filter", "slash", FLEET, "filter", "filter", "[FILTER]", "filter", is_urgent=True),
    Action("job.filter", "filter", "Keep the jobs that fit: user:ana state:pd gpus>4 node:gpu-0[1-4] reason:Resources llama.", "jobs", "slash", ("queue",), "filter", "jobs", "[FILTER]", "job_filter", is_urgent=True),
    Action("command", "go", "Type a command; tab completes it, up and down are those before.", "command", "colon", bar="go", is_urgent=True),
    Action("back", "back", "Out of where you are; at home, drops the filter.", "back", "escape"),
    Action("open", "open", "Into the chosen GPU or row.", "open", "enter", ("home", "gpus", "heat", "node", "queue", "job", "partitions", "ended", "incidents", "alerts", "rules", "services", "infra")),
    Action("incident.filter", "filter", "Keep the incidents that fit: critical user:ana node:gpu-0[1-4] code:B1 gpus>4 nfs.", "incident_filter", "slash", ("incidents",), "filter", is_urgent=True),
    Action("incident.fold", "unfold", "Show or hide what followed, or the evidence of the chosen consequence.", "fold", "space", ("incidents",), "unfold"),
    Action("incident.copy", "copy", "Copy the command of the chosen step, else of the first.", "copy_command", "c", ("incidents",), "copy"),
    Action("incident.run", "run", "Do the chosen step, else the first that can be done from here; asks first.", "run_command", "r", ("incidents",), "run"),
    Action("incident.gpu", "its GPU", "The GPU of the chosen finding.", "jump('gpu')", "g", ("incidents",), "GPU"),
    Action("node", "its node", "The node of the chosen GPU.", "to_node", "n", (*FLEET, "gpu", "job", "incidents", "alerts", "services", "infra"), "node"),
    Action("incident.job", "its job", "The job of the chosen finding.", "jump('job')", "j", ("incidents",), "job"),
    Action("incident.service", "its server", "The model server of the chosen finding.", "jump('service')", "v", ("incidents",), "server"),
    Action("incident.log", "its log", "Where the chosen finding was read: the source of its evidence, or the job's output.", "jump('log')", "l", ("incidents",), "log"),
    Action("incident.ended", "ended", "Show or hide those of the last day that are over.", "incident_ended", "e", ("incidents",), "ended"),
    Action("incident.sort.next", "sort", "Sort by the next column.", "incident_sort_step", "s", ("incidents",), "sort", fixed="1"),
    Action("incident.sort.reverse", "reverse", "Turn the order round.", "incident_reverse", "S", ("incidents",)),
    Action("incident.sort", "sort incidents by", "Sort the incidents by a column, downwards after a minus; no column: the gravest first.", "incident_sort", command="sortincidents", argument="[COLUMN]", completes="incident_columns"),
    Action("incident.open", "incident", "The incident that touches this.", "to_incident", "d", ("gpu", "node", "job"), "incident"),
    Action("service.log", "its log", "The log of the chosen model server: how its start goes, what it says.", "to_log()", "l", ("services",), "log"),
    Action("service.job", "its job", "The Slurm job that the chosen model server runs in.", "to_job()", "j", ("services",), "job"),
    Action("infra.new", "new deployment", "Fill in what a new cluster should be; a plan with its price comes first.", "infra('new')", "N", ("infra",), "new"),
    Action("infra.go", "deploy", "Bring the chosen deployment up, from the first step that is not done; asks first.", "infra('go')", "g", ("infra",), "deploy"),
    Action("infra.plan", "plan", "What deploying would change at the provider, and what it would cost; changes nothing.", "infra('plan')", "p", ("infra",), "plan"),
    Action("infra.scale", "scale", "More nodes or fewer; those that go are drained first; asks first.", "infra('scale')", "s", ("infra",), "scale"),
    Action("infra.replace", "replace node", "Give nodes, the chosen one or all, other pods, each drained first; asks first.", "infra('replace')", "R", ("infra",), "replace"),
    Action("infra.answer", "answer", "Look again at what the run asks, and answer it.", "infra('answer')", "y", ("infra",)),
    Action("infra.stop", "stop", "Stop the run that goes on; says what stays billed.", "infra('stop')", "x", ("infra",), "stop"),
    Action("infra.destroy", "destroy", "End all of the chosen deployment and prove that nothing is left; its name is typed first.", "infra('destroy')", "X", ("infra",), "destroy"),
    Action("infra.copy", "copy ssh", "Copy the command that logs in on the chosen node.", "infra('copy')", "c", ("infra",), "copy ssh"),
    Action("infra.look", "ask again", "Ask the provider about the chosen deployment now.", "infra('look')", "u", ("infra",)),
    Action("infra.gone", "destroyed ones", "Show or hide the deployments that are destroyed.", "infra('gone')", "e", ("infra",), "gone"),
    Action("log.search", "search", "Search the log: a text, or a regular expression; small letters find large ones too.", "log_search", "slash", ("log",), "search", "find", "[TEXT]", is_urgent=True),
    Action("log.next", "next found", "To the next place that the search finds.", "hunt(1)", "n", ("log",), "found"),
    Action("log.before", "found before", "To the place before that the search finds.", "hunt(-1)", "N", ("log",), "found"),
    Action("log.level", "level", "Show all lines, information and graver, warnings and errors, or errors only.", "level()", "v", ("log",), "level"),
    Action("log.pause", "pause", "Stand still while the log goes on, or follow its end again.", "pause()", "f", ("log",), "pause"),
    Action("log.wrap", "wrap", "Fold long lines, or let them go on to the right.", "wrap()", "w", ("log",), "wrap"),
    Action("log.other", "other log", "The next of the logs there are.", "other()", "o", ("log",), "other"),
    Action("log.save", "save log", "Save the lines that are kept, to a file of that name or among the program's own.", "log_save", "s", ("log",), "save", "savelog", "[FILE]"),
    Action("alert.ack", "acknowledge", "Take the chosen alert on, with a note.", "acknowledge", "k", ("alerts",), "ack"),
    Action("alert.silence", "silence", "Keep alerts like the chosen one from being told for a while.", "silence", "z", ("alerts",), "silence"),
    Action("alert.unsilence", "end silence", "End the chosen silence, else the one that mutes the chosen alert; asks first.", "end_silence", "x", ("alerts",), "end silence"),
    Action("alert.rule", "its rule", "The rule that made the chosen alert.", "edit_rule", "e", ("alerts",), "its rule"),
    Action("alert.rules", "rules", "Every rule: what is watched for.", "open_page", "r", ("alerts",), "rules", fixed="rules"),
    Action("rule.alerts", "alerts", "What fires and waits now.", "open_alerts", "r", ("rules",), "alerts"),
    Action("rule.new", "new rule", "Write a new rule, and see when it would have fired.", "open_rule", "N", ("rules", "alerts"), "new rule"),
    Action("rule.switch", "on or off", "Turn the chosen rule on or off.", "switch", "o", ("rules",), "on/off"),
    Action("rule.delete", "delete rule", "Delete a rule that was made here, or take back what was changed here; asks first.", "delete", "X", ("rules",), "delete"),
    Action("rule.save", "save rule", "Save the rule.", "save", "ctrl+s", ("rule",), "save", is_urgent=True),
    Action("sibling.before", "GPU before", "The GPU before this one.", "sibling(-1)", "k", ("gpu",), "gpu"),
    Action("sibling.after", "next GPU", "The GPU after this one.", "sibling(1)", "j", ("gpu",), "gpu"),
    Action("section.next", "next part", "The next part of the page, where not all fit.", "section(1)", "space", ("gpu", "node", "job", "partitions", "alerts", "services", "infra"), "part"),
    Action("zoom.in", "zoom in", "More of each GPU, fewer of them.", "zoom_in", "plus,equals_sign", ("home",), "zoom"),
    Action("zoom.out", "zoom out", "More GPUs, less of each.", "zoom_out", "minus", ("home",), "zoom"),
    Action("zoom", "zoom to", "To cards, lines, heat, or auto: whatever fits.", "zoom", command="zoom", argument="LEVEL", completes="zooms"),
    Action("metric.next", "next metric", "Draw and colour by the next metric.", "metric_step", "m", METRICS, "metric", fixed="1"),
    Action("metric.before", "metric before", "Draw and colour by the metric before.", "metric_step", "M", METRICS, fixed="-1"),
    Action("metric", "metric", "Draw and colour by any metric of a GPU.", "metric", command="metric", argument="METRIC", completes="metrics"),
    Action("colour", "colour by", "Colour the grid by the metric, the job, the user, or how long a GPU has been held idle.", "colour", "C", ("home", "heat"), "colour", "color", "[metric|job|user|idle]", "colours"),
    Action("span.shorter", "shorter span", "Charts over less time.", "span_step", "comma", CHARTS, "span", fixed="-1"),
    Action("span.longer", "longer span", "Charts over more time.", "span_step", "full_stop", CHARTS, "span", fixed="1"),
    Action("span", "span", "Charts over that much time: 15m, 6h, 30d.", "span", command="since", argument="SPAN", completes="spans"),
    Action("sort.next", "sort", "Sort by the next column.", "sort_step", "s", ("gpus",), "sort", fixed="1"),
    Action("job.sort.next", "sort", "Sort by the next column.", "job_sort_step", "s", ("queue",), "sort", fixed="1"),
    Action("job.sort.reverse", "reverse", "Turn the order round.", "job_reverse", "S", ("queue",), fixed=""),
    Action("job.sort", "sort jobs by", "Sort the queue by a column, downwards after a minus; no column: what runs, what waits, what ended.", "job_sort", command="sortjobs", argument="[COLUMN]", completes="job_columns"),
    Action("job.mark", "mark", "Mark the chosen job, so that the next deed is done to all that are marked.", "mark", "space", ("queue",), "mark"),
    Action("job.unmark", "unmark", "Take every mark away.", "unmark", "u", ("queue",)),
    Action("job.open_arrays", "open arrays", "Every task of every array as a row of its own.", "arrays(1)", "plus,equals_sign", ("queue",)),
    Action("job.close_arrays", "close arrays", "One row an array again.", "arrays(0)", "minus", ("queue",)),
    Action("sort.reverse", "reverse", "Turn the order round.", "reverse", "S", ("gpus",), "reverse"),
    Action("sort", "sort by", "Sort the list of GPUs by a column; no column: by place.", "sort", command="sort", argument="[COLUMN]", completes="columns"),
    Action("columns", "columns", "Choose the list's columns, by commas; none: the usual ones.", "columns", "c", ("gpus",), "columns", "columns", "[COLUMNS]", "columns", fixed="?"),
    Action("job.cancel", "cancel", "End the marked jobs or the chosen one; asks first.", "job_cancel", "x", JOBS, "cancel", "cancel", "[JOBS]", "jobs"),
    Action("job.hold", "hold", "Keep waiting jobs from starting.", "job_hold", "h", JOBS, "hold", "hold", "[JOBS]", "jobs"),
    Action("job.release", "release", "Let held jobs start.", "job_release", "r", JOBS, "release", "release", "[JOBS]", "jobs"),
    Action("job.requeue", "requeue", "Put running jobs back into the queue; they begin anew.", "job_requeue", "R", JOBS, "requeue", "requeue", "[JOBS]", "jobs"),
    Action("job.suspend", "suspend", "Stop running jobs where they are; they keep their memory.", "job_suspend", "z", JOBS, "", "suspend", "[JOBS]", "jobs"),
    Action("job.resume", "resume job", "Let suspended jobs go on.", "job_resume", "Z", JOBS, "", "resume", "[JOBS]", "jobs"),
    Action("job.top", "to the top", "Before all other waiting jobs of the same user.", "job_top", "t", JOBS, "", "top", "[JOBS]", "jobs"),
    Action("job.extend", "more time", "Give jobs more time: 1h, 30m, or minutes.", "job_extend", "e", JOBS, "extend", "extend", "TIME [JOBS]", fixed="?"),
    Action("job.nice", "nice", "Let jobs step back in the queue: the higher, the later.", "job_nice", "i", JOBS, "", "nice", "NUMBER [JOBS]", fixed="?"),
    Action("job.signal", "signal job", "Send jobs a signal: USR1, TERM, KILL.", "job_signal", command="signal", argument="SIGNAL [JOBS]"),
    Action("job.again", "submit again", "Open the job's script for another run, with changes.", "job_again", "A", JOBS, "again", "again", "[JOB]", "jobs"),
    Action("job.ended", "ended jobs", "Jobs that are over.", "open_page", "E", ("queue",), "ended", fixed="ended"),
    Action("submit.open", "new job", "Write and submit a new job.", "open_page", "N", ("queue", "partitions"), "new job", fixed="submit"),
    Action("submit.send", "submit", "Submit the script; asks first.", "send", "ctrl+s", ("submit",), "submit", is_urgent=True),
    Action("submit.part", "next part", "The next part of the page, where not all fit.", "section(1)", "ctrl+n", ("submit",), "part", is_urgent=True),
    Action("node.drain", "drain", "Let the chosen node take no more jobs, with a reason.", "node_drain", "D", NODES, "drain", "drain", "NODE REASON", "nodes", fixed="?"),
    Action("node.undrain", "resume node", "Let the chosen node take jobs again.", "node_undrain", "U", NODES, "resume", "undrain", "[NODE]", "nodes"),
    Action("node.delete", "delete node", "Make Slurm forget a dynamic node that is gone.", "node_delete", "X", NODES, "", "delete", "[NODE]", "nodes"),
    Action("process.kill", "signal process", "Send your own process on this machine TERM, INT or KILL; asks first.", "kill", "K", ("gpu",), "signal", "kill", "SIGNAL [PID]", fixed="?"),
    Action("shell", "shell", "A shell on the node by ssh; the screen is back when it ends.", "shell", command="ssh", argument="[NODE]", completes="nodes"),
    Action("time.back", "step back", "To the kept moment before.", "time_step", "left_square_bracket,shift+left", bar="time", fixed="-1"),
    Action("time.forward", "step on", "To the kept moment after; after the last comes now.", "time_step", "right_square_bracket,shift+right", bar="time", fixed="1"),
    Action("time.event", "event before", "To the moment of the event before.", "event_before", "left_curly_bracket"),
    Action("time.live", "now", "Back to now.", "live", "right_curly_bracket", command="live"),
    Action("time.at", "go to a time", "Show the whole screen as it was: 14:32, 2026-11-24T14:32, -10m.", "at", command="at", argument="TIME"),
    Action("playback.pause", "pause or go on", "Of a recording that is played: stand still, or go on.", "playback_pause", "space", FLEET, command="pause"),
    Action("playback.speed", "speed of a recording", "Play a recording so many times as fast as it happened.", "playback_speed", command="speed", argument="TIMES"),
    Action("event.open", "details", "The worst incident that is open; where there is none, whatever the newest event is about.", "open_event", "d", ("home",)),
    Action("ask", "ask", "Ask about what is chosen here; the chat opens beside the page.", "app.ask", "a", bar="ask"),
    Action("ask.words", "ask", "Begin a question about what is chosen here.", "ask", command="ask", argument="[QUESTION]"),
    Action("chat.next", "next link", "To the next link of the answer; at a chosen proposal: leave it undone.", "chat('next_link')", "n", ("chat",), "link"),
    Action("chat.before", "link before", "To the link before.", "chat('link_before')", "N", ("chat",), "link"),
    Action("chat.do", "do it", "Do what the chosen proposal says; nothing else does.", "chat('do')", "y", ("chat",)),
    Action("chat.copy", "copy", "Copy the chosen code or result, else the answer.", "chat('copy')", "c", ("chat",), "copy"),
    Action("chat.edit", "edit", "Edit the chosen question, else the last, and ask again.", "chat('edit')", "e", ("chat",), "edit"),
    Action("chat.time", "its time", "Show the whole screen as it was when the chosen look was taken.", "chat('time')", "t", ("chat",), "its time"),
    Action("chat.history", "conversations", "Earlier conversations: search, resume, rename, delete, export.", "chat('history')", "ctrl+r", ("chat",), "history"),
    Action("chat.new", "new conversation", "Begin a new conversation.", "chat('new')", "ctrl+n", ("chat",), "new"),
    Action("chat.full", "whole page", "The chat on a page of its own, or back beside the page.", "chat('full')", "ctrl+g", ("chat",)),
    Action("theme.next", "next theme", "Dark, light, two for colour-blind eyes, and one without colour.", "theme_step", "T"),
    Action("theme", "theme", "Choose the colours.", "theme", command="theme", argument="THEME", completes="themes"),
    Action("palette", "everything", "Search everything that can be done.", "app.command_palette", "ctrl+p"),
    Action("focus.next", "next pane", "The keys go to the next pane.", "app.focus_next", "tab"),
    Action("focus.before", "pane before", "The keys go to the pane before.", "app.focus_previous", "shift+tab"),
    Action("redraw", "redraw", "Paint everything anew, after something else wrote on the terminal.", "redraw", "ctrl+l"),
    Action("digest", "while you were away", "What happened since you last looked, or in a span such as 8h.", "digest", command="digest", argument="[SPAN]"),
    Action("background", "to the shell", "Give the terminal to the shell this was started from; `fg` there comes back.", "background", "ctrl+z", command="bg"),
    Action("quit", "quit", "Leave; what is stored is safe.", "quit", "q,ctrl+q", command="quit"),
    Action("interrupt", "quit", "Leave, even while a line is being typed.", "quit", "ctrl+c", is_urgent=True),
)  # fmt: skip

ACTIONS: tuple[Action, ...] = (*_pages(), *_OTHERS)
"""Every row; the order is the order of key bar and help."""

AT_RIGHT = frozenset({"time.back", "time.forward", "page.help"})
"""At the right of the key bar, where keys give way last."""

_SIGNS: Mapping[str, str] = {
    "question_mark": "?", "slash": "/", "colon": ":", "plus": "+", "minus": "-", "equals_sign": "=", "comma": ",",
    "full_stop": ".", "left_square_bracket": "[", "right_square_bracket": "]", "left_curly_bracket": "{",
    "right_curly_bracket": "}", "exclamation_mark": "!", "escape": "esc", "shift+left": "shift-left", "shift+right": "shift-right",
    "shift+tab": "shift-tab",
}  # fmt: skip


def here(page: str) -> tuple[Action, ...]:
    """Every action that a page has, its own and those of all pages."""
    return tuple(action for action in ACTIONS if not action.where or page in action.where)


def bindings(page: str = "") -> list[BindingType]:
    """Textual's bindings of a page's own actions; of those of all pages where no page is given."""
    rows = [action for action in ACTIONS if action.keys and (page in action.where if page else not action.where)]
    return [Binding(row.keys, call_of(row), row.title, show=False, id=row.id, priority=row.is_urgent) for row in rows]


def keys_of(action: Action, keymap: Mapping[str, str]) -> tuple[str, ...]:
    """The keys of an action as people read them, as remapped."""
    named = keymap.get(action.id, action.keys)
    return tuple(_sign(key.strip()) for key in named.split(",") if key.strip())


def key_of(action: str, keymap: Mapping[str, str]) -> str:
    """The first key of an action, by its id, as people read it."""
    return next(keys_of(one, keymap)[0] for one in ACTIONS if one.id == action)


def word_of(action: str) -> str:
    """The word of an action in a bar, by its id."""
    return next(one.bar or one.title for one in ACTIONS if one.id == action)


def shown_as(page: str, shown: str, keymap: Mapping[str, str]) -> Action | None:
    """The action that the key bar shows as `shown`; of several that share a word, as `[ ]`, the first."""
    first = shown.partition(" ")[0]
    return next((one for one in here(page) if one.bar and keys_of(one, keymap)[:1] == (first,)), None)


def bars(page: str, keymap: Mapping[str, str], *, is_narrow: bool = False) -> tuple[Keys, Keys]:
    """What the key bar shows of a page, at its left and at its right: (keys, word), neighbours of one word joined.

    Where it is narrow the pages share one word, so that the page's own keys have a place.
    """
    left: list[tuple[str, str]] = []
    right: list[tuple[str, str]] = []
    for action in here(page):
        keys = keys_of(action, keymap)
        if not action.bar or not keys:
            continue
        shown = right if action.id in AT_RIGHT else left
        word = "pages" if is_narrow and shown is left and action.id.startswith("page.") else action.bar
        if shown and shown[-1][1] == word:
            shown[-1] = (f"{shown[-1][0]} {keys[0]}", word)
        else:
            shown.append((keys[0], word))
    return tuple(left), tuple(right)


def call_of(action: Action) -> str:
    """The action string that Textual runs for a key."""
    if "." in action.handler or "(" in action.handler:
        return action.handler
    return f"app.verb({action.handler!r}, {action.fixed!r})" if is_verb(action) else action.handler


def is_verb(action: Action) -> bool:
    """Whether the app does it, not the page."""
    return action.handler not in PAGE_METHODS and "." not in action.handler and "(" not in action.handler


def _sign(key: str) -> str:
    if key in _SIGNS:
        return _SIGNS[key]
    return f"^{key[5:]}" if key.startswith("ctrl+") else key
