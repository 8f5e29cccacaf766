"""Where the nodes of a deployment may go: candidates in order, and a reason for every offer that is passed over. Pure.

The catalogue orders, it reserves nothing: whether an offer holds is known only when a pod was made of it. So a round
goes: place, let Terraform try, note what was refused, place again what is still missing. What was placed stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from enum import StrEnum

from app.domain.deployment import SECURE, Node, Offer, Wish
from app.domain.fleet import gpu_price
from app.domain.frozen import frozen
from app.domain.refusals import Kind, Then, then
from app.engine.placing_names import rank, unknown

EPSILON = 1e-6
"""$/h: prices are sums of floats."""
_RANKS = {"HIGH": 0, "MEDIUM": 1, "LOW": 2, "": 3}


class Why(StrEnum):
    """Why an offer is passed over; the words stay the same, for `--json` and tests."""

    NO_CAPACITY = "no_capacity"
    NOT_ALLOWED = "not_allowed"
    REFUSED = "refused"
    OTHER_CLOUD = "other_cloud"
    OTHER_DATA_CENTER = "other_data_center"
    NO_PRIVATE_NETWORK = "no_private_network"
    FEWER_GPUS = "fewer_gpus"
    TOO_DEAR = "too_dear"
    NO_PRICE = "no_price"


@frozen
class Refusal:
    """A create that was refused, as Terraform or the provider told it."""

    offer: Offer
    words: str
    """The provider's own, cleaned."""
    kind: str
    """See `app.domain.refusals.kind_in`."""
    at: float
    """Epoch seconds."""
    node: str = ""
    """Key of the node that it was tried for."""


@frozen
class Passed:
    """An offer that is no candidate."""

    offer: Offer
    why: Why
    words: str
    """For a person: the sentence after the offer's own words."""


@frozen
class Placing:
    """What can be tried now for the nodes that are missing."""

    candidates: Mapping[str, tuple[Offer, ...]]
    """By key of each missing node, the one to try first in front; empty: nowhere."""
    passed: tuple[Passed, ...] = ()
    """Offers of the wished GPUs that are passed over, in the order they would have been tried."""
    unknown: tuple[str, ...] = ()
    """A sentence for each wished GPU type or data centre that the catalogue does not have."""
    again_at: float | None = None
    """When the first of what was refused may be tried again; None: nothing comes back by waiting."""

    @property
    def first(self) -> dict[str, Offer]:
        """What to try now, by node key; nodes without a candidate are not in it."""
        return {key: offers[0] for key, offers in self.candidates.items() if offers}

    @property
    def is_possible(self) -> bool:
        """Every missing node has a candidate."""
        return all(self.candidates.values())

    @property
    def reasons(self) -> tuple[str, ...]:
        """A line for each offer passed over, for people."""
        return (*self.unknown, *(f"{one.offer.words}: {one.words}" for one in self.passed))


@frozen
class _Round:
    """What all offers of one round are held against."""

    wish: Wish
    missing: int
    kept: float | None
    """$/h of the nodes that stay; None: one of them has no price."""
    refused: Mapping[tuple[str, int, str, str], Refusal] = field(default_factory=dict)
    near: frozenset[str] = frozenset()
    """Data centres of the nodes that stay."""


def place(
    wish: Wish,
    offers: Iterable[Offer],
    missing: Sequence[str],
    *,
    placed: Sequence[Node] = (),
    refused: Sequence[Refusal] = (),
    now: float = 0.0,
    again_s: float | None = None,
    pinned: Mapping[str, str] | None = None,
) -> Placing:
    """Order the candidates of the nodes that are missing.

    `missing` are their keys; `placed` the nodes that have a pod and keep it, each with the price that it costs.
    `refused` rules an offer out for every node, for good or, for want of capacity, for `again_s` seconds. `pinned`
    gives the data centre of a node that is bound to one (the head with a network volume).
    """
    known = tuple(offers)
    wanted = [offer for offer in known if rank(offer.gpu_type, wish.gpu_types) is not None]
    prices = [node.offer.price for node in placed]
    kept = None if None in prices else sum(price for price in prices if price is not None)
    counting = [one for one in refused if _counts(one, now, again_s)]
    this = _Round(
        wish,
        len(missing),
        kept,
        {_identity(one.offer): one for one in counting},
        frozenset(node.offer.data_center for node in placed if node.offer.data_center),
    )
    ordered = sorted(wanted, key=lambda offer: _order(this, offer))
    judged = [(offer, _passed(this, offer)) for offer in ordered]
    fitting = tuple(offer for offer, why in judged if why is None)
    pins = pinned or {}
    return Placing(
        {key: _pinned(fitting, pins.get(key, "")) for key in missing},
        tuple(why for _, why in judged if why is not None),
        (
            *unknown(wish.gpu_types, {offer.gpu_type for offer in known}, "GPU type"),
            *unknown(wish.data_centers, {offer.data_center for offer in known if offer.data_center}, "data centre"),
        ),
        _again_at(counting, again_s),
    )


