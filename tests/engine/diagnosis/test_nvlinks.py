"""Registers of NVLink's Xids: what their bits point to."""

from __future__ import annotations

import pytest

from app.engine.diagnosis.nvlinks import LinkError, decode_5, decode_74


def seven(**bits: int) -> str:
    """Seven registers with one bit each set, `r0=8`: bit 8 of the first."""
    return ", ".join(hex(1 << bits[f"r{place}"]) if f"r{place}" in bits else "0x0" for place in range(7))


@pytest.mark.parametrize(
    ("registers", "kind", "is_fatal"),
    [
        (seven(r0=8), "hardware", True),
        (seven(r0=4), "ecc", True),
        (seven(r0=21), "signal", True),
        (seven(r0=20), "echo", False),
        (seven(r0=23), "harmless", False),
        (seven(r2=16), "repeat", True),
        (seven(r2=1), "ecc", True),
        (seven(r3=18), "echo", False),
        (seven(r4=20), "corrected", False),
        (seven(r4=28), "ecc", True),
        (seven(r0=20, r2=0), "ecc", True),
        (seven(r0=31), "unknown", True),
        (seven(), "unknown", True),
        ("", "unknown", True),
        ("0x0, junk", "unknown", True),
    ],
)
def test_of_several_bits_of_xid_74_the_gravest_counts(registers: str, kind: str, *, is_fatal: bool) -> None:
    """Bits that only echo another error, or may be ignored, are no fault by themselves."""
    found = decode_74(registers)

    assert (kind, is_fatal) == (found.kind, found.is_fatal)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (0, "echo"),
        (1, "repeat"),
        (2, "signal"),
        (4, "signal"),
        (15, "software"),
        (33, "peer"),
        (40, "host"),
        (43, "signal"),
    ],
)
@pytest.mark.parametrize("code", [0x1C6, 0x11])
def test_a_link_that_went_down_says_why(reason: int, kind: str, code: int) -> None:
    """Six bits of its first register, at the same place before and after driver 575."""
    found = decode_5(149, "NETIR_LINK_EVT", "Fatal", f"0x{reason << 20 | code:08x} 0x00000000")

    assert (kind, True) == (found.kind, found.is_fatal)


@pytest.mark.parametrize(
    ("code", "unit", "word", "registers", "found"),
    [
        (145, "RLW_SRC_TRACK", "Nonfatal", "0x000008e2 0x00000008", LinkError("echo", False)),
        (145, "RLW_SRC_TRACK", "Fatal", "0x000008e2 0x00000010", LinkError("hardware", True)),
        (145, "RLW_TAGSTATE", "Nonfatal", "0x00000102 0x00000001", LinkError("harmless", False)),
        (146, "TLW_RX_PIPE0", "Fatal", "0x00000143 0x00000004", LinkError("hardware", True)),
        (144, "SAW_MVB", "Fatal", "0x00000021 0x00000002", LinkError("hardware", True)),
        (149, "NETIR_BER_EVENT", "Nonfatal", "0x00000226 0x00000001", LinkError("signal", False)),
        (149, "NETIR", "Fatal", "0x000fe406 0x00000000", LinkError("echo", True)),
        (150, "MSE_WATCHDOG", "Fatal", "0x00000000 0x00000000", LinkError("hardware", True)),
        (145, "RLW_RXPIPE", "Nonfatal", "0x000000c2 0x00000001", LinkError("harmless", False)),
        (145, "RLW_RXPIPE", "Nonfatal", "0x000004c2 0x00000001", LinkError("hardware", False)),
        (145, "RLW_RXPIPE", "Nonfatal", "0x00000086 0x00000001", LinkError("hardware", False)),
        (145, "RLW_RXPIPE", "Nonfatal", "0x00000006 0x00000001", LinkError("harmless", False)),
        (149, "NETIR_LINK_EVT", "Fatal", "", LinkError("unknown", True)),
    ],
)
def test_the_word_decides_and_the_registers_say_where(
    code: int, unit: str, word: str, registers: str, found: LinkError
) -> None:
    """Fatal or not is the line's own word; where to look follows from subunit and registers."""
    assert found == decode_5(code, unit, word, registers)
