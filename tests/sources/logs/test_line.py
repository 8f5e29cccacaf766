"""Lines taken apart: every form of stamp gives its time, its speaker and its bare message."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.sources.logs.journal import export_entries, line_of_entry, parse_json_entry
from app.sources.logs.line import parse_line

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()
TEXT = "NVRM: Xid (PCI:0000:19:00): 79, pid=77, name=train.py, GPU has fallen off the bus."
TEN = datetime(2026, 2, 27, 10, 11, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("raw", "at", "uptime_s", "host", "is_kernel"),
    [
        (f"[ 4242.500001] {TEXT}", None, 4242.500001, "", None),
        (f"<4>[4242.500001] {TEXT}", None, 4242.500001, "", None),
        (f"kern  :warn  : [4242.5] {TEXT}", None, 4242.5, "", True),
        (f"kern  :warn  : 2026-02-27T10:11:12,250000+00:00 {TEXT}", TEN + 0.25, None, "", True),
        (f"user  :info  : 2026-02-27T10:11:12,250000+00:00 {TEXT}", TEN + 0.25, None, "", False),
        (f"2026-02-27T11:11:12,250000+01:00 {TEXT}", TEN + 0.25, None, "", None),
        (f"[Fri Feb 27 10:11:12 2026] {TEXT}", TEN, None, "", None),
        (f"2026-02-27T12:11:12+0200 node-1 kernel: {TEXT}", TEN, None, "node-1", True),
        (f"2026-02-27T10:11:12.500Z node-1 kernel: [4242.5] {TEXT}", TEN + 0.5, 4242.5, "node-1", True),
        (f"Feb 27 10:11:12 node-1 kernel: [ 4242.5] {TEXT}", TEN, 4242.5, "node-1", True),
        (f"Feb 27 10:11:12 node-1 ana[12]: {TEXT}", TEN, None, "node-1", False),
        (f"[4242.5] node-1 kernel: {TEXT}", None, 4242.5, "node-1", True),
        (f"kernel: {TEXT}", None, None, "", True),
        (f"4,812,4242500001,-;{TEXT}", None, 4242.500001, "", True),
        (f"12,812,4242500001,-;{TEXT}", None, 4242.500001, "", False),
        (f"[...] {TEXT}", None, None, "", None),
    ],
)
def test_every_form_of_stamp_is_read(
    raw: str, at: float | None, uptime_s: float | None, host: str, is_kernel: bool | None
) -> None:
    """The message is bare, and time, uptime, host and speaker are as the form tells."""
    line = parse_line(raw, NOW, UTC)

    assert (TEXT, at, uptime_s, host, is_kernel) == (line.text, line.at, line.uptime_s, line.host, line.is_kernel)


@pytest.mark.parametrize(
    ("raw", "text", "pid"),
    [
        ("INFO 02-27 10:11:12 [core.py:12] Model loading took 3 GiB", "Model loading took 3 GiB", None),
        ("(EngineCore_0 pid=12) ERROR 02-27 10:11:12 [core.py:9] boom", "boom", 12),
        ("\x1b[1;36m(APIServer pid=9)\x1b[0;0m INFO:     ready", "ready", 9),
        ("[Feb 27 2026 10:11:12] [ERROR] [tid 40] NVSwitch lost", "NVSwitch lost", None),
        ("INFO: task worker:12 blocked", "INFO: task worker:12 blocked", None),
    ],
)
def test_programs_lines_lose_their_labels(raw: str, text: str, pid: int | None) -> None:
    """What Python's logging, vLLM and the fabric manager put first is taken off; the kernel's `INFO: ` stays."""
    line = parse_line(raw, NOW, UTC)

    assert (text, pid) == (line.text, line.pid)


def test_stamp_without_a_year_is_the_latest_past_one() -> None:
    """A syslog line of December, read in March, is last year's; 29 February finds its leap year."""
    december = parse_line("Dec 31 23:59:59 n kernel: x", NOW, UTC)
    leap = parse_line("Feb 29 00:00:00 n kernel: x", NOW, UTC)

    assert datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp() == december.at
    assert datetime(2024, 2, 29, tzinfo=UTC).timestamp() == leap.at


def test_stamp_without_a_zone_is_read_in_the_machines() -> None:
    """The zone given is used for a stamp that names none, and the line says that it named none."""
    line = parse_line("Feb 27 12:11:12 n kernel: x", NOW, timezone(timedelta(hours=2)))

    assert (TEN, False) == (line.at, line.has_zone)


def test_hostile_characters_are_removed() -> None:
    """Escape sequences, control characters and bidirectional marks do not reach the text, and it is bounded."""
    line = parse_line(f"[1.5] a\x1b[2J\x07b\u202ec\x00{'x' * 9000}", NOW)

    assert "abc" == line.text[:3]
    assert 2000 >= len(line.text)
    assert line.text.isprintable()


def test_journal_entry_tells_kernel_from_program() -> None:
    """Only journald's own transport field makes a line the kernel's; a program that calls itself kernel stays one."""
    entry = {"MESSAGE": TEXT, "__REALTIME_TIMESTAMP": str(int(TEN * 1e6)), "_BOOT_ID": "b1", "_HOSTNAME": "node-1"}
    entry["SYSLOG_IDENTIFIER"] = "kernel"
    kernel = parse_json_entry(json.dumps(entry | {"_TRANSPORT": "kernel", "__CURSOR": "s=1;i=2"}), NOW)
    spoof = parse_json_entry(json.dumps(entry | {"_TRANSPORT": "syslog"}), NOW)

    assert kernel is not None
    assert spoof is not None
    assert (TEXT, TEN, True, "b1", "s=1;i=2", "node-1") == (
        kernel.text, kernel.at, kernel.is_kernel, kernel.boot, kernel.cursor, kernel.host,
    )  # fmt: skip
    assert (False, "") == (spoof.is_kernel, spoof.tag)


def test_journal_message_of_bytes_is_read() -> None:
    """A message that is no UTF-8 text comes as numbers; null and lists of texts are taken, rubbish is not."""
    assert "ab" == getattr(parse_json_entry('{"MESSAGE": [97, 98]}', NOW), "text", None)
    assert "" == getattr(parse_json_entry('{"MESSAGE": null}', NOW), "text", None)
    assert "two" == getattr(parse_json_entry('{"MESSAGE": ["one", "two"]}', NOW), "text", None)
    assert [None, None, None] == [parse_json_entry(raw, NOW) for raw in ("", "[1]", '{"MESSAGE": ')]


def test_export_stream_is_cut_into_entries() -> None:
    """Entries of the export format are read, with a field of bytes; an entry under way waits for its rest."""
    message = b"line one\nline two"
    stream = (
        b"__CURSOR=c1\n_TRANSPORT=kernel\nMESSAGE\n" + len(message).to_bytes(8, "little") + message + b"\n\n"
        b"__CURSOR=c2\nMESSAGE=sec"
    )
    entries, rest = export_entries(stream)
    more, left = export_entries(rest + b"ond\n\n")

    assert [("c1", "line one\nline two")] == [(one["__CURSOR"], one["MESSAGE"]) for one in entries]
    assert [{"__CURSOR": "c2", "MESSAGE": "second"}] == more
    assert b"" == left
    assert "line one line two" == line_of_entry(entries[0], NOW).text


def test_export_field_of_absurd_length_is_refused() -> None:
    """A length of petabytes ends the stream instead of waiting for it."""
    with pytest.raises(ValueError, match="bytes long"):
        export_entries(b"MESSAGE\n" + (1 << 50).to_bytes(8, "little") + b"x")
