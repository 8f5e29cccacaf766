"""What the deployments of this user have to be watched: read from the `watch.json` of each, as settings of ours.

A file that is gone takes what it named with it; one that cannot be read says why. Nothing in it is secret: tokens stay
in files of their own, which it names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from app.config.paths import watch_files
from app.config.settings import Agent, Log, Settings, Slurm, Target
from app.domain.frozen import frozen
from app.domain.naming import clean

FORMAT = 1
MOST_BYTES = 4 * 1024 * 1024
MOST_ITEMS = 5000

T = TypeVar("T", Target, Log, Slurm, Agent)


class WatchError(Exception):
    """A deployment's file cannot be used; the message says why."""


@frozen
class Deployed:
    """What one deployment, or all of them, have to be watched."""

    name: str = ""
    targets: tuple[Target, ...] = ()
    logs: tuple[Log, ...] = ()
    slurm: Slurm | None = None
    agent: Agent | None = None
    """Its model, where it serves one."""
    prices: Mapping[str, float] = field(default_factory=dict)
    """$/h of one GPU, by model."""


def text_of(found: Deployed) -> str:
    """As it is written; only what differs from the defaults."""
    told = {
        "format": FORMAT,
        "name": found.name,
        "targets": [_plain(one) for one in found.targets],
        "logs": [_plain(one) for one in found.logs],
        "slurm": None if found.slurm is None else _plain(found.slurm),
        "agent": None if found.agent is None else _plain(found.agent),
        "prices": dict(found.prices),
    }
    return json.dumps(told, indent=2) + "\n"


def parse(raw: bytes) -> Deployed:
    """Read one back. Raises WatchError."""
    if len(raw) > MOST_BYTES:
        raise WatchError("too large")
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise WatchError(f"not valid JSON: {clean(str(error), 120)}") from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise WatchError("written by another version of this program")
    try:
        prices = told.get("prices") or {}
        return Deployed(
            name=clean(str(told.get("name", "")), 60),
            targets=tuple(_made(Target, one) for one in _listed(told, "targets")),
            logs=tuple(_made(Log, one) for one in _listed(told, "logs")),
            slurm=_made(Slurm, told["slurm"]) if told.get("slurm") else None,
            agent=_made(Agent, told["agent"]) if told.get("agent") else None,
            prices={clean(str(key), 120): float(value) for key, value in prices.items()},
        )
    except (TypeError, ValueError, AttributeError) as error:
        raise WatchError(f"not as it is written: {clean(str(error), 120)}") from error


def look(deployments: Path, which: str) -> tuple[tuple[Deployed, ...], tuple[str, ...]]:
    """Every deployment that is looked at, by name, and a sentence for each that cannot be."""
    found, problems = list[Deployed](), list[str]()
    for path in watch_files(deployments, which):
        try:
            with path.open("rb") as file:
                raw = file.read(MOST_BYTES + 1)
            found.append(parse(raw))
        except FileNotFoundError:
            continue
        except OSError as error:
            problems.append(f"{path}: cannot be read: {error.strerror or error}")
        except WatchError as error:
            problems.append(f"{path}: {error}")
    return tuple(found), tuple(problems)


def whole(found: Sequence[Deployed]) -> Deployed:
    """All of them as one; of Slurm and of models, the first."""
    return Deployed(
        targets=tuple(one for each in found for one in each.targets),
        logs=tuple(one for each in found for one in each.logs),
        slurm=next((each.slurm for each in found if each.slurm is not None), None),
        agent=next((each.agent for each in found if each.agent is not None), None),
        prices={model: price for each in reversed(found) for model, price in each.prices.items()},
    )


def deployed(deployments: Path, which: str) -> Deployed:
    """What there is now, as one; what cannot be read is left out."""
    return whole(look(deployments, which)[0])


def with_deployed(settings: Settings, deployments: Path) -> Settings:
    """The settings for who asks questions: a deployment's logs too, and its model where none is configured."""
    there, agent = deployed(deployments, settings.discover.terraform), settings.agent
    settings = replace(settings, log=(*settings.log, *there.logs)) if there.logs else settings
    found = None if agent.base_url else there.agent
    if found is None:
        return settings
    model = agent.model or found.model
    asked = replace(agent, base_url=found.base_url, model=model, ssh=found.ssh, api_key_file=found.api_key_file)
    return replace(settings, agent=asked)


def _listed(told: Mapping[str, Any], name: str) -> list[object]:
    found = told.get(name, [])
    if not isinstance(found, list) or len(found) > MOST_ITEMS:
        raise TypeError(f"{name!r} is no list of ours")
    return found


def _made(kind: type[T], told: object) -> T:
    """A table of settings; a key it does not have, or of another type, is an error. Raises TypeError."""
    if not isinstance(told, dict):
        raise TypeError(f"a {kind.__name__.lower()} is no object")
    plain = kind()
    for key, value in told.items():
        wanted = type(getattr(plain, str(key), None))
        if not isinstance(value, wanted) and not (wanted is float and type(value) is int):
            raise TypeError(f"{clean(str(key), 40)!r} is not what it should be")
    return kind(**told)


def _plain(one: Target | Log | Slurm | Agent) -> dict[str, object]:
    """The keys that say something."""
    plain, told = type(one)(), asdict(one)
    return {each.name: told[each.name] for each in fields(one) if getattr(plain, each.name) != told[each.name]}
