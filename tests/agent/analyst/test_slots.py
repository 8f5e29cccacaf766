"""What a question is about is found in it: places, jobs, people, quantities, numbers; and names that are not there."""

from __future__ import annotations

import pytest

from app.domain.chat import Chip
from tests.agent.analyst.names import understood


@pytest.mark.parametrize(
    "typed",
    [
        "how hot is gpu-02/3", "how hot is GPU-02/3?", "how hot is gpu 3 of gpu-02", "how hot is gpu 3 on node gpu-02",
        "how hot is gpu-02 gpu 3", "how hot is gpu-02:3", "how hot is gpu #3 on gpu-02", "how hot is gpu3 on gpu-02",
        "how hot is gpu-2/3", "how hot is gpu number 3 on gpu-02",
    ],
)  # fmt: skip
def test_a_gpu_is_found_however_it_is_written(typed: str) -> None:
    """Node and index, in any of the usual ways."""
    assert ("gpu-02/3",) == understood(typed).slots.gpus


@pytest.mark.parametrize(
    "typed", ["why is gpu-02 down", "why is GPU-2 down", "why is node 2 down", "why is node-2 down"]
)
def test_a_node_is_found_however_it_is_written(typed: str) -> None:
    """With other zeros, or by its number alone."""
    assert ("gpu-02",) == understood(typed).slots.nodes


def test_a_host_list_is_written_out() -> None:
    """Slurm's short form means each node."""
    assert ("gpu-01", "gpu-02", "gpu-03") == understood("drain gpu-[01-03] because of the fans").slots.nodes


@pytest.mark.parametrize(
    ("typed", "jobs"),
    [
        ("why is job 812 slow", ("812",)), ("why is 812 slow", ("812",)), ("why is job #812 slow", ("812",)),
        ("why is job=812 slow", ("812",)), ("why is llama-ft slow", ("812",)), ("why is job llama-ft slow", ("812",)),
        ("cancel jobs 812 and 815", ("812", "815")), ("cancel jobs 812, 815, 820", ("812", "815", "820")),
        ("why is job 820_3 pending", ("820_3",)), ("what about job 99999", ("99999",)),
    ],
)  # fmt: skip
def test_jobs_are_found_by_number_and_by_name(typed: str, jobs: tuple[str, ...]) -> None:
    """A number that follows `job` always, a bare one where there is such a job, a name where one has it."""
    assert jobs == understood(typed).slots.jobs


def test_numbers_that_are_no_jobs_are_left_alone() -> None:
    """`4 GPUs` and `80 degrees` name no job."""
    assert () == understood("where can I run 4 GPUs below 80 degrees").slots.jobs


@pytest.mark.parametrize(
    ("typed", "users"),
    [("what is ana running", ("ana",)), ("ben's jobs", ("ben",)), ("my jobs", ("ana",)), ("do I waste gpus", ("ana",))],
)
def test_people_are_found(typed: str, users: tuple[str, ...]) -> None:
    """By their name, or as who asks."""
    assert users == understood(typed).slots.users


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("temperature of gpu-02/3", "gpu.temperature"), ("how hot is gpu-02/3", "gpu.temperature"),
        ("power draw of gpu-02", "gpu.power"), ("memory usage of gpu-02/3", "gpu.memory_used"),
        ("utilization of job 812", "gpu.utilization"), ("kv cache usage", "service.kv_cache_usage"),
        ("cpu load of gpu-02", "node.cpu_utilization"), ("sm clock of gpu-02/3", "gpu.sm_clock"),
        ("gpu.pcie_rx of gpu-02/3", "gpu.pcie_rx"), ("time to first token", "service.ttft"),
        ("disk space on gpu-02", "node.disk_free_percent"),
    ],
)  # fmt: skip
def test_quantities_are_found_by_what_people_call_them(typed: str, key: str) -> None:
    """The catalogue's row behind the words."""
    found = understood(typed).slots.quantity

    assert found is not None
    assert key == found.key


@pytest.mark.parametrize(
    ("typed", "gpus", "nodes", "model"),
    [
        ("where can I run 4 GPUs", 4, None, None), ("I need 8 h100", 8, None, "h100"), ("4x H100", 4, None, "h100"),
        ("is there room for 2 nodes with 8 gpus", 8, 2, None), ("can I get two gpus", 2, None, None),
        ("top 5 gpus by power", 5, None, None), ("the 3 hottest gpus", 3, None, None),
    ],
)  # fmt: skip
def test_how_many_is_found(typed: str, gpus: int, nodes: int | None, model: str | None) -> None:
    """GPUs, nodes and the model that are wanted."""
    slots = understood(typed).slots

    assert (gpus, nodes, model) == (slots.count, slots.node_count, slots.model)


def test_reason_length_and_rule_of_wishes_are_found() -> None:
    """Why to drain, how long to silence, and which rule."""
    drained, silenced = understood("drain gpu-02 because a fan is broken"), understood("silence GpuHot for 2 hours")

    assert ("a fan is broken", ("gpu-02",)) == (drained.slots.why, drained.slots.nodes)
    assert (7200.0, "GpuHot") == (silenced.slots.length_s, silenced.slots.rule)


@pytest.mark.parametrize(
    ("typed", "unknown"),
    [("why is gpu-99 down", "gpu-99"), ("how hot is gpu-02/17", "gpu-02/17"), ("status of gpu-99/3", "gpu-99/3")],
)
def test_names_built_like_the_clusters_that_are_not_there_are_told_apart(typed: str, unknown: str) -> None:
    """They are not mended into others, nor dropped."""
    slots = understood(typed).slots

    assert ((unknown,), (), ()) == (slots.unknown, slots.nodes, slots.gpus)


def test_a_name_that_is_taken_for_another_is_said() -> None:
    """`gpu-2` is gpu-02 here, and the answer says so."""
    assert ("gpu-2 is taken for gpu-02",) == understood("why is gpu-2 down").slots.notes


def test_an_incident_is_found() -> None:
    """By its id, or its number."""
    assert "i-17" == understood("tell me more about incident i-17").slots.incident
    assert "i-17" == understood("what is incident 17").slots.incident


def test_what_is_on_screen_fills_in_what_is_not_said() -> None:
    """The selected job is what `it` means; a name in the question wins."""
    chips = (Chip("job", "812"),)

    assert ("812",) == understood("why is it slow?", chips=chips).slots.jobs
    assert ("815",) == understood("why is job 815 slow?", chips=chips).slots.jobs
    assert ("gpu-02/3",) == understood("what is wrong with this gpu?", chips=(Chip("gpu", "gpu-02/3"),)).slots.gpus


def test_a_gpu_without_its_node_gets_it_from_the_selection() -> None:
    """`gpu 5` beside a selected GPU of gpu-02 is gpu-02/5."""
    assert ("gpu-02/5",) == understood("how hot is gpu 5", chips=(Chip("gpu", "gpu-02/3"),)).slots.gpus


def test_a_gpu_without_its_node_stays_open_where_nothing_tells_it() -> None:
    """Nobody guesses a node."""
    slots = understood("how hot is gpu 5").slots

    assert ((), (5,)) == (slots.gpus, slots.indices)
