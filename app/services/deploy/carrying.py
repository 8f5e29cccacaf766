"""Goes on with runs whose program has left: in the daemon, which stays when screens are closed and lines are lost.

It takes up what a person agreed to (`agreement`) and nobody holds, through the same verbs that everybody uses, which
begin where the last run stopped. What was not agreed to is not done: the journal says so, and the deployment waits for
a person. Taking the agreement away stops it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from app.config.settings import Settings
from app.domain.deployment import State, Told
from app.domain.naming import clean
from app.services.deploy.agreement import (
    Agreement,
    carrier_folder,
    drop_agreement,
    last_sign,
    read_agreement,
    write_agreement,
)
from app.services.deploy.building import deploying
from app.services.deploy.deploying import Deploys
from app.services.deploy.lock import HeldError, holder, locked
from app.services.deploy.plans import Declined, Options, Question
from app.services.deploy.ports import DeployError
from app.services.deploy.record import names
from app.services.deploy.secrets import provider_key
from app.transport.clock import Clock
from app.transport.tasks import Tasks

log = logging.getLogger(__name__)
LOOK_S = 2.0
"""Between two looks for runs that were left."""
KEY_S = 60.0
"""Between two looks for the provider's key, where there is none."""
LATEST_S = 900.0
"""A run that was heard of last so long ago is not gone on with: nobody waits for it any more."""
MOST_TRIES = 3
"""Times that one run is taken up: what ends this program each time would go on for ever."""


async def carry(settings: Settings, state_dir: Path, environ: Mapping[str, str], clock: Clock) -> None:
    """Go on with what is left, until cancelled; nothing while there is no key of the provider's: every run needs it."""
    while not _has_key(settings, environ):
        await clock.sleep(KEY_S)
    async with deploying(settings, state_dir, environ, clock) as deploys, Tasks() as tasks:
        await _stand_by(Carrier(deploys, state_dir, clock, tasks), state_dir, clock)


def _has_key(settings: Settings, environ: Mapping[str, str]) -> bool:
    try:
        provider_key(settings, environ)
    except DeployError:
        return False
    return True


async def _stand_by(carrier: Carrier, state_dir: Path, clock: Clock) -> None:
    """Look again and again, where no other daemon of this user does."""
    while True:
        try:
            with locked(carrier_folder(state_dir), "carry"):
                while True:
                    carrier.look()
                    await clock.sleep(LOOK_S)
        except (HeldError, OSError):
            await clock.sleep(LOOK_S)


class Carrier:
    """The runs that go on here."""

    def __init__(self, deploys: Deploys, state_dir: Path, clock: Clock, tasks: Tasks) -> None:
        self._deploys = deploys
        self._state_dir = state_dir
        self._clock = clock
        self._tasks = tasks
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._left: frozenset[str] = frozenset()
        """Names of what nobody held at the last look: a run that ends takes its agreement away a moment later."""

    def look(self) -> None:
        """Take up what was left, and stop what is no longer agreed to."""
        left = set()
        for name in names(self._state_dir):
            folder = self._deploys.folder(name)
            run = self._runs.get(name)
            if run is not None:
                if not folder.agreed.is_file():
                    run.cancel()
            elif folder.agreed.is_file() and not holder(folder):
                left.add(name)
                if name in self._left:
                    self._take_up(name)
        self._left = frozenset(left)

    def _take_up(self, name: str) -> None:
        folder = self._deploys.folder(name)
        agreement = read_agreement(folder)
        why = ""
        if agreement is None:
            why = "what was agreed to cannot be read"
        elif self._clock.now() - last_sign(folder) > LATEST_S:
            why = f"it was left more than {LATEST_S / 60:.0f} min ago"
        elif agreement.tries >= MOST_TRIES:
            why = f"it ended this program {MOST_TRIES} times"
        elif not self._is_same(name, agreement):
            why = "it was another deployment of this name"
        if why or agreement is None:
            drop_agreement(folder)
            self._note(name, f"it is not gone on with: {why}", Told.WARNING)
            return
        # Before it begins: a run that ends this program is counted, too.
        taken = replace(agreement, tries=agreement.tries + 1)
        try:
            write_agreement(folder, taken)
        except OSError:
            return  # a full disk: the next look tries again
        self._note(name, "whoever began it has left: the daemon goes on with it")
        run = self._tasks.start(self._go_on(name, taken), f"going on with {name}")
        self._runs[name] = run
        run.add_done_callback(lambda _: self._runs.pop(name, None))

    def _is_same(self, name: str, agreement: Agreement) -> bool:
        try:
            known = self._deploys.read(name)
        except DeployError:
            return False
        return known.id == agreement.id and known.state is not State.DESTROYED

    async def _go_on(self, name: str, agreement: Agreement) -> None:
        """One run to its end; what came of it stands in its journal."""
        try:
            await self._do(name, agreement)
        except Declined:
            told = "it was not gone on with: that is more than was agreed to; deploy it again to decide"
            self._note(name, told, Told.WARNING)
        except DeployError as error:
            if error.trouble.code == "held":
                return  # somebody was quicker; if they leave it, too, the next look takes it up
        except Exception as error:  # a mistake of ours may cost money: it is told, and the daemon goes on
            log.exception("a run that was gone on with failed")
            self._note(name, f"this did not go well: {clean(str(error), 300) or type(error).__name__}", Told.WARNING)
        drop_agreement(self._deploys.folder(name))

    async def _do(self, name: str, agreement: Agreement) -> None:
        async def confirm(question: Question) -> bool:
            return agreement.covers(question)

        options = Options(volumes=agreement.volumes, keeps_agreement=True)
        if agreement.verb == "destroy":
            await self._deploys.destroy(name, tell=_unheard, confirm=confirm, options=options)
            return
        if agreement.how == "cancel":
            nodes = self._deploys.read(name).wish.nodes
            await self._deploys.scale(name, nodes, tell=_unheard, confirm=confirm, how="cancel", options=options)
        else:
            await self._deploys.deploy(name, tell=_unheard, confirm=confirm, options=options)
        # Behind that: what was under way when it was left may have kept its pod, and then still has its turn.
        if rest := tuple(node.name for node in self._deploys.read(name).to_replace):
            how = agreement.how
            await self._deploys.replace(name, rest, tell=_unheard, confirm=confirm, how=how, options=options)

    def _note(self, name: str, text: str, told: Told = Told.NOTE) -> None:
        with contextlib.suppress(DeployError):
            self._deploys.note(self._deploys.read(name), text, told)


def _unheard(_event: object) -> None:
    """The journal has it."""
