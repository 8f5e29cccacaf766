"""What pages say of machines and model servers."""

from __future__ import annotations

from app.domain.reading import ServiceReading
from tests.sources.page_files import gpus, read, read_text


def test_node_exporter_page_is_read() -> None:
    """Sums leave out loopback, virtual interfaces, partitions and stacked disks; memory in use is derived."""
    (node,) = read("node").nodes

    assert {
        "node.cpu_seconds": 400.0,
        "node.cpu_idle_seconds": 260.0,
        "node.load_1m": 0.25,
        "node.memory_total": 1024.0,
        "node.memory_available": 256.0,
        "node.memory_used": 768.0,
        "node.memory_percent": 75.0,
        "node.network_rx_bytes": 1500.0,
        "node.disk_read_bytes": 2048.0,
        "node.disk_free": 500.0,
    } == node.values
    assert {"kernel": "6.8.0-45", "machine": "x86_64", "os": "Ubuntu 24.04 LTS"} == node.facts


def test_fullest_file_system_counts_and_only_local_ones() -> None:
    """A share is of the same file system's size; a file server, memory and a part without its size say nothing."""
    (node,) = read_text(
        """node_filesystem_avail_bytes{device="/dev/sda1",fstype="ext4",mountpoint="/"} 60
node_filesystem_size_bytes{device="/dev/sda1",fstype="ext4",mountpoint="/"} 100
node_filesystem_avail_bytes{device="/dev/sdb1",fstype="xfs",mountpoint="/scratch"} 10
node_filesystem_size_bytes{device="/dev/sdb1",fstype="xfs",mountpoint="/scratch"} 200
node_filesystem_avail_bytes{device="fs:/home",fstype="nfs4",mountpoint="/home"} 1
node_filesystem_size_bytes{device="fs:/home",fstype="nfs4",mountpoint="/home"} 100
node_filesystem_avail_bytes{device="/dev/sdc1",fstype="xfs",mountpoint="/lost"} 1
node_filesystem_files_free{device="/dev/sda1",fstype="ext4",mountpoint="/"} 25
node_filesystem_files{device="/dev/sda1",fstype="ext4",mountpoint="/"} 100
node_filesystem_files_free{device="/dev/sdb1",fstype="btrfs",mountpoint="/scratch"} 0
node_filesystem_files{device="/dev/sdb1",fstype="btrfs",mountpoint="/scratch"} 0
node_filefd_allocated 950
node_filefd_maximum 1000
"""
    ).nodes

    assert (5.0, 25.0, 95.0) == (
        node.values["node.disk_free_percent"],
        node.values["node.inodes_free_percent"],
        node.values["node.file_handles"],
    )


def test_infiniband_ports_that_are_active_are_counted() -> None:
    """State 4 is active; a port that is down, or still coming up, is not."""
    (node,) = read_text(
        """node_infiniband_state_id{device="mlx5_0",port="1"} 4
node_infiniband_state_id{device="mlx5_1",port="1"} 4
node_infiniband_state_id{device="mlx5_2",port="1"} 1
node_infiniband_state_id{device="mlx5_3",port="1"} 2
"""
    ).nodes

    assert {"node.infiniband_up": 2.0} == node.values


def test_all_smi_tells_of_its_machine() -> None:
    """CPU, memory and versions; energy of the chassis is no GPU's."""
    (node,) = read("all-smi").nodes

    assert {
        "node.cpu_utilization": 12.5,
        "node.memory_total": 1024.0,
        "node.memory_available": 256.0,
        "node.memory_used": 768.0,
        "node.memory_percent": 75.0,
    } == node.values
    assert {
        "cpu_model": "AMD EPYC 7742",
        "exporter_version": "0.25.0",
        "machine": "x86_64",
        "os": "linux",
    } == node.facts


