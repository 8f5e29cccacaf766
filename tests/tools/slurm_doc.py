"""The page of Slurm's reasons and states, from their registries; `make docs` writes it with the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from app.engine.reasons import Kind, Reason, node_reasons, reasons, state_tables

HEAD = """\
# Slurm's reasons and states, in plain words

{mark}

What the queue says of a waiting job comes from the first table, with numbers of your cluster in place of the general
words where it has them. Reasons are those of Slurm 21.08 to 26.05; an unknown one is shown as Slurm gives it.

*Who* can change it: `wait` (it goes away by itself), `user` (whoever submitted the job), `admin`. Advice and commands
name the job in question on the screen and in `gpu-watchdog job ID`.
"""
_KINDS: tuple[tuple[Kind, str], ...] = (
    ("waiting", "Waiting: the queue works as it should"),
    ("dependency", "Waiting for another job"),
    ("held", "Held until somebody releases it"),
    ("node", "Nodes and partitions"),
    ("broken", "Cannot start as it is"),
    ("limit", "Limits"),
    ("ended", "How a job ended"),
)
_STATES: Mapping[str, str] = {
    "node": "States of nodes",
    "node_flag": "Flags of nodes, after a `+`",
    "node_suffix": "Signs that sinfo puts after a state",
    "job": "States of jobs",
    "job_flag": "Flags of jobs",
}


def slurm_doc(mark: str) -> list[str]:
    """The page's lines; `mark` says that it is generated."""
    lines = HEAD.format(mark=mark).splitlines()
    for kind, title in _KINDS:
        rows = [_row(one) for one in reasons().values() if one.kind == kind]
        lines += ["", f"## {title}", "", *_table(("reason", "means", "what to do", "who"), rows)]
    for name, table in state_tables().items():
        lines += ["", f"## {_STATES[name]}", ""]
        lines += _table(("state", "means"), [(f"`{word}`", text) for word, text in table.items()])
    causes = [(f"`{one.begins}…`", one.text, one.do.replace("{node}", "NODE")) for one in node_reasons()]
    lines += ["", "## Why Slurm itself takes a node out of service", ""]
    return [*lines, *_table(("its reason begins", "means", "what to do"), causes), ""]


def _row(one: Reason) -> tuple[str, str, str, str]:
    since = f" ({one.versions})" if one.versions else ""
    see = f"; `{_filled(one.see)}`" if one.see else ""
    said = "".join(f"<br>“{text}…”" for text in one.said)
    return f"`{one.code}`{since}{said}", one.text, f"{_filled(one.do)}{see}", ", ".join(one.who)


def _filled(template: str) -> str:
    for hole in ("job", "user", "account", "qos", "partition", "node"):
        template = template.replace("{" + hole + "}", hole.upper())
    return template


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return [*lines, *("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)]
