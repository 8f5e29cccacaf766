"""What an answer names: looks it cites, and GPUs, nodes, jobs, incidents and users, which the results must name too."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from app.domain.chat import Chip, Mark, ToolUse
from app.domain.hostlist import expand

CITATION = re.compile(r"\[(?P<numbers>\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*)\](?!\()")
_NUMBER = re.compile(r"\d{1,3}")
_GPU = re.compile(r"(?<![\w./-])(?P<node>[A-Za-z][\w.-]*)/(?P<index>\d{1,3})(?![\w/]|\.\d)")
_WORD = re.compile(r"(?<![\w./-])[A-Za-z][\w.-]*\d[\w.-]*(?<![.-])(?![\w/])")
_INCIDENT = re.compile(r"(?<![\w-])[if]-\d{1,9}(?![\w-])")
_JOBS = re.compile(
    r"\bjobs?(?:\s+id)?\s+[`#*]*(?P<ids>\d[\d_+]*(?:\[[\d,\-%]+\])?(?:(?:[`*]*,\s*(?:and\s+)?|[`*]*\s+(?:and|or)\s+|[`*]*/)[`#*]*\d[\d_+]*(?![\d_+.]|\s*(?:%|GPU|gpu|node|min|hour|h\b|s\b|[A-Z]\d)))*)",
    re.IGNORECASE,
)
_JOB = re.compile(r"\d[\d_+]*(?:\[[\d,\-%]+\])?")
_USER = re.compile(r"\busers?\s+[`*\"']*(?P<name>[a-z_][a-z0-9_.-]*[a-z0-9_])", re.IGNORECASE)
_IDS = re.compile(
    r"\b[0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}(?:\.[0-7])?\b|\bGPU-[0-9a-fA-F]{8}[0-9a-fA-F-]*\b|\b[as]-[0-9a-f]{6,12}\b"
    r"|(?<![\w.])\d+\.\d+\.\d+(?:\.\d+)?(?![\w.]\d)"
)
"""Buses, boards, alerts and silences, versions and addresses."""
_TOKEN = re.compile(r"[\w][\w.+/@-]*")
_LIST = re.compile(r"[A-Za-z][\w.-]*\[[\d,-]+\]")
_COMMON = re.compile(
    r"who|whose|that|which|ha[sd]|have|is|are|was|were|with|of|in|on|and|or|to|for|from|by|can|may|should|ids?|names?"
    r"|jobs?|process(?:es)?|space|side|code|errors?|requests?|accounts?|all"
)
"""Words behind `user` that name nobody."""


class Names:
    """What the results name."""

    def __init__(
        self, text: str, chips: Iterable[Chip] = (), nodes: Iterable[str] = (), names: Iterable[str] = ()
    ) -> None:
        """`text` is all that was found, in one case."""
        self._text = text
        found = {one.rstrip(".-/") for one in _TOKEN.findall(text)} | {name.casefold() for name in names}
        found |= {part for one in found if "/" in one for part in one.split("/") if part}
        for listed in set(_LIST.findall(text)):
            found.update(expand(listed)[:4096])
        self.all = frozenset(found | {one.key.casefold() for one in chips})
        known = {one.casefold() for one in nodes} | {chip.key.partition("/")[0].casefold() for chip in chips}
        self._shapes = frozenset(_shape(one) for one in known if any(c.isdigit() for c in one))
        self.nodes = frozenset(known | {one for one in found if _shape(one) in self._shapes})
        self._gpus = frozenset(one for one in self.all if _GPU.fullmatch(one))

    def says(self, text: str) -> bool:
        """Whether a piece of text stands anywhere in what was found."""
        return text.casefold() in self._text

    def is_node_like(self, word: str) -> bool:
        """Whether it is written as the nodes here are."""
        return _shape(word.casefold()) in self._shapes

    def has_gpu(self, node: str, index: str) -> bool:
        """Whether a GPU was named, or its node where no GPU of that one was."""
        key = f"{node}/{index}".casefold()
        if key in self._gpus:
            return True
        of_node = any(one.startswith(f"{node.casefold()}/") for one in self._gpus)
        return not of_node and node.casefold() in self.nodes

    @property
    def indices(self) -> frozenset[str]:
        """Indices of the GPUs that were named."""
        return frozenset(one.rpartition("/")[2] for one in self._gpus)


def numbers_of(citation: re.Match[str]) -> list[int]:
    """The looks that one citation names."""
    return [int(one) for one in _NUMBER.findall(citation["numbers"])]


def _shape(name: str) -> str:
    return re.sub(r"\d+", "#", name)


def citations(text: str, uses: Sequence[ToolUse]) -> Iterator[Mark]:
    """`[2]` leads to the second look; what leads to none is unsupported."""
    known = {use.number for use in uses}
    for match in CITATION.finditer(text):
        for one in _NUMBER.finditer(match["numbers"]):
            start, end = match.start("numbers") + one.start(), match.start("numbers") + one.end()
            if match["numbers"] == one[0]:
                start, end = match.start(), match.end()
            if int(one[0]) in known:
                yield Mark(start, end, "citation", str(int(one[0])))
            else:
                yield Mark(start, end, "unsupported", f"there is no look [{int(one[0])}]")


def named(text: str, names: Names) -> Iterator[Mark]:
    """Names in an answer: of what was found a way there, of what was not a mark that nothing supports it."""
    yield from _gpus(text, names)
    yield from _nodes(text, names)
    for match in _IDS.finditer(text):
        if not names.says(match[0]):
            yield _unknown(match.start(), match.end(), match[0])
    for match in _INCIDENT.finditer(text):
        is_known = match[0] in names.all
        if is_known and match[0].startswith("f-"):
            continue
        yield _mark(match.start(), match.end(), "incident", match[0], is_known=is_known)
    for match in _JOBS.finditer(text):
        for one in _JOB.finditer(match["ids"]):
            start = match.start("ids") + one.start()
            base = re.split(r"[_+\[]", one[0])[0]
            is_known = one[0] in names.all or base in names.all
            yield _mark(start, start + len(one[0]), "job", one[0], is_known=is_known)
    for match in _USER.finditer(text):
        name = match["name"].casefold()
        if (
            not _COMMON.fullmatch(name)
            and name not in names.all
            and (match[0][:5] != "users" or "," in text[match.end() :][:2])
        ):
            yield _unknown(match.start("name"), match.end("name"), match["name"])


def _gpus(text: str, names: Names) -> Iterator[Mark]:
    for match in _GPU.finditer(text):
        node, index = match["node"], match["index"]
        if names.has_gpu(node, index):
            yield Mark(match.start(), match.end(), "gpu", match[0])
        elif names.is_node_like(node) or node.casefold() in names.nodes:
            yield _unknown(match.start(), match.end(), match[0])


def _nodes(text: str, names: Names) -> Iterator[Mark]:
    taken = [(one.start(), one.end()) for one in _GPU.finditer(text)]
    for match in _WORD.finditer(text):
        if any(start <= match.start() < end for start, end in taken):
            continue
        if match[0].casefold() in names.nodes and any(c.isdigit() for c in match[0]):
            yield Mark(match.start(), match.end(), "node", match[0])
        elif names.is_node_like(match[0]) and match[0].casefold() not in names.all:
            yield _unknown(match.start(), match.end(), match[0])


def _mark(start: int, end: int, kind: str, target: str, *, is_known: bool) -> Mark:
    if not is_known:
        return _unknown(start, end, target)
    return Mark(start, end, "job" if kind == "job" else "incident", target)


def _unknown(start: int, end: int, name: str) -> Mark:
    return Mark(start, end, "unsupported", f"no result names {name}")
