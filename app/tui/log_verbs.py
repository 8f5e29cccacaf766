"""What keys and `:` commands do on a model server's log: open one, search it, save it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, cast

from app.tui.desk import Desk
from app.tui.feed import RefusedError
from app.tui.options import NO_FILES

if TYPE_CHECKING:
    from app.tui.screens.model_log import ModelLog

PAGE = "log"


def open_log(desk: Desk, text: str) -> None:
    """Open the page: at the log of a name, of a server, of a job; else at the first there is."""
    desk.open_page(PAGE, "" if text.strip() == PAGE else text.strip())


def search(desk: Desk, text: str) -> None:
    """Search; without a text, let the user type it."""
    page = _page(desk)
    if text:
        page.keep_filter(text)
    else:
        desk.type_line("/", page.searched)


def save(desk: Desk, text: str) -> None:
    """Save what is kept of the log; without a path, among the program's own files."""
    if desk.options.bastion:
        raise RefusedError(NO_FILES)
    _page(desk).save_to(text.strip())


def _page(desk: Desk) -> ModelLog:
    if desk.page is None or desk.page_id != PAGE:
        raise RefusedError("no model server's log is open; :log opens one")
    return cast("ModelLog", desk.page)


VERBS: Mapping[str, Callable[[Desk, str], None]] = {
    "open_log": open_log,
    "log_search": search,
    "log_save": save,
}
