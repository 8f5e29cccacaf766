"""What the NVIDIA driver and its switches write to the kernel log: Xids, SXids, and texts without a number. Pure.

The forms are those of the open kernel modules 515 … 595 (`NVRM: Xid (PCI:…): N, pid=…, name=…, text`; the process is
left out by some, and an old driver writes no `PCI:`), and of its NVSwitch and peer-memory modules.
"""
# ruff: noqa: E501 - a row of signs reads best as one table line

from __future__ import annotations

import re
from dataclasses import replace

from app.domain.xids import sxid_severity, xid_severity
from app.sources.logs.sign import Find, find, known, pci_address, sign, whole

_XID = re.compile(r"NVRM: (?:GPU at )?Xid \((?P<place>[^)]{4,80})\): (?P<code>\d{1,5})\b(?P<rest>.*)")
_SXID = re.compile(
    r"nvidia-nvswitch(?P<switch>\d{1,3}): SXid \((?P<place>[^)]{4,80})\): (?P<code>\d{1,6})\b(?P<rest>.*)"
)
_PROCESS = re.compile(r"[, ]*pid=(?:'?<unknown>'?|'?(?P<pid>\d{1,10})'?)(?:, *name=(?P<name><unknown>|.*?)(?=, |$))?")
_SLICE = re.compile(r"GPU-I:(?P<gi>\d+)(?: GPU-CI:(?P<ci>\d+))?")
_CAUSED = re.compile(r"caused by previous Xid (\d{1,5})")
_RECOVERY = re.compile(r"changed from 0x(?P<was>[0-9a-f]{1,8}) .*? to 0x(?P<now>[0-9a-f]{1,8})", re.IGNORECASE)
_LINK = re.compile(r"\b[Ll]ink (-?\d{1,3})\b")
_GSP = re.compile(r"response from GPU(?P<gpu>\d{1,3}) GSP.*?function (?P<function>\d+ \(\w+\))")
_UNIT = re.compile(r"\(GPC (?P<gpc>\d+), TPC (?P<tpc>\d+)(?:, SM (?P<sm>\d+))?\)")
_NVLINK5 = re.compile(
    r"(?P<unit>[A-Z][\w/ ]{2,40}?)\s+(?P<fatal>Fatal|Nonfatal)\s+XC\d+ i\d+ Link -?\d+ \((?P<registers>[0-9a-fx ]{1,120})"
)
_SEVEN = re.compile(r"\((?P<registers>0x[0-9a-f]+(?:, 0x[0-9a-f]+){6})\)")
_MMU = re.compile(r"ENGINE (?P<engine>\w+).*?faulted @ (?P<address>\w+)\. Fault is of type (?P<fault>\w+)")
_ROW = re.compile(r"\(?(?:row|physAddr)? ?\(?(?P<address>0x[0-9a-f]{4,16})\)?", re.IGNORECASE)
_RESET = re.compile(r"RST: (?P<reset>Yes|No)")
_DETAILS: dict[int, tuple[re.Pattern[str], ...]] = {
    13: (_UNIT,),
    31: (_MMU, _UNIT),
    48: (re.compile(r"physAddr (?P<address>0x[0-9a-f]+)"), re.compile(r"on GPU in the (?P<unit>\w+)")),
    63: (_ROW,),
    64: (_ROW,),
    74: (_SEVEN,),
    94: (_RESET,),
    95: (_RESET,),
    119: (_GSP,),
    120: (_GSP,),
    **dict.fromkeys(range(144, 151), (_NVLINK5,)),
}
_WITH_LINK = frozenset((74, *range(144, 151)))

