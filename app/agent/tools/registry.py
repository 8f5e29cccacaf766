"""TOOLS: what an answer may look at and propose, one row each; adding a tool is adding a function and its row."""

from __future__ import annotations

from app.agent.tools.alerting import alerts
from app.agent.tools.changes import what_changed
from app.agent.tools.cluster import cluster_status, current_metrics
from app.agent.tools.diagnosing import diagnose
from app.agent.tools.hardware import gpu_details, node_details
from app.agent.tools.history import metric_history
from app.agent.tools.job import job_details, why_pending
from app.agent.tools.logs import logs
from app.agent.tools.money import cost
from app.agent.tools.proposing_alerts import propose_acknowledge, propose_silence
from app.agent.tools.proposing_jobs import (
    propose_cancel,
    propose_drain,
    propose_hold,
    propose_release,
    propose_requeue,
    propose_submit,
    propose_undrain,
)
from app.agent.tools.serving import vllm_status
from app.agent.tools.slurm import jobs, slurm_status
from app.agent.tools.tool import Tool
from app.agent.tools.topology import topology

TOOLS: tuple[Tool, ...] = (
    Tool("diagnose", diagnose),
    Tool("cluster_status", cluster_status),
    Tool("current_metrics", current_metrics),
    Tool("node_details", node_details),
    Tool("gpu_details", gpu_details),
    Tool("metric_history", metric_history, is_cheap=False),
    Tool("alerts", alerts),
    Tool("slurm_status", slurm_status),
    Tool("jobs", jobs, is_cheap=False),
    Tool("job_details", job_details, is_cheap=False),
    Tool("why_pending", why_pending),
    Tool("logs", logs, is_cheap=False),
    Tool("vllm_status", vllm_status),
    Tool("topology", topology),
    Tool("cost", cost, is_cheap=False),
    Tool("what_changed", what_changed, is_cheap=False),
    Tool("propose_cancel", propose_cancel, "propose"),
    Tool("propose_hold", propose_hold, "propose"),
    Tool("propose_release", propose_release, "propose"),
    Tool("propose_requeue", propose_requeue, "propose"),
    Tool("propose_drain", propose_drain, "propose"),
    Tool("propose_undrain", propose_undrain, "propose"),
    Tool("propose_submit", propose_submit, "propose"),
    Tool("propose_silence", propose_silence, "propose"),
    Tool("propose_acknowledge", propose_acknowledge, "propose"),
)
"""diagnose stands first, and is called first; the order is that of the schemas a model is sent."""


def by_name() -> dict[str, Tool]:
    """Every tool under its name."""
    return {one.name: one for one in TOOLS}
