"""A field of few words: keys, clicks, and how it looks where not all fit."""

from __future__ import annotations

from tests.widgets.harness import Harness, screen_text
from widgets.choice import Choice


async def test_keys_and_clicks_go_round_and_letters_jump() -> None:
    """Right and space go on, left goes back, a first letter chooses; each is told once."""
    choice = Choice(("above", "below", "equals", "absent"))
    told: list[str] = []

    class Listening(Harness):
        def on_choice_changed(self, event: Choice.Changed) -> None:
            told.append(event.value)

    async with Listening(lambda: [choice]).run_test(size=(60, 5)) as pilot:
        choice.focus()
        await pilot.press("right", "space", "left", "left", "left", "e", "e")
        await pilot.click(Choice)
        await pilot.pause()

    assert ["below", "equals", "below", "above", "absent", "equals", "absent"] == told


async def test_chosen_word_is_marked_without_colour_and_alone_where_it_is_narrow() -> None:
    """Brackets stand round it; a word that is not known is not shown."""
    wide, narrow = Choice(("info", "warning", "critical")), Choice(("info", "warning", "critical"))
    wide.show("warning")
    wide.show("loud")
    app = Harness(lambda: [wide, narrow], css="#narrow { width: 12; }")
    narrow.id = "narrow"
    async with app.run_test(size=(60, 5)) as pilot:
        await pilot.pause()
        lines = screen_text(app).splitlines()

    assert " info [warning] critical" == lines[0].rstrip()
    assert "[info]" == lines[1].strip()
    assert "warning" == wide.value
