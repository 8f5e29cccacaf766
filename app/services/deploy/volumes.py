"""The network volume of a deployment: where it is, that the head stays with it, that it is not lost sight of.

A volume cannot leave its data centre, and what is on it goes with it. So once there is one, only places beside it are
looked for, and a destroy that keeps it writes down where it is for the deployment that takes the name again.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.deployment import HEAD, Deployment, Told
from app.services.deploy.run import Run
from app.services.terraform.addresses import VOLUME_KEY


async def listed(run: Run) -> tuple[tuple[str, str], ...]:
    """Id and name of each volume of ours that the provider lists. Raises ProviderError."""
    return tuple(one for one in await run.provider.volumes() if one[1].startswith(run.deployment.prefix))


def center_of(deployment: Deployment) -> str:
    """The data centre of a deployment's volume; empty: it is not known."""
    head = deployment.head
    return deployment.volume_center or (head.offer.data_center if head is not None else "")


async def bound(run: Run) -> Mapping[str, str]:
    """The data centre that the head is bound to, by node key; nothing while there is no volume.

    Raises ProviderError, InfraError.
    """
    if not run.deployment.wish.volume_gb:
        return {}
    found = await run.infra.volume() or next((identity for identity, _ in await listed(run)), "")
    center = center_of(run.deployment)
    if not found or not center:
        return {}
    run.keep(volume_id=found, volume_center=center)
    return {HEAD: center}


async def settle(run: Run, center: str) -> bool:
    """Take over a volume that a run before this one made unseen, in `center` as the record said; whether there was one.

    Raises ProviderError, InfraError.
    """
    if not run.deployment.wish.volume_gb:
        return False
    held = await run.infra.volume()
    if held and run.deployment.volume_id:
        return False
    found = held or next((identity for identity, _ in await listed(run)), "")
    if not found:
        return False
    if not held:
        await run.infra.adopt(VOLUME_KEY, found)
    run.keep(volume_id=found, volume_center=center or center_of(run.deployment))
    run.say(f"the network volume {found} is there already, and is taken over", Told.WARNING, volume=found)
    return True


async def note(run: Run) -> None:
    """Write down which volume was made. Raises InfraError."""
    if run.deployment.wish.volume_gb and (found := await run.infra.volume()):
        run.keep(volume_id=found, volume_center=center_of(run.deployment))


def bound_words(deployment: Deployment) -> str:
    """Why the head can only go to one data centre."""
    return f"{deployment.volume_center}, where its network volume {deployment.volume_id} is"
