"""Signals to one's own processes on this machine, as the GPU pages list them: never to anybody else's, never elsewhere.

A process is held by a descriptor (pidfd) from when it is looked at until it is signalled, so a number that was given to
another process meanwhile is not hit. Linux only, as everything that reads a driver here.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

from app.domain.job_actions import Outcome, Plan
from app.domain.naming import clean, same_node
from app.services.audit import Audit, AuditError

SIGNALS: Mapping[str, signal.Signals] = {"INT": signal.SIGINT, "TERM": signal.SIGTERM, "KILL": signal.SIGKILL}


class ProcessError(Exception):
    """A process that may not be signalled from here; the message is for a person."""


class OwnProcesses:
    """One's own processes on this machine."""

    def __init__(self, audit: Audit, now: Callable[[], float], *, proc: Path = Path("/proc")) -> None:
        """`now` gives epoch seconds; `proc` is where processes are looked up."""
        self._audit = audit
        self._now = now
        self._proc = proc
        self._host = socket.gethostname()

    def plan(self, node: str, pid: int, name: str) -> Plan:
        """Decide a signal. Raises ProcessError for a process that is not one's own, not here, or gone."""
        number = SIGNALS.get(name.upper().removeprefix("SIG"))
        if number is None:
            raise ProcessError(f"{clean(name, 20)} is no signal that is sent from here; there are {', '.join(SIGNALS)}")
        if not same_node(node, self._host):
            raise ProcessError(f"process {pid} runs on {clean(node, 60)}, this is {self._host}: `ssh` goes there")
        self._mine(pid)
        word = number.name.removeprefix("SIG")
        return Plan(
            "signal",
            (str(pid),),
            (("kill", f"-{word}", str(pid)),),
            f"send {word} to process {pid}",
            (f"{pid} {self._command(pid)}",),
            "nothing undoes this",
            is_severe=number is signal.SIGKILL,
            warnings=("KILL gives it no chance to save anything; TERM does",) if number is signal.SIGKILL else (),
        )

    async def perform(self, plan: Plan) -> Outcome:
        """Send the signal; what cannot be written to the audit log is not done."""
        word, pid = plan.commands[0][1].removeprefix("-"), int(plan.targets[0])
        try:
            fact = self._audit.intend(plan, plan.commands, self._now())
        except AuditError as error:
            return Outcome(False, str(error))
        outcome = self._send(pid, SIGNALS[word])
        try:
            self._audit.conclude(fact, plan, outcome, self._now())
        except AuditError as error:
            return Outcome(outcome.ok, outcome.text, (*outcome.details, str(error)))
        return outcome

    def _send(self, pid: int, number: signal.Signals) -> Outcome:
        try:
            held = os.pidfd_open(pid)
        except OSError as error:
            return Outcome(False, f"process {pid} is gone ({error.strerror})")
        try:
            self._mine(pid)
            signal.pidfd_send_signal(held, number)
        except ProcessError as refusal:
            return Outcome(False, str(refusal))
        except OSError as error:
            return Outcome(False, f"process {pid} was not signalled: {error.strerror}")
        finally:
            os.close(held)
        return Outcome(True, f"sent {number.name.removeprefix('SIG')} to process {pid}")

    def _mine(self, pid: int) -> None:
        """Raises ProcessError for a process that is gone or somebody else's."""
        try:
            owner = (self._proc / str(pid)).stat().st_uid
        except OSError as error:
            why = "gone, or in a container with numbers of its own"
            raise ProcessError(f"process {pid} is not seen here: {why}") from error
        if owner != os.getuid():
            raise ProcessError(f"process {pid} is not yours: only one's own processes are signalled from here")

    def _command(self, pid: int) -> str:
        try:
            words = (self._proc / str(pid) / "cmdline").read_bytes()[:400].split(b"\0")
        except OSError:
            return ""
        return clean(" ".join(word.decode("utf-8", "replace") for word in words).strip(), 120)
