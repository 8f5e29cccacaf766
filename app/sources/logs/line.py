"""One line of a log taken apart: its stamp in whatever form, who said it, and the message. Pure.

Forms: dmesg (raw uptime, `-T`, `--time-format iso`, with `-x`), records of /dev/kmsg, journalctl (short, short-iso,
short-monotonic), rsyslog's two, Slurm's daemons, NVIDIA's fabric manager, Python's logging as vLLM sets it up; with the
`N: ` of `srun -l`, `(Worker pid=1)` and colours before them. journald's JSON and export are in `journal`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from app.domain.frozen import frozen
from app.domain.naming import clean

MOST_CHARS = 2000
"""Characters of a line that are looked at; the rest is dropped."""
_AHEAD_S = 86400.0
"""A stamp without its year that lies further than this in the future is last year's."""
_MONTHS = {
    name: at
    for at, name in enumerate(("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1)
}
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_CLOCK = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)(?:[.,](?P<part>\d{1,9}))?"

ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_KMSG = re.compile(r"(?P<prio>\d{1,5}),(?P<seq>\d{1,20}),(?P<usec>\d{1,20}),[^;]{0,64};")
_ESCAPED = re.compile(r"\\x([0-9a-f]{2})")
_SYSLOG_LEVEL = re.compile(r"<(?P<prio>\d{1,3})>")
_DMESG_LEVEL = re.compile(r"(?P<facility>[a-z0-9]{2,9}) *:(?P<level>[a-z]{3,7}) *: ?")
_UPTIME = re.compile(r"\[ *(?P<uptime>\d{1,10}\.\d{1,9})\] ?")
_NO_TIME = re.compile(r"\[\.{3}\] ")
_STAMPS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\[?(?P<year>\d{{4}})-(?P<mon>\d\d)-(?P<day>\d\d)[T ]{_CLOCK}(?P<zone>Z|[+-]\d\d:?\d\d)?\]?:? ",
        rf"\[(?:[A-Z][a-z]{{2}} )?{_MONTH} +(?P<day>\d{{1,2}}) {_CLOCK} (?P<year>\d{{4}})\] ?",
        rf"\[{_MONTH} +(?P<day>\d{{1,2}}) (?P<year>\d{{4}}) {_CLOCK}\] ?",
        rf"{_MONTH} +(?P<day>\d{{1,2}}) {_CLOCK} ",
    )
)
_FABRIC_HEAD = re.compile(r"\[(?P<level>[A-Z]+)\] \[tid \d+\] ")
_PYTHON = re.compile(
    r"(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL)"
    rf"(?:: {{2,}}| (?P<mon>\d\d)-(?P<day>\d\d) {_CLOCK} (?:\[[\w./]+:\d+\] )?| \[[\w./]+:\d+\] )"
)
"""`INFO:     ` (uvicorn's), `INFO 07-28 23:02:27 [file.py:12] `; a bare `INFO: ` is the kernel's own way to begin."""
_LABELS = re.compile(
    r"(?:\d{1,5}: )?(?:\[(?:rank)?\d+\]:? ?)?(?:\((?P<worker>[\w.:-]{1,64}) pid=(?P<pid>\d+)[^)]*\) )?"
)
_SAID_BY = re.compile(r"(?:(?P<host>[A-Za-z0-9_.-]{1,64}) )?(?P<tag>[A-Za-z][\w./@-]{0,48})(?:\[(?P<pid>\d+)\])?: ")
_KERNEL = re.compile(r"(?:(?P<host>[A-Za-z0-9_.-]{1,64}) )?kernel: ?")
_LEVELS = {
    name: at for at, names in enumerate(
        ("emerg", "alert", "crit critical", "err error", "warn warning", "notice", "info", "debug")
    ) for name in names.split()
}  # fmt: skip


@frozen
class LogLine:
    """A line taken apart."""

    text: str
    """The message, cleaned."""
    at: float | None = None
    """Epoch seconds by the line's own time of day."""
    has_zone: bool = True
    """False: the time of day named no zone and was read in the one given."""
    uptime_s: float | None = None
    """Seconds since boot, where it tells."""
    host: str = ""
    tag: str = ""
    """Program that said it; `kernel` where the form says so, empty where it does not say."""
    pid: int | None = None
    level: int | None = None
    """syslog's: 0 emergency … 7 debug."""
    boot: str | None = None
    cursor: str = ""
    is_kernel: bool | None = None
    """Whether the kernel said it; None: the form cannot tell."""


def parse_line(raw: str, now: float, tz: tzinfo | None = None) -> LogLine:
    """Take a line apart; what is no known stamp stays in the message.

    `now` gives stamps without a year their year, `tz` the zone of those that name none (None: this machine's).
    """
    text = ESCAPES.sub("", raw[: MOST_CHARS * 2]) if "\x1b" in raw else raw
    kmsg = _KMSG.match(text)
    if kmsg:
        return _of_kmsg(kmsg, text)
    text = clean(text, MOST_CHARS)
    found: dict[str, object] = {}
    at = _peel_head(text, found)
    stamped = _peel_stamp(text, at, found, now, tz)
    if stamped == at:
        return _made(text[_peel_labels(text, at, found, now, tz) :], found)
    at = _peel_sayer(text, stamped, found)
    return _made(text[at:], found)


def _of_kmsg(kmsg: re.Match[str], text: str) -> LogLine:
    """A record of /dev/kmsg; escapes undone, then cleaned."""
    said = _ESCAPED.sub(lambda byte: chr(int(byte[1], 16)), text[kmsg.end() : kmsg.end() + MOST_CHARS])
    prio = int(kmsg["prio"])
    is_kernel = prio >> 3 == 0
    return LogLine(
        clean(said.rstrip("\n"), MOST_CHARS),
        uptime_s=int(kmsg["usec"]) / 1e6,
        tag="kernel" if is_kernel else "",
        level=prio & 7,
        is_kernel=is_kernel,
    )


