"""Conversations as rows: every statement on the file of conversations. Runs on the store's thread.

Texts are parameters, never part of a statement; searching compares them as they are, so no character means more than
itself.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from app.domain.chat import Conversation, Exchange, Heading, Proposal
from app.domain.codec import decode, encode
from app.domain.frozen import frozen
from app.domain.job_actions import Plan
from app.domain.naming import clean
from app.store.alive import is_alive
from app.store.schema import transaction

LOST_S = 900.0
"""Where it cannot be seen whether the process lives (another machine's), an answer is cut off after so long."""
LONGEST_TITLE = 80
MOST_WORDS = 16
_ROUND = 60
"""Characters shown around what was found."""
DecisionState = Literal["proposed", "doing", "done", "failed", "declined"]
INTERRUPTED = "interrupted: it is not known whether it was done; look at it before you do it again"


@frozen
class Decision:
    """What became of a proposal."""

    state: DecisionState
    owner: str
    at: float
    """Epoch seconds."""
    outcome: str = ""
    plan: Plan | None = None
    """What it would do by now, where that has changed."""


_HEADINGS = """
SELECT c.id, c.title, c.changed, c.model, (SELECT count(*) FROM exchange e WHERE e.chat = c.id),
  (SELECT e.question FROM exchange e WHERE e.chat = c.id ORDER BY e.place LIMIT 1)
FROM chat c
WHERE NOT EXISTS (SELECT 1 FROM json_each(?) w WHERE instr(c.words, w.value) = 0
  AND NOT EXISTS (SELECT 1 FROM exchange e WHERE e.chat = c.id AND instr(e.words, w.value) > 0))
ORDER BY c.changed DESC, c.id LIMIT ?
"""
_KEEP = """
INSERT INTO exchange (chat, id, place, question, words, owner, kept, body)
SELECT ?1, ?2, (SELECT coalesce(max(place), 0) + 1 FROM exchange WHERE chat = ?1), ?3, ?4, ?5, ?6, ?7
WHERE EXISTS (SELECT 1 FROM chat WHERE id = ?1)
ON CONFLICT (chat, id) DO UPDATE SET question = excluded.question, words = excluded.words, owner = excluded.owner,
  kept = excluded.kept, body = excluded.body
"""
_DECIDE = """
INSERT INTO decision (chat, proposal, state, owner, at, outcome, plan) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (chat, proposal) DO UPDATE SET state = excluded.state, owner = excluded.owner, at = excluded.at,
  outcome = excluded.outcome, plan = excluded.plan
WHERE decision.state = 'proposed'
  OR (decision.state = 'doing' AND decision.owner = excluded.owner AND excluded.state <> 'doing')
"""


def words_of(text: str) -> tuple[str, ...]:
    """The words of a search, in one case."""
    return tuple(dict.fromkeys(text.casefold().split()))[:MOST_WORDS]


def headings(db: sqlite3.Connection, words: Sequence[str], limit: int) -> list[Heading]:
    """Conversations that hold every word, the newest first."""
    rows = db.execute(_HEADINGS, (json.dumps(list(words)), max(0, limit))).fetchall()
    return [
        Heading(
            str(key), shortened(title or question or ""), float(changed), int(count), model, _found(db, str(key), words)
        )
        for key, title, changed, model, count, question in rows
    ]


def _found(db: sqlite3.Connection, key: str, words: Sequence[str]) -> str:
    """The piece of a conversation that fits the first of the words; empty where no words were given."""
    if not words:
        return ""
    query = "SELECT words FROM exchange WHERE chat = ? AND instr(words, ?) > 0 ORDER BY place LIMIT 1"
    row = db.execute(query, (key, words[0])).fetchone()
    return around(str(row[0]), words[0]) if row is not None else ""


def around(text: str, word: str) -> str:
    """A word with what stands around it, in a line."""
    at = text.find(word)
    start, end = max(0, at - _ROUND), at + len(word) + _ROUND
    shown = " ".join(clean(text[start:end], 2 * end).split())
    return ("…" if start else "") + shown + ("…" if end < len(text) else "")


def shortened(text: str) -> str:
    """A title in one line."""
    return clean(" ".join(text.split()), LONGEST_TITLE)


def conversation(db: sqlite3.Connection, key: str, now: float) -> Conversation | None:
    """One conversation; what was being written by a process that is gone is told as stopped."""
    row = db.execute("SELECT title, began, changed, user FROM chat WHERE id = ?", (key,)).fetchone()
    if row is None:
        return None
    query = "SELECT id, question, body, owner, kept FROM exchange WHERE chat = ? ORDER BY place"
    known = decisions(db, key)
    exchanges = tuple(
        with_decisions(_told(_read(str(one), str(question), body), str(owner), float(kept), now), known, now)
        for one, question, body, owner, kept in db.execute(query, (key,))
    )
    title = str(row[0]) or (exchanges[0].question if exchanges else "")
    return Conversation(key, shortened(title), float(row[1]), float(row[2]), str(row[3]), exchanges)


def _read(key: str, question: str, body: str) -> Exchange:
    """One exchange; of one that cannot be read, the question, and that it cannot."""
    try:
        return decode(Exchange, json.loads(body))
    except (ValueError, TypeError, KeyError, AttributeError):
        return Exchange(key, 0.0, question, state="failed", problem="what was kept of this answer cannot be read")


def _told(exchange: Exchange, owner: str, kept: float, now: float) -> Exchange:
    return replace(exchange, state="stopped") if exchange.state == "open" and is_lost(owner, kept, now) else exchange


def is_lost(owner: str, at: float, now: float) -> bool:
    """Whether who began something at a time will not end it any more."""
    alive = is_alive(owner)
    return now - at > LOST_S if alive is None else not alive


def with_decisions(exchange: Exchange, known: dict[str, Decision], now: float) -> Exchange:
    """An exchange with what became of its proposals."""
    if not exchange.proposals or not known:
        return exchange
    return replace(exchange, proposals=tuple(decided(one, known.get(one.id), now) for one in exchange.proposals))


def decided(proposal: Proposal, decision: Decision | None, now: float) -> Proposal:
    """A proposal with what became of it."""
    if decision is None:
        return proposal
    changed = replace(proposal, plan=decision.plan or proposal.plan, outcome=decision.outcome)
    if decision.state != "doing":
        return replace(changed, state=decision.state)
    if is_lost(decision.owner, decision.at, now):
        return replace(changed, state="failed", outcome=INTERRUPTED)
    return replace(changed, outcome="it is being done")


def begin(db: sqlite3.Connection, one: Conversation) -> None:
    """A new conversation, without its exchanges."""
    statement = "INSERT OR IGNORE INTO chat (id, title, words, began, changed, user) VALUES (?, ?, ?, ?, ?, ?)"
    title = storable(one.title)
    db.execute(statement, (one.id, title, title.casefold(), one.began, one.changed, storable(one.user)))


def keep(db: sqlite3.Connection, key: str, exchange: Exchange, owner: str, at: float) -> None:
    """An exchange, new or further on; nothing where the conversation was forgotten meanwhile."""
    body = storable(json.dumps(encode(exchange), ensure_ascii=False, separators=(",", ":")))
    question = storable(exchange.question)
    with transaction(db):
        db.execute(_KEEP, (key, exchange.id, question, searched(exchange), owner, at, body))
        db.execute("UPDATE chat SET changed = ?, model = ? WHERE id = ?", (at, exchange.model, key))


def searched(exchange: Exchange) -> str:
    """What a search looks through."""
    chips = " ".join(one.key for one in exchange.chips)
    return storable(f"{exchange.question}\n{exchange.answer}\n{chips}").casefold()


def storable(text: str) -> str:
    """Text without halves of characters, which no file takes."""
    return text.encode("utf-8", "replace").decode("utf-8")


def cut(db: sqlite3.Connection, key: str, exchange: str) -> None:
    """Forget an exchange and all that followed it."""
    statement = """DELETE FROM exchange WHERE chat = ?1
      AND place >= (SELECT place FROM exchange WHERE chat = ?1 AND id = ?2)"""
    db.execute(statement, (key, exchange))


def rename(db: sqlite3.Connection, key: str, title: str) -> None:
    """Give it a name."""
    given = storable(title)
    db.execute("UPDATE chat SET title = ?, words = ? WHERE id = ?", (given, given.casefold(), key))


def delete(db: sqlite3.Connection, key: str) -> None:
    """Forget a conversation, and what became of its proposals."""
    with transaction(db):
        db.execute("DELETE FROM exchange WHERE chat = ?", (key,))
        db.execute("DELETE FROM decision WHERE chat = ?", (key,))
        db.execute("DELETE FROM chat WHERE id = ?", (key,))


def decisions(db: sqlite3.Connection, key: str) -> dict[str, Decision]:
    """What became of a conversation's proposals, by their ids."""
    query = "SELECT proposal, state, owner, at, outcome, plan FROM decision WHERE chat = ?"
    return {
        str(proposal): Decision(
            state, str(owner), float(at), str(outcome), decode(Plan, json.loads(plan)) if plan else None
        )
        for proposal, state, owner, at, outcome, plan in db.execute(query, (key,))
    }


def decide(db: sqlite3.Connection, key: str, proposal: str, decision: Decision) -> bool:
    """Write down what becomes of a proposal; False: somebody was there before, and theirs stands.

    A row is changed while it only proposes, or by whom it is being done.
    """
    plan = json.dumps(encode(decision.plan), ensure_ascii=False) if decision.plan is not None else ""
    values = (key, proposal, decision.state, decision.owner, decision.at, decision.outcome, plan)
    return db.execute(_DECIDE, values).rowcount == 1
