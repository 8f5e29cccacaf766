"""All that look for signs. A new one is a line here, and its signs a row in its own docstring. Pure."""

from __future__ import annotations

from app.engine.diagnosis.observe_clocks import observe_clocks
from app.engine.diagnosis.observe_gpus import observe_gpus
from app.engine.diagnosis.observe_hosts import observe_hosts
from app.engine.diagnosis.observe_links import observe_links
from app.engine.diagnosis.observe_logs import observe_logs
from app.engine.diagnosis.observe_metrics import observe_metrics
from app.engine.diagnosis.observe_nvlinks import observe_nvlinks
from app.engine.diagnosis.observe_ports import observe_ports
from app.engine.diagnosis.observe_services import observe_services
from app.engine.diagnosis.observe_slurm_control import observe_slurm_control
from app.engine.diagnosis.observe_slurm_jobs import observe_slurm_jobs
from app.engine.diagnosis.observe_slurm_nodes import observe_slurm_nodes
from app.engine.diagnosis.observe_sources import observe_sources
from app.engine.diagnosis.observe_work import observe_work
from app.engine.diagnosis.observe_xids import observe_xids
from app.engine.diagnosis.state import Observer

OBSERVERS: tuple[Observer, ...] = (
    observe_metrics,
    observe_links,
    observe_nvlinks,
    observe_ports,
    observe_hosts,
    observe_xids,
    observe_logs,
    observe_gpus,
    observe_clocks,
    observe_work,
    observe_slurm_nodes,
    observe_slurm_control,
    observe_slurm_jobs,
    observe_sources,
    observe_services,
)
