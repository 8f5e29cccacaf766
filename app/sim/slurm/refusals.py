"""Slurm's own error strings (slurm_errno.c of 24.11), as far as the simulated one uses them."""

from __future__ import annotations

INVALID_ID = "Invalid job id specified"
DENIED = "Access/permission denied"
INVALID_USER = "Invalid user id"
DONE = "Job/step already completing or completed"
PENDING = "Job is pending execution"
NOT_RUNNING = "Job is not running"
NOT_SUSPENDED = "Job is not suspended"
HELD = "Job is in held state, pending scheduler release"
DISABLED = "Requested operation is presently disabled"
INVALID_NODE = "Invalid node name specified"
INVALID_STATE = "Invalid node state specified"
BUSY = "Requested nodes are busy"
INVALID_PARTITION = "Invalid partition name specified"
CONFIGURATION = "Requested node configuration is not available"
TIME_LIMIT = "Requested time limit is invalid (missing or exceeds some limit)"
NO_CONTROLLER = "Unable to contact slurm controller (connect failure)"


class RefusedError(Exception):
    """Slurm says no; the message is its own."""

    def __init__(self, text: str, job: str = "") -> None:
        super().__init__(text)
        self.text, self.job = text, job
