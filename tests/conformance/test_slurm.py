"""Every recorded file of Slurm, from 17 to 26.05: its jobs, nodes, partitions, states, GPUs and indices are found."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from app.domain.slurm import SlurmJob, SlurmNode, SlurmPartition
from app.sources.slurm.counts import read_pages
from app.sources.slurm.gres import parse_gres
from app.sources.slurm.json_values import dialect_of
from app.sources.slurm.parsed import SlurmParseError
from app.sources.slurm.sdiag import parse_sdiag, sdiag_of
from tests.conformance.conftest import Table
from tests.conformance.slurm_files import SINFO, Recorded, recorded_slurm
from tests.conformance.slurm_oracle import (
    JOB_KEYS,
    NODE_KEYS,
    PARTITION_KEYS,
    gpus_in,
    indices_in,
    plain,
    raw_items,
    said,
)

TITLE = "recorded files of Slurm"
HEAD = (
    "file",
    "read as",
    "version",
    "items",
    "expected",
    "values",
    "expected",
    "GPUs",
    "expected",
    "indices",
    "expected",
)
STATES_TITLE = "states and reasons as they were found"
OTHERS = "files that hold what the program does not read"
REFUSED = "answers that hold an error in place of data"


def test_recorded_slurm_file_gives_everything_it_holds(recorded_slurm: Recorded, tables: dict[str, Table]) -> None:
    """No job, node, partition, state, GPU or index is missing, none is made up, and no line is skipped."""
    read = {"jobs": _jobs, "nodes": _nodes, "partitions": _partitions, "sdiag": _sdiag, "gres": _gres}

    read[recorded_slurm.kind](recorded_slurm, tables)


def test_files_of_other_things_are_told(captures: Path, tables: dict[str, Table]) -> None:
    """What is not read (configuration, logs, errors, other commands and layouts) is listed by name."""
    _, others = recorded_slurm(captures)
    tables[OTHERS] = [("name", "files"), *((name, str(count)) for name, count in sorted(Counter(others).items()))]

    assert {"slurm.conf", "slurmctld.log"} <= set(others)


def _row(one: Recorded, tables: dict[str, Table], *numbers: int) -> None:
    version = dialect_of(one.obj) or one.version if one.form == "json" else one.version
    cells = [str(number) for number in numbers]
    tables.setdefault(TITLE, [HEAD]).append(
        (one.name, f"{one.kind}, {one.form}", version, *cells, *[""] * (len(HEAD) - 3 - len(cells)))
    )


def _count(tables: dict[str, Table], words: Counter[str]) -> None:
    """Add to the table of words."""
    table = tables.setdefault(STATES_TITLE, [("word", "times")])
    known = Counter({word: int(times) for word, times in table[1:]}) + words
    table[1:] = [(word, str(times)) for word, times in sorted(known.items())]


def _values(
    raws: list[Mapping[str, Any]], found: list[Any], keys: Mapping[str, tuple[str, ...]]
) -> tuple[int, list[str]]:
    """How many values the file gives, and which of them are not found."""
    count, missing = 0, []
    for raw, ours in zip(raws, found, strict=True):
        for field, names in keys.items():
            if not said(raw, names, is_time=field.endswith("_at")):
                continue
            count += 1
            if getattr(ours, field) in (None, "", ()):
                missing.append(f"{getattr(ours, 'id', None) or ours.name}.{field}")
    return count, missing


def _jobs(one: Recorded, tables: dict[str, Table]) -> None:
    if one.form == "json" and not one.obj["jobs"] and one.obj.get("errors"):
        with pytest.raises(SlurmParseError, match=r"jobs as JSON error: \w"):
            one.jobs()
        tables.setdefault(REFUSED, [("file",)]).append((one.name,))
        return
    parsed, raws = one.jobs(), list(raw_items(one))
    jobs = list(parsed.items)
    if one.form == "sacct":
        raws = list({raw["JobID"]: raw for raw in raws}.values())
        jobs = sorted(jobs, key=lambda job: [raw["JobID"] for raw in raws].index(job.id))
    count, missing = _values(raws, jobs, JOB_KEYS)
    gpus = [(_job_gpus(raw, job), job.gpus or 0) for raw, job in zip(raws, jobs, strict=True)]
    indices = [
        (_job_indices(raw, job), [i for g in job.gpus_on for i in g.indices or ()])
        for raw, job in zip(raws, jobs, strict=True)
    ]
    _row(
        one, tables, len(jobs), len(raws), count - len(missing), count,
        sum(ours for _, ours in gpus), sum(theirs for theirs, _ in gpus),
        sum(len(ours) for _, ours in indices), sum(len(theirs) for theirs, _ in indices),
    )  # fmt: skip
    _count(tables, Counter(f"job {word}" for job in jobs for word in (job.state, *job.flags)))
    _count(tables, Counter(f"reason {job.reason}" for job in jobs if job.reason))

    assert (0, _warnings(one)) == (parsed.skipped, len(parsed.notes))
    assert [] == missing
    assert [_states(raw.get("JobState") or raw.get("job_state") or raw.get("State")) for raw in raws] == [
        {job.state, *job.flags} if one.form == "json" else _said_states(job) for job in jobs
    ]
    assert [theirs for theirs, _ in gpus] == [ours for _, ours in gpus]
    assert [theirs for theirs, _ in indices] == [ours for _, ours in indices]


def _warnings(one: Recorded) -> int:
    """How many different things Slurm itself warns of in an answer."""
    return len({str(told) for told in (one.obj.get("warnings") or [])}) if one.form == "json" else 0


def _states(raw: object) -> set[str]:
    """The words of a state, in any dialect."""
    words = raw if isinstance(raw, list) else [str(raw).split(" ")[0]]
    return {word.upper() for word in words}


def _said_states(job: SlurmJob) -> set[str]:
    """What we hold a job to be, in the words that Slurm printed: text prints a flag in place of the state."""
    return {job.state, *job.flags} if len(job.flags) != 1 or job.state == job.flags[0] else set(job.flags)


def _job_gpus(raw: Mapping[str, Any], job: SlurmJob) -> int:
    """GPUs held, else those of TRES, else those asked for."""
    held = _held(raw)
    if job.gpus_on and any(gpus_in(text) for text in held):
        return sum(map(gpus_in, held))
    tres = [
        str(raw.get(name) or "")
        for name in ("AllocTRES", "TRES", "ReqTRES", "tres_alloc_str", "tres_req_str", "tres-alloc")
    ]
    found = next((re.findall(r"gres/gpu(?::[^=,]*)?=(\d+)", text) for text in tres if "gres/gpu" in text), None)
    if found:
        return max(map(int, found))
    for what, times in (("Job", ()), ("Node", ("NumNodes", "node_count")), ("Task", ("NumTasks", "tasks"))):
        names = (f"TresPer{what}", f"tres_per_{what.lower()}", f"tres-per-{what.lower()}")
        each = gpus_in(next((str(raw[name]) for name in names if raw.get(name)), ""))
        if each:
            count = next((plain(raw[name]) for name in times if name in raw), 1)
            return each * int(re.findall(r"\d+", str(count))[0])
    return 0


def _held(raw: Mapping[str, Any]) -> list[str]:
    """The texts of resources by node."""
    return raw.get("gres_detail") or re.findall(
        r"\bGRES(?:_IDX)?=(\S+)", str(raw.get("", "")).partition("CoreSpec=")[2]
    )


def _job_indices(raw: Mapping[str, Any], job: SlurmJob) -> list[int]:
    return [index for text in _held(raw) for index in indices_in(text)] if job.holds_nodes else []


def _nodes(one: Recorded, tables: dict[str, Table]) -> None:
    if one.form == "json" and not one.obj["nodes"] and one.obj.get("errors"):
        with pytest.raises(SlurmParseError, match=r"nodes as JSON error: \w"):
            one.nodes()
        tables.setdefault(REFUSED, [("file",)]).append((one.name,))
        return
    parsed = one.nodes()
    raws = _sinfo_raws(one) if one.form == "sinfo" else list(raw_items(one))
    nodes: list[SlurmNode] = list(parsed.items)
    count, missing = _values(raws, nodes, {k: v for k, v in NODE_KEYS.items() if one.form != "sinfo" or k != "reason"})
    total = [gpus_in(_get(raw, "Gres", "gres")) for raw in raws]
    used = [indices_in(_get(raw, "GresUsed", "gres_used")) for raw in raws]
    ours_used = [
        [i for gres in node.gres_used or () if gres.name == "gpu" for i in gres.indices or ()] for node in nodes
    ]
    _row(
        one, tables, len(nodes), len(raws), count - len(missing), count, sum(node.gpus for node in nodes), sum(total),
        sum(map(len, ours_used)), sum(map(len, used)),
    )  # fmt: skip
    _count(tables, Counter(f"node {word}" for node in nodes for word in (node.state, *node.flags)))

    assert (0, _warnings(one)) == (parsed.skipped, len(parsed.notes))
    assert [] == missing
    assert total == [node.gpus for node in nodes]
    assert used == ours_used
    assert [sum(gpus_in(text) for text in [_get(raw, "GresUsed", "gres_used")]) for raw in raws] == [
        node.gpus_used or 0 for node in nodes
    ]
    if one.form != "sinfo":
        expected = [
            {
                word.upper()
                for word in re.findall(
                    r"[A-Za-z_]+", f"{raw.get('State') or raw.get('state')} {raw.get('state_flags') or ''}"
                )
            }
            for raw in raws
        ]
        assert expected == [{node.state, *node.flags} for node in nodes]


def _get(raw: Mapping[str, Any], *names: str) -> str:
    return next((str(raw[name]) for name in names if raw.get(name)), "")


def _sinfo_raws(one: Recorded) -> list[Mapping[str, Any]]:
    """Rows by column, the first of each node."""
    columns, separator = SINFO[one.name.rpartition("/")[2]]
    rows = [dict(zip(columns, line.split(separator), strict=True)) for line in one.text.split("\n") if line.strip()]
    first: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        first.setdefault(row["NodeList"], row)
    return list(first.values())


def _partitions(one: Recorded, tables: dict[str, Table]) -> None:
    if one.form == "json" and one.obj.get("errors"):
        with pytest.raises(SlurmParseError, match=r"partitions as JSON error: \w"):
            one.partitions()
        tables.setdefault(REFUSED, [("file",)]).append((one.name,))
        return
    parsed = one.partitions()
    raws = list({raw.get("PartitionName") or raw.get("name"): raw for raw in raw_items(one)}.values())
    partitions: list[SlurmPartition] = list(parsed.items)
    count, missing = _values(raws, partitions, PARTITION_KEYS)
    _row(one, tables, len(partitions), len(raws), count - len(missing), count)

    assert (0, _warnings(one)) == (parsed.skipped, len(parsed.notes))
    assert [] == missing
    assert [raw.get("PartitionName") or raw.get("name") for raw in raws] == [one.name for one in partitions]


def _sdiag(one: Recorded, tables: dict[str, Table]) -> None:
    if one.form == "json" and not one.obj["statistics"]:
        with pytest.raises(SlurmParseError, match="no statistics"):
            sdiag_of(one.obj)
        tables.setdefault(REFUSED, [("file",)]).append((one.name,))
        return
    found = sdiag_of(one.obj) if one.form == "json" else parse_sdiag(one.text.encode())
    if one.form == "json":
        threads = one.obj["statistics"]["server_thread_count"]
        cycle = one.obj["statistics"]["schedule_cycle_last"]
        calls = len(one.obj["statistics"]["rpcs_by_message_type"])
    else:
        threads = int(re.findall(r"Server thread count:\s+(\d+)", one.text)[0])
        cycle = int(re.findall(r"Main schedule statistics.*?Last cycle:\s+(\d+)", one.text, re.DOTALL)[0])
        calls = len(
            re.findall(
                r"^\s+(?:REQUEST|MESSAGE|ACCOUNTING)\S*\s+\(\s*\d+\)\s+count:",
                one.text.partition("by message type")[2].partition("by user")[0],
                re.MULTILINE,
            )
        )
    _row(one, tables, 1, 1, 2 + len(found.rpcs), 2 + calls)

    assert (threads, cycle) == (found.server_threads, found.last_cycle_us)
    assert calls <= len(found.rpcs)


def _gres(one: Recorded, tables: dict[str, Table]) -> None:
    texts = re.findall(r"gpu:[^\s|]+", one.text)
    found = [[gres for gres in parse_gres(text) if gres.name == "gpu"] for text in texts]
    ours = sum(gres.count for some in found for gres in some)
    indices = sum(len(gres.indices or ()) for some in found for gres in some)
    _row(
        one,
        tables,
        len([some for some in found if some]),
        len(texts),
        0,
        0,
        ours,
        sum(map(gpus_in, texts)),
        indices,
        sum(len(indices_in(text)) for text in texts),
    )

    assert [gpus_in(text) for text in texts] == [sum(gres.count for gres in some) for some in found]
    assert [indices_in(text) for text in texts] == [[i for gres in some for i in gres.indices or ()] for some in found]


def test_exporter_page_gives_its_counts(captures: Path) -> None:
    """The documented page of SckyzO's exporter gives its totals, nodes and version."""
    said = read_pages([(captures / "expo-slurm/sckyzo-metrics-examples.prom").read_bytes()])

    assert "exporter" == said.way
    assert {"gpus": 154.0, "gpus_allocated": 78.0, "gpus_idle": 24.0, "cpus": 6636.0, "nodes": 128.0} == {
        key: said.counts[key] for key in ("gpus", "gpus_allocated", "gpus_idle", "cpus", "nodes")
    }
    assert "25.05.3" == said.version
    assert ["gpu-node-01", "gpu-node-02"] == [node.name for node in said.nodes or ()]


def test_page_of_the_job_exporter_is_refused(captures: Path) -> None:
    """The per-job exporter's page holds no counts of the cluster, and is refused by example."""
    with pytest.raises(SlurmParseError, match="no count here that I know"):
        read_pages([(captures / "expo-slurm/slurm-job-exporter-readme.prom").read_bytes()])
