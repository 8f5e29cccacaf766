"""Single faults of GPUs: memory, core, firmware, driver. Texts are the driver's own forms; see the facts on each code."""
# ruff: noqa: E501 - lines of logs and tables read best unbroken

from __future__ import annotations

from functools import partial

from tests.bench.faults.pages import pci
from tests.bench.faults.story import FAULT_S, Stage, Story, Truth, variants

ROW = "New row (0x0000000018f31d80) marked for remapping, reset gpu to activate."
DBE = (
    "An uncorrectable double bit error (DBE) has been detected on GPU in the framebuffer at physAddr 0x18f31d80 "
    "partition 16, subpartition 3."
)


def contained(s: Stage) -> Truth:
    """48, then 63, then 94: one memory error that cost one process."""
    s.xid(48, DBE, process="?", is_metric=False)
    s.xid(63, f"Row Remapper: {ROW}", at=FAULT_S + 0.02, process="?", is_metric=False)
    s.xid(94, "Contained: SM (0x1). RST: No, D-RST: No", at=FAULT_S + 0.05)
    if s.is_full:
        s.hold(FAULT_S, s.place, DEV_ECC_DBE_VOL_TOTAL=1, DEV_UNCORRECTABLE_REMAPPED_ROWS=1, DEV_ROW_REMAP_PENDING=1)
    return Truth(("A1",), (s.gpu,), follows=("A3", "B11", "E3", "B10"))


def uncontained(s: Stage) -> Truth:
    """Every process on the GPU is suspect."""
    s.xid(95, "Uncontained: LTC TAG (0x2, 0x1). RST: Yes, D-RST: No", process=s.pick("python", "pt_main_thread", "?"))
    if s.is_full:
        s.hold(FAULT_S, s.place, DEV_ECC_DBE_VOL_TOTAL=2)
    return Truth(("A2",), (s.gpu,), "critical", follows=("A1", "A3", "E3"))


def row_pending(s: Stage) -> Truth:
    """A row waits for a reset."""
    if s.is_full:
        s.xid(63, f"Row Remapper: {ROW}", process="?")
    s.hold(FAULT_S, s.place, DEV_ROW_REMAP_PENDING=1, DEV_CORRECTABLE_REMAPPED_ROWS=3)
    s.at(204.0, partial(s.plant.reset, s.place))
    return Truth(("A3",), (s.gpu,), ends=204.0)


def row_failure(s: Stage) -> Truth:
    """All reserve rows of a bank are used up."""
    if s.is_full:
        s.xid(64, "Row Remapper Error: (0x00000002eebc4100) - All reserved rows for bank are remapped", process="?")
    s.hold(FAULT_S, s.place, DEV_ROW_REMAP_FAILURE=1)
    return Truth(("A4",), (s.gpu,), "critical", follows=("A3",))


def rows_worn(s: Stage) -> Truth:
    """More rows were replaced than a healthy board ever needs."""
    s.hold(10.0, s.place, DEV_UNCORRECTABLE_REMAPPED_ROWS=509)
    s.hold(FAULT_S, s.place, DEV_UNCORRECTABLE_REMAPPED_ROWS=513)
    return Truth(("A5",), (s.gpu,))


def sram(s: Stage) -> Truth:
    """A double bit error in an SRAM, for which no row is remapped."""
    unit = s.pick("SM", "LTC", "GPCMMU")
    words = f"An uncorrectable double bit error (DBE) has been detected on GPU in the {unit} at partition 1, subpartition 0."
    s.xid(48, words, process="?")
    if s.is_full:
        s.hold(FAULT_S, s.place, DEV_ECC_DBE_VOL_TOTAL=1)
    return Truth(("A6",), (s.gpu,), "critical", follows=("A1", "E3"))


def corrected(s: Stage) -> Truth:
    """Corrected errors come faster than a healthy board has them."""
    if s.is_full:
        s.grow(FAULT_S, s.place, DEV_ECC_SBE_VOL_TOTAL=8.0)
        return Truth(("A7",), (s.gpu,), for_s=20.0)
    s.xid(92, "High single-bit ECC error rate", process="?")
    return Truth(("A7",), (s.gpu,))


