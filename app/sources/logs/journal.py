"""Entries of systemd's journal, as JSON (`journalctl -o json`, one a line) or in its export format. Pure.

A message that holds what is no UTF-8 text comes as a list of bytes in JSON and with its length in the export format;
both are read. What another program put into a field of its own is not looked at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from app.domain.naming import clean
from app.sources.logs.line import MOST_CHARS, LogLine, parse_line

MOST_ENTRY = 1024 * 1024
"""Bytes of one field of the export format that are taken; a longer one breaks off the stream."""
_LENGTH = 8


def parse_json_entry(raw: bytes | str, now: float) -> LogLine | None:
    """One line of `journalctl -o json`; None for what is none."""
    try:
        entry = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict):
        return None
    return line_of_entry({str(key): _text(value) for key, value in entry.items()}, now)


def export_entries(data: bytes) -> tuple[list[dict[str, str]], bytes]:
    """The whole entries at the beginning of an export stream, and what is left of it.

    Raises ValueError where the stream is not in that format, or holds a field that is too long.
    """
    entries: list[dict[str, str]] = []
    entry: dict[str, str] = {}
    at = kept = 0
    while True:
        end = data.find(b"\n", at)
        if end < 0:
            break
        line = data[at:end]
        if not line:
            if entry:
                entries.append(entry)
            entry, at, kept = {}, end + 1, end + 1
            continue
        name, equals, value = line.partition(b"=")
        if equals:
            at = end + 1
        else:
            length = int.from_bytes(data[end + 1 : end + 1 + _LENGTH], "little")
            if length > MOST_ENTRY and len(data) > end + _LENGTH:
                raise ValueError(f"a field of the journal is {length:,} bytes long, or this is no journal export")
            begin = end + 1 + _LENGTH
            if len(data) <= begin + length:
                break
            value, at = data[begin : begin + length], begin + length + 1
        entry[name.decode("ascii", "replace")] = value.decode("utf-8", "replace")
    return entries, data[kept:]


def line_of_entry(entry: Mapping[str, str], now: float) -> LogLine:
    """What an entry says, as a line taken apart."""
    is_kernel = entry.get("_TRANSPORT") == "kernel"
    message = entry.get("MESSAGE", "")
    # A service's own line may bring labels and levels of Python's logging along; a kernel's message is bare.
    line = LogLine(clean(message, MOST_CHARS)) if is_kernel else replace(parse_line(message, now), has_zone=True)
    micros = _number(entry.get("_SOURCE_REALTIME_TIMESTAMP")) or _number(entry.get("__REALTIME_TIMESTAMP"))
    uptime = _number(entry.get("_SOURCE_MONOTONIC_TIMESTAMP")) or _number(entry.get("__MONOTONIC_TIMESTAMP"))
    level = _number(entry.get("PRIORITY"))
    tag = entry.get("SYSLOG_IDENTIFIER") or entry.get("_COMM", "")
    return replace(
        line,
        at=micros / 1e6 if micros else line.at,
        uptime_s=uptime / 1e6 if uptime else None,
        host=clean(entry.get("_HOSTNAME", ""), 64),
        tag="kernel" if is_kernel else ("" if tag == "kernel" else clean(tag, 48)),
        pid=_number(entry.get("_PID")),
        level=level if level is not None and level < 8 else None,
        boot=clean(entry["_BOOT_ID"], 64) if "_BOOT_ID" in entry else None,
        cursor=clean(entry.get("__CURSOR", ""), 400),
        is_kernel=is_kernel,
    )


def _text(value: object) -> str:
    """A field as text: bytes that are no text come as numbers, several of one name as a list of texts."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        if all(isinstance(one, int) and 0 <= one < 256 for one in value):
            return bytes(value).decode("utf-8", "replace")
        return _text(value[-1]) if value else ""
    return "" if value is None else str(value)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 20 else None
