"""A provider's no is read for what it is, from an HTTP answer as from Terraform's words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.refusals import Kind, Then, kind_in, kind_of, then

CAPACITY = (
    "There are no longer any instances available with the requested specifications. Please refresh and try again.",
    "There are no longer any instances available with the request specifications. Please try again later.",
    "this machine does not have the resources to deploy this pod",
    "No instances available",
    "out of capacity",
    "There are not enough free GPUs on the host machine to start this pod.",
    "insufficient GPU capacity in US-KS-2",
)
RULES = (
    "globalNetworking requires a data center that supports it",
    "ports: at most 10 HTTP ports",
    "global networking requires an NVIDIA GPU in a data center that supports it",
    "",
)


@pytest.mark.parametrize("words", CAPACITY)
def test_want_of_capacity_is_known_by_its_words(words: str) -> None:
    """Every wording that was seen."""
    assert Kind.CAPACITY == kind_of(400, words)
    assert Kind.CAPACITY == kind_in(f"Error: creating pod: {words}")


@pytest.mark.parametrize("words", RULES)
def test_other_words_are_a_broken_rule(words: str) -> None:
    """The next candidate is tried all the same: the wording may be new."""
    assert Kind.REQUEST == kind_of(400, words)
    assert Then.ELSEWHERE == then(kind_of(400, words))


def test_want_of_money_is_not_want_of_capacity() -> None:
    """No candidate helps a balance."""
    assert Kind.PAYMENT == kind_of(400, "Insufficient balance to deploy this pod")
    assert Kind.PAYMENT == kind_in("pod not created: insufficient funds")
    assert Then.STOP == then(Kind.PAYMENT)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("unexpected status 402: Payment Required", Kind.PAYMENT),
        ("POST /v2/pods: HTTP 403: GPU pool not allowed", Kind.FORBIDDEN),
        ('{"status":422,"title":"Unprocessable Entity"}', Kind.INVALID),
        ('{"status_code": 429}', Kind.BUSY),
        ("API returned 401 Unauthorized", Kind.AUTH),
        ("error (503): try later", Kind.SERVER),
        ("429 Too Many Requests", Kind.BUSY),
        ("409 Conflict", Kind.CONFLICT),
        ("HTTP 400: There are no longer any instances available", Kind.CAPACITY),
        ("400 Bad Request: ports", Kind.REQUEST),
        ("Post https://api.runpod.io/v2/pods: context deadline exceeded", Kind.NETWORK),
        ("dial tcp 203.0.113.7:443: connect: connection refused", Kind.NETWORK),
        ("read: connection reset by peer", Kind.NETWORK),
        ("Unable to create pod: context canceled", Kind.NETWORK),
        ("pod has 500 GB of disk, which is too much", Kind.REQUEST),
        ("Error: 500 GB of disk are too much", Kind.REQUEST),
    ],
)
def test_terraforms_words_are_read(words: str, kind: Kind) -> None:
    """By the status in them, whichever way it is written, else by what they say."""
    assert kind == kind_in(words)


def test_every_kind_has_a_next_step() -> None:
    """Elsewhere where the candidate was at fault, again where nobody was, and an end where all would fare alike."""
    found = {kind: then(kind) for kind in Kind}

    assert {Kind.CAPACITY, Kind.REQUEST, Kind.FORBIDDEN} == {kind for kind in Kind if found[kind] is Then.ELSEWHERE}
    assert {Kind.BUSY, Kind.SERVER, Kind.NETWORK, Kind.CONFLICT} == {k for k in Kind if found[k] is Then.AGAIN}
    assert Then.STOP == then("something new")


@given(st.text(max_size=300))
def test_any_words_have_a_kind(words: str) -> None:
    """Nothing that a provider says is an error of ours."""
    assert kind_in(words) in Kind
