"""Signs out of log lines: each kind of line that some fault asks for, on whom it names. Pure.

log.KIND    by the kinds of app.sources.logs; the label tells servers, devices and links apart
"""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.boards import short_address
from app.domain.evidence import LogEvidence
from app.domain.finding import FindingSubject
from app.engine.diagnosis.sign import Look, Sign
from app.engine.diagnosis.subjects import only_job

_LABELS = ("server", "device", "address", "slot", "module", "bank", "process")
"""Details that tell two lines of one kind apart, the first that is there."""
_OF_RANKS = ("nccl.", "app.")
"""What no line of names its job: it is the one that has the node for itself."""
_OF_WORK = ("cuda.", "nccl.", "job.", "app.", "slurm.")


def observe_logs(look: Look) -> Iterator[Sign]:
    """Every line that is not an Xid's; those are told by their episodes."""
    for one in look.said:
        if one.kind in ("xid", "sxid"):
            continue
        label = next((one.details[name] for name in _LABELS if one.details.get(name)), "")
        details = {**one.details, "process": one.process or "", "pid": "" if one.pid is None else str(one.pid)}
        if one.link is not None:
            details["link"] = str(one.link)
        yield Sign(
            f"log.{one.kind}", subject_of(one, look), one.at, one.text, one.source, float(one.repeats), label,
            details, is_event=True, is_history=one.is_history,
        )  # fmt: skip


def subject_of(one: LogEvidence, look: Look) -> FindingSubject:
    """Whom a line is about: the server whose log it is of, the job it names, else the GPU or the node."""
    node = look.boards.node(one.node) if one.node else ""
    if one.kind.startswith("vllm.") or (one.kind.startswith(("cuda.", "nccl.")) and _is_of_server(one, look)):
        return FindingSubject(service=_service(one, node, look))
    pci = one.pci or (short_address(one.details.get("device")) if one.kind.startswith("pcie.") else None)
    gpu = look.boards.gpu(one.node, pci, one.uuid, one.gpu)
    if gpu is not None:
        job = one.job or next(iter(look.allocations.held(gpu).job_ids), None)
        return FindingSubject(node=gpu.node, gpu=gpu.index, job=job)
    job = one.job or (only_job(look, node) if node and one.kind.startswith(_OF_RANKS) else None)
    if job and (one.kind.startswith(_OF_WORK) or not node):
        return FindingSubject(job=job)
    return FindingSubject(node=node)


def _is_of_server(one: LogEvidence, look: Look) -> bool:
    """Whether a line was read from a model server's log."""
    state = look.snapshot.sources.get(one.source)
    return state is not None and state.page is not None and state.page.flavour == "vllm log"


def _service(one: LogEvidence, node: str, look: Look) -> str:
    """The model server a line is of: the one on its node, else one that may be; else the log itself stands for it."""
    pages = [key for key in look.homes if key not in look.snapshot.sources or not _is_log(key, look)]
    here = [key for key in pages if node and node in look.homes[key]]
    found = here or [key for key in pages if not node or not look.homes[key]]
    return found[0] if len(found) == 1 else one.source


def _is_log(source: str, look: Look) -> bool:
    return look.snapshot.sources[source].spec.kind == "log"