def _peel_head(text: str, found: dict[str, object]) -> int:
    """Levels and uptime that stand before anything else; where the rest begins."""
    at = 0
    for pattern in (_SYSLOG_LEVEL, _DMESG_LEVEL):
        head = pattern.match(text, at)
        if head is None:
            continue
        if pattern is _SYSLOG_LEVEL:
            found["level"] = int(head["prio"]) & 7
        elif head["level"] in _LEVELS:
            found["level"] = _LEVELS[head["level"]]
            found["is_kernel"] = head["facility"] == "kern"
        else:
            continue
        at = head.end()
    return at


def _peel_stamp(text: str, at: int, found: dict[str, object], now: float, tz: tzinfo | None) -> int:
    """A time of day or an uptime; where the rest begins, `at` itself where there is neither."""
    uptime = _UPTIME.match(text, at)
    if uptime:
        found["uptime_s"] = float(uptime["uptime"])
        return uptime.end()
    for pattern in _STAMPS:
        stamp = pattern.match(text, at)
        moment = _moment(stamp, now, tz) if stamp else None
        if stamp and moment is not None:
            found["at"] = moment
            found["has_zone"] = "zone" in stamp.groupdict() and stamp["zone"] is not None
            return stamp.end()
    blank = _NO_TIME.match(text, at)
    return blank.end() if blank else at


def _peel_sayer(text: str, at: int, found: dict[str, object]) -> int:
    """Host and program behind a stamp, and the uptime that the kernel's own lines may hold behind these."""
    fabric = _FABRIC_HEAD.match(text, at)
    if fabric:
        found["tag"], found["level"] = "nv-fabricmanager", _LEVELS.get(fabric["level"].lower())
        return fabric.end()
    said = _KERNEL.match(text, at)
    if said:
        found["host"], found["tag"] = said["host"] or "", "kernel"
        inner = _UPTIME.match(text, said.end())
        if inner:
            found["uptime_s"] = float(inner["uptime"])
        return inner.end() if inner else said.end()
    # Behind a bare uptime only the kernel speaks, and its `NVRM: ` is no program's name.
    named = _SAID_BY.match(text, at) if "at" in found else None
    if named and named["host"]:
        found["host"], found["tag"], found["pid"] = named["host"], named["tag"], named["pid"]
        return named.end()
    worker = _PYTHON.match(text, at)
    return worker.end() if worker and worker.end() > at else at


def _peel_labels(text: str, at: int, found: dict[str, object], now: float, tz: tzinfo | None) -> int:
    """A line without a stamp in front: `kernel: `, or what srun and vLLM put before Python's own."""
    if _KERNEL.match(text, at):
        return _peel_sayer(text, at, found)
    labels = _LABELS.match(text, at)
    start = labels.end() if labels else at
    python = _PYTHON.match(text, start)
    if labels and labels["pid"]:
        found["pid"], found["tag"] = labels["pid"], labels["worker"]
    if python is None:
        return start if labels and labels["pid"] else at
    found["level"] = _LEVELS[python["level"].lower()]
    if python["mon"]:
        moment = _moment(python, now, tz)
        if moment is not None:
            found["at"], found["has_zone"] = moment, False
    return python.end()


def _moment(stamp: re.Match[str], now: float, tz: tzinfo | None) -> float | None:
    """Epoch seconds of a stamp; None where it is no time at all."""
    said = stamp.groupdict()
    month = int(said["mon"]) if said.get("mon") else _MONTHS[said["month"] or "Jan"]
    zone = _zone(said.get("zone")) or tz
    clock = (int(said["hour"]), int(said["minute"]), min(59, int(said["second"])))
    part_s = float(f"0.{said['part']}") if said.get("part") else 0.0
    try:
        if said.get("year"):
            return datetime(int(said["year"]), month, int(said["day"]), *clock, tzinfo=zone).timestamp() + part_s
        year = datetime.fromtimestamp(now, zone).year
        for one in (year + 1, year, year - 1, year - 2, year - 3, year - 4):
            if month == 2 and int(said["day"]) == 29 and (one % 4 or (one % 100 == 0 and one % 400)):
                continue
            moment = datetime(one, month, int(said["day"]), *clock, tzinfo=zone).timestamp() + part_s
            if moment <= now + _AHEAD_S:
                return moment
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _zone(text: str | None) -> tzinfo | None:
    """The zone of `Z`, `+08:00`, `+0800`; None where none is said. Raises ValueError for one that cannot be."""
    if not text:
        return None
    if text == "Z":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    if minutes >= 1440:
        return None
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _made(text: str, found: dict[str, object]) -> LogLine:
    """The line from what was peeled off it."""
    at, uptime, level, pid = found.get("at"), found.get("uptime_s"), found.get("level"), found.get("pid")
    tag = str(found.get("tag") or "")
    is_kernel = found.get("is_kernel")
    if is_kernel is None and tag:
        is_kernel = tag == "kernel"
    return LogLine(
        text.strip(),
        at=at if isinstance(at, float) else None,
        has_zone=bool(found.get("has_zone", True)),
        uptime_s=uptime if isinstance(uptime, float) else None,
        host=str(found.get("host") or ""),
        tag=tag,
        pid=int(str(pid)) if pid else None,
        level=level if isinstance(level, int) else None,
        is_kernel=is_kernel if isinstance(is_kernel, bool) else None,
    )