def pages_retired(s: Stage) -> Truth:
    """An older board waits to retire a page."""
    s.hold(10.0, s.place, DEV_RETIRED_PENDING=0, DEV_RETIRED_DBE=1, DEV_RETIRED_SBE=4)
    s.hold(FAULT_S, s.place, DEV_RETIRED_PENDING=1, **({"DEV_RETIRED_DBE": 2} if s.is_full else {}))
    return Truth(("A8",), (s.gpu,))


def unit_retired(s: Stage) -> Truth:
    """ECC that could not be recovered, or a unit taken out of use."""
    match s.variant:
        case 1:
            s.xid(140, "Unrecovered ECC Error", process="?")
        case 2:
            s.xid(156, "Resource Retirement Event: Resource TPC (0x1, 0x4) retired", process="?")
        case _:
            s.xid(157, "Resource Retirement Failure", process="?")
    return Truth(("A9",), (s.gpu,), "critical")


def diagnostic(s: Stage) -> Truth:
    """NVIDIA's own diagnostic fails on one GPU, while its programs only see NaNs."""
    place, node = f"gpu-1/{s.index}", "gpu-1"
    if s.is_full:
        s.say("job log", "step 41200 loss: nan grad_norm: nan", at=FAULT_S - 20)
    s.say("job log", f"| memory                    | Fail - GPU: {s.index}                                    |")
    return Truth(("A11", "A10"), (place, node, "job 812"), "critical", follows=("A10", "A11"))


def off_bus(s: Stage) -> Truth:
    """The GPU no longer answers its machine."""
    if s.is_full:
        s.xid(79, "GPU has fallen off the bus.", process="?", is_metric=False)
        if s.variant == 2:
            s.kernel(f"NVRM: GPU {pci(s.index)}.0: GPU has fallen off the bus.", at=FAULT_S + 0.01)
    else:
        s.kernel(
            f"NVRM: The NVIDIA GPU {pci(s.index)}.0",
            "NVRM: (PCI ID: 10de:2330) installed in this system has",
            "NVRM: fallen off the bus and is not responding to commands.",
        )
    s.lose(FAULT_S + 4)
    return Truth(("B1",), (s.gpu,), "critical", follows=("J3", "F4", "B11", "E3", "J2"))


def vanished(s: Stage) -> Truth:
    """A GPU is no longer listed, and nobody says why."""
    s.lose(FAULT_S)
    return Truth(("B1", "J3"), (s.gpu, s.node), for_s=30.0, follows=("J3", "F4", "B1"))


def gsp(s: Stage) -> Truth:
    """The GPU's own processor does not answer the driver; the process named is the victim."""
    code = 119 if s.is_full else 120
    words = (
        f"Timeout after 6s of waiting for RPC response from GPU{s.index} GSP! Expected function 103 (GSP_RM_ALLOC) "
        "(0x2081 0x4)."
    ) if code == 119 else "GSP task exception: heap (cause:0xf, addr:0x0)"  # fmt: skip
    s.xid(code, words, process="nvidia-smi")
    if s.variant == 2:
        for number in (1, 2, 3):
            s.xid(code, words, at=FAULT_S + 6 * number, process="dcgm-exporter")
    return Truth(("B2",), (s.gpu,), "critical", must_not=("kill -9",))


def halted(s: Stage) -> Truth:
    """A microcontroller on the board halts; DCGM's own field does not show it."""
    s.xid(62, s.pick("0a1c(2d50) 00000000 00000000", "2088(3714) 85008508 00000000", "0000(0000) 8503d428 ffffff80"),
          process="?", is_metric=False)  # fmt: skip
    return Truth(("B3",), (s.gpu,), "critical")


def mismatch(s: Stage) -> Truth:
    """The driver's package was upgraded under a running kernel module."""
    if s.is_full:
        line = (
            "NVRM: API mismatch: the client has the version 575.57.08, but NVRM: this kernel module has the version "
            "570.148.08.  Please NVRM: make sure that this kernel module and all NVIDIA driver components have the same"
        )
        for number in range(6):
            s.kernel(line, at=FAULT_S + 3 * number)
        return Truth(("B4",), (s.node,), follows=("J1", "F6"))
    s.say("job log", "Failed to initialize NVML: Driver/library version mismatch")
    return Truth(("B4",), ("gpu-1",))


