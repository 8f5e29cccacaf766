"""People of the simulated Slurm: accounts and ids of the users, and who may do what.

Whoever is none of the simulated users sits at the keyboard, and is an operator, so that every action can be tried.
"""

from __future__ import annotations

from app.sim.jobs import USERS

ACCOUNTS = ("nlp", "nlp", "nlp", "vision", "vision", "speech", "speech", "bio", "bio", "bio")
QOS = {"nlp": "high", "ops": "high"}
SERVING = "serving"
"""Runs the model servers."""


def account_of(user: str) -> str:
    """The account that a user's jobs are charged to."""
    if user == SERVING:
        return "ops"
    return ACCOUNTS[USERS.index(user)] if user in USERS else "ops"


def uid_of(user: str) -> int:
    """A user's number."""
    return 2001 + USERS.index(user) if user in USERS else 2100 if user == SERVING else 1000


def qos_of(user: str) -> str:
    """The QOS that a user's jobs have."""
    return QOS.get(account_of(user), "normal")


def is_operator(user: str) -> bool:
    """Whether somebody may act on everybody's jobs and on nodes."""
    return user not in USERS and user != SERVING
