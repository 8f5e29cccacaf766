"""Single faults of links, network, heat and power."""
# ruff: noqa: E501 - lines of logs and tables read best unbroken

from __future__ import annotations

from functools import partial

from tests.bench.faults.pages import pci
from tests.bench.faults.story import FAULT_S, Stage, Story, Truth, variants


def narrow(s: Stage) -> Truth:
    """Fewer lanes, or a lower generation, under load."""
    if s.is_full:
        s.hold(FAULT_S, s.place, DEV_PCIE_LINK_WIDTH=8 if s.variant == 1 else 4)
        return Truth(("C1",), (s.gpu,), for_s=30.0)
    s.hold(FAULT_S, s.place, DEV_PCIE_LINK_GEN=3)
    return Truth(("C1",), (s.gpu,), for_s=40.0)


def replays(s: Stage) -> Truth:
    """Packets are sent again over PCIe."""
    if s.is_full:
        s.grow(FAULT_S, s.place, DEV_PCIE_REPLAY_COUNTER=(1.0, 5.0)[s.variant - 1])
        return Truth(("C2",), (s.gpu,), for_s=10.0 if s.variant == 1 else 0.0)
    for number in range(30):
        line = f"pcieport 0000:16:01.0: AER: Corrected error received: {pci(s.index)}.0"
        s.kernel(line, at=FAULT_S + 4 * number)
    return Truth(("C2",), (s.gpu,), for_s=90.0)


def pcie_fatal(s: Stage) -> Truth:
    """The GPU's link breaks off."""
    match s.variant:
        case 1:
            s.xid(167, "PCIe Fatal Timeout error", process="?")
        case 2:
            s.kernel(f"nvidia {pci(s.index)}.0: PCIe Bus Error: severity=Uncorrected (Fatal), type=Transaction Layer, (Receiver ID)")  # fmt: skip
        case _:
            s.kernel(f"pcieport {pci(s.index)}.0: DPC: containment event, status:0x1f01 source:0x0000")
    return Truth(("C3",), (s.gpu,), follows=("B1",))


def port_down(s: Stage) -> Truth:
    """A port has lost its link and does not get it back."""
    if s.variant == 1:
        s.at(FAULT_S, partial(s.plant.service, s.node, "systemd-networkd[5398]", "ib6: lost carrier"))
    elif s.variant == 2:
        s.kernel(
            "mlx5_core 0000:9a:00.0: Port module event: module 0, Cable unplugged",
            "mlx5_core 0000:9a:00.0 ib6: Link down",
        )
    s.at(FAULT_S, lambda: s.plant.ports[s.node][6].update(state_id=1, link_downed_total=2))
    return Truth(("C4", "C5"), (s.node,), follows=("C5", "C7", "C4"))


def flaps(s: Stage) -> Truth:
    """A port goes down and up again and again."""
    for number in range(5):
        at = FAULT_S + 60 * number
        s.at(at, partial(_port, s, 1, 2 + number))
        s.at(at + 30, partial(_port, s, 4, 2 + number))
        if s.is_full:
            s.at(at, partial(s.plant.service, s.node, "systemd-networkd[5398]", "ib2: Lost carrier"))
            s.at(at + 30, partial(s.plant.service, s.node, "systemd-networkd[5398]", "ib2: Gained carrier"))
    return Truth(("C5",), (s.node,), for_s=120.0, follows=("C4", "C7"), also=("C4",))


def _port(s: Stage, state: int, downs: int) -> None:
    s.plant.ports[s.node][2].update(state_id=state, link_downed_total=downs)


def nic_dead(s: Stage) -> Truth:
    """A network card's firmware is gone."""
    s.kernel(
        s.pick(
            "mlx5_core 0000:d2:00.0: poll_health:174:(pid 0): device's health compromised - reached miss count.",
            "mlx5_core 0000:5e:00.0: wait_func:1151:(pid 2211): ENABLE_HCA(0x104) timeout. Will cause a leak of a command resource",
            "mlx5_core 0000:d2:00.0: print_health_info:431:(pid 0): synd 0x8: unrecoverable hardware error.",
        )
    )
    return Truth(("C6",), (s.node,), "critical")


def symbols(s: Stage) -> Truth:
    """A link with many bit errors."""
    field, rate = (("symbol_error_total", 12.0), ("port_errors_received_total", 25.0), ("symbol_error_total", 60.0))[s.variant - 1]  # fmt: skip
    for number in range(40):
        s.at(FAULT_S + 10 * number, lambda: s.plant.ports[s.node][1].__setitem__(field, s.plant.ports[s.node][1][field] + 10 * rate))  # fmt: skip
    return Truth(("C7",), (s.node,), for_s=60.0 if s.variant == 2 else 20.0)


def optics_hot(s: Stage) -> Truth:
    """A transceiver is too hot."""
    s.kernel(f"mlx5_core 0000:{s.pick('12', '9a', '5e')}:00.0: Port module event[error]: module 0, Cable error, High Temperature")  # fmt: skip
    return Truth(("C8",), (s.node,))


