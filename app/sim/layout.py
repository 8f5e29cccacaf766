"""Layout: which nodes there are, what is in them, and what they are for.

Most nodes train. The last eighth (at least one, where there are two or more) is shared: half of each serves a model
over vLLM, a quarter a second one, the rest is handed out GPU by GPU. From 8 nodes on the last training nodes are A100s,
from 16 on the shared ones are L40S. One training job is pinned over the start, and one GPU's job beside it, so that
scenarios have somebody to happen to.
"""

from __future__ import annotations

import math

from app.domain.frozen import frozen
from app.sim.boards import A100, H100, L40S, PCI_BUSES, Board
from app.sim.dice import Dice
from app.sim.jobs import GpuKey, Pin, Pool
from app.sim.loads import JobKind
from app.sim.spec import SimSpec
from app.sim.waves import HUM_S

PINNED_SINCE_S, PINNED_UNTIL_S = -7200.0, 12 * 3600.0
MOST_SERVICES = 12


@frozen
class SimGpu:
    """One GPU: its board, and how it differs from its neighbours for good."""

    key: GpuKey
    board: Board
    uuid: str
    pci_bus_id: str
    strength: float
    """Power it draws for the same work, against the strongest of its kind (0.975-1)."""
    idle_w: float
    inlet_c: float
    """Air at its place in the chassis; the rear row gets what the front row has warmed."""
    memory_c: float
    """Degrees by which memory is warmer than the die."""
    offset: int
    """Where in the noise table it starts."""
    energy_j: float
    """Energy counted before the history begins."""
    replays: int
    rows: int
    """Rows remapped after correctable errors, long ago."""
    sbe_every_s: float
    """Seconds between corrected memory errors; infinite for nearly all."""


@frozen
class SimNode:
    """One machine."""

    name: str
    gpus: tuple[SimGpu, ...]
    cpus: int
    memory_mib: int
    up_s: float
    """Seconds it had been up when the history began."""
    offset: int


@frozen
class SimService:
    """One vLLM server."""

    name: str
    model: str
    node: str
    gpus: tuple[GpuKey, ...]
    offset: int


@frozen
class Layout:
    """A cluster before anything runs on it."""

    nodes: tuple[SimNode, ...]
    services: tuple[SimService, ...]
    pools: tuple[Pool, ...]


MODELS = (
    ("vllm-llama-70b", "meta-llama/Llama-3.3-70B-Instruct"),
    ("vllm-nemotron-30b", "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B"),
    ("vllm-qwen-32b", "Qwen/Qwen3-32B"),
    ("vllm-mixtral-8x7b", "mistralai/Mixtral-8x7B-Instruct-v0.1"),
)


