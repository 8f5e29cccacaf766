"""Writes a reading as Prometheus text (version 0.0.4), in dcgm-exporter's names and label shape.

By hand, because prometheus-client appends `_total` to DCGM's counters and so renames them. Pure: the time is given.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pod import families
from pod.families import FAMILIES, GPU_FAMILIES, Family
from pod.gpu import GpuProcess, GpuReading, MachineReading, MigInstance

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str | None], ...]
"""Names and values in order; a value that is not known leaves the label out."""

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
OWN_PREFIX = "gpu_watchdog_"
_KNOWN = frozenset(family.name for family in GPU_FAMILIES)


@dataclass(frozen=True, slots=True)
class Page:
    """All that the page is made of."""

    reading: MachineReading | None
    """None before the first round, or while NVML cannot be used."""
    expected_gpus: int | None
    version: str
    hostname: str
    max_age_s: float
    """Older values are left out: Prometheus would take them for new."""
    nvml_error: tuple[int, str] | None = None
    """NVML's error code and what to do, while it cannot be used."""


Sample = tuple[Family | str, str, float]
"""Family (or the name of one), rendered labels, value."""


def render(page: Page, now: float) -> str:
    """The page at this time; ends with a line break, as the format demands."""
    lines: dict[str, list[str]] = {}
    for family, labels, value in _samples(page, now):
        name = family if isinstance(family, str) else family.name
        lines.setdefault(name, []).append(f"{name}{labels} {number(value)}\n")
    return "".join(_block(family, lines[family.name]) for family in FAMILIES if family.name in lines)


def number(value: float) -> str:
    """A value as Prometheus reads it; whole numbers without a point."""
    if value != value:  # noqa: PLR0124 - the one number that differs from itself
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    whole = int(value)
    # Fifteen digits hide the noise of scaling (0.8825000000000001) and still hold a time in microseconds.
    return str(whole) if whole == value and abs(whole) < 2**63 else f"{value:.15g}"


def label_text(labels: Labels) -> str:
    """`{name="value",…}` with values escaped; empty without labels."""
    known = ",".join(f'{name}="{_clean(value)}"' for name, value in labels if value is not None)
    return f"{{{known}}}" if known else ""


def _clean(value: str) -> str:
    # Lone surrogates (from undecodable bytes) cannot be sent as UTF-8.
    return value.encode("utf-8", "replace").decode("utf-8").translate(_ESCAPES)


def _block(family: Family, lines: list[str]) -> str:
    return f"# HELP {family.name} {family.help}\n# TYPE {family.name} {family.kind}\n{''.join(lines)}"


def _samples(page: Page, now: float) -> Iterator[Sample]:
    reading = page.reading
    driver = reading.driver_version if reading else None
    cuda = reading.cuda_version if reading else None
    info: Labels = (("version", page.version), ("driver", driver), ("cuda", cuda), ("Hostname", page.hostname))
    yield families.EXPORTER_INFO, label_text(info), 1
    if page.expected_gpus is not None:
        yield families.GPUS_EXPECTED, label_text((("Hostname", page.hostname),)), page.expected_gpus
    if page.nvml_error is not None:
        code, text = page.nvml_error
        yield families.NVML_ERROR, label_text((("code", str(code)), ("error", text), ("Hostname", page.hostname))), 1
    if reading is None:
        return
    for gpu in reading.gpus:
        yield from _of_gpu(gpu, page, reading, now)


