"""The catalogue becomes offers, each with what makes it fit or not."""

import json
from typing import Any

import pytest

from app.domain.deployment import Offer, Wish
from app.domain.refusals import ProviderError
from app.engine.placing import Why, place
from app.sources.runpod.catalogue import parse_offers, parse_private

H100 = "NVIDIA H100 80GB HBM3"
PRIVATE = frozenset({"US-KS-2"})


def gpu(**more: object) -> dict[str, Any]:
    return {
        "id": H100,
        "manufacturer": "NVIDIA",
        "secure": True,
        "community": False,
        "price": {"secure": 2.69, "community": 0.0},
        "maxCount": {"secure": 8, "community": 0},
        "availability": "HIGH",
        "dataCenters": [{"id": "US-KS-2", "availability": "LOW"}, {"id": "AP-JP-1", "availability": "HIGH"}],
        **more,
    }


def offers(*gpus: object, count: int = 2, cloud: str = "SECURE") -> tuple[Offer, ...]:
    return parse_offers(json.dumps({"gpus": gpus}).encode(), PRIVATE, count, cloud)


def test_offer_for_each_data_center() -> None:
    """Each with the price of the cloud, its own availability, and whether the private network is there."""
    assert (
        Offer(H100, 2, "US-KS-2", "SECURE", 2.69, "LOW", True),
        Offer(H100, 2, "AP-JP-1", "SECURE", 2.69, "HIGH", False),
    ) == offers(gpu())


def test_smaller_machines_are_offered_as_they_are() -> None:
    """Who wants 8 GPUs sees that only 4 go into one pod."""
    assert {4} == {one.gpus for one in offers(gpu(maxCount={"secure": 4}), count=8)}
    assert {4} == {one.gpus for one in offers(gpu(maxCount=4), count=8)}
    assert {8} == {one.gpus for one in offers(gpu(maxCount=None), count=8)}


def test_type_of_the_other_cloud_is_an_offer_of_that_cloud() -> None:
    """So that it can be said why it was not taken."""
    found = offers(gpu(), cloud="COMMUNITY")

    assert (Offer(H100, 2, "", "SECURE", 2.69, "", False),) == found
    assert [Why.OTHER_CLOUD] == [one.why for one in place(Wish("lab", cloud="COMMUNITY"), found, ("head",)).passed]


def test_community_has_no_private_network() -> None:
    """Its offers name no data centre."""
    shared = gpu(community=True, price={"secure": 2.69, "community": 1.99}, maxCount=8, dataCenters=None)

    assert (Offer(H100, 2, "", "COMMUNITY", 1.99, "HIGH", False),) == offers(shared, cloud="COMMUNITY")


def test_other_makers_have_no_private_network() -> None:
    """Only pods with NVIDIA's GPUs can be on it."""
    assert {False} == {one.has_private_network for one in offers(gpu(id="AMD Instinct MI300X OAM", manufacturer="AMD"))}


def test_what_stands_nowhere_has_no_capacity() -> None:
    """A type that is offered in no data centre now is passed over for want of capacity, not of a network."""
    found = offers(gpu(availability="NONE", dataCenters=None), count=1)

    assert (Offer(H100, 1, "", "SECURE", 2.69, "NONE", False),) == found
    assert [Why.NO_CAPACITY] == [one.why for one in place(Wish("lab"), found, ("head",)).passed]


def test_type_that_nobody_rents_out_is_no_offer() -> None:
    """Neither flag is set."""
    assert () == offers(gpu(secure=False))


def test_new_and_missing_fields_are_borne() -> None:
    """Without flags the price tells; without a price it is unknown; words that are new say nothing."""
    assert (Offer("NVIDIA X", 2, "", "SECURE", None, "", False),) == offers(
        {"id": "NVIDIA X", "availability": "PLENTY"}
    )
    assert () == offers({"name": "no id"}, {"id": 7}, {"id": ""})
    assert [None] == [one.price_per_gpu for one in offers({"id": "NVIDIA X", "price": "cheap"})]


def test_private_network_is_where_the_catalogue_says_so() -> None:
    """True and nothing else is yes."""
    raw = json.dumps(
        {"dataCenters": [{"id": "A", "globalNetwork": True}, {"id": "B", "globalNetwork": False}, {"id": "C"}]}
    )

    assert frozenset({"A"}) == parse_private(raw.encode())


def test_catalogue_that_is_none_is_an_error() -> None:
    """An empty catalogue would read as: no capacity anywhere."""
    for call in (lambda: parse_offers(b"{}", PRIVATE, 1, "SECURE"), lambda: parse_private(b"<html>")):
        with pytest.raises(ProviderError, match="nothing is concluded"):
            call()
