"""How long each thing on the way may take, in seconds; tests are less patient."""

from __future__ import annotations

from app.domain.frozen import frozen


@frozen
class Patience:
    """Deadlines of what is done on the pods."""

    reach_s: float = 900.0
    """From the provider's word that a pod runs to its sshd; large images are pulled meanwhile."""
    login_s: float = 60.0
    upload_s: float = 180.0
    install_s: float = 900.0
    """Packages come from servers that are slow at times."""
    script_s: float = 60.0
    """Scripts that start something that is installed already."""
    exporter_s: float = 30.0
    """Until its first page."""
    gpus_s: float = 30.0
    """Until as many GPUs as were paid for are on the page."""
    load_s: float = 20.0
    """That every GPU is held under load, where that is wished for."""
    burn_in_s: float = 240.0
    join_s: float = 120.0
    """Until Slurm calls a node idle."""
    job_s: float = 120.0
    model_s: float = 2400.0
    """A model of hundreds of GB is downloaded in it."""
    poll_s: float = 0.5
    """Between two looks at something that is nearly there."""
    model_poll_s: float = 3.0
    still_s: float = 20.0
    """Between two words on something that goes on without one."""


AT_ONCE = 8
"""Pods that are worked on at the same time: more would make the logins and the uploads of all late."""
