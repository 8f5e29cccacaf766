"""What a row that tells an exporter apart is: `Adapter`, and `Mark` for samples that are no metric.

The rows stand in `app.sources.adapters`.
"""

from __future__ import annotations

from typing import Literal

from app.domain.frozen import frozen

Role = Literal[
    "info",  # its labels are facts of the subject; the value says nothing
    "process",  # a number of one process, see `Mark.field`
    "xid count",  # Xid events of the code in the label `xid`
    "xid time",  # epoch seconds of the last one
    "index",  # the value is the GPU's index
    "lost",  # 1: the exporter says that the GPU is gone
    "late",  # 1: the GPU did not answer the newest round
    "age",  # seconds since the GPU's values were taken
    "taken",  # epoch seconds, by the exporter's clock, at which the page's values were taken
    "ready",  # 0: the exporter itself has nothing to tell yet, or failed to read
    "trouble",  # there only while the exporter cannot read at all; says why in the label `error`
    "simulated",  # 1: nothing on the page is real
    "aside",  # known, and of no use here
]


@frozen
class Mark:
    """A sample that is no metric but says something."""

    wire: str
    role: Role
    field: str = ""
    """For `process`: the number of `GpuProcess` it is; `running_s` counts back from now; `none` for no number."""
    scale: float = 1.0


@frozen
class Adapter:
    """One exporter."""

    flavour: str
    owns: str
    """Pattern that the names of its samples match from their beginning."""
    lists_gpus: bool = False
    """A page without a GPU says that there is none; otherwise it says nothing about GPUs."""
    proof: str | None = None
    """A sample that settles the flavour, whatever else is on the page."""
    prefix: str = ""
    """What may stand before every name, by the exporter's configuration."""
    node: tuple[str, ...] = ("Hostname", "hostname", "instance")
    """Labels that name the machine, the first that is there; a port is dropped."""
    index: tuple[str, ...] = ()
    uuid: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    """Labels with the GPU's model."""
    mig: tuple[str, ...] = ()
    """Labels with the id of a MIG slice."""
    mig_profile: tuple[str, ...] = ()
    mig_uuid: tuple[str, ...] = ()
    service: tuple[str, ...] = ()
    """Labels with the model that a server serves."""
    service_kind: Literal["vllm", "triton"] | None = None
    jobs: tuple[str, ...] = ()
    """Labels with the id of a job that holds the GPU."""
    facts: tuple[tuple[str, str], ...] = ()
    """(label, name of the fact) of GPU samples."""
    node_facts: tuple[tuple[str, str], ...] = ()
    """(label, name of the fact) of the machine's samples; `node` names the machine."""
    process: tuple[tuple[str, str], ...] = ()
    """(label, field of `GpuProcess`)."""
    process_kind: Literal["compute", "graphics", "unknown"] = "unknown"
    lists_processes: str | None = None
    """A sample whose presence on a GPU says that all its processes are listed; None where a process must be seen."""
    has_blanks: bool = False
    """DCGM's "no value" numbers may stand for values."""
    marks: tuple[Mark, ...] = ()
