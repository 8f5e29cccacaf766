"""Words for what is counted, and for how it is: so that `3 jobs wait` rests on waiting jobs, not on any three. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

_WORD = re.compile(r"[a-z]+")
_MODEL = re.compile(r"\b(?:[ABHLV]\d{1,3}|T4|GB?H?200|GB300|MI\d{3}X?)s?\b")
"""Models of GPUs count GPUs."""
_NOUNS: Mapping[str, tuple[str, ...]] = {
    "gpu": ("gpu", "gpus", "card", "cards"),
    "node": ("node", "nodes", "host", "hosts", "machine", "machines", "servers"),
    "job": ("job", "jobs"),
    "alert": ("alert", "alerts"),
    "incident": ("incident", "incidents"),
    "finding": ("finding", "findings"),
    "user": ("user", "users", "people", "person"),
    "partition": ("partition", "partitions"),
    "service": ("service", "services"),
    "request": ("request", "requests"),
    "token": ("token", "tokens"),
    "source": ("source", "sources"),
    "event": ("event", "events", "change", "changes"),
    "error": ("error", "errors"),
    "row": ("row", "rows"),
    "line": ("line", "lines"),
    "process": ("process", "processes"),
    "cpu": ("cpu", "cpus", "cores"),
    "rule": ("rule", "rules"),
    "step": ("step", "steps"),
    "restart": ("restart", "restarts"),
    "preemption": ("preemption", "preemptions"),
    "slice": ("slice", "slices"),
    "link": ("link", "links"),
}
_BY_NOUN = {word: noun for noun, words in _NOUNS.items() for word in words}
_TAGS: Mapping[str, tuple[str, ...]] = {
    "pending": ("pending", "wait", "waits", "waiting", "queued", "queue"),
    "running": ("running", "run", "runs"),
    "idle": ("idle", "idles", "idling", "unused"),
    "free": ("free",),
    "busy": ("busy",),
    "allocated": ("allocated",),
    "down": ("down", "unreachable"),
    "lost": ("lost",),
    "firing": ("firing", "fire", "fires"),
    "failed": ("failed", "fail", "fails"),
    "drained": ("drained", "draining", "drain"),
    "held": ("held", "hold"),
    "critical": ("critical",),
    "warning": ("warning",),
    "expected": ("expected",),
    "stale": ("stale",),
    "completed": ("completed",),
}
_BY_TAG = {word: tag for tag, words in _TAGS.items() for word in words}


_TOPICS: Mapping[str, tuple[str, ...]] = {
    "utilization": ("utilization", "utilisation", "util", "utilized", "busy"),
    "memory": ("memory", "mem", "vram"),
    "cpu": ("cpu",),
    "cache": ("cache", "kv"),
    "limit": ("limit",),
    "total": ("total",),
    "free": ("free",),
    "idle": ("idle", "wasted", "waste"),
    "today": ("today",),
    "month": ("month",),
}
_BY_TOPIC = {word: topic for topic, words in _TOPICS.items() for word in words}


@lru_cache(maxsize=4096)
def topics_of(text: str) -> frozenset[str]:
    """What a key or a clause is about."""
    return frozenset(_BY_TOPIC[word] for word in _WORD.findall(text.casefold()) if word in _BY_TOPIC)


@lru_cache(maxsize=4096)
def nouns_of(text: str, most: int = 12) -> frozenset[str]:
    """What the first words of a text, or the parts of a key, name; of a text only up to the end of its clause."""
    return frozenset(_BY_NOUN[word] for word in _words(text, most) if word in _BY_NOUN)


@lru_cache(maxsize=4096)
def tags_of(text: str, most: int = 12) -> frozenset[str]:
    """How they are, by the first words of a text or the parts of a key."""
    return frozenset(_BY_TAG[word] for word in _words(text, most) if word in _BY_TAG)


def first_noun(text: str, most: int = 4) -> str:
    """What the first noun among the first words of a clause names; empty where there is none."""
    return next((_BY_NOUN[word] for word in _words(text, most) if word in _BY_NOUN), "")


def _words(text: str, most: int) -> list[str]:
    text = _MODEL.sub("gpu", text)
    clause = re.split(r"[.;:,()|\n]|(?<![A-Za-z-])\d", text, maxsplit=1)[0] if " " in text else text
    return _WORD.findall(clause.casefold())[:most]