def not_initialised(s: Stage) -> Truth:
    """After a reboot one GPU does not come up."""
    s.at(40.0, partial(s.plant.kernel, s.node, "Linux version 6.8.0-60-generic (buildd@lcy02) #63-Ubuntu SMP"))
    s.slurm_node(20.0, flags="DRAIN+REBOOT_ISSUED", reason="reboot ASAP : kernel update", by="root")
    s.at(40.0, partial(s.plant.reboot, s.node))
    s.kernel(
        s.pick(
            f"NVRM: GPU {pci(s.index)}.0: RmInitAdapter failed! (0x62:0x40:2168)",
            f"NVRM: GPU {pci(s.index)}.0: rm_init_adapter failed, device minor number {s.index}",
            f"NVRM: GPU{s.index} _kgspBootGspRm: unexpected WPR2 already up, cannot proceed with booting GSP",
        )
    )
    s.lose(FAULT_S)
    return Truth(("B5",), (s.gpu, s.node), "critical", follows=("J3", "F4", "B1", "F10", "G2"))


def no_driver(s: Stage) -> Truth:
    """No GPU at all: after a reboot, or by hand, the module is not loaded."""
    if s.variant == 1:
        for port in (9400, 9100):
            s.fail(f"{s.node}:{port}", "no route", at=20.0, until=52.0)
        s.slurm_node(15.0, flags="DRAIN+REBOOT_ISSUED", reason="reboot ASAP : kernel update", by="root")
        s.at(52.0, partial(s.plant.reboot, s.node))
    s.fail(f"{s.node}:9400", "refused", at=52.5 if s.variant == 1 else FAULT_S)
    begins = FAULT_S if s.variant == 1 else FAULT_S + 30
    if s.is_full:
        s.kernel(s.pick("NVRM: No NVIDIA GPU found.", "NVRM: None of the NVIDIA devices were initialized."), at=begins)
    else:
        words = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that it is running."
        s.say("job log", words, at=begins)
    return Truth(("B6",), (s.node,), "critical", begins=begins, follows=("J1", "J2", "J3", "F4", "F10", "G2"))


def switch_timeout(s: Stage) -> Truth:
    """A channel cannot be switched off."""
    s.xid(109, "Ch 00000008, errorString CTX SWITCH TIMEOUT, Info 0x58005", process="pt_main_thread")
    return Truth(("B7",), (s.gpu,), "critical")


def page_fault(s: Stage) -> Truth:
    """A program reads where nothing is; the GPU is well."""
    s.xid(31, f"Ch 00000030, intr 00000000. MMU Fault: ENGINE {s.pick('HOST0', 'GRAPHICS', 'CE2')} HUBCLIENT_ESC faulted @ "
          "0x10_00200000. Fault is of type FAULT_PDE ACCESS_TYPE_VIRT_READ")  # fmt: skip
    return Truth(("B8",), (s.gpu,), "info", follows=("B11", "B10"))


def page_fault_again(s: Stage) -> Truth:
    """The same GPU faults again, and with another program."""
    words = (
        "Ch 00000030, intr 00000000. MMU Fault: ENGINE GRAPHICS GPCCLIENT_T1_3 faulted @ 0x7f2c_3b000000. "
        "Fault is of type FAULT_PDE ACCESS_TYPE_VIRT_READ"
    )
    s.xid(31, words, process="python")
    s.xid(31, words.replace("3b", "9a"), at=764.0, process="vasp_gpu")
    return Truth(("B8",), (s.gpu,), for_s=700.0, follows=("B11",))


def exception(s: Stage) -> Truth:
    """A program's own error, told by many units at once."""
    for gpc, tpc in ((0, 0), (0, 3), (1, 2), (3, 1), (4, 4), (5, 0)):
        s.xid(13, f"Graphics SM Warp Exception on (GPC {gpc}, TPC {tpc}, SM 0): {s.pick('Out Of Range Address', 'Illegal Instruction Encoding', 'Misaligned Address')}")  # fmt: skip
    return Truth(("B9",), (s.gpu,), "info", follows=("B11", "B10"))


def exception_again(s: Stage) -> Truth:
    """Always the same unit of the same GPU."""
    for at, process in ((FAULT_S, "python"), (784.0, "gmx_mpi")):
        s.xid(
            13,
            "Graphics SM Warp Exception on (GPC 1, TPC 3, SM 0): Illegal Instruction Encoding",
            at=at,
            process=process,
        )
    return Truth(("B9",), (s.gpu,), for_s=720.0, follows=("B11",))


