"""Every offer is a candidate in a known place of the order, or is passed over for a reason that can be read."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.domain.deployment import COMMUNITY, SECURE, Node, Offer, Wish
from app.domain.refusals import Kind
from app.engine.placing import Placing, Refusal, Why, place, priced

H100, A100, A40 = "NVIDIA H100 80GB HBM3", "NVIDIA A100-SXM4-80GB", "NVIDIA A40"
PRICES = {H100: 2.69, A100: 1.49, A40: 0.4}
NOW = 1_764_000_000.0


def offer(gpu_type: str = H100, center: str = "US-KS-2", availability: str = "HIGH", gpus: int = 1) -> Offer:
    return Offer(gpu_type, gpus, center, SECURE, PRICES[gpu_type], availability)


def refusal(of: Offer, kind: Kind = Kind.CAPACITY, words: str = "no longer any instances", at: float = NOW) -> Refusal:
    return Refusal(of, words, kind, at, "w1")


def order(placing: Placing, key: str = "head") -> list[tuple[str, str]]:
    return [(one.gpu_type, one.data_center) for one in placing.candidates[key]]


def why(placing: Placing) -> list[Why]:
    return [one.why for one in placing.passed]


def placed(key: str, of: Offer) -> Node:
    return Node(key, f"lab-{key}", of, f"pod-{key}")


def test_types_are_tried_in_the_users_order() -> None:
    """The dear type that is named first comes before the cheap one that is named second."""
    wish = Wish("lab", gpu_types=(H100, A100))

    assert [(H100, "US-KS-2"), (A100, "US-KS-2")] == order(place(wish, [offer(A100), offer(H100)], wish.keys))


def test_price_beats_the_users_order_where_asked() -> None:
    """By price, the cheapest of the named types comes first, and types that are not named stay out."""
    wish = Wish("lab", gpu_types=(H100, A100), by_price=True)

    assert [A100, H100] == [gpu for gpu, _ in order(place(wish, [offer(H100), offer(A100), offer(A40)], wish.keys))]


def test_any_type_means_the_cheapest_first() -> None:
    """Who names no type gets the cheapest that fits; one without a price is tried last."""
    nameless = replace(offer(A40), price_per_gpu=None)

    assert [A100, H100, A40] == [
        gpu for gpu, _ in order(place(Wish("lab"), [offer(H100), nameless, offer(A100)], ("head",)))
    ]


def test_data_centers_are_tried_in_the_users_order_then_the_roomiest() -> None:
    """A named order holds; else data centres with more room come first."""
    offers = [offer(center="US-KS-2", availability="LOW"), offer(center="EU-RO-1"), offer(center="CA-MTL-3")]

    named = place(Wish("lab", data_centers=("US-KS-2", "EU-RO-1")), offers, ("head",))
    free = place(Wish("lab"), offers, ("head",))

    assert ["US-KS-2", "EU-RO-1"] == [center for _, center in order(named)]
    assert ["CA-MTL-3", "EU-RO-1", "US-KS-2"] == [center for _, center in order(free)]
    assert [Why.OTHER_DATA_CENTER] == why(named)


def test_nodes_gather_near_those_that_run() -> None:
    """Where a node stands already its data centre is tried first, although another has more room."""
    near = offer(center="US-KS-2", availability="LOW")
    found = place(Wish("lab"), [offer(center="EU-RO-1"), near], ("w1",), placed=[placed("head", near)])

    assert ["US-KS-2", "EU-RO-1"] == [center for _, center in order(found, "w1")]


def test_short_names_stand_for_all_that_have_the_word() -> None:
    """`h100` is any H100; `A10` is not an A100."""
    offers = [offer(H100), offer(A100)]

    assert [H100] == [gpu for gpu, _ in order(place(Wish("lab", gpu_types=("h100",)), offers, ("head",)))]
    assert [] == order(place(Wish("lab", gpu_types=("A10",)), offers, ("head",)))


def test_unknown_names_are_told_with_the_nearest() -> None:
    """A typing error finds no offer, and says what may have been meant."""
    found = place(Wish("lab", gpu_types=("NVIDIA A40G",), data_centers=("US-KS-9",)), [offer(A40)], ("head",))

    assert "the catalogue has no GPU type 'NVIDIA A40G'; near it: NVIDIA A40" == found.unknown[0]
    assert "the catalogue has no data centre 'US-KS-9'; near it: US-KS-2" == found.unknown[1]
    assert not found.is_possible


def test_refused_offer_is_passed_over_with_the_providers_words() -> None:
    """Want of capacity that one node met rules the offer out for all nodes."""
    wish = Wish("lab", gpu_types=(H100, A100))
    found = place(wish, [offer(H100), offer(A100)], wish.keys, refused=[refusal(offer(H100))])

    assert {"head": offer(A100), "w1": offer(A100)} == found.first
    assert ("1 x NVIDIA H100 80GB HBM3 in US-KS-2: no capacity: no longer any instances",) == found.reasons


def test_refusal_holds_although_price_and_room_moved_on() -> None:
    """The same type, count, place and cloud is the same offer in the next catalogue."""
    later = replace(offer(H100), price_per_gpu=2.99, availability="LOW")

    assert [Why.NO_CAPACITY] == why(place(Wish("lab"), [later], ("head",), refused=[refusal(offer(H100))]))


def test_want_of_capacity_passes_in_time() -> None:
    """After the pause it may be tried again; a forbidden pool may not."""
    refused = [refusal(offer(H100), at=NOW - 50), refusal(offer(A100), Kind.FORBIDDEN, "not allowed", NOW - 500)]
    offers = [offer(H100), offer(A100)]

    soon = place(Wish("lab"), offers, ("head",), refused=refused, now=NOW, again_s=60)
    later = place(Wish("lab"), offers, ("head",), refused=refused, now=NOW + 10, again_s=60)

    assert (NOW + 10, []) == (soon.again_at, order(soon))
    assert (None, [H100]) == (later.again_at, [gpu for gpu, _ in order(later)])
    assert [Why.NOT_ALLOWED] == why(later)


def test_trouble_that_is_not_the_offers_rules_nothing_out() -> None:
    """A busy or broken provider is tried again with the same candidate."""
    refused = [refusal(offer(), kind) for kind in (Kind.BUSY, Kind.SERVER, Kind.NETWORK)]

    assert [H100] == [gpu for gpu, _ in order(place(Wish("lab"), [offer()], ("head",), refused=refused))]


def test_catalogue_without_room_is_not_tried() -> None:
    """What the catalogue says is taken is passed over until the catalogue says otherwise."""
    found = place(Wish("lab"), [offer(availability="NONE")], ("head",))

    assert [Why.NO_CAPACITY] == why(found)
    assert "the catalogue says that none is free" == found.passed[0].words


def test_nodes_need_the_private_network() -> None:
    """Secure pods go only where the private network is; so do those of any cluster of several nodes."""
    bare = replace(offer(), has_private_network=False)
    shared = replace(bare, cloud=COMMUNITY, data_center="")

    assert [Why.NO_PRIVATE_NETWORK] == why(place(Wish("lab", nodes=1), [bare], ("head",)))
    assert [Why.NO_PRIVATE_NETWORK] == why(place(Wish("lab", nodes=2, cloud=COMMUNITY), [shared], ("head", "w1")))
    assert place(Wish("lab", nodes=1, cloud=COMMUNITY), [shared], ("head",)).is_possible


def test_other_clouds_and_smaller_pods_are_passed_over() -> None:
    """Each says what it lacks."""
    offers = [replace(offer(A40), cloud=COMMUNITY), offer(A100, gpus=4)]
    found = place(Wish("lab", gpus_per_node=8), offers, ("head",))

    assert [Why.OTHER_CLOUD, Why.FEWER_GPUS] == why(found)
    assert "at most 4 in one pod; 8 are wished" == found.passed[1].words


def test_cap_holds_for_all_nodes_together() -> None:
    """What all missing nodes would cost, beside what runs, may reach the cap and not pass it."""
    wish = Wish("lab", nodes=3, max_cost_per_hour=1.49 + 2 * 2.69)
    runs = [placed("head", offer(A100))]

    assert [H100] == [gpu for gpu, _ in order(place(wish, [offer(H100)], ("w1", "w2"), placed=runs), "w1")]
    tight = place(replace(wish, max_cost_per_hour=6.86), [offer(H100)], ("w1", "w2"), placed=runs)
    assert [Why.TOO_DEAR] == why(tight)
    assert "$2.69/h each: 2 of them beside the $1.49/h of what runs would make $6.87/h, the cap is $6.86/h" == (
        tight.passed[0].words
    )


def test_unknown_price_is_no_price_under_a_cap() -> None:
    """Where a cap is set nothing is bought blindly, nor beside something whose price nobody knows."""
    blind = replace(offer(A40), price_per_gpu=None)
    wish = Wish("lab", max_cost_per_hour=100.0)

    assert [Why.NO_PRICE] == why(place(wish, [blind], ("head",)))
    assert [Why.NO_PRICE] == why(place(wish, [offer()], ("w1",), placed=[placed("head", blind)]))
    assert place(Wish("lab"), [blind], ("head",)).is_possible


def test_configured_prices_fill_in() -> None:
    """The catalogue's price counts where there is one, the configuration's where there is none."""
    blind = replace(offer(A40), price_per_gpu=None)

    assert (0.55, 2.69) == tuple(one.price for one in priced([blind, offer()], {"A40": 0.55, "H100": 1.0}))


def test_head_stays_with_its_volume() -> None:
    """A node that is bound to a data centre has candidates only there; the others are free."""
    wish = Wish("lab")
    found = place(wish, [offer(), offer(center="EU-RO-1")], wish.keys, pinned={"head": "EU-RO-1"})

    assert [(H100, "EU-RO-1")] == order(found)
    assert 2 == len(found.candidates["w1"])


def test_only_missing_nodes_are_placed() -> None:
    """What runs is kept: nobody is sent anew who has a pod."""
    found = place(Wish("lab", nodes=3), [offer()], ("w2",), placed=[placed("head", offer()), placed("w1", offer())])

    assert {"w2": offer()} == found.first


offers_ = st.lists(
    st.builds(
        Offer,
        st.sampled_from([H100, A100, A40]),
        st.integers(1, 8),
        st.sampled_from(["US-KS-2", "EU-RO-1", "AP-JP-1", ""]),
        st.sampled_from([SECURE, COMMUNITY]),
        st.none() | st.floats(0.1, 10),
        st.sampled_from(["", "NONE", "LOW", "MEDIUM", "HIGH"]),
        st.booleans(),
    ),
    max_size=12,
)


@given(offers=offers_, cap=st.none() | st.floats(0.1, 40), nodes=st.integers(1, 5), data=st.data())
def test_rounds_end_within_the_cap(offers: Sequence[Offer], cap: float | None, nodes: int, data: st.DataObject) -> None:
    """Whatever is refused, placing ends, never passes the cap, and accounts for every offer of the wished types."""
    wish = Wish("lab", nodes=nodes, gpu_types=("H100", "A100"), max_cost_per_hour=cap)
    here: list[Node] = []
    refused: list[Refusal] = []
    for _ in range(len(offers) + nodes + 1):
        missing = [key for key in wish.keys if key not in {node.key for node in here}]
        found = place(wish, offers, missing, placed=here, refused=refused)
        assert len({*found.candidates.values()}) <= 1
        if missing:
            wished = sum("H100" in one.gpu_type or "A100" in one.gpu_type for one in offers)
            assert wished == len(found.candidates[missing[0]]) + len(found.passed)
        if not found.first:
            break
        for key, chosen in found.first.items():
            if data.draw(st.booleans()):
                here.append(placed(key, chosen))
            else:
                refused.append(refusal(chosen))
        assert cap is None or sum(node.offer.price or 0.0 for node in here) <= cap + 1e-3
    else:
        raise AssertionError("placing does not end")
