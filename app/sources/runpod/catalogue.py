"""RunPod's catalogue as offers: GPU types, what they cost, how free they are and where. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.deployment import COMMUNITY, SECURE, Offer
from app.sources.runpod.values import Record, number, record, records, text

AVAILABILITIES = frozenset({"NONE", "LOW", "MEDIUM", "HIGH"})
MOST_GPUS = 64
"""GPUs of one pod; a larger number is not believed."""


def parse_private(raw: bytes) -> frozenset[str]:
    """The data centres of `GET /v2/catalog/datacenters` whose pods can be on the private network."""
    found = ((text(one.get("id")), one.get("globalNetwork")) for one in records(raw, "dataCenters"))
    return frozenset(name for name, is_global in found if name and is_global is True)


def parse_offers(raw: bytes, private: frozenset[str], gpus: int, cloud: str) -> tuple[Offer, ...]:
    """The offers of `GET /v2/catalog/gpus`, one a GPU type and data centre.

    A type with room for fewer GPUs in a pod is offered with as many as it has, and one that only the other cloud has as
    one of that cloud: whoever chooses can then say why it was not chosen.
    """
    return tuple(offer for one in records(raw, "gpus") for offer in _offers(one, private, gpus, cloud))


def _offers(said: Record, private: frozenset[str], gpus: int, cloud: str) -> Iterator[Offer]:
    name = text(said.get("id"))
    if not name:
        return
    if not _has(said, cloud):
        other = COMMUNITY if cloud == SECURE else SECURE
        if _has(said, other):
            yield Offer(name, min(gpus, _most(said, other) or gpus), "", other, _price(said, other), "", False)
        return
    price, fitting, overall = _price(said, cloud), min(gpus, _most(said, cloud) or gpus), _availability(said)
    can_be_private = cloud == SECURE and _is_nvidia(said, name)
    centers = said.get("dataCenters")
    places = [record(one) for one in centers] if isinstance(centers, list) else []
    named = [(text(one.get("id")), _availability(one)) for one in places]
    for center, availability in [pair for pair in named if pair[0]] or [("", overall)]:
        is_private = can_be_private and center in private
        yield Offer(name, fitting, center, cloud, price, availability or overall, is_private)


def _has(said: Record, cloud: str) -> bool:
    """Whether a cloud rents it out, as far as it is told: by a flag, by room for none, else by a price."""
    flag, most = said.get(cloud.lower()), _most(said, cloud)
    if isinstance(flag, bool):
        return flag and most != 0
    prices = record(said.get("price"))
    return most != 0 and (_price(said, cloud) is not None or not any(number(price) for price in prices.values()))


def _price(said: Record, cloud: str) -> float | None:
    """$/h of one GPU; RunPod writes 0 where it rents none."""
    return number(record(said.get("price")).get(cloud.lower())) or None


def _most(said: Record, cloud: str) -> int | None:
    """GPUs that fit in one pod: one number, or one for each cloud."""
    value = said.get("maxCount")
    told = number(value.get(cloud.lower())) if isinstance(value, dict) else number(value)
    return None if told is None else min(int(told), MOST_GPUS)


def _is_nvidia(said: Record, name: str) -> bool:
    """Only pods with NVIDIA's GPUs can be on the private network."""
    return (text(said.get("manufacturer")) or name).upper().startswith("NVIDIA")


def _availability(said: Record) -> str:
    told = text(said.get("availability")).upper()
    return told if told in AVAILABILITIES else ""
