"""All files of a stack. Pure but for the password, which is drawn by lot and handed in."""

from __future__ import annotations

import json

from app.services.stack import compose, prometheus
from app.services.stack.dashboards import dashboards
from app.services.stack.grafana import dashboard_json
from app.services.stack.plan import File, Plan
from app.services.stack.readme import readme


def stack_files(plan: Plan, password: str) -> tuple[File, ...]:
    """Every file, by its path within the folder; `password` becomes Grafana's where there is none yet."""
    door = [File("door/nginx.conf", compose.door(plan))] if plan.has_door else []
    targets = [] if plan.asks_daemon else [File(f"prometheus/{prometheus.TARGETS}", prometheus.targets(plan))]
    pages = [
        File(f"grafana/dashboards/{one.uid}.json", json.dumps(dashboard_json(one), indent=1) + "\n")
        for one in dashboards()
    ]
    return (
        File("README.md", readme(plan)),
        File("compose.yml", compose.compose(plan)),
        File(".env", f"GRAFANA_ADMIN_PASSWORD={password}\n", 0o600, is_made_once=True),
        *door,
        File("prometheus/prometheus.yml", prometheus.prometheus(plan)),
        File("prometheus/rules/gpu-watchdog.yml", plan.rules),
        File("prometheus/rules/stack.yml", prometheus.stack_rules()),
        *targets,
        File("alertmanager/alertmanager.yml", prometheus.alertmanager(plan)),
        File("grafana/provisioning/datasources/prometheus.yml", compose.grafana_datasource(plan)),
        File("grafana/provisioning/dashboards/gpu-watchdog.yml", compose.grafana_dashboards()),
        *pages,
    )