def stopped(s: Stage) -> Truth:
    """A program's channel is stopped: nothing that concerns the GPU."""
    match s.variant:
        case 1:
            s.xid(43, "Ch 00000008", process="pt_main_thread")
        case 2:
            s.xid(32, "Channel ID 00000012 intr 00000010", process="python3")
        case _:
            s.xid(
                69, "Class Error: ChId 0010, Class 0000cbc0, Offset 00000100, Data 0, ErrorCode 0000000c", process="sim"
            )
    return Truth(("B10",), (s.gpu,), "info", follows=("B11",))


def busy_for_nothing(s: Stage) -> Truth:
    """Full use, no power, no progress: kernels that wait for each other."""
    s.mood(812, "stuck", FAULT_S)
    every = tuple(f"{node}/{index}" for node in ("gpu-1", "gpu-2") for index in range(8))
    return Truth(("B12",), (*every, "job 812"), for_s=600.0, follows=("B12",))


def inforom(s: Stage) -> Truth:
    """The board's own record is damaged."""
    s.say("job log", f"WARNING: infoROM is corrupted at gpu 0000{pci(s.index).upper()}.0")
    return Truth(("B13",), (f"gpu-1/{s.index}",))


def cable(s: Stage) -> Truth:
    """The board's own power is not connected well."""
    s.xid(54, "Auxiliary power is not connected to the GPU", process="?")
    return Truth(("B14",), (s.gpu,), "critical")


def leaked(s: Stage) -> Truth:
    """Memory is held on a GPU that nobody was given."""
    place = ("gpu-4", (5, 6, 7)[s.variant - 1])
    s.hold(FAULT_S, place, DEV_FB_USED=23000.0, DEV_FB_FREE=58000.0)
    return Truth(("B16",), (f"{place[0]}/{place[1]}",), for_s=120.0)


def hardware(s: Stage) -> Truth:
    """The GPU stops, and says that it is hardware."""
    match s.variant:
        case 1:
            s.xid(46, "GPU stopped processing", process="?")
        case 2:
            s.xid(110, "Security fault", process="?")
        case _:
            s.xid(158, "GPU fatal timeout", process="?")
    return Truth(("B17",), (s.gpu,), "critical")


def recovery(s: Stage) -> Truth:
    """The driver wants a reset, and what it was for was not seen."""
    if s.variant != 3:
        s.xid(154, "GPU recovery action changed from 0x0 (None) to 0x1 (GPU Reset Required)", process="?")
    if s.variant != 2:
        s.hold(FAULT_S, s.place, DEV_GET_GPU_RECOVERY_ACTION=1)
    return Truth(("E3",), (s.gpu,), "critical")


SINGLES: tuple[Story, ...] = (
    *variants("A1 contained memory error", contained), *variants("A2 uncontained memory error", uncontained),
    *variants("A3 row remap pending", row_pending), *variants("A4 row remap failure", row_failure),
    *variants("A5 many rows remapped", rows_worn), *variants("A6 SRAM error", sram),
    *variants("A7 corrected errors", corrected), *variants("A8 pages to retire", pages_retired),
    *variants("A9 unrecovered ECC", unit_retired), *variants("A11 diagnostic fails", diagnostic),
    *variants("B1 off the bus", off_bus), *variants("B1 GPU vanishes", vanished), *variants("B2 GSP time-out", gsp),
    *variants("B3 microcontroller halt", halted), *variants("B4 driver mismatch", mismatch),
    *variants("B5 GPU not initialised", not_initialised), *variants("B6 driver not loaded", no_driver),
    *variants("B7 context switch time-out", switch_timeout), *variants("B8 page fault", page_fault, 200.0),
    *variants("B8 page fault again", page_fault_again, 820.0), *variants("B9 exception", exception, 200.0),
    *variants("B9 exception again", exception_again, 840.0), *variants("B10 channel stopped", stopped, 200.0),
    *variants("B12 busy for nothing", busy_for_nothing, 720.0), *variants("B13 InfoROM", inforom, 200.0),
    *variants("B14 power cable", cable, 200.0), *variants("B16 leaked memory", leaked),
    *variants("B17 hardware stop", hardware, 200.0), *variants("E3 recovery wanted", recovery, 200.0),
)  # fmt: skip