def lay_out(spec: SimSpec, *, is_scattered: bool = False) -> Layout:
    """Lay out the cluster of a spec; scattered, its training nodes are handed out GPU by GPU."""
    width = max(2, len(str(spec.nodes)))
    names = [f"gpu-{number:0{width}d}" for number in range(1, spec.nodes + 1)]
    shared = 0 if spec.nodes == 1 else max(1, spec.nodes // 8)
    nodes = tuple(_node(spec, name, _board(spec.nodes, shared, place)) for place, name in enumerate(names))
    if spec.nodes == 1:
        return _alone(nodes[0], spec)
    services: list[SimService] = []
    spare: list[GpuKey] = []
    for node in nodes[-shared:]:
        keys = [gpu.key for gpu in node.gpus]
        cuts = (max(1, len(keys) // 2), len(keys) // 4)
        for cut in cuts:
            if cut and len(services) < MOST_SERVICES:
                services.append(_service(spec, len(services), keys[:cut]))
                keys = keys[cut:]
        spare += keys
    training = nodes[: spec.nodes - shared]
    if is_scattered:
        return Layout(nodes, tuple(services), (_scattered_pool(training), *_spare_pools(spare)))
    hero = min(16, (1 + sum(1 for node in training if node.gpus[0].board is H100)) // 2)
    pools = [_training_pool("hero", training[:hero], is_pinned=True)]
    for board in (H100, A100):
        rest = tuple(node for node in training[hero:] if node.gpus[0].board is board)
        if rest:
            pools.append(_training_pool(board.model, rest, is_pinned=False))
    return Layout(nodes, tuple(services), (*pools, *_spare_pools(spare)))


def _alone(node: SimNode, spec: SimSpec) -> Layout:
    """One machine does everything: a model server, a training job, and the rest by the GPU."""
    keys = [gpu.key for gpu in node.gpus]
    serving = max(1, len(keys) // 4) if len(keys) > 1 else 0
    training = max(1, len(keys) // 2)
    services = (_service(spec, 0, keys[:serving]),) if serving else ()
    pin = Pin(PINNED_SINCE_S, PINNED_UNTIL_S, "train", "llama3-70b-pretrain")
    hero = Pool("hero", (tuple(keys[serving : serving + training]),), ("train",), (1,), 3000.0, 300.0, pin)
    return Layout((node,), services, (hero, *_spare_pools(keys[serving + training :])))


def _board(nodes: int, shared: int, place: int) -> Board:
    training = nodes - shared
    if place >= training:
        return L40S if nodes >= 16 else H100
    return A100 if nodes >= 8 and place >= training - training // 3 else H100


def _node(spec: SimSpec, name: str, board: Board) -> SimNode:
    dice = Dice(spec.seed, name)
    return SimNode(
        name=name,
        gpus=tuple(_gpu(dice, board, GpuKey(name, index)) for index in range(spec.gpus)),
        cpus=max(8, 4 * spec.gpus),
        memory_mib=max(131_072, 262_144 * spec.gpus),
        up_s=dice.between(3, 40) * 86400.0,
        offset=dice.whole(HUM_S),
    )


def _gpu(dice: Dice, board: Board, key: GpuKey) -> SimGpu:
    digits = "".join(f"{dice.whole(16):x}" for _ in range(32))
    return SimGpu(
        key=key,
        board=board,
        uuid=f"GPU-{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}",
        pci_bus_id=f"00000000:{PCI_BUSES[key.gpu]:02X}:00.0",
        strength=dice.between(0.975, 1.0),
        idle_w=board.idle_w * dice.between(0.95, 1.05),
        inlet_c=25.2 + 0.9 * (key.gpu % 4) + dice.between(0.0, 2.5),
        memory_c=dice.between(3.0, 9.0),
        offset=dice.whole(HUM_S),
        energy_j=dice.between(2.0, 40.0) * 1e9,
        replays=dice.whole(4) if dice.chance(0.3) else 0,
        rows=1 + dice.whole(2) if dice.chance(0.02) else 0,
        sbe_every_s=dice.between(4000.0, 40_000.0) if dice.chance(0.04) else math.inf,
    )


def _service(spec: SimSpec, number: int, gpus: list[GpuKey]) -> SimService:
    name, model = MODELS[number % len(MODELS)]
    again = number // len(MODELS)
    name = f"{name}-{again + 1}" if again else name
    return SimService(name, model, gpus[0].node, tuple(gpus), Dice(spec.seed, name).whole(HUM_S))


def _training_pool(name: str, nodes: tuple[SimNode, ...], *, is_pinned: bool) -> Pool:
    units = tuple(tuple(gpu.key for gpu in node.gpus) for node in nodes)
    sizes = tuple(size for size in (1, 1, 1, 2, 2, 4, 8, 16) if size <= max(1, len(nodes) // 2))
    pin = Pin(PINNED_SINCE_S, PINNED_UNTIL_S, "train", "llama3-70b-pretrain") if is_pinned else None
    return Pool(name, units, ("train", "train", "train", "train", "hold"), sizes, 3000.0, 240.0, pin)


def _scattered_pool(nodes: tuple[SimNode, ...]) -> Pool:
    """Every GPU on its own, two of five of them empty."""
    units = tuple((gpu.key,) for node in nodes for gpu in node.gpus)
    return Pool("hero", units, ("train", "train", "notebook", "hold"), (1, 1, 1, 2), 2400.0, 2200.0)


def _spare_pools(keys: list[GpuKey]) -> list[Pool]:
    """One pinned GPU, which somebody tunes a model on, and all others for whoever comes."""
    pin = Pin(PINNED_SINCE_S, PINNED_UNTIL_S / 2, "train", "lora-sweep")
    pools = [Pool("sweep", ((key,),), ("train",), (1,), 1500.0, 600.0, pin) for key in keys[:1]]
    if keys[1:]:
        kinds: tuple[JobKind, ...] = ("notebook", "notebook", "notebook", "train", "hold")
        pools.append(Pool("spare", tuple((key,) for key in keys[1:]), kinds, (1, 1, 1, 2), 1500.0, 600.0))
    return pools
