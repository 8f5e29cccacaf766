"""The verbs: what keys and `:` commands do, one function each, named by the `handler` of its action.

A verb takes the desk and a text, changes the view or opens something, and raises RefusedError with one line where it
cannot. Verbs know no widget.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping

from app.domain.filter_grammar import FilterError
from app.domain.filter_terms import SHORT, metric_named
from app.domain.filtering import parse_filter
from app.domain.metrics import METRICS
from app.domain.naming import same_node
from app.domain.snapshot import Gpu, Snapshot
from app.domain.times import parse_span, parse_time
from app.present.gpu_rows import GPU_COLUMNS
from app.tui import (
    acting,
    alert_verbs,
    chat_verbs,
    incident_verbs,
    journeys,
    leaving,
    log_verbs,
    playback_verbs,
    queue_verbs,
)
from app.tui.desk import Desk
from app.tui.feed import RefusedError
from app.tui.sorting import GPUS
from app.tui.themes import NAMES, theme_named
from app.tui.viewstate import COLOURS, stepped_metric, stepped_span

Verb = Callable[[Desk, str], None]

ZOOMS: Mapping[str, str] = {"cards": "cards", "lines": "lines", "heat": "heat", "auto": ""}
LONGEST_S = 366 * 86400
ASKED = "?"
"""In place of an argument: let the user type it."""


def open_page(desk: Desk, text: str) -> None:
    """Open a page."""
    desk.open_page(text)


def open_gpu(desk: Desk, text: str) -> None:
    """Open the page of a GPU."""
    gpu = find_gpu(desk.moment.snapshot, text, desk.chosen())
    desk.open_page("gpu", gpu.node, gpu.index)


def open_node_page(desk: Desk, text: str) -> None:
    """Open the page of a node."""
    desk.open_page("node", find_node(desk.moment.snapshot, text, desk.chosen()))


def filter_(desk: Desk, text: str) -> None:
    """Keep the GPUs that fit; without a text, let the user type it."""
    if not text:
        desk.type_line("/", desk.view.filter)
        return
    try:
        wanted = parse_filter(text)
    except FilterError as error:
        raise RefusedError(filter_mistake(error)) from error
    desk.change(filter=wanted.text)


def filter_mistake(error: FilterError) -> str:
    """What is wrong with a filter, and where."""
    return f"filter, character {error.position + 1}: {error}"


def command(desk: Desk, text: str) -> None:
    """Let the user type a command."""
    desk.type_line(":", text)


def zoom(desk: Desk, text: str) -> None:
    """Show more or less of each GPU."""
    desk.change(zoom=ZOOMS[_one_of(text, ZOOMS, "zoom")])


def metric_step(desk: Desk, text: str) -> None:
    """Draw the metric so many steps further in the round."""
    desk.change(metric=stepped_metric(desk.view.metric, int(text)))


def colour(desk: Desk, text: str) -> None:
    """Colour the grid by the metric, the job, the user or the idle time; without a word, by the next of them."""
    here = COLOURS.index(desk.view.colour)
    desk.change(colour=_one_of(text, COLOURS, "colouring") if text else COLOURS[(here + 1) % len(COLOURS)])
    desk.note(f"coloured by {desk.view.colour}")


def metric(desk: Desk, text: str) -> None:
    """Draw a metric by name."""
    found = metric_named(text)
    if found is None:
        raise RefusedError(f"no metric of a GPU is called {text!r}{_nearest(text, metric_words())}")
    desk.change(metric=found.key)


def span_step(desk: Desk, text: str) -> None:
    """Chart a longer (1) or shorter (-1) span."""
    desk.change(span_s=stepped_span(desk.view.span_s, int(text)))


def span(desk: Desk, text: str) -> None:
    """Chart a span."""
    try:
        seconds = parse_span(text.removeprefix("-"))
    except ValueError as error:
        raise RefusedError(str(error)) from error
    if not 10 <= seconds <= LONGEST_S:
        raise RefusedError("charts span 10 s to 366 d")
    desk.change(span_s=seconds)


def sort_step(desk: Desk, text: str) -> None:
    """Sort by the column so many steps further; the round begins with no column at all."""
    GPUS.step(desk, sortable(desk), int(text))


def sort(desk: Desk, text: str) -> None:
    """Sort by a column, downwards after a minus."""
    wanted = text.removeprefix("-")
    key = "" if wanted in ("", "place") else _one_of(wanted, sortable(desk), "column")
    desk.change(sort=key, descending=text.startswith("-"))


def reverse(desk: Desk, _text: str) -> None:
    """Turn the order round."""
    GPUS.reverse(desk)


def columns(desk: Desk, text: str) -> None:
    """Choose the columns of the list."""
    if text == ASKED:
        shown = desk.view.columns or tuple(one.key for one in GPU_COLUMNS if one.is_default)
        desk.type_line(":", "columns " + ",".join(shown))
        return
    known = [one.key for one in GPU_COLUMNS]
    wanted = tuple(dict.fromkeys(_one_of(one.strip(), known, "column") for one in text.split(",") if one.strip()))
    desk.change(columns=wanted)


def time_step(desk: Desk, text: str) -> None:
    """Travel to the kept moment before (-1) or after (1); of a recording, on to what was not played yet."""
    played = playback_verbs.playing(desk.bridge.feed)
    if played is not None and desk.bridge.replay is None and text == "1":
        when = desk.bridge.now() + playback_verbs.STEP_S
        desk.journey(playback_verbs.seek(desk.bridge, played, when))
        return
    desk.journey(journeys.step(desk.bridge, int(text), desk.moment.look))


def event_before(desk: Desk, _text: str) -> None:
    """Travel to the event before."""
    desk.journey(journeys.event_before(desk.bridge, desk.moment.look))


def live(desk: Desk, _text: str) -> None:
    """Travel back to now."""
    if desk.bridge.replay is None:
        raise RefusedError("this is now")
    journeys.live(desk.bridge)


def at(desk: Desk, text: str) -> None:
    """Travel to a moment."""
    feed = desk.bridge.connected()
    try:
        when = parse_time(text, feed.now(), desk.options.tz)
    except ValueError as error:
        raise RefusedError(str(error)) from error
    played = playback_verbs.playing(feed)
    if played is not None:
        desk.journey(playback_verbs.seek(desk.bridge, played, when))
        return
    desk.journey(journeys.go(desk.bridge, when, desk.moment.look))


def theme(desk: Desk, text: str) -> None:
    """Paint in a theme."""
    name = theme_named(text) or text
    desk.set_theme(_one_of(name, NAMES, "theme"))


def theme_step(desk: Desk, _text: str) -> None:
    """Paint in the next theme."""
    here = NAMES.index(desk.view.theme) if desk.view.theme in NAMES else 0
    desk.set_theme(NAMES[(here + 1) % len(NAMES)])


def back(desk: Desk, _text: str) -> None:
    """Go out of where one is."""
    desk.back()


def redraw(desk: Desk, _text: str) -> None:
    """Paint everything anew."""
    desk.redraw()


def quit_(desk: Desk, _text: str) -> None:
    """Leave; asks first where that would stop a run on a deployment."""
    if desk.bridge.infra is not None and desk.bridge.infra.runs:
        from app.tui import infra_leaving  # noqa: PLC0415 - only who deploys needs it

        infra_leaving.ask_to_leave(desk, desk.bridge.infra)
        return
    desk.quit()


VERBS: Mapping[str, Verb] = {
    "open_page": open_page,
    "open_gpu": open_gpu,
    "open_node": open_node_page,
    "filter": filter_,
    "command": command,
    "zoom": zoom,
    "metric_step": metric_step,
    "metric": metric,
    "colour": colour,
    "span_step": span_step,
    "span": span,
    "sort_step": sort_step,
    "sort": sort,
    "reverse": reverse,
    "columns": columns,
    "time_step": time_step,
    "event_before": event_before,
    "live": live,
    "at": at,
    "theme": theme,
    "theme_step": theme_step,
    "back": back,
    "redraw": redraw,
    "quit": quit_,
    **queue_verbs.VERBS,
    **incident_verbs.VERBS,
    **alert_verbs.VERBS,
    **log_verbs.VERBS,
    **playback_verbs.VERBS,
    **leaving.VERBS,
    **acting.VERBS,
    **chat_verbs.VERBS,
}


def find_gpu(snapshot: Snapshot, text: str, chosen: tuple[str, int] | None) -> Gpu:
    """The GPU meant by `node/index`, `index` on the chosen node or the only one, or the beginning of a UUID."""
    wanted = text.strip()
    node, slash, index = wanted.rpartition("/")
    if not slash and wanted.isdigit():
        node = chosen[0] if chosen else next(iter(snapshot.nodes), "")
        index = wanted
    if index.isdigit() and node:
        name = find_node(snapshot, node, chosen)
        gpu = snapshot.gpu(name, int(index))
        if gpu is None:
            raise RefusedError(f"{name} has no GPU {index}")
        return gpu
    short = wanted.lower().removeprefix("gpu-")
    by_uuid = [
        one for one in snapshot.gpus() if short and (one.uuid or "").lower().removeprefix("gpu-").startswith(short)
    ]
    if len(by_uuid) == 1:
        return by_uuid[0]
    raise RefusedError(
        f"{wanted!r} is no GPU; write NODE/INDEX, as in {next((one.id for one in snapshot.gpus()), 'gpu-01/3')}"
    )


def find_node(snapshot: Snapshot, text: str, chosen: tuple[str, int] | None) -> str:
    """The node meant by its name, its host part, or a beginning that fits one only; the chosen one for no text."""
    wanted = text.strip()
    if not wanted and chosen:
        return chosen[0]
    if wanted in snapshot.nodes:
        return wanted
    alike = [name for name in snapshot.nodes if same_node(name, wanted)]
    if not alike:
        alike = [name for name in snapshot.nodes if wanted and name.lower().startswith(wanted.lower())]
    if len(alike) == 1:
        return alike[0]
    many = f" could be {', '.join(alike[:4])}" if alike else f" is no node{_nearest(wanted, snapshot.nodes)}"
    raise RefusedError(f"{wanted!r}{many}")


def sortable(desk: Desk) -> tuple[str, ...]:
    """Keys of the columns the list can be sorted by: those it shows first, then the others."""
    known = [one.key for one in GPU_COLUMNS]
    shown = [key for key in desk.view.columns if key in known]
    return tuple(dict.fromkeys([*shown, *known]))


def metric_words() -> tuple[str, ...]:
    """Words that name a metric of a GPU."""
    return (*SHORT, *(one.short for one in METRICS if one.scope == "gpu"))


def _one_of(text: str, known: Iterable[str], what: str) -> str:
    """The word meant: itself, or the only known one that begins so. Raises RefusedError."""
    words = list(known)
    wanted = text.strip().lower()
    if wanted in words:
        return wanted
    begins = [word for word in words if wanted and word.startswith(wanted)]
    if len(begins) == 1:
        return begins[0]
    listed = ", ".join(words[:12]) + (" and more" if len(words) > 12 else "")
    raise RefusedError(
        f"{text!r} is no {what}{_nearest(wanted, words)}; known: {listed}" if text else f"which {what}? {listed}"
    )


def _nearest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