_WORD = re.compile(r"Fatal|Non-fatal|Data|Severity \d")
_GPU_AT = r"GPU (?:at )?(?P<pci>(?:PCI:)?[0-9a-fA-F:.]{7,20})"
DRIVER_SIGNS = (
    sign("gpu.off_bus", "critical", "has fallen off the bus", rf"NVRM: (?:{_GPU_AT}:|GPU (?P<gpu>\d+):?)? ?GPU has fallen off the bus"),
    sign("gpu.off_bus", "critical", "fallen off the bus and is not responding", r"NVRM: (?:.*)fallen off the bus and is not responding"),
    sign("gpu.init_failed", "critical", "RmInitAdapter failed", rf"NVRM: (?:{_GPU_AT}: )?RmInitAdapter failed! \((?P<status>[^)]+)\)"),
    sign("gpu.init_failed", "critical", "WPR2 already up", r"NVRM: (?:GPU(?P<gpu>\d+) )?\w*: unexpected WPR2 already up"),
    sign("gpu.init_failed", "critical", "rm_init_adapter failed", rf"NVRM: (?:{_GPU_AT}: )?rm_init_adapter failed"),
    sign("gpu.driver_mismatch", "critical", "API mismatch", r"NVRM: API mismatch:.*?(?:version (?P<client>[\d.]+))?"),
    sign("gpu.inforom_corrupt", "warning", "nfoROM", r"(?:NVRM|nvidia).*[iI]nfoROM is corrupt"),
    sign("gpu.power_cable", "critical", "power cables connected", rf"NVRM: (?:{_GPU_AT}: )?GPU does not have the necessary power cables connected"),
    sign("gpu.driver_missing", "critical", "No NVIDIA", r"NVRM: No NVIDIA (?:GPU|graphics adapter|devices?) (?:found|probed)"),
    sign("gpu.driver_missing", "critical", "NVIDIA devices were initialized", r"NVRM: None of the NVIDIA devices were initialized"),
    sign("gpu.persistence", "info", "persistence mode", r"NVRM:.*persistence mode (?P<mode>\w+)"),
    sign("gpu.driver_loaded", "info", "NVRM: loading NVIDIA", r"NVRM: loading NVIDIA .*?Kernel Module(?: for \S+)? +(?P<version>[\d.]+)"),
    sign("gpu.peermem", "info", "nvidia-peermem", r"nvidia-peermem \w+:\d+ ERROR (?P<what>.+)"),
    sign("fabric.switch_fatal", "critical", "detected NVSwitch fatal error", r"NVSwitch fatal error (?P<code>\d+) .*?pci bus id (?P<pci>[0-9a-f:.]+)(?:.*port (?P<port>\d+))?"),
    sign("fabric.switch_error", "info", "detected NVSwitch non-fatal error", r"NVSwitch non-fatal error (?P<code>\d+) .*?pci bus id (?P<pci>[0-9a-f:.]+)(?:.*port (?P<port>\d+))?"),
    sign("fabric.manager_stopped", "critical", "aborting fabric manager"),
    sign("fabric.manager_stopped", "critical", "fabric manager", r"fabric manager (?:NVLink|GPU) .*version .*mismatch"),
)  # fmt: skip
"""Texts of the driver that have no number. A link error of peer memory is told by healthy machines too."""

_LOADING = re.compile(r"NVRM: The NVIDIA GPU (?P<pci>[0-9a-f:.]{7,20})", re.IGNORECASE)
_IDENTITY = re.compile(r"NVRM: GPU at (?P<pci>PCI:[0-9a-f:.]{7,20}): (?P<uuid>GPU-[0-9a-f-]{36})", re.IGNORECASE)


def gpu_find(text: str) -> Find | None:
    """What a kernel line says of a GPU or a switch."""
    if "Xid (" in text:
        xid = _XID.search(text)
        if xid:
            return _xid(xid)
        sxid = _SXID.search(text)
        if sxid:
            return _sxid(sxid)
    return find(DRIVER_SIGNS, text) if "NV" in text or "nvidia" in text or "abric" in text else None


def named_while_loading(text: str) -> str | None:
    """The GPU that the next lines of a driver being loaded are about (`The NVIDIA GPU …` begins a sentence of three)."""
    loading = _LOADING.search(text)
    return pci_address(loading["pci"]) if loading else None


def identity(text: str) -> tuple[str, str] | None:
    """The PCI address and UUID of a board, as the driver writes them before its first Xid."""
    said = _IDENTITY.search(text)
    place = pci_address(said["pci"]) if said else None
    return (place, said["uuid"]) if said and place else None


def _xid(said: re.Match[str]) -> Find:
    code, rest, place = int(said["code"]), said["rest"], said["place"]
    process = _PROCESS.match(rest)
    words = rest[process.end() :].lstrip(", ") if process else rest.lstrip(", ")
    details = _details(code, words)
    piece = _SLICE.search(place)
    if piece:
        details |= {name: value for name, value in piece.groupdict().items() if value}
    caused, recovery, link = _CAUSED.search(words), _RECOVERY.search(words), _LINK.search(words)
    wanted = int(recovery["now"], 16) if recovery and code == 154 else None
    gpu = details.pop("gpu", None)
    found = Find("xid", xid_severity(code, words, wanted), code=code, pci=pci_address(place), details=details)
    return replace(
        found,
        gpu=whole(gpu) if gpu else None,
        pid=int(process["pid"]) if process and process["pid"] else None,
        process=known(process["name"]) if process else None,
        caused_by=int(caused[1]) if caused else None,
        recovery=wanted,
        link=whole(link[1]) if link and code in _WITH_LINK else None,
    )


def _sxid(said: re.Match[str]) -> Find:
    code, words = int(said["code"]), said["rest"].lstrip(", ")
    link = _LINK.search(words)
    severity = sxid_severity(code, words)
    word = _WORD.match(words)
    details = {"switch": said["switch"]} | ({"word": word[0]} if word else {})
    place, number = pci_address(said["place"]), whole(link[1]) if link else None
    return Find("sxid", severity, code=code, pci=place, link=number, details=details)


def _details(code: int, words: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pattern in _DETAILS.get(code, ()):
        match = pattern.search(words)
        if match:
            found |= {name: value.strip() for name, value in match.groupdict().items() if value}
    return found
