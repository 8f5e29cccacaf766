"""Prometheus's and Alertmanager's files of a stack: what is scraped, which rules, who is told. Pure.

YAML is written by hand, for its comments; every text from outside goes in quoted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.parse import urlsplit

from app.services.stack.plan import LOOPBACK, Plan
from app.services.stack.scraping import Access, Scraped, groups
from app.services.stack.yaml_text import listed, mapped, quoted

TARGETS = "targets/targets.json"
"""The file_sd file, beside `prometheus.yml`."""
DAEMON_JOB, EXPORTERS_JOB = "gpu-watchdog", "exporters"

_HEAD = """\
# Written by `gpu-watchdog stack`. Change it as you like: what you changed is not written over without --force.
"""
_STACK_RULES = f"""\
{_HEAD}groups:
  - name: gpu-watchdog-stack
    rules:
      # The other rules cannot see this: half of them are about what the daemon publishes.
      - alert: GpuWatchdogDown
        expr: up{{job="{DAEMON_JOB}"}} == 0
        for: 1m
        labels:
          severity: critical
        annotations:
          summary: "The daemon of GPU Watchdog does not answer: findings, costs and rules over them are blind."
      - alert: GpuWatchdogStuck
        expr: gpu_watchdog_diagnosis_age > 300
        for: 1m
        labels:
          severity: warning
        annotations:
          summary: "The daemon of GPU Watchdog answers, but has not diagnosed for {{{{ $value | humanizeDuration }}}}."
"""
_ALERTMANAGER = f"""\
{_HEAD}route:
  receiver: people
  group_by: [alertname, cluster, node]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 4h
receivers:
  - name: people
    webhook_configs:
      # FILL IN: where to tell people. Nobody listens on port 9, so until then alerts are only to be seen
      # on Alertmanager's own page. Slack, mail, PagerDuty and others have receivers of their own instead:
      # https://prometheus.io/docs/alerting/latest/configuration/#receiver
      # Does the daemon tell people already (`[alerts] notify_file`)? Then leave this, or they hear everything twice.
      - url: "http://127.0.0.1:9/fill-in-where-to-tell-people"
        send_resolved: true
"""


def stack_rules() -> str:
    """Rules about the stack itself."""
    return _STACK_RULES


def alertmanager(plan: Plan) -> str:
    """The routes, with a place to fill in, and what mutes what, as in the daemon."""
    lines = ["inhibit_rules:"] if plan.inhibitions else []
    for one in plan.inhibitions:
        lines += [
            f"  - source_matchers: {listed(map(str, one.source))}",
            f"    target_matchers: {listed(map(str, one.target))}",
            f"    equal: {listed(one.equal)}",
        ]
    return _ALERTMANAGER + "".join(f"{line}\n" for line in lines)


def targets(plan: Plan) -> str:
    """The file_sd file."""
    return json.dumps(groups(page for page in plan.pages if page.access.is_open), indent=2) + "\n"


def prometheus(plan: Plan) -> str:
    """`prometheus.yml`."""
    span = f"{round(plan.scrape_s * 1000)}ms" if plan.scrape_s % 1 else f"{plan.scrape_s:.0f}s"
    lines = [_HEAD.rstrip(), "global:", f"  scrape_interval: {span}", f"  evaluation_interval: {span}"]
    if plan.cluster:
        lines += ["  external_labels:", f"    cluster: {quoted(plan.cluster)}"]
    lines += [
        "rule_files:",
        "  - rules/*.yml",
        "alerting:",
        "  alertmanagers:",
        "    - static_configs:",
        f"        - targets: {listed([f'{LOOPBACK}:{plan.ports.alertmanager}'])}",
        "scrape_configs:",
        *_daemon(plan),
        *_exporters(plan),
        *_closed(plan),
    ]
    return "\n".join(lines) + "\n"


def _daemon(plan: Plan) -> list[str]:
    return [
        "  # The daemon's own page: every value under one name whatever the exporter, states, findings, costs, alerts.",
        f"  - job_name: {DAEMON_JOB}",
        "    honor_labels: true  # its `job` is a job of Slurm's; rules mean the same there and here",
        *_access(plan.daemon_access, urlsplit(plan.base).scheme),
        "    static_configs:",
        f"      - targets: {listed([plan.daemon_address])}",
    ]


def _exporters(plan: Plan) -> list[str]:
    """The open pages: asked of the daemon, or of the file and of the discoveries that the configuration names."""
    lines = ["  # The exporters themselves, under their own names.", f"  - job_name: {EXPORTERS_JOB}"]
    if plan.asks_daemon:
        asked = _access(plan.daemon_access, "", "        ")
        return [*lines, "    http_sd_configs:", f"      - url: {quoted(f'{plan.base}/api/sd')}", *_refreshed(asked)]
    lines += ["    file_sd_configs:", f"      - files: {listed([TARGETS])}"]
    lines += [f"      - files: {listed([pattern])}" for pattern in plan.discover.files]
    if plan.discover.http:
        lines.append("    http_sd_configs:")
        lines += [f"      - url: {quoted(url)}" for url in plan.discover.http]
    return lines


def _refreshed(asked: Iterable[str]) -> list[str]:
    return ["        refresh_interval: 30s", *asked]


def _closed(plan: Plan) -> list[str]:
    """Pages that want a token or certificates, a job for each way in."""
    ways: dict[Access, list[Scraped]] = {}
    for page in plan.pages:
        if not page.access.is_open:
            ways.setdefault(page.access, []).append(page)
    lines = []
    for number, (access, pages) in enumerate(ways.items(), start=2):
        lines += [f"  - job_name: {EXPORTERS_JOB}-{number}", *_access(access, ""), "    static_configs:"]
        for page in pages:
            lines += [f"      - targets: {listed([page.address])}", f"        labels: {mapped(dict(page.labels))}"]
    return lines


def _access(access: Access, scheme: str, indent: str = "    ") -> list[str]:
    lines = [f"scheme: {scheme}"] if scheme == "https" else []
    if access.token_file:
        lines += ["authorization:", f"  credentials_file: {quoted(access.token_file)}"]
    if access.params:
        params = ", ".join(f"{quoted(name)}: {listed(values)}" for name, values in access.params)
        lines.append(f"params: {{{params}}}")
    if access.ca_file or access.insecure:
        lines.append("tls_config:")
        lines += [f"  ca_file: {quoted(access.ca_file)}"] if access.ca_file else []
        lines += ["  insecure_skip_verify: true"] if access.insecure else []
    return [indent + line for line in lines]
