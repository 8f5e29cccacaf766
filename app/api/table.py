"""Every route of the daemon, one row each. A path that names something comes before one that takes it as an id."""

from __future__ import annotations

from app.api import actions, alerts, chat, cluster, deployments, discovery, incidents, own
from app.api.row import Row

ROWS: tuple[Row, ...] = (
    *own.ROWS,
    *cluster.ROWS,
    *incidents.ROWS,
    *alerts.ROWS,
    *chat.ROWS,
    *actions.ROWS,
    *deployments.ROWS,
    *discovery.ROWS,
)
