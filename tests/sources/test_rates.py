"""Growth between two looks: rates, means over the interval, and when there is none."""

from __future__ import annotations

import pytest

from app.domain.reading import GpuReading, NodeReading
from app.sources.page import Page, PageContents
from app.sources.rates import nodes_with_rates, with_rates
from tests.sources.page_files import gpus, page_bytes


def looks(*pages: str, seconds: float = 10.0) -> list[PageContents]:
    """One source's results, each with what had grown since the one before."""
    page, found, before = Page(None, None), [], None
    for number, text in enumerate(pages):
        before = with_rates(before, page.read(text.encode(), at=1000.0 + seconds * number))
        found.append(before)
    return found


def test_first_look_has_no_rates() -> None:
    """Two readings are needed; until then rates are unknown."""
    (first,) = looks(page_bytes("vllm").decode())

    assert "service.tokens_per_s" not in first.services[0].values


def test_server_rates_are_growth_per_second_and_means_of_the_interval() -> None:
    """Tokens a second, mean time to first token, share of prefix hits, all of the last ten seconds."""
    names = (
        *("generation_tokens_total", "time_to_first_token_seconds_sum", "time_to_first_token_seconds_count"),
        *("prefix_cache_queries_total", "prefix_cache_hits_total"),
    )
    text = "".join(f'vllm:{name}{{{{model_name="m"}}}} {{}}\n' for name in names)
    _, second = looks(text.format(1000, 3, 15, 200, 50), text.format(1500, 7, 25, 300, 125))
    values = second.services[0].values

    assert {
        "service.tokens_per_s": 50.0,
        "service.ttft": 0.4,
        "service.prefix_hit_rate": 75.0,
    } == {key: values[key] for key in ("service.tokens_per_s", "service.ttft", "service.prefix_hit_rate")}


def test_mean_of_an_interval_without_requests_is_unknown() -> None:
    """No request is not a latency of zero; no token is a rate of zero."""
    text = page_bytes("vllm").decode()
    values = looks(text, text)[1].services[0].values

    assert 0.0 == values["service.tokens_per_s"]
    assert "service.ttft" not in values


def test_counter_that_fell_has_no_rate() -> None:
    """A restarted server counts anew: how far it grew is unknown, and known again after the next look."""
    text = 'vllm:generation_tokens_total{{model_name="m"}} {}\n'
    _, second, third = looks(text.format(1000), text.format(20), text.format(70))

    assert "service.tokens_per_s" not in second.services[0].values
    assert 5.0 == third.services[0].values["service.tokens_per_s"]


def test_cpu_utilization_follows_from_two_looks() -> None:
    """Busy is what is neither idle nor waiting for I/O, of all the time that passed."""
    text = 'node_cpu_seconds_total{{cpu="0",mode="idle"}} {}\nnode_cpu_seconds_total{{cpu="0",mode="user"}} {}\n'
    _, second = looks(text.format(100, 50), text.format(104, 56))

    assert 60.0 == second.nodes[0].values["node.cpu_utilization"]


def test_network_and_disk_rates_are_bytes_a_second() -> None:
    """The sums over interfaces and disks grow together."""
    text = 'node_network_receive_bytes_total{{device="eth0"}} {}\nnode_disk_read_bytes_total{{device="sda"}} {}\n'
    _, second = looks(text.format(1000, 0), text.format(6000, 4096))

    assert (500.0, 409.6) == tuple(second.nodes[0].values[key] for key in ("node.network_rx", "node.disk_read"))


def test_published_rate_is_not_replaced() -> None:
    """Where a page gives bytes a second itself, the counter beside it is not asked."""
    line = 'DCGM_FI_PROF_NVLINK_TX_BYTES{gpu="0",UUID="GPU-a"} 7\n'
    counter = 'DCGM_FI_DEV_NVLINK_COUNT_TX_BYTES{{gpu="0",UUID="GPU-a"}} {}\n'
    _, second = looks(line + counter.format(0), line + counter.format(1000))

    assert 7.0 == gpus(second)[0].values["gpu.nvlink_tx"]


def test_gpu_rate_goes_by_the_time_of_its_own_values() -> None:
    """A GPU that did not answer anew keeps its last rate; when it does, the time between its own values counts."""

    def look(sent: float, at: float) -> tuple[NodeReading, ...]:
        values = {"gpu.nvlink_tx_bytes": sent}
        return (NodeReading("n", gpus=(GpuReading(0, "GPU-a", values, at=at),)),)

    second = nodes_with_rates(look(0, 100.0), 100.0, look(1000, 110.0), 110.0)
    third = nodes_with_rates(second, 110.0, look(1000, 110.0), 120.0)
    fourth = nodes_with_rates(third, 120.0, look(5000, 130.0), 130.0)

    assert [100.0, 100.0, 200.0] == [
        (nodes[0].gpus or ())[0].values["gpu.nvlink_tx"] for nodes in (second, third, fourth)
    ]


@pytest.mark.parametrize("uuid", ["GPU-b", None])
def test_another_board_in_the_same_place_has_no_rate(uuid: str | None) -> None:
    """Counters of two boards are not subtracted from each other."""

    def look(sent: float, uuid: str | None) -> tuple[NodeReading, ...]:
        return (NodeReading("n", gpus=(GpuReading(0, uuid, {"gpu.nvlink_tx_bytes": sent}),)),)

    (node,) = nodes_with_rates(look(0, "GPU-a"), 100.0, look(1000, uuid), 110.0)

    assert {"gpu.nvlink_tx_bytes": 1000} == (node.gpus or ())[0].values


def test_quantiles_are_of_what_came_between_two_looks() -> None:
    """Ten requests since the look before, two engines together: half of them within 0.5 s, the slowest within 2."""
    name = "vllm:time_to_first_token_seconds_bucket"

    def page(*counts: float) -> str:
        bounds = ("0.5", "1.0", "2.0", "+Inf")
        lines = [f'{name}{{{{engine="0",le="{le}",model_name="m"}}}} {n}' for le, n in zip(bounds, counts, strict=True)]
        lines += [f'{name}{{{{engine="1",le="{le}",model_name="m"}}}} 4' for le in bounds]
        return "\n".join(lines).replace("{{", "{").replace("}}", "}") + "\n"

    _, second, third = looks(page(100, 100, 100, 100), page(105, 107, 110, 110), page(105, 107, 110, 110))
    values = second.services[0].values

    assert {
        "service.ttft_p50": 0.5,
        "service.ttft_p95": pytest.approx(1.8333),
        "service.ttft_p99": pytest.approx(1.9667),
    } == {key: round(value, 4) for key, value in values.items() if key.startswith("service.ttft_p")}
    assert not [key for key in third.services[0].values if key.startswith("service.ttft_p")]


def test_a_restart_has_no_quantiles() -> None:
    """Buckets that fell were counted anew: nothing is known of the interval."""
    name = "vllm:inter_token_latency_seconds_bucket"
    text = f'{name}{{{{le="1.0",model_name="m"}}}} {{0}}\n{name}{{{{le="+Inf",model_name="m"}}}} {{0}}\n'
    _, second = looks(text.format(50), text.format(3))

    assert not [key for key in second.services[0].values if key.startswith("service.itl_p")]
