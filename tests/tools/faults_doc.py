"""The page of faults, from the list the diagnosis lives by; `make docs` writes it with the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from app.domain.naming import natural
from app.engine.alerting.expression import duration
from app.engine.diagnosis.fault import Condition, Fault, Rule
from app.engine.diagnosis.fault_table import fault_table

HEAD = """\
# Faults

{mark}

What [the diagnosis](diagnosis.md) can find: {count} faults, each with the signs it is known by, what it leads to, what
else looks like it, and what to do. The list is data (`app/engine/faults/*.toml`), one entry a fault.

## How an entry reads

A *sign* is one thing observed on a subject. A metric's key (`gpu.row_remap_pending`) is a state: it holds while the
value does. A key with `+` is a rise of a counter, `xid.N` and `sxid.N` are errors of the driver and of NVSwitches,
`log.KIND` is a line of a log, and other names are what observers of `app/engine/diagnosis` make out. What happened once
stands for `keep`, or until an end is seen.

| key | says |
|---|---|
| `key`, `title`, `scope`, `severity` | what it is, on whom (gpu, node, job, service, cluster), how grave at first |
| `any`, `all`, `none` | one of these signs, each of these, none of these |
| `severity_when` | another severity where more is seen, the first that holds |
| `ends`, `keep` | what says that it is over; how long an event stands without that |
| `leads_to`, `reach`, `lag` | codes of faults that follow from it; how far; how much later its own signs may be seen |
| `leads_from` | they follow only where it is this grave |
| `joins` | the same fault on several subjects at once is one incident: by this detail, or `*` |
| `symptom`, `hardware` | by itself no cause; the board's own fault where it comes again after a reboot |
| `also` | keys of findings by others that are this fault |
| `means`, `alike`, `do`, `source` | words, look-alikes, advice, and where all this is from |

A condition has a `sign` (or several), bounds (`at_least`, `above`, `below`, `equals`), `for` how long a state must
last, `times` or `total` with `within` for events (`each` by itself, or all together), `where` for details, `subjects`
or a `share` of the GPUs that must show it, and `whose` signs count: `own`, `near`, `node`, `siblings`, `cluster`. An
end counts for the `same` device, link or server only, where it says so.
"""
FAMILIES: Mapping[str, str] = {
    "A": "GPU memory",
    "B": "GPU core, driver and firmware",
    "C": "PCIe and network cards",
    "D": "Heat, power and clocks",
    "E": "NVLink, NVSwitch and fabric",
    "F": "Slurm: nodes and controller",
    "G": "Slurm: jobs",
    "H": "Model servers",
    "I": "Hosts",
    "J": "The monitoring itself",
}


def faults_doc(mark: str) -> list[str]:
    """The page's lines; `mark` says that it is generated."""
    faults = sorted(fault_table().faults.values(), key=lambda one: natural(one.code))
    lines = HEAD.format(mark=mark, count=len(faults)).splitlines()
    for letter in dict.fromkeys(one.code[0] for one in faults):
        mine = [one for one in faults if one.code[0] == letter]
        lines += ["", f"## {letter}: {FAMILIES.get(letter, 'others')}", ""]
        lines += _table(("code", "fault", "of a", "severity", "leads to"), map(_row, mine))
        for one in mine:
            lines += ["", *_details(one)]
    return [*lines, ""]


def _row(one: Fault) -> tuple[str, ...]:
    return f"[{one.code}](#{one.code.lower()})", _title(one), one.scope, _severities(one), " ".join(one.leads_to)


def _severities(one: Fault) -> str:
    others = dict.fromkeys(each.severity for each in one.grades if each.severity != one.severity)
    return f"{one.severity} (or {', '.join(others)})" if others else one.severity


def _title(one: Fault) -> str:
    """The title without its place, holes as what they stand for."""
    return _filled(one.title.removeprefix("{where}: ").removeprefix("{where} "))


def _filled(template: str) -> str:
    """`{device:a disk}` as `a disk`, `{node}` as NODE."""
    out, rest = "", template
    while "{" in rest:
        head, _, rest = rest.partition("{")
        hole, _, rest = rest.partition("}")
        name, _, stand_in = hole.partition(":")
        out += head + (stand_in or name.upper())
    return out + rest


def _details(one: Fault) -> Iterator[str]:
    yield f'### <a id="{one.code.lower()}"></a>{one.code} `{one.key}`'
    yield ""
    yield f"{_filled(one.means)} {' '.join(_filled(each) for each in one.alike)}".strip()
    yield ""
    yield from _seen("Known by", one.rule)
    for grade in one.grades:
        yield from _seen(f"{grade.severity.capitalize()} where", grade.rule)
    if one.ends:
        yield f"- Over when: {', '.join(map(_condition, one.ends))}"
    if one.also:
        yield f"- Found by watching as: {', '.join(f'`{key}`' for key in one.also)}"
    for step in one.steps:
        command = f": `{_filled(step.command)}`" if step.command else ""
        yield f"- Do: {_filled(step.text)}{command}"
    yield f"- Source: {one.source}"


def _seen(head: str, rule: Rule) -> Iterator[str]:
    parts = [
        " or ".join(map(_condition, rule.any)),
        *map(_condition, rule.all),
        *(f"not {_condition(each)}" for each in rule.none),
    ]
    told = "; and ".join(part for part in parts if part)
    if told:
        yield f"- {head}: {told}"


def _condition(one: Condition) -> str:
    words = ["/".join(f"`{kind}`" for kind in one.signs)]
    limit = one.limit
    bounds = (("≥", limit.at_least), (">", limit.above), ("<", limit.below), ("=", limit.equals))
    words += [f"{sign} {value:g}" for sign, value in bounds if value is not None]
    words += [f"with {name} `{pattern.pattern}`" for name, pattern in one.where.items()]
    if one.for_s:
        words.append(f"for {duration(one.for_s)}")
    if one.times > 1:
        words.append(f"{one.times} times within {duration(one.within_s)}")
    if one.total is not None:
        words.append(f"{one.total:g} in all within {duration(one.within_s)}")
    if one.subjects > 1:
        words.append(f"on {one.subjects} of them")
    if one.share:
        words.append(f"on {one.share:.0%} of its GPUs")
    if one.is_each:
        words.append("each by itself")
    if one.same:
        words.append(f"of the same {' or '.join(one.same)}")
    if one.whose != "own":
        words.append(f"({one.whose})")
    return " ".join(words)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    columns = tuple(head)
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return [*lines, *("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)]
