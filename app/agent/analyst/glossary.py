"""GLOSSARY: words that people meet here, in a sentence or two; a new word is a row."""
# ruff: noqa: E501 - a row reads best on one line

from __future__ import annotations

from app.domain.frozen import frozen


@frozen
class Word:
    """One word, explained."""

    names: tuple[str, ...]
    """As people write it, lower case."""
    title: str
    text: str


# fmt: off
GLOSSARY: tuple[Word, ...] = (
    Word(("xid", "xids", "xid error"), "Xid", "an error code that NVIDIA's driver writes to the kernel log (`NVRM: Xid …`) when something goes wrong on a GPU. Some are the program's own fault, some mean a broken board; ask for one by its number and I explain it."),
    Word(("sxid", "sxids"), "SXid", "the same as an Xid, but of an NVSwitch. A fatal one takes links down until the switch and its GPUs are reset."),
    Word(("ecc", "ecc errors", "ecc error"), "ECC", "error-correcting memory. A corrected (single-bit) error costs nothing; an uncorrected (double-bit) one ends the program that used the memory, and the row is remapped at the next reset."),
    Word(("row remap", "row remapping", "remapped rows", "row remapped"), "Row remapping", "a GPU replaces a bad row of its memory by a spare one. It takes effect at the next reset (pending until then); when no spare is left it fails, and the board must be replaced."),
    Word(("page retirement", "retired page", "retired pages"), "Page retirement", "how older GPUs (before Ampere) put bad memory out of use; newer ones remap rows."),
    Word(("kv cache", "kv-cache", "cache usage", "kv cache usage"), "KV cache", "where a model server keeps what it has worked out of each request so far. When it is full, requests wait or are preempted: fewer requests at a time, shorter contexts or more GPUs help."),
    Word(("preemption", "preemptions", "preempted"), "Preemption", "of a model server: a request is thrown out of the batch for want of KV cache and worked out anew later, which costs time. In Slurm: a job of higher priority takes the place of a running one."),
    Word(("prefix cache", "prefix caching"), "Prefix cache", "a model server keeps what it worked out of beginnings that many requests share, so that these need not be worked out again."),
    Word(("ttft", "time to first token"), "TTFT", "time to first token: how long a request waits until its answer begins; the queue and the reading of the prompt are in it."),
    Word(("itl", "inter token latency", "tpot"), "Inter-token latency", "time between two tokens of an answer: how fast it flows once it has begun."),
    Word(("tensor parallel", "tensor parallelism", "tensor parallel size"), "Tensor parallelism", "one model is cut across several GPUs that work on each token together; the slowest of them, and the links between them, set the pace."),
    Word(("drain", "draining", "drained", "to drain"), "Drain", "a node that is drained takes no new job; those on it run to their end. `draining`: some still run; `drained`: none is left. It is undone by `scontrol update nodename=NODE state=resume`."),
    Word(("hold", "held", "job held"), "Hold", "a held job stays in the queue and does not start until it is released (`scontrol release JOB`)."),
    Word(("requeue", "requeued"), "Requeue", "a running job is stopped and put back into the queue; what it did since its last checkpoint is lost."),
    Word(("backfill",), "Backfill", "Slurm lets a small job start early where that delays nobody before it. Short time limits are what makes a job fit."),
    Word(("fairshare", "fair share"), "Fairshare", "who has used much lately comes later: a part of a job's priority in Slurm."),
    Word(("qos", "quality of service"), "QOS", "quality of service: a set of limits and a priority that a job is submitted with."),
    Word(("gres",), "GRES", "generic resources: how Slurm counts GPUs (`--gres=gpu:TYPE:COUNT`)."),
    Word(("mig", "multi instance gpu", "mig mode"), "MIG", "multi-instance GPU: one GPU cut into slices with memory and processors of their own; each is given out like a small GPU."),
    Word(("mps",), "MPS", "multi-process service: several processes share one GPU at the same time, without walls between their memories."),
    Word(("nvlink", "nvlinks"), "NVLink", "fast links between GPUs, directly or through an NVSwitch. A link that is down or repeats packets slows every job that spans GPUs."),
    Word(("nvswitch", "nv switch"), "NVSwitch", "the switch that joins the NVLinks of a machine or a rack."),
    Word(("fabric manager",), "Fabric manager", "the service that sets up NVSwitches; without it no program finds a usable GPU on such a machine."),
    Word(("imex",), "IMEX", "NVIDIA's service for memory that is shared between the machines of one NVLink domain."),
    Word(("infiniband", "ib", "roce"), "InfiniBand", "the network between nodes that jobs exchange data over. A port that is down or flaps stalls every job that spans nodes."),
    Word(("pcie", "pcie link", "pci express"), "PCIe link", "what joins a GPU to its machine. It can come up narrower or slower than it should; then copies to the GPU are slow."),
    Word(("pcie replay", "pcie replays", "replays"), "PCIe replays", "packets that had to be sent again. A few are nothing; many mean a bad riser, seat or board."),
    Word(("clock event reasons", "clock event reason", "clocks event reasons", "throttle reasons", "clock reasons"), "Clock-event reasons", "why a GPU runs slower than it could. `sw_power_cap` is normal at full load; thermal slowdown means heat, power brake means the power supply."),
    Word(("throttling", "throttle", "throttled", "thermal throttling"), "Throttling", "a GPU lowers its clock: at its power limit (normal under full load), or because it is too hot or its power supply brakes it (not normal)."),
    Word(("power cap", "sw power cap", "power capping", "power limit"), "Power cap", "a GPU at its power limit lowers its clock a little. At full load that is as it should be, and no fault."),
    Word(("power brake", "hw power brake"), "Power brake", "the machine's power supply tells GPUs to slow down at once. Look at the supplies and what else hangs on them."),
    Word(("hw slowdown", "hardware slowdown", "hw thermal slowdown", "thermal slowdown"), "Hardware slowdown", "the GPU protects itself: it is too hot, or its power supply brakes it. Check fans, inlet air and power."),
    Word(("straggler", "stragglers"), "Straggler", "one GPU or node of a job that is slower than the others; since they wait for each other at every step, all go at its pace."),
    Word(("sm active", "sm activity", "sm_active"), "SM active", "share of the time in which the GPU's processors had work: a truer measure of load than utilization."),
    Word(("utilization", "gpu utilization", "gpu util"), "Utilization", "share of the time in which anything at all ran on the GPU. A full one does not mean that it is used well: SM and tensor activity tell that."),
    Word(("tensor active", "tensor activity", "tensor cores", "tensor core"), "Tensor activity", "share of the time in which the tensor cores worked; training that does well shows tens of percent."),
    Word(("persistence mode",), "Persistence mode", "the driver stays loaded while nobody uses the GPU, so that the next program starts faster."),
    Word(("gsp",), "GSP", "the GPU's own small processor that runs part of the driver. When it does not answer the GPU hangs until it is reset."),
    Word(("dcgm", "dcgm exporter"), "DCGM", "NVIDIA's monitoring of data-centre GPUs; its exporter publishes the numbers that are read here."),
    Word(("nvml",), "NVML", "NVIDIA's library that tells the numbers of a GPU; `nvidia-smi` uses it."),
    Word(("oom", "out of memory", "cuda oom", "oom killer", "oom kill"), "Out of memory", "CUDA OOM: a program wanted more memory than the GPU has. Kernel OOM: it wanted more than the machine has (or than its job was given), and was killed."),
    Word(("blind spot", "blind spots", "blind"), "Blind spot", "something that could not be looked at: that nothing is said of it means nothing. `what can you not see?` lists them."),
    Word(("incident", "incidents"), "Incident", "one root cause with all that follows from it, so that ten alarms with one cause are one thing to deal with."),
    Word(("alert", "alerts", "alert rule"), "Alert", "a rule whose condition has held for long enough. An alert is a symptom; the diagnosis tells the cause."),
    Word(("silence", "silences"), "Silence", "alerts that it matches still fire but nobody is told, until it ends."),
    Word(("slurm",), "Slurm", "the scheduler that gives nodes and GPUs to jobs (`squeue`, `sinfo`, `scontrol`)."),
    Word(("slurmctld",), "slurmctld", "Slurm's controller. While it does not answer, running jobs go on, and none starts."),
    Word(("vllm",), "vLLM", "a server for language models. It keeps requests in a batch and their state in the KV cache."),
    Word(("daemon",), "Daemon", "`gpu-watchdog serve`: it collects, diagnoses and alerts for everybody on the machine, and screens attach to it."),
)
# fmt: on
