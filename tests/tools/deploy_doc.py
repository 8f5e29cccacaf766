"""The page of what goes wrong when deploying, from the tables of the service; `make docs` writes it with the others."""

from __future__ import annotations

from app.services.deploy.marks import NEXT
from app.services.deploy.trouble_rows import ROWS

HEAD = """\
# What goes wrong when deploying

{mark}

Every failure of `gpu-watchdog deploy` ends with what happened, what is billed, and what to do, in words on the terminal
and with its code in `--json`. The sum that is billed stands in the last lines of every run; the tables say where it
comes from.
"""
PODS = """\
## On the pods

What happened is the script's own sentence, with the last lines of its log; [pods](pods.md) says when each of them
speaks. All pods of the deployment are billed meanwhile.
"""


def deploy_doc(mark: str) -> list[str]:
    """The page's lines; `mark` says that it is generated."""
    lines = [*HEAD.format(mark=mark).splitlines(), ""]
    lines += ["## On the way", "", "| code | what happened | what is billed | what to do |", "|---|---|---|---|"]
    for code, row in ROWS.items():
        advice = row.next.format(name="NAME", node="NODE", file="deployment.json")
        lines.append(f"| `{code}` | {_cell(row.happens)} | {_cell(row.billed.value)} | {_cell(advice)} |")
    lines += ["", *PODS.splitlines(), "", "| code | what to do |", "|---|---|"]
    for code, text in NEXT.items():
        lines.append(f"| `{code}` | {_cell(text.format(name='NAME', node='NODE'))} |")
    return [*lines, ""]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
