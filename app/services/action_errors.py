"""What Slurm's refusals mean, in plain words and with what to do. Pure.

The texts are Slurm's own error strings (slurm_errno.c, 21.08 to 26.05), found anywhere in a line; what is not in the
table is quoted as it came, cleaned.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.domain.frozen import frozen
from app.domain.naming import clean

MOST_DETAILS = 20
_JOB = re.compile(r"\bjob(?:id)?(?:s| id)?[ =](?P<id>\d+(?:_(?:\d+|\[[\d,\-%]+\]))?(?:\+\d+)?)", re.IGNORECASE)
_PLAIN: tuple[tuple[str, str], ...] = (
    (
        "Access/permission denied",
        "Slurm does not let {user} do this: it belongs to somebody else, or is for operators only; ask one of them",
    ),
    ("Invalid user id", "Slurm lets only its operators and administrators do this, and {user} is none"),
    ("Invalid job id specified", "Slurm knows no such job: it ended some time ago, or never was"),
    ("Job/step already completing or completed", "it has ended already"),
    ("Job has already finished", "it has ended already"),
    ("Job is pending execution", "it waits already: there is nothing running to act on"),
    ("Job is no longer pending execution", "it has started meanwhile: this is for waiting jobs only"),
    ("Job is not pending nor running", "it has ended already"),
    ("Job is not running", "it does not run"),
    ("Job is not suspended", "it is not suspended"),
    ("Job is current suspended", "it is suspended: resume it first"),
    ("Job is in held state", "it is held: release it first"),
    ("Only batch jobs are accepted", "only jobs sent by sbatch can be requeued; this one is interactive"),
    ("Operation not permitted on individual component", "Slurm does this to whole heterogeneous jobs only"),
    ("Job not heterogeneous job leader", "name the first part of the heterogeneous job"),
    ("Requested operation is presently disabled", "this cluster has it turned off (of `top`: enable_user_top)"),
    ("Requested operation not supported", "this version or configuration of Slurm cannot do it"),
    ("Job can not be altered now", "Slurm is busy with this job just now: try again in a moment"),
    ("Job update not available right now", "Slurm is busy with this job just now: try again in a moment"),
    ("Changes to job priority are not persistent", "Slurm would undo it at once: use `nice`"),
    ("Cannot modify scrontab jobs", "it belongs to scrontab: edit that with `scrontab -e`"),
    ("Requested nodes are busy", "jobs are still there: drain the node and wait for them, or cancel them"),
    ("Invalid node name specified", "Slurm knows no such node"),
    ("Invalid node state specified", "the node's state does not allow this change now"),
    ("Requested reservation is in use", "a reservation holds it: delete that first"),
    ("Invalid partition name specified", "there is no such partition: `sinfo` lists them"),
    ("No partition specified or system default partition", "name a partition: this cluster has no default one"),
    ("User's group not permitted to use this partition", "this partition is not for {user}'s groups"),
    ("Requested nodes not in this partition", "these nodes are not in that partition"),
    ("Required partition not available", "the partition is down, drained or closed to new jobs"),
    ("Invalid account or account/partition", "no such account for {user} there: `sacctmgr show assoc user={user}`"),
    ("Invalid qos specification", "{user} may not use that QOS, or there is none of that name"),
    ("Invalid feature specification", "no node has that feature (--constraint)"),
    ("Invalid generic resource", "no node has such GPUs, or not under that name (--gres, --gpus)"),
    ("Invalid Trackable RESource", "no node has such GPUs, or not under that name (--gres, --gpus)"),
    ("Requested node configuration is not available", "no node of the partition has what is asked for, even when free"),
    ("Requested partition configuration not available", "what is asked for exceeds the partition's limits just now"),
    ("More processors requested than permitted", "more CPUs than the partition or a node has"),
    ("Node count specification invalid", "too many nodes for the partition, or none"),
    ("CPU count specification invalid", "the number of CPUs does not fit"),
    ("Memory required by task is not available", "no node has that much memory"),
    ("Requested time limit is invalid", "the time limit exceeds the partition's, or is missing: --time"),
    ("Time limit specification required", "this cluster wants a time limit: --time"),
    ("Job violates accounting/QOS policy", "a limit of the account or QOS stands against it"),
    ("Requested account has breached", "the account has used up what its QOS allows"),
    ("Required node not available", "a node that is asked for is down, drained or reserved"),
    ("Job dependency problem", "the job it should wait for is not there (--dependency)"),
    ("Circular job dependency", "the jobs would wait for each other"),
    ("Invalid job array specification", "the array's numbers are wrong or beyond the cluster's MaxArraySize (--array)"),
    ("Access denied to requested reservation", "the reservation is not for {user}"),
    ("Requested reservation is invalid", "there is no such reservation"),
    ("System submissions disabled", "this cluster takes no new jobs just now"),
    ("DOS line breaks", "the script has Windows line ends: `dos2unix` mends it"),
    ("This does not look like a batch script", "the first line must be `#!` and a shell, such as #!/bin/bash"),
    ("Batch script is empty", "there is nothing in the script"),
    ("User not found on host", "this user is not known on the node"),
    ("Unable to contact slurm controller", "slurmctld does not answer: nothing was done as far as is known; try again"),
    ("Socket timed out", "slurmctld took too long: it may have been done all the same; look before you repeat it"),
    ("Zero Bytes were transmitted", "slurmctld hung up, or does not trust this machine (munge, clock)"),
    ("backup controller in standby", "the backup controller answered: the main one is away"),
    ("Protocol authentication error", "slurmctld does not trust this machine: munge key or clock"),
    ("Invalid authentication credential", "slurmctld does not trust this machine: munge key or clock"),
    ("Incompatible versions", "the commands here are of another Slurm version than the controller"),
)  # fmt: skip
"""Part of Slurm's line → what it means. The first that is found counts."""


@frozen
class Refusal:
    """What Slurm said against an action."""

    text: str
    """In plain words, with Slurm's own where these are not known."""
    ids: tuple[str, ...]
    """Jobs that the lines name."""
    is_known: bool


def refusal_of(said: Sequence[str], user: str) -> Refusal | None:
    """What Slurm's own lines mean; None where they say nothing."""
    if not said:
        return None
    ids = tuple(dict.fromkeys(found["id"] for line in said for found in _JOB.finditer(line)))
    for line in said:
        if (plain := plain_words(line, user)) is not None:
            return Refusal(plain, ids, is_known=True)
    return Refusal(f"Slurm says: {clean(said[-1], 300).rstrip('.')}", ids, is_known=False)


def plain_words(line: str, user: str) -> str | None:
    """One line of Slurm's in plain words; None for one that is not known."""
    lowered = line.lower()
    for part, plain in _PLAIN:
        if part.lower() in lowered:
            return plain.replace("{user}", clean(user, 32) or "this user")
    return None
