"""What `--replay FILE` changes of a run: its settings, its clock, and where it looks."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.errors import CliError
from app.config.paths import NONE
from app.config.settings import Alerts, Cluster, Discover, Prometheus, Settings, Slurm, Store
from app.domain.times import parse_time

if TYPE_CHECKING:
    from app.services.recorder.player import Player

_ELSEWHERE = ("target", "embedded", "watch")
"""Options that say to look elsewhere, or at what lives."""


def player_of(text: str) -> Player:
    """The recording of a file. Raises CliError."""
    from app.services.recorder.container import RecordingError  # noqa: PLC0415 - late: for recordings only
    from app.services.recorder.player import Player  # noqa: PLC0415 - as above

    try:
        return Player(Path(text).expanduser())
    except RecordingError as error:
        raise CliError(f"--replay: {error}") from error


def settings_for(args: argparse.Namespace, settings: Settings) -> Settings:
    """The settings for a recording: how things look is this user's, what was looked at is the recording's.

    Raises CliError.
    """
    for name in _ELSEWHERE:
        if getattr(args, name, None):
            what = "`gpu-watchdog replay FILE` plays it" if name == "watch" else "it holds all there is to look at"
            raise CliError(f"--replay shows a recording: --{name} does not go with it; {what}")
    player = player_of(args.replay)
    player.shut()
    begun = player.begun
    return replace(
        settings,
        cluster=Cluster(name=begun.cluster, interval_s=begun.interval_s),
        target=(),
        discover=Discover(terraform=NONE, local=False),
        slurm=Slurm(via="off"),
        log=(),
        prometheus=Prometheus(),
        store=Store(path="none"),
        alerts=Alerts(),
        screen=replace(settings.screen, read_only=True, call="never"),
        prices=begun.picture.prices,
    )


def moment_of(player: Player, said: str | None) -> float:
    """The moment that is asked for: the recording's end where none is. Raises CliError."""
    if said is None:
        return player.end
    try:
        when = parse_time(said, player.end)
    except ValueError as error:
        raise CliError(f"--at: {error}") from error
    if not player.start - 1 <= when <= player.end + 1:
        raise CliError(f"--at {said}: the recording goes from {player.start:.3f} to {player.end:.3f} (epoch seconds)")
    return min(max(when, player.start), player.end)
