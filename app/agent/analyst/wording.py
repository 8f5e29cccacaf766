"""A question as plain words: lower case, without politeness and contractions, its slips of the finger mended. Pure.

What the cluster calls its own (nodes, jobs, users) is never mended into a word of ours.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

from app.agent.analyst.intents import INTENTS
from app.agent.analyst.vocabulary import EVERYDAY, VOCABULARY
from app.domain.naming import clean

LONGEST = 1000
"""Characters of a question that are read; what comes after is a pasted log, not a question."""
_LONG_WORD, _LEAST = 8, 4
_CONTRACTIONS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"\b{what}\b"), into)
    for what, into in (
        (r"what'?s", "what is"), (r"who'?s", "who is"), (r"where'?s", "where is"), (r"how'?s", "how is"),
        (r"why'?s", "why is"), (r"when'?s", "when is"), (r"there'?s", "there is"), (r"that'?s", "that is"),
        (r"it'?s", "it is"), (r"isn'?t", "is not"), (r"aren'?t", "are not"), (r"doesn'?t", "does not"),
        (r"don'?t", "do not"), (r"didn'?t", "did not"), (r"won'?t", "will not"), (r"wasn'?t", "was not"),
        (r"can'?t|cannot", "can not"), (r"couldn'?t", "could not"), (r"hasn'?t", "has not"), (r"i'?m", "i am"),
        (r"i'd", "i would"), (r"i'll", "i will"), (r"u", "you"), (r"r", "are"), (r"y", "why"), (r"wat|wtf", "what"),
        (r"wassup|sup", "what is up"), (r"util", "utilization"), (r"temps?", "temperature"),
        (r"mem", "memory"), (r"btw|fyi", " "),
    )
)  # fmt: skip
_POLITE = re.compile(
    r"\b(?:please|pls|plz|kindly|thanks|thank you|thx|um+|hmm+|just|quickly|actually|exactly|currently|by the way)\b"
)
_OPENING = re.compile(
    r"^(?:(?:hey|hello|hi|so|well|ok(?:ay)?(?! (?:to|if|for))|i wonder|do you know|any idea|remind me|let me know|"
    r"let me see|"
    r"(?:can|could|would|will) you(?: (?:tell|show|give|list|explain|check|find|see)(?: (?:me|to me|us))?)?|"
    r"tell (?:me|us)(?! about)|i (?:want|need|would like|wanna) to (?:know|see|understand)|i want you to)\b\s*)+(?=\S)"
)
_MARKS = re.compile(r"[“”„\"`´‘’?!,;]+|(?<=\s)[-–—](?=\s)|\.(?=\s|$)|:(?=\s|$)")
_WHOLE = re.compile(r"(?<![a-z\\])[a-z]{4,}(?![a-z(\[\\])")
_BLANKS = re.compile(r"\s+")
_WORD = re.compile(r"(?<![\w/.:$#=<-])[a-z]+(?![\w/.:=>-]|\.\w)")


def plain(question: str, own: Collection[str] = ()) -> str:
    """The question's words; `own`: lower-case names of the cluster, which stay as they are."""
    text = clean(question[: 4 * LONGEST], LONGEST).replace("’", "'").casefold()
    for pattern, into in _CONTRACTIONS:
        text = pattern.sub(into, text)
    text = _MARKS.sub(" ", text).replace("'s ", " 's ")
    text = _WORD.sub(lambda word: word.group() if word.group() in own else mended(word.group()), text)
    text = _BLANKS.sub(" ", _POLITE.sub(" ", text)).strip()
    return _OPENING.sub("", text)


@lru_cache(maxsize=4096)
def mended(word: str) -> str:
    """A word of the vocabulary for one that is a slip away from it: `temprature`, `staus`, `wich`."""
    known = _known()
    if len(word) < _LEAST or not known.isdisjoint((word, f"{word}s", word.removesuffix("s"))):
        return word
    most = 2 if len(word) >= _LONG_WORD else 1
    found = [(distance(word, known, most), known) for known in _candidates(len(word), most)]
    least = min((far for far, _ in found), default=most + 1)
    near = [known for far, known in found if far == least]
    if least > most:
        return word
    return min(near, key=lambda one: (not _is_left_out(word, one), -_common(one, word), one))


def _common(one: str, other: str) -> int:
    """Letters that two words begin with alike."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _is_left_out(word: str, of: str) -> bool:
    """Whether a word is another one with letters left out: the likeliest slip."""
    letters = iter(of)
    return all(letter in letters for letter in word)


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    """Words that are right as they are: the vocabulary, everyday words, and whatever a cue names whole."""
    cues = {word for intent in INTENTS for cue, _ in intent.cues for word in _WHOLE.findall(cue)}
    return VOCABULARY | EVERYDAY | cues


def _candidates(length: int, most: int) -> list[str]:
    return [known for known in VOCABULARY if abs(len(known) - length) <= most and len(known) >= _LEAST]


def distance(one: str, other: str, most: int) -> int:
    """Slips between two words: a letter more, less, wrong, or two that changed places; past `most` it is `most` + 1."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for place, letter in enumerate(one, 1):
        now = [place]
        for at, wanted in enumerate(other, 1):
            cost = min(row[at] + 1, now[at - 1] + 1, row[at - 1] + (letter != wanted))
            if place > 1 and at > 1 and letter == other[at - 2] and one[place - 2] == wanted:
                cost = min(cost, before[at - 2] + 1)
            now.append(cost)
        if min(now) > most:
            return most + 1
        before, row = row, now
    return row[-1]
