"""Finds GPUs, nodes, jobs and people in a question: by the cluster's names, and by how people write them."""
# ruff: noqa: E501 - a pattern reads best on one line

from __future__ import annotations

import re

from app.agent.analyst.slots import Marking
from app.agent.analyst.vocabulary import EVERYDAY, VOCABULARY
from app.domain.hostlist import expand

_LEFT, _RIGHT = r"(?<![\w/.<-])", r"(?![\w/>]|[.-]\w)"
_PATH = re.compile(rf"{_LEFT}([a-z0-9][\w.-]*)[/:](?:gpu\s?)?(\d{{1,3}}){_RIGHT}")
_LIST = re.compile(rf"{_LEFT}[a-z][\w-]*\[[\d,-]{{1,60}}\](?!\w)")
_BOTH = re.compile(r"<NODE>\s+(?:'s )?(?:gpu|card|device)\s?#?(\d{1,3})\b")
_OTHER = re.compile(r"\b(?:gpu|card|device)s?\s?#?(\d{1,3})\s+(?:of|on|in|at)\s+(?:the\s+)?(?:node\s+)?<NODE>")
_INDEX = re.compile(
    r"(?<![\w/-])(?:gpus?|cards?|device)\s?(?:#|no\.?\s?|number\s)?(\d{1,3})(?:\s*(?:and|,|vs|versus|or)\s*(?:gpu )?#?(\d{1,3}))?(?![\w.%/°-])"
)
_NUMBERED = re.compile(r"\b(?:node|host|machine|server|box)s?[\s-]?#?(\d{1,4})\b")
_CALLED = re.compile(rf"\b(?:node|host|machine|box)\s+([a-z0-9][\w.-]*[a-z0-9]){_RIGHT}")
_LOOSE = re.compile(r"(?!(?:gpu|card|xid)\d+$)(?=.*[a-z])(?=.*\d).+")
"""A node with other zeros or marks than it has; `gpu3` is rather a GPU."""
_WORD = re.compile(rf"{_LEFT}[a-z0-9](?:[\w.-]*[\w])?{_RIGHT}")
_JOBS = re.compile(
    r"\bjobs?\s?(?:id\s?|number\s|no\.?\s)?[#=]?\s?((?:\d{1,10}(?:[_+]\d{1,6})?)(?:\s*(?:,|and|or|&)\s*#?\d{1,10}(?:[_+]\d{1,6})?)*)(?![\w:%])"
)
_JOB = re.compile(r"\d{1,10}(?:[_+]\d{1,6})?")
_BARE = re.compile(
    r"(?<![\w./:#$-])#?(\d{2,10}(?:[_+]\d{1,6})?)(?![\w.:%°/]|\s?(?:gpus?|nodes?|min|h\b|hours?|x\b|gib|gb|w\b|c\b|days?|m\b|s\b))"
)
_JOB_CALLED = re.compile(rf"\b(?:jobs?|run|training)\s+(?:called |named )?([a-z0-9][\w./+=-]*\w){_RIGHT}")
_USER_CALLED = re.compile(rf"\b(?:user|owner)\s+([a-z_][\w.-]*){_RIGHT}")
_PARTITION_CALLED = re.compile(
    rf"\b(?:(?:partition|queue)\s+([a-z0-9][\w.-]*)|([a-z0-9][\w.-]*)\s+(?:partition|queue)){_RIGHT}"
)
_MINE = re.compile(
    r"\b(?:mine|my(?= (?:own )?(?:jobs?|gpus?|usage|use|costs?|queue|training|runs?|spending|waste|share|pending|waiting|running|failed|last|idle)\b))"
)
_I = re.compile(
    r"\b(?:do|am|did|have) i (?:us\w+|wast\w+|hold\w*|cost|spen\w+|occupy|own|have)\b|\bi (?:use|waste|hold|spend|spent|own)\b"
)


def find_places(marking: Marking) -> None:
    """GPUs and nodes."""
    _paths(marking)
    for found in marking.take(_LIST, "<NODE>"):
        names = tuple(name for name in map(marking.known.node, expand(found.group())[:64]) if name)
        marking.note(nodes=(*marking.slots.nodes, *names))
    _named_nodes(marking)
    _gpus_of_nodes(marking)
    for found in marking.take(_INDEX, "<GPU>"):
        some = tuple(int(part) for part in found.groups() if part)
        marking.note(indices=(*marking.slots.indices, *some))
    for found in marking.take(_CALLED, " <UNKNOWN>") if marking.known.nodes else ():
        _note_unknown(marking, found.group(1))


def _paths(marking: Marking) -> None:
    """`gpu-01/3`."""

    def taken(found: re.Match[str]) -> str:
        node, index = marking.known.node(found.group(1)), int(found.group(2))
        if node is None:
            if not marking.known.is_like_a_node(found.group(1)):
                return found.group()
            _note_unknown(marking, found.group())
            return "<UNKNOWN>"
        if marking.known.gpus.get(node) and index not in marking.known.gpus[node]:
            _note_unknown(marking, f"{node}/{index}")
            return "<UNKNOWN>"
        _note_as(marking, found.group(1), node)
        marking.note(gpus=(*marking.slots.gpus, f"{node}/{index}"))
        return "<GPU>"

    marking.text = _PATH.sub(taken, marking.text)