def priced(offers: Iterable[Offer], prices: Mapping[str, float]) -> tuple[Offer, ...]:
    """The offers, with the configured $/h of a GPU where the catalogue names none."""
    return tuple(
        offer if offer.price_per_gpu is not None else replace(offer, price_per_gpu=gpu_price(prices, offer.gpu_type))
        for offer in offers
    )


def _order(this: _Round, offer: Offer) -> tuple[float | int | str, ...]:
    """By type in the user's order, or by price; then the user's data centres, then near the others, then roomy ones."""
    wish = this.wish
    types = rank(offer.gpu_type, wish.gpu_types) or 0
    price = float("inf") if offer.price is None else offer.price
    dearness = (price, types) if wish.by_price or not wish.gpu_types else (types, price)
    center = rank(offer.data_center, wish.data_centers)
    room = _RANKS.get(offer.availability, 4)
    is_far = bool(this.near) and offer.data_center not in this.near
    return (
        *dearness,
        len(wish.data_centers) if center is None else center,
        is_far,
        room,
        offer.gpu_type,
        offer.data_center,
    )


def _passed(this: _Round, offer: Offer) -> Passed | None:
    """Why an offer is no candidate; None: it is one. What waiting cannot mend comes first."""
    for rule in (_where, _size, _refusal, _money):
        found = rule(this, offer)
        if found is not None:
            return Passed(offer, *found)
    return None


def _where(this: _Round, offer: Offer) -> tuple[Why, str] | None:
    wish = this.wish
    if offer.cloud != wish.cloud:
        return Why.OTHER_CLOUD, f"is in the cloud {offer.cloud}; {wish.cloud} is wished"
    if not offer.data_center and offer.availability == "NONE":
        return None  # it stands nowhere now: what is wanting is capacity
    if rank(offer.data_center, wish.data_centers) is None:
        told = "not" if offer.data_center else "the catalogue does not say whether it is"
        return Why.OTHER_DATA_CENTER, f"{told} in a data centre that is wished ({', '.join(wish.data_centers)})"
    # One lone pod needs no network; in the secure cloud ours are on it all the same, so that it can grow later.
    if not offer.has_private_network and (wish.nodes > 1 or wish.cloud == SECURE):
        place_ = "this data centre" if offer.data_center else f"the cloud {offer.cloud}"
        return Why.NO_PRIVATE_NETWORK, f"no private network between pods in {place_}"
    return None


def _size(this: _Round, offer: Offer) -> tuple[Why, str] | None:
    if offer.gpus < this.wish.gpus_per_node:
        return Why.FEWER_GPUS, f"at most {offer.gpus} in one pod; {this.wish.gpus_per_node} are wished"
    return None


def _refusal(this: _Round, offer: Offer) -> tuple[Why, str] | None:
    refusal = this.refused.get(_identity(offer))
    if refusal is None:
        return (Why.NO_CAPACITY, "the catalogue says that none is free") if offer.availability == "NONE" else None
    said = f": {refusal.words}" if refusal.words else ""
    match refusal.kind:
        case Kind.CAPACITY:
            return Why.NO_CAPACITY, f"no capacity{said}"
        case Kind.FORBIDDEN:
            return Why.NOT_ALLOWED, f"not allowed for this account{said}"
        case _:
            return Why.REFUSED, f"refused{said}"


def _money(this: _Round, offer: Offer) -> tuple[Why, str] | None:
    """Every node that is missing must be able to go here: then any mixture of candidates is within the cap, too."""
    cap = this.wish.max_cost_per_hour
    if cap is None:
        return None
    if offer.price is None:
        return Why.NO_PRICE, f"its price is not known, so the cap of ${cap:.2f}/h cannot be kept; see settings: prices"
    if this.kept is None:
        return Why.NO_PRICE, f"what a node that runs costs is not known, so the cap of ${cap:.2f}/h cannot be kept"
    total = this.kept + offer.price * this.missing
    if total <= cap + EPSILON:
        return None
    count = f"{this.missing} of them" if this.missing > 1 else "it"
    beside = f" beside the ${this.kept:.2f}/h of what runs" if this.kept else ""
    return (
        Why.TOO_DEAR,
        f"${offer.price:.2f}/h each: {count}{beside} would make ${total:.2f}/h, the cap is ${cap:.2f}/h",
    )


def _identity(offer: Offer) -> tuple[str, int, str, str]:
    """What makes two offers the same although price and availability moved on."""
    return offer.gpu_type, offer.gpus, offer.data_center, offer.cloud


def _counts(refusal: Refusal, now: float, again_s: float | None) -> bool:
    if then(refusal.kind) is Then.AGAIN:
        return False
    return refusal.kind != Kind.CAPACITY or again_s is None or now - refusal.at < again_s


def _again_at(refusals: Iterable[Refusal], again_s: float | None) -> float | None:
    if again_s is None:
        return None
    return min((one.at + again_s for one in refusals if one.kind == Kind.CAPACITY), default=None)


def _pinned(offers: tuple[Offer, ...], data_center: str) -> tuple[Offer, ...]:
    return tuple(offer for offer in offers if not data_center or offer.data_center == data_center)