def over_tcp(s: Stage) -> Truth:
    """A job of several machines goes around its InfiniBand."""
    log = "job log" if s.variant == 1 else "job log 2"
    s.say(
        log,
        "gpu-1:41822:41901 [3] NCCL INFO NET/IB : No device found.",
        "gpu-1:41822:41901 [3] NCCL INFO Using network Socket",
    )
    return Truth(("C9",), ("job 812",))


def too_hot(s: Stage) -> Truth:
    """The hardware halves the clocks for heat."""
    held = {"DEV_CLOCKS_EVENT_REASONS": 0x48, "DEV_SM_CLOCK": 990.0, "DEV_GPU_TEMP": 90.0, "DEV_GPU_TEMP_LIMIT": -2.0}
    if not s.is_full:
        del held["DEV_GPU_TEMP_LIMIT"]
        held["DEV_CLOCKS_EVENT_REASONS"] = 0x40
    s.hold(FAULT_S, s.place, **held)
    s.let_go(234.0, s.place, *held)
    return Truth(("D1",), (s.gpu,), follows=("D6", "D7", "D3", "D2"), ends=234.0)


def warm(s: Stage) -> Truth:
    """The driver lowers clocks for heat; it costs speed and breaks nothing."""
    s.hold(
        FAULT_S, s.place, DEV_CLOCKS_EVENT_REASONS=0x20, DEV_SM_CLOCK=1740.0 if s.is_full else 1680.0, DEV_GPU_TEMP=84
    )
    return Truth(("D2",), (s.gpu,), "info", follows=("D7", "D6"))


def slowed_often(s: Stage) -> Truth:
    """The hardware slows down and lets go, over and over, without a word why."""
    for number in range(14):
        s.hold(FAULT_S + 40 * number, s.place, DEV_CLOCKS_EVENT_REASONS=8, DEV_SM_CLOCK=1200.0)
        s.let_go(FAULT_S + 40 * number + 20, s.place, "DEV_CLOCKS_EVENT_REASONS", "DEV_SM_CLOCK")
    return Truth(("D3",), (s.gpu,), for_s=240.0, follows=("D7",))


def brake(s: Stage) -> Truth:
    """The machine's power brake is on for one GPU."""
    s.hold(
        FAULT_S,
        s.place,
        DEV_CLOCKS_EVENT_REASONS=0x88 if s.is_full else 0x80,
        DEV_SM_CLOCK=780.0,
        DEV_POWER_USAGE=240.0,
    )
    s.let_go(234.0, s.place, "DEV_CLOCKS_EVENT_REASONS", "DEV_SM_CLOCK", "DEV_POWER_USAGE")
    return Truth(("D4",), (s.gpu,), for_s=20.0, follows=("D7", "D3"), ends=234.0, keep_s=0.0)


def capped(s: Stage) -> Truth:
    """One GPU is allowed less power than it is made for."""
    s.hold(FAULT_S, s.place, DEV_ENFORCED_POWER_LIMIT=(500.0, 450.0, 550.0)[s.variant - 1], DEV_POWER_USAGE=449.0)
    return Truth(("D5",), (s.gpu,), "info", follows=("D7",))


def hot(s: Stage) -> Truth:
    """Near its limit for minutes, and not slowed down yet."""
    s.hold(FAULT_S, s.place, DEV_GPU_TEMP=86.0, DEV_GPU_TEMP_LIMIT=(2.0, 3.0, 1.0)[s.variant - 1])
    return Truth(("D6",), (s.gpu,), for_s=300.0, follows=("D7",))


def straggler(s: Stage) -> Truth:
    """One rank is slow, and nothing of it says why."""
    s.hold(FAULT_S, s.place, DEV_SM_CLOCK=(1410.0, 1290.0, 1365.0)[s.variant - 1], DEV_POWER_USAGE=455.0, DEV_CLOCKS_EVENT_REASONS=0)  # fmt: skip
    return Truth(("D7",), ("job 812", s.gpu), for_s=60.0)


def supply(s: Stage) -> Truth:
    """One of the machine's power supplies fails, and its GPUs are braked."""
    if s.is_full:
        s.at(FAULT_S, partial(s.plant.service, s.node, "ipmievd[1822]", s.pick(
            "Power Supply sensor PS2 Status  - Failure detected Asserted", "PSU 1: Power Supply AC lost asserted")))  # fmt: skip
    for index in range(8):
        s.hold(FAULT_S, (s.node, index), DEV_CLOCKS_EVENT_REASONS=0x88, DEV_SM_CLOCK=800.0, DEV_POWER_USAGE=250.0)
    return Truth(("D8",), (s.node,), for_s=0.0 if s.is_full else 20.0, follows=("D4", "D7", "D3"))


def nvlink4(s: Stage) -> Truth:
    """A link between GPUs fails."""
    if s.is_full:
        s.xid(74, "NVLink: fatal error detected on link 14(0x10000, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0)", process="?")
    s.hold(FAULT_S, s.place, DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL=1, DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL=40)
    return Truth(("E1",), (s.gpu,))