def _named_nodes(marking: Marking) -> None:
    order: list[str] = []

    def taken(found: re.Match[str]) -> str:
        word = found.group()
        node = marking.known.nodes.get(word)
        if node is None and _LOOSE.fullmatch(word):
            node = marking.known.node(word)
        if node is not None:
            _note_as(marking, word, node)
            order.append(node)
            return "<NODE>"
        if marking.known.is_like_a_node(word) and word not in VOCABULARY:
            _note_unknown(marking, word)
            return "<UNKNOWN>"
        return word

    marking.text = _WORD.sub(taken, marking.text)

    def numbered(found: re.Match[str]) -> str:
        node = marking.known.numbered_node(int(found.group(1)))
        if node is None:
            _note_unknown(marking, found.group().strip())
            return "<UNKNOWN>"
        order.append(node)
        return "<NODE>"

    if marking.known.nodes:
        marking.text = _NUMBERED.sub(numbered, marking.text)
    marking.text = re.sub(r"\b(?:node|host|machine|box)\s+<NODE>", "<NODE>", marking.text)
    marking.note(nodes=(*marking.slots.nodes, *order))


def _gpus_of_nodes(marking: Marking) -> None:
    """`gpu 3 of gpu-01`, `gpu-01 gpu 3`: the node is taken out of the nodes."""
    for pattern in (_BOTH, _OTHER):
        found = pattern.search(marking.text)
        while found is not None and marking.slots.nodes:
            before = marking.text[: found.end()].count("<NODE>") - 1
            nodes = list(marking.slots.nodes)
            node = nodes.pop(min(before, len(nodes) - 1))
            index = int(found.group(1))
            has = marking.known.gpus.get(node)
            is_there = not has or index in has
            marking.text = (
                f"{marking.text[: found.start()]}{'<GPU>' if is_there else '<UNKNOWN>'}{marking.text[found.end() :]}"
            )
            marking.note(nodes=tuple(nodes))
            if is_there:
                marking.note(gpus=(*marking.slots.gpus, f"{node}/{index}"))
            else:
                _note_unknown(marking, f"{node}/{index}")
            found = pattern.search(marking.text)


def find_people_and_jobs(marking: Marking) -> None:
    """Jobs, users, partitions, model servers, rules of alerts."""
    for found in marking.take(_JOBS, "<JOB>"):
        marking.note(jobs=(*marking.slots.jobs, *_JOB.findall(found.group(1))))
    _own_words(marking)
    _bare_numbers(marking)
    if marking.known.user and (marking.take(_MINE, "<MINE>") or _I.search(marking.text)):
        marking.note(users=(marking.known.user,))


def _own_words(marking: Marking) -> None:
    known = marking.known

    def job(found: re.Match[str]) -> str:
        name = found.group(1)
        if name in known.job_names:
            marking.note(jobs=(*marking.slots.jobs, known.job_names[name][0]))
            return "<JOB>"
        return found.group()

    def partition(found: re.Match[str]) -> str:
        name = found.group(1) or found.group(2)
        if name not in known.partitions:
            return found.group()
        marking.note(partitions=(*marking.slots.partitions, known.partitions[name]))
        return "<PARTITION>"

    def word(found: re.Match[str]) -> str:
        return _word(marking, found.group())

    marking.text = _JOB_CALLED.sub(job, marking.text)
    marking.text = _PARTITION_CALLED.sub(partition, marking.text)
    marking.text = re.sub(rf"{_LEFT}[a-z0-9](?:[\w./-]*\w)?(?![\w/>])", word, marking.text)
    for found in marking.take(_USER_CALLED, "<UNKNOWN>") if known.users else ():
        _note_unknown(marking, f"user {found.group(1)}")
    marking.text = re.sub(r"\b(?:user|owner)\s+<USER>", "<USER>", marking.text)


def _word(marking: Marking, word: str) -> str:
    """One word that the cluster calls its own, unless everybody uses it."""
    known, slots = marking.known, marking.slots
    if word in known.services:
        marking.note(service=known.services[word])
        return "<SERVICE>"
    if word in known.rules:
        marking.note(rule=known.rules[word])
        return "<ALERT>"
    if word in VOCABULARY or word in EVERYDAY:
        return word
    if word in known.users:
        marking.note(users=(*slots.users, known.users[word]))
        return "<USER>"
    if word in known.job_names and len(word) > 2 and not word.isdigit():
        marking.note(jobs=(*slots.jobs, known.job_names[word][0]))
        return "<JOB>"
    if word in known.partitions and len(word) > 3:
        marking.note(partitions=(*slots.partitions, known.partitions[word]))
        return "<PARTITION>"
    return word


def _bare_numbers(marking: Marking) -> None:
    """`812`, where there is such a job."""

    def taken(found: re.Match[str]) -> str:
        if found.group(1) not in marking.known.jobs:
            return found.group()
        marking.note(jobs=(*marking.slots.jobs, marking.known.jobs[found.group(1)]))
        return "<JOB>"

    marking.text = _BARE.sub(taken, marking.text)


def _note_unknown(marking: Marking, name: str) -> None:
    marking.note(unknown=(*marking.slots.unknown, name))


def _note_as(marking: Marking, said: str, node: str) -> None:
    if said != node.casefold() and said != node.casefold().split(".")[0]:
        marking.note(notes=(*marking.slots.notes, f"{said} is taken for {node}"))
