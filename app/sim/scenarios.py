"""SCENARIOS: the stories that `--scenario NAME` tells; adding one is adding a row."""
# ruff: noqa: E501 - a row reads best as one table line

from __future__ import annotations

from app.sim.faults import KINDS, Fault, Scenario

SHOWCASE = "showcase"
"""The one that a demonstration shows when nobody asks for another."""

# fmt: off
SCENARIOS: tuple[Scenario, ...] = (
    Scenario(SHOWCASE, "A busy, mostly healthy cluster with a hot GPU that drags its job, a held idle GPU, and a GPU that falls off the bus.", (
        Fault("thermal", "training", 3, at_s=-240.0),
        Fault("idle-hold", "spare", 0, at_s=-2700.0),
        Fault("gpu-lost", "other", 5, at_s=40.0),
    )),
    Scenario("healthy", "Nothing is wrong."),
    Scenario("gpu-lost", "Xid 79 at the start; after 20 s the GPU is gone.", (Fault("gpu-lost", gpu=2),)),
    Scenario("xid79", "A GPU reports Xid 79 and stands still.", (Fault("xid79", gpu=2, at_s=15.0),)),
    Scenario("xid31", "A page fault kills a job.", (Fault("xid31", gpu=2, at_s=15.0),)),
    Scenario("ecc-dbe", "An uncorrectable memory error kills a job.", (Fault("ecc-dbe", gpu=2, at_s=15.0),)),
    Scenario("row-remap-pending", "A row waits for a reset.", (Fault("row-remap-pending", gpu=2, at_s=15.0),)),
    Scenario("row-remap-failure", "A board is out of spare rows.", (Fault("row-remap-failure", gpu=2, at_s=15.0),)),
    Scenario("thermal", "A GPU overheats and drags its job.", (Fault("thermal", gpu=3, at_s=15.0),)),
    Scenario("power-brake", "A power supply fails: two GPUs of a node are braked.", (Fault("power-brake", gpu=2, at_s=15.0), Fault("power-brake", gpu=3, at_s=15.0))),
    Scenario("pcie-downtrain", "A PCIe link lost twelve lanes.", (Fault("pcie-downtrain", gpu=1, at_s=15.0),)),
    Scenario("pcie-replay", "A PCIe link needs many second tries.", (Fault("pcie-replay", gpu=1, at_s=15.0),)),
    Scenario("nvlink-errors", "An NVLink drops packets.", (Fault("nvlink-errors", gpu=1, at_s=15.0),)),
    Scenario("straggler", "One slow rank holds up a whole job.", (Fault("straggler", gpu=3, at_s=15.0),)),
    Scenario("idle-hold", "A job has held its GPUs for half an hour and done nothing.", (Fault("idle-hold", at_s=-1800.0),)),
    Scenario("memory-leak", "Memory creeps up until the job dies.", (Fault("memory-leak", gpu=1),)),
    Scenario("exporter-hang", "A page that never answers.", (Fault("exporter-hang", at_s=15.0),)),
    Scenario("exporter-slow", "A page at one byte a second.", (Fault("exporter-slow", at_s=15.0),)),
    Scenario("exporter-500", "A page that fails.", (Fault("exporter-500", at_s=15.0),)),
    Scenario("exporter-garbage", "A page that is not text.", (Fault("exporter-garbage", at_s=15.0),)),
    Scenario("exporter-down", "An exporter that is gone.", (Fault("exporter-down", at_s=15.0),)),
    Scenario("node-down", "A node that is gone.", (Fault("node-down", at_s=15.0),)),
    Scenario("stale", "A page whose values stopped moving.", (Fault("stale", at_s=15.0),)),
    Scenario("vllm-overload", "A model server with more requests than it can answer.", (Fault("vllm-overload", "serving", at_s=15.0),)),
    Scenario("vllm-down", "A model server that is gone.", (Fault("vllm-down", "serving", at_s=15.0),)),
    Scenario("drained", "An operator drained a node ten minutes ago; what runs there goes on, what waits stays out.", (Fault("slurm-drain", "other", at_s=-600.0),)),
    Scenario("slurm-down", "slurmctld stops answering; the GPUs go on.", (Fault("slurm-down", at_s=15.0),)),
    Scenario("slurm-slow", "slurmctld is busy and takes its time.", (Fault("slurm-slow", at_s=15.0),)),
    Scenario("unaware", "A program keeps a GPU busy that Slurm has given to nobody.", (Fault("slurm-unaware", "spare", at_s=-900.0),)),
    Scenario("fragmented", "Small jobs have left a few free GPUs on every node, so that none has room for a large one.", is_scattered=True),
)
# fmt: on


def scenario(name: str) -> Scenario:
    """The scenario of a name. Raises ValueError that names the known ones."""
    for one in SCENARIOS:
        if one.name == name:
            return one
    raise ValueError(f"no scenario is called {name!r}; known: {', '.join(one.name for one in SCENARIOS)}")


def untold() -> tuple[str, ...]:
    """Kinds of faults that no scenario shows; a test keeps it empty."""
    told = {fault.kind for one in SCENARIOS for fault in one.faults}
    return tuple(kind.name for kind in KINDS if kind.name not in told)
