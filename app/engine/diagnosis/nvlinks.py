"""What the registers in NVLink's Xids say: 74 (Ampere, Hopper) and 144 … 150 (NVLink 5). Pure.

Bits and codes are those of NVIDIA's Xid catalogue (its workflows of NVLink errors). Whether an error of NVLink 5 is
fatal the line itself says; the registers say where to look. The bits used here lie at the same place before and after
driver 575, but for one, which is told apart by the subunit's code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from app.domain.frozen import frozen

Kind = Literal[
    "hardware", "ecc", "signal", "peer", "software", "host", "repeat", "unknown", "echo", "corrected", "harmless"
]
KIND_WORDS: Mapping[Kind, str] = {
    "hardware": "the board or its connection",
    "ecc": "a memory cell of the link (ECC or parity)",
    "signal": "the link's signal: connector, cable or temperature",
    "peer": "the other end of the link, which went first",
    "software": "software or a person that took the link down",
    "host": "the host, whose own logs say more",
    "repeat": "nothing by itself: only its coming back means something",
    "unknown": "nothing that is known: its registers are not in NVIDIA's list",
    "echo": "another error that it follows from",
    "corrected": "errors that were corrected, many of them",
    "harmless": "nothing",
}
"""Kind → where an error points to, graver first."""
_MINOR: frozenset[Kind] = frozenset(("echo", "corrected", "harmless"))


@frozen
class LinkError:
    """One error of a link, decoded."""

    kind: Kind
    is_fatal: bool
    """The link is lost, or what went over it is."""

    @property
    def words(self) -> str:
        """Where it points to."""
        return KIND_WORDS[self.kind]


_HOPPER: Mapping[int, Mapping[Kind, tuple[int, ...]]] = {
    0: {
        "hardware": (8, 9, 12, 16, 17, 24, 28),
        "ecc": (4, 5),
        "signal": (21, 22),
        "repeat": (27, 29),
        "echo": (1, 20),
        "harmless": (0, 23, 30),
    },
    2: {"ecc": (0, 1, 2, 6), "hardware": (13,), "repeat": (16, 17, 18, 19)},
    3: {"echo": (16, 17, 18)},
    4: {"ecc": (18, 19, 21, 22, 24, 25, 27, 28), "corrected": (20, 23, 26, 29)},
}
"""Register of Xid 74 (from 0) → what its bits mean."""


def decode_74(registers: str) -> LinkError:
    """An error of Xid 74 by its seven registers; of several bits the gravest counts."""
    numbers = _numbers(registers.split(","))
    if len(numbers) != 7 or not any(numbers):
        return LinkError("unknown", is_fatal=True)
    found: set[Kind] = set()
    for place, meanings in _HOPPER.items():
        rest = numbers[place]
        for kind, bits in meanings.items():
            mask = sum(1 << bit for bit in bits)
            if rest & mask:
                found.add(kind)
            rest &= ~mask
        if rest:
            found.add("unknown")
    kind = next((one for one in KIND_WORDS if one in found), "unknown")
    return LinkError(kind, is_fatal=kind not in _MINOR)


_REASONS: Mapping[Kind, tuple[int, ...]] = {
    "signal": (2, 4, 10, 42, 43),
    "software": (15, 16, 17, 18, 22, 38),
    "peer": (21, *range(32, 38)),
    "host": (40,),
    "repeat": (1,),
}
"""Why a link went down, by bits 20 … 25 of a link event's first register. 0: no reason is given, so another has one."""
_RESET: Mapping[str, tuple[int, ...]] = {
    "SAW_MVB": (0x2, 0x10),
    "RLW_REMAP": (0x40, 0x80),
    "RLW_RSPCOL": (0x2,),
    "RLW_SRC_TRACK": (0x1, 0x10, 0x20),
    "RLW_TAGSTATE": (0x2, 0x20000, 0x100000),
    "TLW_CTRL": (0x4,),
    "TLW_RX": (0x4,),
    "TLW_TX": (0x4,),
    "NETIR_MFDE_EVENT": (0x1, 0x4, 0x5, 0x7),
}
"""Subunit → states of its second register that only a reset clears."""
_LOST_WORK: Mapping[str, tuple[int, ...]] = {
    "RLW_REMAP": (0x1, 0x2, 0x4, 0x8, 0x10, 0x20),
    "RLW_SRC_TRACK": (0x4, 0x8),
}
"""Subunit → states that cost a program its work, as the fallout of a link that went down elsewhere."""


def decode_5(code: int, unit: str, word: str, registers: str) -> LinkError:
    """An error of NVLink 5 by its subunit, its word (`Fatal`, `Nonfatal`) and its registers."""
    is_fatal = word.casefold() == "fatal"
    numbers = _numbers(registers.replace(",", " ").split())
    if len(numbers) < 2:
        return LinkError("unknown", is_fatal)
    first, second = numbers[0], numbers[1]
    if unit.startswith("NETIR_LINK"):
        reason = first >> 20 & 0x3F
        return LinkError(next((kind for kind, codes in _REASONS.items() if reason in codes), "echo"), is_fatal)
    if unit.startswith("NETIR_BER"):
        return LinkError("signal", is_fatal)
    if unit.startswith("NETIR") and not unit.startswith("NETIR_MFDE"):
        return LinkError("echo", is_fatal)
    if code == 150:
        return LinkError("hardware", is_fatal)
    return LinkError(_state(unit, first, second), is_fatal)


def _state(unit: str, first: int, second: int) -> Kind:
    name = next((one for one in (*_RESET, *_LOST_WORK) if unit.startswith(one)), unit)
    if second in _RESET.get(name, ()) or _is_poisoned(unit, first):
        return "hardware"
    return "echo" if second in _LOST_WORK.get(name, ()) else "harmless"


def _is_poisoned(unit: str, first: int) -> bool:
    """The receiving pipe marks what needs a reset by a bit of its own: 10 before driver 575, 7 since."""
    if not unit.startswith("RLW_RXPIPE"):
        return False
    return bool(first & 0x80) if first & 0x7F == 0x06 else bool(first & 0x400)


def _numbers(words: list[str]) -> list[int]:
    found: list[int] = []
    for word in words:
        bare = word.strip()
        try:
            found.append(int(bare, 16))
        except ValueError:
            return found
    return found
