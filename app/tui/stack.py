"""The stack of pages: home is the ground, one other numbered page may stand on it, on top what was opened there."""

from __future__ import annotations

from textual.app import App

from app.tui.page import Page
from app.tui.screens.registry import load_page


def top(app: App[None]) -> Page | None:
    """The page that is open; None while a dialogue covers it."""
    return app.screen if isinstance(app.screen, Page) else None


def top_id(app: App[None]) -> str:
    """The id of the page that is open; empty where none is."""
    page = top(app)
    return page.ID if page is not None else ""


def open_base(app: App[None], page: str) -> None:
    """Show a numbered page, as it was left; what stood on another is gone."""
    while len(app.screen_stack) > 1 and not (len(app.screen_stack) == 2 and top_id(app) == page):
        app.pop_screen()
    if top_id(app) != page:
        if not app.is_screen_installed(page):
            app.install_screen(load_page(page)(), page)
        app.push_screen(page)


def open_on_top(app: App[None], page: str, *arguments: object) -> None:
    """Show a page of one subject on top of where one is; on another of its kind it takes that one's place."""
    if top_id(app) == page:
        app.pop_screen()
    app.push_screen(load_page(page)(*arguments))
