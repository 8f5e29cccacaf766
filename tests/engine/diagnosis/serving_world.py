"""A world with one model server at work, and what stories of it change: its page, its log, its counters."""

from __future__ import annotations

from tests.engine.diagnosis.world import SERVING, World

REFUSED = "connection refused by gpu-1:8000: is the exporter running?"
DEAD = (
    "vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue. "
    "See stack trace (above) for the root cause."
)
OOM = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 50.00 MiB. GPU 0 has a total capacity of 79.11 GiB "
    "of which 12.19 MiB is free."
)
READY = "INFO:     Application startup complete."
SERVER = "vllm#m"


def serving(**said: float) -> World:
    """A world with a server at work, watched for a while."""
    world = World(service={**SERVING, **{f"service.{key}": value for key, value in said.items()}})
    world.run(30)
    return world


def change(world: World, **said: float) -> None:
    """Other values on the server's page."""
    assert world.service is not None
    world.service |= {f"service.{key}": value for key, value in said.items()}


def grow(world: World, seconds: float, **a_look: float) -> None:
    """Let counters grow at every look for some time."""
    assert world.service is not None
    for _ in range(int(seconds / 5)):
        world.service |= {
            f"service.{key}": world.service.get(f"service.{key}", 0.0) + more for key, more in a_look.items()
        }
        world.run(5)


def severity(world: World, code: str) -> str:
    """How grave a fault is."""
    return world.one(code).severity
