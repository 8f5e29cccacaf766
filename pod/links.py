"""NVLinks of one GPU: how many, up or down, and their error counters.

Hopper and newer answer through field values scoped to a link; older GPUs through one call a link and counter.
"""

from functools import partial

from pod import driver
from pod.asker import Asker, asleep_everywhere
from pod.fields import FieldAnswer
from pod.gpu import NvLink

LINK_COUNT = 91
LINK_STATE = 165
MAX_LINKS = 36
"""More than any GPU has; bounds the search where the count is not told."""

ERROR_FIELDS = {
    161: "replay",
    162: "recovery",
    163: "crc",
    206: "malformed_packet",
    207: "buffer_overrun",
    208: "receive",
    209: "receive_remote",
    210: "receive_general",
    211: "local_link_integrity",
    212: "transmit_discard",
    214: "link_recovery_failed",
    215: "link_recovery",
    219: "effective",
    221: "symbol",
}
"""Field id to kind of error: the first three are NVLink 4's, the others came with NVLink 5."""

ERROR_COUNTERS = {0: "replay", 1: "recovery", 2: "crc", 3: "crc_data"}
"""Counters of nvmlDeviceGetNvLinkErrorCounter, for GPUs before Hopper."""


def read_links(of: driver.Handle, asker: Asker, ticks: float) -> tuple[NvLink, ...]:
    """All links; none where the GPU has no NVLink."""
    answer = asker.field_answers(of, ((LINK_COUNT, 0),))[0]
    count = MAX_LINKS if answer.value is None else min(int(answer.value), MAX_LINKS)
    if answer.value is not None:
        links = _by_fields(of, count, asker, ticks)
        if any(link.is_up is not None for link in links):
            return links
    return _by_calls(of, count, asker, ticks)


TOTALS = {
    "replay": "DCGM_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL",
    "recovery": "DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL",
    "crc": "DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL",
    "crc_data": "DCGM_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL",
}


def error_totals(links: tuple[NvLink, ...]) -> dict[str, float]:
    """Sums over all links, for GPUs whose driver has no totals of its own; only kinds that every live link counts."""
    live = [link for link in links if link.is_up]
    return {
        family: sum(link.errors.get(kind, 0.0) for link in links)
        for kind, family in TOTALS.items()
        if live and all(kind in link.errors for link in live)
    }


def _by_fields(of: driver.Handle, count: int, asker: Asker, ticks: float) -> tuple[NvLink, ...]:
    ids = [number for number in (LINK_STATE, *ERROR_FIELDS) if asker.is_awake(("link", number), ticks)]
    wanted = tuple((number, link) for link in range(count) for number in ids)
    found = asker.field_answers(of, wanted)
    each = len(ids)
    by_link = [dict(zip(ids, found[link * each : (link + 1) * each], strict=True)) for link in range(count)]
    for number in asleep_everywhere(item for answers in by_link for item in answers.items()):
        asker.put_to_sleep(("link", number), ticks)
    return tuple(_link(link, answers) for link, answers in enumerate(by_link))


def _link(index: int, answers: dict[int, FieldAnswer]) -> NvLink:
    state = answers.get(LINK_STATE)
    errors = {
        ERROR_FIELDS[number]: answer.value
        for number, answer in answers.items()
        if answer.value is not None and number in ERROR_FIELDS
    }
    return NvLink(index, None if state is None or state.value is None else state.value != 0, errors)


def _by_calls(of: driver.Handle, count: int, asker: Asker, ticks: float) -> tuple[NvLink, ...]:
    links = []
    for index in range(count):
        if not asker.is_awake("nvmlDeviceGetNvLinkState", ticks):
            break
        try:
            state = driver.numbers("nvmlDeviceGetNvLinkState", of, (index,), (None,))[0]
        except driver.UnsupportedError:
            # No NVLink at all, or past the last link.
            if index == 0:
                asker.put_to_sleep("nvmlDeviceGetNvLinkState", ticks)
            break
        except driver.CallError as error:
            asker.note(error)
            break
        links.append(NvLink(index, state != 0, _error_counters(of, index, asker, ticks)))
    return tuple(links)


def _error_counters(of: driver.Handle, index: int, asker: Asker, ticks: float) -> dict[str, float]:
    function = "nvmlDeviceGetNvLinkErrorCounter"
    errors = {}
    for counter, kind in ERROR_COUNTERS.items():
        question = partial(driver.numbers, function, of, (index, counter), (None,))
        answer = asker.attempt((function, counter), ticks, question)
        if answer is not None:
            errors[kind] = answer[0]
    return errors
