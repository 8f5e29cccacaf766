"""Which of our targets Prometheus can read by itself, and how it is told of them."""

from __future__ import annotations

import pytest

from app.config.settings import Target
from app.services.stack.scraping import Access, discovered, groups, left_out_answer, scraped


def group(address: str, **labels: str) -> dict[str, object]:
    """A group of http_sd."""
    return {"targets": [address], "labels": {"__scheme__": "http", "__metrics_path__": "/metrics", **labels}}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Target(url="http://node-1:9400/metrics"), group("node-1:9400", source="node-1:9400")),
        (Target(url="http://[::1]:9100"), group("[::1]:9100", source="[::1]:9100")),
        (Target(url="http://h/a"), group("h:80", __metrics_path__="/a", source="h/a")),
        (
            Target(url="https://h/metrics?x=1", node="n-1", name="page"),
            group("h:443", __scheme__="https", __param_x="1", node="n-1", source="page"),
        ),
        (
            Target(url="http://h:1/", interval_s=2, timeout_s=30, name="q"),
            group("h:1", __metrics_path__="/", __scrape_interval__="2000ms", __scrape_timeout__="2000ms", source="q"),
        ),
    ],
    ids=lambda one: one.url if isinstance(one, Target) else "",
)  # fmt: skip
def test_a_page_is_told_with_all_that_steers_its_scrape(target: Target, expected: dict[str, object]) -> None:
    """Scheme, path, parameters and times as labels that Prometheus takes away; node and source stay."""
    pages, others = discovered([target])

    assert ([expected], ()) == (groups(pages), others)


@pytest.mark.parametrize(
    ("target", "word"),
    [
        (Target(url="nvml:"), "gpu-watchdog-exporter"),
        (Target(url="slurm:"), "Slurm itself"),
        (Target(url="log:kernel"), "is a log"),
        (Target(url="unix:///run/x.sock"), "unix socket"),
        (Target(url="http://h:1/metrics", ssh="me@head"), "ssh"),
        (Target(url="http://ana:geheim@h:1/metrics"), "password"),
        (Target(url="http://h:1/metrics?api_token=geheim"), "token in its address"),
        (Target(url="http://h:badport/"), "no address"),
    ],
    ids=lambda one: one.url if isinstance(one, Target) else "",
)
def test_what_prometheus_cannot_read_is_left_out_with_a_reason(target: Target, word: str) -> None:
    """Nothing else is dropped with it, and no password is told."""
    pages, others = scraped([target, Target(url="http://good:1")])

    assert ["good:1"] == [page.address for page in pages]
    (told,) = left_out_answer(others)
    assert word in told["why"]
    assert "geheim" not in str(told)


@pytest.mark.parametrize(
    ("target", "access"),
    [
        (Target(url="http://h:1/metrics", token_file="/t"), Access(token_file="/t")),
        (Target(url="https://h:1/metrics", ca_file="/ca"), Access(ca_file="/ca")),
        (Target(url="https://h:1/metrics", insecure=True), Access(insecure=True)),
        (Target(url="http://h:1/metrics?collect[]=cpu&x=1"), Access(params=(("collect[]", ("cpu",)),))),
        (Target(url="http://h:1/metrics?match=a&match=b"), Access(params=(("match", ("a", "b")),))),
    ],
    ids=["token", "ca", "insecure", "name", "values"],
)
def test_a_page_that_wants_more_than_labels_can_say_gets_a_job_of_its_own(target: Target, access: Access) -> None:
    """Prometheus would refuse a whole answer of http_sd for one label with a wrong name."""
    ((page,), _) = scraped([target])

    assert access == page.access
    assert ((), "http_sd") == (discovered([target])[0], discovered([target])[1][0].why.split(" that ")[1].split()[0])
