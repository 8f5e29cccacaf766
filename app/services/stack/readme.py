"""The README that lies in a stack's folder. Pure."""

from __future__ import annotations

from app.domain.naming import clean
from app.services.stack.compose import KEPT
from app.services.stack.plan import DOOR_PATHS, LOOPBACK, Plan


def readme(plan: Plan) -> str:
    """What the folder is, how it is started, what is to be filled in."""
    parts = [_BEGIN, _addresses(plan), _FILL_IN, _daemon(plan), _targets(plan), _CHANGES, _WITHOUT, _WHO]
    return "\n".join(part.strip("\n") + "\n" for part in parts if part)


_BEGIN = """\
# Prometheus, Alertmanager and Grafana beside GPU Watchdog

Written by `gpu-watchdog stack`. The daemon (`gpu-watchdog serve`) must run on this machine.

```sh
docker compose up -d          # or: podman compose up -d
docker compose kill -s HUP prometheus alertmanager    # after a change of their files
```
"""


def _addresses(plan: Plan) -> str:
    ports = plan.ports
    rows = [
        ("Grafana", ports.grafana, "dashboards; user `admin`, password in `.env`"),
        ("Prometheus", ports.prometheus, f"samples of {KEPT}, rules"),
        ("Alertmanager", ports.alertmanager, "who is told"),
    ]
    if plan.has_door:
        pages = " and ".join(f"`{path}`" for path in DOOR_PATHS)
        rows.append(("door", ports.door, f"{pages} of the daemon's private socket, to read and nothing else"))
    lines = [f"| {name} | http://{LOOPBACK}:{port} | {what} |" for name, port, what in rows]
    forward = f"ssh -L {ports.grafana}:{LOOPBACK}:{ports.grafana} this-machine"
    return "\n".join(
        [
            "| what | where | for |",
            "|---|---|---|",
            *lines,
            "",
            f"All listen on loopback only. From elsewhere: `{forward}`, then http://localhost:{ports.grafana}.",
        ]
    )


_FILL_IN = """\
## To fill in

`alertmanager/alertmanager.yml`: the webhook, or another receiver, that tells people. Until then alerts are only seen.
If the daemon itself tells people already, leave it: both evaluate the same rules, and would tell everything twice.
"""


def _daemon(plan: Plan) -> str:
    if plan.daemon:
        return f"## The daemon\n\nIs read at {clean(plan.base)}."
    return f"""\
## The daemon

Is read through the door, out of `{clean(str(plan.socket))}`. Whoever has a shell on this machine can read what the door
and Prometheus show: values, names of jobs and users, costs. Where that is too much, let the daemon listen on TCP with a
token and run `gpu-watchdog stack` again with `--daemon URL --daemon-token FILE`.
"""


def _targets(plan: Plan) -> str:
    how = (
        "Prometheus asks the daemon which exporters there are (http_sd) every 30 s; those that want tokens have jobs\n"
        "of their own in `prometheus.yml`."
        if plan.asks_daemon
        else "No daemon answered when this was written: exporters stand in `prometheus/targets/targets.json`, as the\n"
        "configuration names them. Once the daemon runs, `gpu-watchdog stack` again lets Prometheus ask it."
    )
    lines = ["## Exporters", "", how]
    if plan.left_out:
        lines += [
            "",
            "Prometheus cannot read these by itself; their values are on the daemon's own page all the same:",
            "",
        ]
        lines += [f"- {clean(one.name)} (`{clean(one.target)}`) {one.why}." for one in plan.left_out]
    return "\n".join(lines)


_CHANGES = """\
## Changes

Every file is yours. `gpu-watchdog stack` again renews those that you did not touch and says which it kept; `--force`
renews all but `.env`. What was written is remembered in `.gpu-watchdog-stack.json`.
"""
_WITHOUT = """\
## Without containers

The same files serve servers of the distribution: `prometheus --config.file=prometheus/prometheus.yml`,
`prometheus-alertmanager --config.file=alertmanager/alertmanager.yml`, `nginx -p /tmp/ -c "$PWD/door/nginx.conf"`; copy
`grafana/provisioning` and `grafana/dashboards` to `/etc/grafana`.
"""
_WHO = """\
## Dashboards

Fleet, node, GPU, jobs, model servers, cost and findings: made from GPU Watchdog's catalogue of metrics, so they show
the same whatever the exporter. They read the daemon's page, not the exporters'; what no exporter tells stays empty.
"""