def test_nvitop_tells_of_its_machine() -> None:
    """Mebibytes become bytes where the catalogue counts bytes."""
    (node,) = read("nvitop-exporter").nodes

    assert {
        "node.uptime": 1000.0,
        "node.cpu_utilization": 7.5,
        "node.network_rx_bytes": 2097152.0,
        "node.disk_read_bytes": 10485760.0,
    } == node.values
    assert ("10.1.2.3", {"driver_version": "570.86", "cuda_version": "12.8"}) == (node.name, node.facts)


def test_vllm_page_is_one_server() -> None:
    """Engines add up, the fullest cache counts, histograms give sum and count, and the process is the server's."""
    contents = read("vllm")

    assert () == contents.nodes
    assert (
        ServiceReading(
            "vllm",
            "nemotron",
            {
                "service.requests_running": 13.0,
                "service.requests_waiting": 2.0,
                "service.kv_cache_usage": 50.0,
                "service.generation_tokens": 1000.0,
                "service.requests_finished": 15.0,
                "service.requests_failed": 1.0,
                "service.ttft_sum": 3.0,
                "service.ttft_count": 15.0,
                "service.prefix_cache_queries": 200.0,
                "service.prefix_cache_hits": 50.0,
                "service.sleeping": 0.0,
                "service.resident_memory": 1000.0,
            },
            {"block_size": "16", "cache_dtype": "auto", "gpu_blocks": "7281"},
        ),
    ) == contents.services


def test_vllm_that_sleeps_says_so() -> None:
    """Weights offloaded or thrown away, either is sleep."""
    awake = 'vllm:engine_sleep_state{{engine="0",model_name="m",sleep_state="{}"}} {}\n'
    text = awake.format("awake", 0) + awake.format("weights_offloaded", 0) + awake.format("discard_all", 1)

    assert {"service.sleeping": 1.0} == read_text(text).services[0].values


def test_vllm_v0_page_is_read() -> None:
    """The old names feed the same rows; a hit rate of -1 is "none yet"."""
    (service,) = read("vllm-v0").services

    assert {
        "service.requests_running": 1.0,
        "service.requests_swapped": 0.0,
        "service.kv_cache_usage": 12.5,
        "service.cpu_cache_usage": 0.0,
        "service.itl_sum": 0.2,
        "service.itl_count": 6.0,
    } == service.values


def test_newer_name_wins_where_a_release_prints_both() -> None:
    """From 0.9 to 0.11, vLLM gives the cache usage twice."""
    text = 'vllm:gpu_cache_usage_perc{model_name="m"} 0.5\nvllm:kv_cache_usage_perc{model_name="m"} 0.25\n'

    assert {"service.kv_cache_usage": 25.0} == read_text(text).services[0].values


def test_triton_page_is_servers_gpus_and_machine() -> None:
    """Versions of a model add up, microseconds become seconds, and vLLM inside Triton is vLLM."""
    contents = read("triton")
    by_model = {service.model: service for service in contents.services}
    (gpu,) = gpus(contents)

    assert {
        "service.requests_finished": 42.0,
        "service.requests_failed": 1.0,
        "service.requests_waiting": 3.0,
        "service.queue_sum": 2.5,
        "service.queue_count": 42.0,
        "service.e2e_count": 42.0,
    } == by_model["resnet"].values
    assert ("triton", "vllm") == (by_model["resnet"].kind, by_model["llm"].kind)
    assert {
        "gpu.utilization": 50.0,
        "gpu.memory_used": 1024.0,
        "gpu.memory_total": 4096.0,
        "gpu.memory_percent": 25.0,
    } == gpu.values
    assert {"node.cpu_utilization": 25.0} == contents.nodes[0].values


def test_process_metrics_of_several_servers_are_nobodys() -> None:
    """With two models on a page, whose memory it is cannot be told."""
    servers = "".join(f'vllm:num_requests_running{{model_name="{name}"}} 1\n' for name in ("a", "b"))
    contents = read_text(f"{servers}process_resident_memory_bytes 5\n")

    assert (("process_resident_memory_bytes", 1),) == contents.health.unknown
    assert ["a", "b"] == [service.model for service in contents.services]
