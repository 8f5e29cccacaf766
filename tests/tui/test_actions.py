"""The table of actions, walked: what it promises exists."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
from textual.binding import Binding

from app.tui.actions import ACTIONS, Action, bars, bindings, here, is_verb, keys_of
from app.tui.screens.registry import PAGES, load_page
from app.tui.verbs import VERBS


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_every_handler_exists(action: Action) -> None:
    """A verb is in the table of verbs; any other handler is a method of every page the action is for."""
    if is_verb(action):
        assert action.handler in VERBS
    elif not action.handler.startswith("app."):
        method = f"action_{action.handler.partition('(')[0]}"
        pages = action.where or tuple(row.id for row in PAGES)
        assert [] == [page for page in pages if not hasattr(load_page(page), method)]


def test_ids_and_commands_are_unique() -> None:
    """No two rows share an id, nor two commands a word."""
    assert [] == [one for one, count in Counter(action.id for action in ACTIONS).items() if count > 1]
    words = Counter(action.command for action in ACTIONS if action.command)
    assert [] == [one for one, count in words.items() if count > 1]


@pytest.mark.parametrize("page", [row.id for row in PAGES])
def test_no_key_means_two_things_on_a_page(page: str) -> None:
    """On each page a key belongs to one action."""
    keys = {action.id: set(filter(None, action.keys.split(","))) for action in here(page)}

    assert [] == [(one, other) for one, other in combinations(keys, 2) if keys[one] & keys[other]]


def test_every_action_can_be_reached_and_is_explained() -> None:
    """An action has a key or a command, a title, and a help that is a sentence."""
    assert [] == [one.id for one in ACTIONS if not (one.keys or one.command)]
    assert [] == [one.id for one in ACTIONS if not (one.title and one.help.endswith("."))]


def test_actions_are_only_for_pages_that_exist() -> None:
    """`where` names pages of the registry."""
    known = {row.id for row in PAGES}

    assert set() == {page for action in ACTIONS for page in action.where} - known


def test_bindings_carry_their_ids() -> None:
    """Every binding can be remapped by the id of its action."""
    every = [binding for page in ("", *(row.id for row in PAGES)) for binding in bindings(page)]

    assert {one.id for one in ACTIONS if one.keys} == {one.id for one in every if isinstance(one, Binding)}


def test_key_bar_joins_neighbours_and_follows_the_keymap() -> None:
    """`[` and `]` share one word; a remapped key is shown as remapped."""
    left, right = bars("home", {"filter": "f3"})
    shown = {word: keys for keys, word in (*left, *right)}

    assert ("[ ]", "f3") == (shown["time"], shown["filter"])


def test_keys_are_shown_as_people_know_them() -> None:
    """Textual's names of keys never reach the screen."""
    shown = {key for action in ACTIONS for key in keys_of(action, {})}

    assert [] == [key for key in shown if "_" in key or "ctrl" in key]
