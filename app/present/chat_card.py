"""A proposal as a card: what would be done, whom it hits, what undoes it, the exact commands, the keys. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.chat import Exchange, Proposal
from app.domain.job_actions import Outcome
from app.present.cells import Cell, Line, Tone, cells, fit_line, line, tidy, wrap
from app.present.chat_sight import ChatSight
from app.present.chat_stops import stop_key
from app.present.dialogue import outcome_lines, plan_lines
from app.present.frames import frame_bottom, frame_top, keys_line
from app.present.markdown_wrap import Spot, Told

_WIDEST = 96
_SAID = {"proposed": "waits for your key", "done": "done", "failed": "did not go well", "declined": "left undone"}


def card_lines(exchange: Exchange, number: int, sight: ChatSight) -> Iterator[Told]:
    """One proposal; its keys shine only while it is the place where the keys have stopped."""
    proposal = exchange.proposals[number]
    key = stop_key(sight.place, "p", number)
    is_here = key == sight.stop
    width = min(sight.width, _WIDEST)
    tone: Tone = "focus" if is_here else "frame"
    edge = Cell(sight.glyphs.box.down, tone)
    top = frame_top(_title(proposal), _state(proposal, sight), width, sight.glyphs, tone)
    yield Told(top, (Spot(0, 0, key),))
    for told in _inside(proposal, width - 4, sight):
        yield Told(line(edge, " ", fit_line(told, width - 4), " ", edge))
    yield Told(frame_bottom(_keys(proposal, sight, is_here=is_here), width, sight.glyphs, tone), (Spot(0, 0, key),))


def _title(proposal: Proposal) -> Line:
    tone: Tone = "bad" if proposal.plan.is_severe and proposal.state == "proposed" else "strong"
    return line(cells(proposal.plan.verb, tone), Cell(" proposed", "quiet") if proposal.state == "proposed" else "")


def _state(proposal: Proposal, sight: ChatSight) -> Line:
    if proposal.id in sight.at_work:
        return (Cell(f"at work for {sight.at_work[proposal.id]:.0f} s", "info"),)
    if proposal.state == "proposed" and proposal.plan.is_severe:
        return (Cell("work is lost or others are hit", "bad"),)
    tone: Tone = "look" if proposal.state == "failed" else "quiet"
    return (Cell(_SAID[proposal.state], tone),)


def _inside(proposal: Proposal, width: int, sight: ChatSight) -> Iterator[Line]:
    """Whole while it waits; of one that is settled what it was and what came of it."""
    if proposal.state == "proposed":
        yield from plan_lines(proposal.plan, width, sight.glyphs)
    else:
        for text in wrap(tidy(proposal.plan.summary, 2000), max(8, width)):
            yield (Cell(text, "quiet" if proposal.state == "declined" else "plain"),)
    if proposal.why and proposal.state == "proposed":
        yield ()
        for text in wrap(tidy(f"why: {proposal.why}", 1000), max(8, width)):
            yield (Cell(text, "quiet"),)
    if proposal.outcome:
        yield from outcome_lines(Outcome(proposal.state != "failed", proposal.outcome), width, sight.glyphs)[1:]


def _keys(proposal: Proposal, sight: ChatSight, *, is_here: bool) -> Line:
    if proposal.state != "proposed" or proposal.id in sight.at_work:
        return ()
    if not is_here:
        return (Cell("tab comes here", "quiet"),)
    return keys_line(
        ((sight.keys.get("chat.do", "y"), "do it"), (sight.keys.get("chat.next", "n"), "leave it")), sight.glyphs
    )
