"""What a row of the intents is: one thing people want to know, and the words it is known by."""

from __future__ import annotations

from app.domain.frozen import frozen

PLACE = r"<(?:GPU|NODE|JOB|USER|MINE|SERVICE|UNKNOWN|PARTITION|INCIDENT|ALERT)>"
"""Anything that a question can be about, as it is marked."""
_IT = r"(?:it|this|that|them|these|those)"
BOX = rf"(?:<NODE>|<GPU>|<UNKNOWN>|{_IT}|(?:this|that|the) (?:node|machine|host|gpu|box))"
"""A machine, or what stands for one."""
JOB = rf"(?:<JOB>|<UNKNOWN>|{_IT}|(?:this|that|the|my|<MINE>) (?:job|run|training))"
"""A job, or what stands for one."""


@frozen
class Intent:
    """One thing people want."""

    key: str
    cues: tuple[tuple[str, int], ...]
    """(pattern, weight); what several cues of a row find adds up."""
    about: tuple[str, ...] = ()
    """What it can be about: `gpu`, `node`, `job`, `user`, `service`, `partition`; where it needs one, the person's
    selection or the last question fills it in."""
    example: str = ""
    """For the list of what can be asked; `{job}` and the like are filled in."""
    takes_chips: bool = True
    """What the person has before them is what it is about, where nothing else is named."""
