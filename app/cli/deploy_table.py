"""`deploy --list` and `--status` for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain.deployment import Deployment, State
from app.present.cells import Cell, Line, cells, fit, fit_line, line, tidy, wrap
from app.present.infra_ladder import ladder, ladder_lines
from app.present.infra_rows import DEPLOYMENT_COLUMNS, NODE_COLUMNS, deployment_rows, node_rows
from app.present.infra_told import astray_lines, over_lines, trouble_lines, turn_lines, unreadable_lines, volume_lines
from app.present.infra_view import Held, InfraRun, RunVerb, dollars, money
from app.present.look import Look
from app.present.rows import GAP_WIDTH, Column, Rows, lay_out
from app.present.units import format_age
from app.services.deploy.plans import Standing

LEAST_WIDTH = 60
NONE = "there is no deployment; `gpu-watchdog deploy NAME` makes one"


def list_lines(all_of: Sequence[Deployment], unreadable: Mapping[str, str], look: Look, width: int) -> list[Line]:
    """A line a deployment; below them, at length, which records cannot be read, and which volumes are billed."""
    if not all_of and not unreadable:
        return [cells(NONE)]
    held, width = [Held(one) for one in all_of], max(LEAST_WIDTH, width)
    lines = table_lines(DEPLOYMENT_COLUMNS, deployment_rows(held, look, unreadable), width)
    for name, reason in unreadable.items():
        lines += [(), cells(name, "strong"), *unreadable_lines(name, reason, width)]
    for one in held:
        if one.deployment.state is State.DESTROYED and one.deployment.volume_id:
            lines += [(), cells(one.name, "strong"), *volume_lines(one, width)]
    return lines


def status_lines(standing: Standing, look: Look, width: int) -> list[Line]:
    """One deployment: how it stands, its nodes, its steps, what is wrong, what it costs."""
    width = max(LEAST_WIDTH, width)
    one, held = standing.deployment, held_of(standing)
    lines: list[Line] = [line(cells(one.name, "strong"), "  ", cells(one.state.value), *_facts(standing, look))]
    if standing.held_by:
        lines.append(cells(f"{standing.held_by} works on it now", "info"))
    if standing.problem:
        lines += [cells(part, "look") for part in wrap(f"not asked: {tidy(standing.problem, 1000)}", width)]
    rows = node_rows(held, look)
    if len(rows):
        lines += [(), *table_lines(NODE_COLUMNS, rows, width)]
    if one.next_step is not None and over_lines(held, look, width) == ():
        rungs = ladder(one, (), is_running=False)
        lines += [(), *ladder_lines(rungs, look, width)]
    trouble = trouble_lines(held, look, width, "running `deploy` again")
    for part in (trouble, astray_lines(held, look, width), turn_lines(held, width)):
        lines += [(), *part] if part else []
    over = over_lines(held, look, width) or volume_lines(held, width)
    return [*lines, *([(), *over] if over else [])]


def _facts(standing: Standing, look: Look) -> list[Cell]:
    """`  $2.78/h   $0.31 so far   ends in 11 h 12`."""
    one = standing.deployment
    rate = standing.per_hour if standing.per_hour is not None else one.billing.per_hour
    facts = [Cell(f"   {money(rate)}", "strong"), Cell(f"   {dollars(standing.spent)} so far")]
    if one.deadline_at is not None and one.destroyed_at is None:
        left = one.deadline_at - look.now
        facts.append(Cell(f"   ends in {format_age(left)}" if left > 0 else "   its time is over", "look"))
    return facts


def held_of(standing: Standing) -> Held:
    """A standing as the presenters want it."""
    one, is_asked = standing.deployment, not standing.problem
    verb: RunVerb = "destroy" if one.state is State.DESTROYING else "deploy"
    return Held(
        one,
        run=InfraRun(verb, standing.asked_at, is_here=False) if standing.held_by else None,
        pods=standing.pods if is_asked else None,
        orphans=standing.orphans,
        drift={drift.node: drift.what for drift in standing.drift},
        asked_at=standing.asked_at if is_asked else None,
        refusal=standing.problem,
    )


def table_lines(columns: tuple[Column, ...], rows: Rows, width: int) -> list[Line]:
    """A table in the columns that fit, its titles first."""
    fitted = lay_out(columns, width)
    gap = Cell(" " * GAP_WIDTH)
    lines: list[Line] = [
        (Cell(gap.text.join(fit(column.title, wide, column.align) for _, column, wide in fitted), "head"),)
    ]
    for row in rows:
        parts: list[Cell | str | Line] = []
        for number, column, wide in fitted:
            parts += [gap if parts else "", fit_line(row.cells[number], wide, column.align)]
        lines.append(line(*parts))
    return lines