def _of_gpu(gpu: GpuReading, page: Page, reading: MachineReading, now: float) -> Iterator[Sample]:
    own: Labels = (("gpu", str(gpu.index)), ("UUID", gpu.uuid))
    labels = label_text(own)
    identity: Labels = (
        *own,
        ("pci_bus_id", gpu.pci_bus_id),
        ("device", None if gpu.identity.minor is None else f"nvidia{gpu.identity.minor}"),
        ("modelName", gpu.name),
    )
    place: Labels = (("Hostname", page.hostname), ("DCGM_FI_DRIVER_VERSION", reading.driver_version))
    age = gpu.age_s(now)
    yield families.GPU_LOST, label_text((*identity, *place)), gpu.is_lost
    yield families.GPU_LATE, labels, gpu.is_late
    facts: Labels = (("serial", gpu.serial), ("vbios", gpu.identity.vbios), ("error", gpu.error))
    yield families.GPU_INFO, label_text((*own, *facts)), 1
    if age is not None:
        yield families.SAMPLE_AGE, labels, round(age, 3)
    yield from _xids(gpu, reading, labels_of_dcgm=label_text((*identity, *place)), own=own)
    if age is None or age > page.max_age_s:
        return
    dcgm = label_text((*identity, *place))
    for name, value in gpu.values.items():
        if name in _KNOWN:
            # Ours join by UUID; only DCGM's names owe anybody DCGM's labels.
            yield name, labels if name.startswith(OWN_PREFIX) else dcgm, value
    for piece in _one_a_gpu_instance(gpu.mig):
        sliced = label_text(
            (*identity, ("GPU_I_PROFILE", piece.profile), ("GPU_I_ID", str(piece.gpu_instance)), *place)
        )
        for name, value in piece.values.items():
            yield name, sliced, value
    yield from _parts(gpu, own)


def _parts(gpu: GpuReading, own: Labels) -> Iterator[Sample]:
    """Links, slices and processes."""
    for link in gpu.links:
        of_link: Labels = (*own, ("link", str(link.index)))
        if link.is_up is not None:
            yield families.NVLINK_UP, label_text(of_link), link.is_up
        for kind, count in link.errors.items():
            if not count:
                # Eight GPUs have some five hundred of these, all 0 in a good machine; the totals are always there.
                continue
            yield families.NVLINK_ERRORS, label_text((*of_link, ("type", kind))), count
    for piece in gpu.mig:
        compute = None if piece.compute_instance is None else str(piece.compute_instance)
        of_slice: Labels = (("GPU_I_PROFILE", piece.profile), ("GPU_I_ID", str(piece.gpu_instance)))
        yield (
            families.MIG_INFO,
            label_text((*own, *of_slice, ("compute_instance", compute), ("mig_uuid", piece.uuid))),
            1,
        )
    for process in gpu.processes or ():
        yield from _of_process(process, own)


def _of_process(process: GpuProcess, own: Labels) -> Iterator[Sample]:
    instance = None if process.gpu_instance is None else str(process.gpu_instance)
    key: Labels = (*own, ("GPU_I_ID", instance), ("pid", str(process.pid)))
    who: Labels = (("user", process.user), ("name", process.name), ("command", process.command), ("type", process.type))
    who = (*who, ("slurm_job_id", process.job))
    everything = label_text((*key, *who))
    if process.used_mib is None:
        yield families.PROCESS_INFO, everything, 1
    else:
        yield families.PROCESS_MEMORY, everything, process.used_mib * 2**20
    brief = label_text(key)
    if process.sm_percent is not None:
        yield families.PROCESS_SM, brief, process.sm_percent
    if process.resident_bytes is not None:
        yield families.PROCESS_RESIDENT, brief, process.resident_bytes
    if process.started_at is not None:
        yield families.PROCESS_START, brief, process.started_at


def _xids(gpu: GpuReading, reading: MachineReading, *, labels_of_dcgm: str, own: Labels) -> Iterator[Sample]:
    """Counts stay even for a lost GPU: the Xid that tells of the loss comes with it."""
    counts = [count for count in reading.xids if count.gpu == gpu.index]
    newest = max(counts, key=lambda count: count.last_at, default=None)
    if newest is not None or gpu.counts_xids:
        yield families.XID_ERRORS, labels_of_dcgm, newest.code if newest else 0
    for count in counts:
        labels = label_text((*own, ("xid", str(count.code))))
        yield families.XID_TOTAL, labels, count.count
        yield families.XID_LAST, labels, count.last_at


def _one_a_gpu_instance(slices: tuple[MigInstance, ...]) -> list[MigInstance]:
    """Slices that share a GPU instance share its values, which must not be printed twice."""
    return list({piece.gpu_instance: piece for piece in reversed(slices)}.values())[::-1]
