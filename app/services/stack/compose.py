"""The compose file of a stack, the door to the daemon's socket, and Grafana's provisioning. Pure.

All parts share the machine's own network and listen on loopback only: exporters are found under the names that this
machine knows them by, nobody outside gets in, and the same files serve servers that run without containers.
"""

from __future__ import annotations

from app.services.stack.plan import DOOR_PATHS, LOOPBACK, Plan
from app.services.stack.yaml_text import quoted

IMAGES = {
    "door": "docker.io/library/nginx:1.28.0-alpine",
    "prometheus": "docker.io/prom/prometheus:v3.5.0",
    "alertmanager": "docker.io/prom/alertmanager:v0.28.1",
    "grafana": "docker.io/grafana/grafana:12.1.1",
}
"""Pinned: what was tried together stays together."""
DATASOURCE = "gpu-watchdog"
"""Uid of Grafana's data source, which every panel names."""
KEPT = "30d"
"""How long Prometheus keeps samples."""

_HEAD = """\
# Written by `gpu-watchdog stack`. Change it as you like: what you changed is not written over without --force.
"""


def compose(plan: Plan) -> str:
    """`compose.yml`."""
    services = [*(_door(plan) if plan.has_door else []), *_prometheus(plan), *_alertmanager(plan), *_grafana(plan)]
    volumes = [f"  {name}-data:" for name in ("prometheus", "alertmanager", "grafana")]
    return "\n".join([_HEAD.rstrip(), "name: gpu-watchdog", "services:", *services, "volumes:", *volumes]) + "\n"


def _service(name: str, about: str, lines: list[str]) -> list[str]:
    whole = [
        f"# {about}",
        f"{name}:",
        f"  image: {IMAGES[name]}",
        "  network_mode: host",
        "  restart: unless-stopped",
        '  security_opt: ["no-new-privileges:true"]',
        *(f"  {line}" for line in lines),
    ]
    return [f"  {line}" for line in whole]


def _door(plan: Plan) -> list[str]:
    lines = [
        'command: [nginx, -p, /tmp/, -c, /etc/nginx/door/nginx.conf, -g, "daemon off;"]',
        "read_only: true",
        "tmpfs: [/tmp]",
        "volumes:",
        "  - ./door:/etc/nginx/door:ro",
        *_bind(str(plan.socket.parent)),
        "cap_drop: [ALL]",
        "cap_add: [DAC_OVERRIDE, SETGID, SETUID]  # to open a socket that is its owner's alone",
    ]
    return _service("door", "Hands two pages of the daemon's private socket on, to read and nothing else.", lines)


def _prometheus(plan: Plan) -> list[str]:
    lines = [
        "command:",
        "  - --config.file=/etc/prometheus/prometheus.yml",
        "  - --storage.tsdb.path=/prometheus",
        f"  - --storage.tsdb.retention.time={KEPT}",
        f"  - --web.listen-address={LOOPBACK}:{plan.ports.prometheus}",
        "volumes:",
        "  - ./prometheus:/etc/prometheus:ro",
        "  - prometheus-data:/prometheus",
    ]
    for path in plan.secrets:
        lines += _bind(path)
    for pattern in () if plan.asks_daemon else plan.discover.files:
        lines += _bind(pattern.rpartition("/")[0])
    if plan.secrets:
        lines.insert(0, 'user: "0:0"  # its tokens are files that only their owner can read')
    return _service("prometheus", "Scrapes, keeps, evaluates rules.", lines)


def _alertmanager(plan: Plan) -> list[str]:
    lines = [
        "command:",
        "  - --config.file=/etc/alertmanager/alertmanager.yml",
        "  - --storage.path=/alertmanager",
        f"  - --web.listen-address={LOOPBACK}:{plan.ports.alertmanager}",
        "  - --cluster.listen-address=",
        "volumes:",
        "  - ./alertmanager:/etc/alertmanager:ro",
        "  - alertmanager-data:/alertmanager",
    ]
    return _service("alertmanager", "Tells people, as alertmanager/alertmanager.yml says.", lines)


def _grafana(plan: Plan) -> list[str]:
    lines = [
        "environment:",
        f"  GF_SERVER_HTTP_ADDR: {LOOPBACK}",
        f'  GF_SERVER_HTTP_PORT: "{plan.ports.grafana}"',
        '  GF_SECURITY_ADMIN_PASSWORD: "${GRAFANA_ADMIN_PASSWORD:?it stands in .env beside this file}"',
        '  GF_USERS_ALLOW_SIGN_UP: "false"',
        '  GF_ANALYTICS_REPORTING_ENABLED: "false"',
        '  GF_ANALYTICS_CHECK_FOR_UPDATES: "false"',
        '  GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: "false"',
        "  GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: /etc/grafana/dashboards/fleet.json",
        "volumes:",
        "  - ./grafana/provisioning:/etc/grafana/provisioning:ro",
        "  - ./grafana/dashboards:/etc/grafana/dashboards:ro",
        "  - grafana-data:/var/lib/grafana",
    ]
    return _service("grafana", "Dashboards.", lines)


def _bind(path: str) -> list[str]:
    """A path of the machine's under the same path; one that is missing is an error and is not made."""
    return [
        "  - type: bind",
        f"    source: {_compose_text(path)}",
        f"    target: {_compose_text(path)}",
        "    read_only: true",
        "    bind: {create_host_path: false}",
    ]


def _compose_text(text: str) -> str:
    """A text in which compose must not look for variables."""
    return quoted(text.replace("$", "$$"))


def door(plan: Plan) -> str:
    """The door's `nginx.conf`; what it writes goes under the folder that `-p` names."""
    socket = _nginx_text(f"unix:{plan.socket}")
    places = [
        line
        for path in DOOR_PATHS
        for line in (
            f"    location = {path} {{",
            "      limit_except GET { deny all; }",
            "      proxy_pass http://daemon;",
            "    }",
        )
    ]
    lines = [
        _HEAD.rstrip(),
        "user root;  # the socket is its owner's and root's alone",
        "worker_processes 1;",
        "pid door.pid;",
        "error_log stderr warn;",
        "events { worker_connections 64; }",
        "http {",
        "  access_log off;",
        "  server_tokens off;",
        "  client_max_body_size 1k;",
        "  proxy_max_temp_file_size 0;",
        *(f"  {kind}_temp_path {kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")),
        f"  upstream daemon {{ server {socket}; }}",
        "  server {",
        f"    listen {LOOPBACK}:{plan.ports.door};",
        "    proxy_set_header Host localhost;",
        *places,
        "    location / { return 404; }",
        "  }",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _nginx_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def grafana_datasource(plan: Plan) -> str:
    """Grafana's data source: Prometheus, under a uid that dashboards name."""
    return f"""\
{_HEAD}apiVersion: 1
datasources:
  - name: GPU Watchdog
    uid: {DATASOURCE}
    type: prometheus
    access: proxy
    url: http://{LOOPBACK}:{plan.ports.prometheus}
    isDefault: true
    jsonData:
      timeInterval: {plan.scrape_s:g}s
      httpMethod: POST
"""


def grafana_dashboards() -> str:
    """Where Grafana finds the dashboards."""
    return f"""\
{_HEAD}apiVersion: 1
providers:
  - name: GPU Watchdog
    folder: GPU Watchdog
    type: file
    allowUiUpdates: true
    options:
      path: /etc/grafana/dashboards
"""
