"""The pages: one row each. Key, command, palette, help and tests follow from the row; the module is loaded when opened."""
# ruff: noqa: E501 - a row reads best as one table line

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from app.domain.frozen import frozen

if TYPE_CHECKING:
    from app.tui.page import Page


@frozen
class PageRow:
    """One page of the screen."""

    id: str
    """Its command, and its name in `where` of an action."""
    title: str
    """For the key bar and the palette."""
    help: str
    """One sentence: what the page answers."""
    place: str
    """`module:Class` under `app.tui.screens`."""
    key: str = ""
    """Empty: reached from other pages or by command only."""
    argument: str = ""
    """What the command must be followed by; empty: nothing."""
    completes: str = ""
    """Kind of words that complete the argument (see `app.tui.completion`)."""


PAGES: tuple[PageRow, ...] = (
    PageRow("home", "home", "Everything at once: GPUs, queue, the past of what is selected, events.", "home:Home", "1"),
    PageRow("gpus", "gpus", "Every GPU in one table, sorted and filtered.", "gpus:Gpus", "2"),
    PageRow("queue", "queue", "Every job: who runs, who waits and why, in plain words.", "queue:QueuePage", "3"),
    PageRow("incidents", "incidents", "What is wrong: the cause first, its evidence, what followed, what to do next.", "incidents:Incidents", "4", "[ID]", "incidents"),
    PageRow("alerts", "alerts", "What fires and waits now, and why some of it is told to nobody.", "alerts:Alerts", "exclamation_mark", "[ID]", "alerts"),
    PageRow("chat", "chat", "Questions in your own words, answered from what the cluster shows; what it looked at is beside it.", "chat:ChatPage", "5"),
    PageRow("infra", "infra", "Rented clusters: steps, nodes, money, what is astray; plan, deploy, scale, destroy.", "infra:Infra", "6"),
    PageRow("services", "services", "Model servers: requests, KV cache, tokens, latencies.", "services:Services", "7"),
    PageRow("log", "model log", "A model server's log as it grows: the phases of its start, levels, search.", "model_log:ModelLog", argument="[LOG]"),
    PageRow("sources", "sources", "Who is asked for numbers, how they answer, what to do where they do not.", "sources:Sources", "8"),
    PageRow("heat", "heat map", "The whole fleet in one picture, and the worst twelve.", "heat:Heat", "9"),
    PageRow("ended", "ended jobs", "Jobs that are over: from Slurm's accounting, else as seen from here.", "ended:Ended"),
    PageRow("partitions", "partitions", "Slurm's partitions and nodes: states with their reasons, free GPUs, who holds what.", "partitions:Partitions", "0"),
    PageRow("submit", "submit", "A new job: from a template or an earlier script, checked with Slurm while you type.", "submit:Submit"),
    PageRow("rules", "rules", "What is watched for: every rule, where it comes from, how many fire, what is wrong in rule files.", "rules:Rules"),
    PageRow("rule", "rule", "One rule in the editor: checked while you type, and tried on the last day.", "rule:RulePage", argument="[NAME]", completes="rules"),
    PageRow("gpu", "GPU", "One GPU: every value, its past, processes, slices, links, errors.", "gpu:GpuPage", argument="NODE/INDEX", completes="gpus"),
    PageRow("node", "node", "One node: its GPUs, the machine, its sources, its past.", "node:NodePage", argument="NODE", completes="nodes"),
    PageRow("job", "job", "One job: its GPUs on all its nodes, use and cost, why it waits, output, script, steps.", "job:JobPage", argument="ID", completes="jobs"),
    PageRow("help", "keys", "What every key does on the page it was asked from.", "help:Help", "question_mark,f1"),
)  # fmt: skip


def row_of(page: str) -> PageRow:
    """The row of a page. Raises KeyError."""
    return {row.id: row for row in PAGES}[page]


def load_page(page: str) -> type[Page]:
    """The class of a page; its module is imported now, so that the first frame waits for one page only."""
    module, _, name = row_of(page).place.partition(":")
    found: type[Page] = getattr(import_module(f"app.tui.screens.{module}"), name)
    return found