def nvlink5(s: Stage) -> Truth:
    """A link of a newer generation fails."""
    s.xid(149, s.pick(
        "NETIR_LINK_EVT  Fatal   XC0 i0 Link 14 (0x0215c5c6 0x00000000 0x00000000 0x00000000 0x00000000 0x00000000)",
        "NETIR_LINK_EVT  Fatal   XC0 i0 Link 03 (0x0215c5c6 0x00000000 0x00000000 0x00000000 0x00000000 0x00000000)",
    ), process="?")  # fmt: skip
    if s.is_full:
        for other in range(4):
            if other != s.index:
                s.xid(145, "RLW_SRC_TRACK Nonfatal XC1 i0 Link 12 (0x040988e2 0x00000008 0x00000000 0x00000000)", at=FAULT_S + 0.4, place=(s.node, other), process="?")  # fmt: skip
    return Truth(("E2",), (s.gpu,), follows=("E2", "B11", "E3"))


def switch(s: Stage) -> Truth:
    """An NVSwitch fails."""
    line = s.pick(
        "nvidia-nvswitch0: SXid (PCI:0000:c3:00.0): 24007, Fatal, Link 28 sourcetrack timeout error (First)",
        "nvidia-nvswitch2: SXid (PCI:0000:86:00.0): 20034, Fatal, Link 33 LTSSM Fault Up",
    )
    if s.is_full:
        s.kernel(line)
    else:
        s.at(FAULT_S, partial(s.plant.service, s.node, "nv-fabricmanager[4410]", "detected NVSwitch fatal error 20034 on fid 0 on NVSwitch pci bus id 00000000:86:00.0 physical id 3 port 33"))  # fmt: skip
    return Truth(("E4",), (s.node,), "critical", follows=("E5", "E1"))


def switch_noise(s: Stage) -> Truth:
    """An NVSwitch corrects errors: no fault."""
    s.kernel(s.pick(
        "nvidia-nvswitch3: SXid (PCI:0000:06:00.0): 20009, Non-fatal, Link 04 RX Short Error Rate",
        "nvidia-nvswitch1: SXid (PCI:0000:05:00.0): 12028, Non-fatal, Link 32 egress non-posted PRIV error (First)",
    ))  # fmt: skip
    return Truth(("E5",), (s.node,), "info")


def fabric_manager(s: Stage) -> Truth:
    """The fabric manager is not there, so that no program can begin."""
    if s.is_full:
        for index in range(8):
            s.hold(FAULT_S, (s.node, index), DEV_FABRIC_MANAGER_STATUS=1 if s.variant == 1 else 2)
    else:
        s.at(FAULT_S, partial(s.plant.service, s.node, "nv-fabricmanager[4410]", "detected number of NVSwitches don't match with any supported system topology, aborting fabric manager"))  # fmt: skip
    return Truth(("E6",), (s.node,))


def fabric_ill(s: Stage) -> Truth:
    """A GPU's place in the fabric is not in order."""
    s.hold(10.0, s.place, DEV_FABRIC_HEALTH_SUMMARY=1, DEV_FABRIC_HEALTH_MASK=0x2AA | 0x100)
    s.hold(FAULT_S, s.place, DEV_FABRIC_HEALTH_SUMMARY=2, **({"DEV_FABRIC_HEALTH_MASK": 0x5AA} if s.is_full else {}))
    return Truth(("E7",), (s.gpu,))


def imex(s: Stage) -> Truth:
    """The domain that shares memory over NVLink is broken."""
    s.hold(FAULT_S, s.place, DEV_GET_GPU_RECOVERY_ACTION=5)
    if s.is_full:
        s.xid(154, "GPU recovery action changed from 0x0 (None) to 0x5 (Recover IMEX Domain)", process="?")
    return Truth(("E8",), (s.gpu, s.node, "cluster"))


SINGLES: tuple[Story, ...] = (
    *variants("C1 PCIe link degraded", narrow), *variants("C2 PCIe replays", replays),
    *variants("C3 PCIe fatal", pcie_fatal), *variants("C4 port down", port_down), *variants("C5 port flaps", flaps, 420.0),
    *variants("C6 NIC firmware", nic_dead, 200.0), *variants("C7 link quality", symbols),
    *variants("C8 optics hot", optics_hot, 200.0), *variants("C9 NCCL over TCP", over_tcp, 200.0),
    *variants("D1 HW thermal slowdown", too_hot), *variants("D2 SW thermal slowdown", warm),
    *variants("D3 slowdowns often", slowed_often, 640.0), *variants("D4 power brake", brake),
    *variants("D5 power limit", capped), *variants("D6 GPU hot", hot, 420.0), *variants("D7 straggler", straggler),
    *variants("D8 power supply", supply), *variants("E1 NVLink error", nvlink4), *variants("E2 NVLink5 error", nvlink5),
    *variants("E4 NVSwitch fatal", switch, 200.0), *variants("E5 NVSwitch non-fatal", switch_noise, 200.0),
    *variants("E6 fabric manager", fabric_manager, 420.0), *variants("E7 fabric unhealthy", fabric_ill),
    *variants("E8 IMEX domain", imex),
)  # fmt: skip
