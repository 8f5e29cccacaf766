"""What is found on a machine where nothing is configured, and what of it is looked at."""

from __future__ import annotations

import pytest

from app.config.settings import Settings, Target
from app.services import detect
from app.services.detect import Find, found_here
from app.transport.clock import SystemClock

DRIVER = Find(Target(url="nvml:"), "driver", gpus=8)
SLOW_DRIVER = Find(Target(url="nvml:"), "driver", is_slow=True)
EXPORTER = Find(Target(url="http://127.0.0.1:9400/metrics"), "dcgm-exporter", gpus=8)
SERVER = Find(Target(url="http://127.0.0.1:8000/metrics"), "vllm", models=("llama",))
NODE = Find(Target(url="http://127.0.0.1:9100/metrics"), "node_exporter")


@pytest.mark.parametrize(
    ("finds", "expected"),
    [
        ((DRIVER, EXPORTER, SERVER, NODE), (DRIVER, SERVER)),
        ((EXPORTER, NODE), (EXPORTER,)),
        ((SLOW_DRIVER, EXPORTER), (EXPORTER,)),
        ((SLOW_DRIVER,), (SLOW_DRIVER,)),
        ((NODE,), ()),
        ((), ()),
    ],
)
async def test_what_is_looked_at(
    finds: tuple[Find, ...], expected: tuple[Find, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver beats exporters of the same GPUs, model servers always count, a slow driver is better than nothing."""

    async def search(*_: object) -> tuple[tuple[Find, ...], str | None]:
        return finds, None

    monkeypatch.setattr(detect, "search", search)

    here = await found_here(Settings(), SystemClock(), {})

    assert tuple(find.target for find in expected) == here.settings.target
    assert bool(expected) == here.has_something


async def test_a_machine_with_nothing_is_searched_within_the_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """No driver and no exporter: a sentence that says what was looked for, in well under a second."""
    monkeypatch.setattr(detect, "PLACES", (detect.Place(1, "nobody"),))

    here = await found_here(Settings(), SystemClock(), {})

    if here.finds:
        pytest.skip("this machine has GPUs of its own")
    assert not here.has_something
    assert "127.0.0.1 ports 1;" in here.text
