"""vLLM on the head: started, followed through its log phase by phase, until it answers or says why it will not."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.config.secret import Secret
from app.config.settings import Log
from app.domain.deployment import Node, Trouble
from app.domain.frozen import frozen
from app.domain.model_start import ModelStart, kind_of, stuck
from app.domain.naming import clean
from app.services.deploy import marks
from app.services.deploy.login import EXPORTER, MODEL, Pods, Tokens
from app.services.deploy.patience import Patience
from app.services.deploy.ports import DeployError, Tell
from app.services.log_tail import LogTail
from app.sources.logs.by_url import UrlWay
from app.transport.failure import ScrapeError

LOOK_S = 8.0
LOG = "vllm"
_SIGNS: Sequence[tuple[str, tuple[str, ...]]] = (
    (
        "model_refused",
        ("gated repo", "401 client", "403 client", "access to model", "invalid user token", "unauthorized"),
    ),
    ("no_model", ("repository not found", "404 client", "is not a local folder", "not a valid model identifier")),
    ("model_memory", ("out of memory", "no available memory", "kv cache", "gpu memory utilization", "free memory")),
    ("disk_full", ("no space left",)),
)
"""What vLLM or the hub says, in small letters, and what it means; the first that is found counts."""
_FOR_GOOD = frozenset(("model_refused", "no_model"))
"""What no second start mends."""
_OVER = frozenset(("failed", "stopped"))
MOST_STARTS = 2
"""So many may fail: a first one may find memory that an ended server has not given back yet."""
_STOP_S = 90.0
_GUARD = "vllm guard: "
"""What its lines begin with."""


@frozen
class Serving:
    """Serves a model on the head of one deployment."""

    pods: Pods
    tokens: Tokens
    token_file: Path
    """Holds the exporter's token, for the log."""
    patience: Patience

    async def serve(self, head: Node, model: str, hf_token: Secret | None, tell: Tell) -> None:
        """Start it, or go on waiting for it, until `/v1/models` answers. Raises DeployError."""
        lines = f"model_key={self.tokens.model.reveal()}\n"
        lines += f"hf_token={hf_token.reveal()}\n" if hf_token else ""
        words = ("--model", model, "--install")
        within_s = self.patience.script_s + self.patience.install_s
        await self.pods.script(head, "start-model.sh", *words, within_s=within_s, stdin=lines.encode())
        tell(f"{model} is started on {head.name}", node=head.name)
        log = Log(
            kind="vllm", node=head.name, url=f"{EXPORTER}/logs/{LOG}", ssh=head.name, token_file=str(self.token_file)
        )
        tail = LogTail(LOG, UrlWay(log, self.pods.client, self.pods.clock), self.pods.clock, most=400)
        try:
            await self._follow(head, model, tail, tell)
        finally:
            await tail.close()

    async def _follow(self, head: Node, model: str, tail: LogTail, tell: Tell) -> None:
        clock, began, told = self.pods.clock, self.pods.clock.monotonic(), ""
        failures = Failures()
        while True:
            await tail.poll(LOOK_S)
            if await self._is_serving(head):
                tell(f"{model} answers after {clock.monotonic() - began:.0f} s", node=head.name, fraction=1.0)
                return
            facts = await self.pods.script(head, "status.sh", within_s=self.patience.script_s)
            lines, reason = tuple(line.text for line in tail.lines), facts.get("model.reason", "")
            why = failures.final(tail.start, facts, lines)
            if why:
                await self._stop(head)
                raise DeployError(failed(head.name, model, why, lines))
            if clock.monotonic() - began > self.patience.model_s:
                raise DeployError(too_slow(head.name, model, tail.start, self.patience.model_s, lines, reason))
            words = words_of(tail.start, clock.now()) or f"Model: {reason or 'not there yet'}"
            if words != told:
                told = words
                tell(words, node=head.name, phase=tail.start.current.name if tail.start.current else "")
            await clock.sleep(self.patience.model_poll_s)

    async def _is_serving(self, head: Node) -> bool:
        """Whether it answers, to us and not to everybody."""
        try:
            await self.pods.page(head, f"{MODEL}/v1/models", self.tokens.model, within_s=LOOK_S)
        except ScrapeError:
            return False
        return True

    async def _stop(self, head: Node) -> None:
        """Let it not try for ever what cannot work; the next run starts it anew. Its own failure is not of interest."""
        with contextlib.suppress(DeployError):
            await self.pods.script(head, "stop-model.sh", within_s=self.patience.script_s + _STOP_S)


@dataclass(slots=True)
class Failures:
    """What is known of starts that failed: the pod tries again by itself, and some failures never pass."""

    before: int | None = None
    """Starts that the log told of when it was first read, the present one not counted."""
    last: str = ""
    """Why the last one failed."""

    def final(self, start: ModelStart, facts: Mapping[str, str], lines: Sequence[str]) -> str:
        """Why it will not come up any more, in the server's words; empty while it may."""
        if self.before is None:
            self.before = max(0, start.attempts - 1)
        if start.standing == "failed":
            self.last = start.why
        is_on_its_way = start.standing != "failed" and not has_ended(lines)
        failed_now = start.attempts - self.before - is_on_its_way
        why = self.last or next((line for line in reversed(lines) if "Error" in line), "")
        if failed_now >= MOST_STARTS or (failed_now and meaning_of(why) in _FOR_GOOD):
            return why or "it ended without a word"
        if facts.get("model") in _OVER or facts.get("service.vllm") in _OVER:
            return why or facts.get("model.reason", "") or "it ended without a word"
        return ""


def has_ended(lines: Sequence[str]) -> bool:
    """Whether the newest start is over, as the guard of the server tells (`pod/vllm`)."""
    newest = next((line for line in reversed(lines) if line.startswith(_GUARD)), "")
    return newest.startswith(f"{_GUARD}it ended")


def meaning_of(text: str) -> str:
    """What the server's words mean, as a code."""
    said = text.lower()
    return next((code for code, signs in _SIGNS if any(sign in said for sign in signs)), "model_failed")


def words_of(start: ModelStart, now: float) -> str:
    """How far a start is, in a sentence; empty: nothing is known of it."""
    phase = start.current
    if phase is None:
        return ""
    far = f" {phase.done} of {phase.of}" if phase.done is not None and phase.of else ""
    far = far or (f" {phase.percent:.0f} %" if phase.percent is not None else "")
    attempt = f" (start {start.attempts})" if start.attempts > 1 else ""
    found = stuck(start, now)
    quiet = f"; nothing new for {found.for_s:.0f} s: {found.phase.causes[0]}" if found and found.phase.causes else ""
    return f"Model: {kind_of(phase.name).title}{far}{attempt}{quiet}"


def failed(node: str, model: str, why: str, lines: Sequence[str]) -> Trouble:
    """It will not come up: the server's own words, and what they mean."""
    code = meaning_of(why)
    code = meaning_of(" ".join(lines[-60:])) if code == "model_failed" else code
    sentence = f"{model} does not start on {node}: {clean(why, 300)}"
    return marks.trouble(code, node, sentence, tuple(lines[-marks.MOST_DETAILS :]))


def too_slow(
    node: str, model: str, start: ModelStart, within_s: float, lines: Sequence[str], reason: str = ""
) -> Trouble:
    """It is still on its way when time is over; it goes on by itself. `reason`: the pod's own word on it."""
    phase = start.current
    where = f" and is at {kind_of(phase.name).title}" if phase else ""
    where += f": {clean(reason, 200).rstrip('.')}" if reason else ""
    sentence = f"{model} does not answer on {node} after {within_s:.0f} s{where}"
    return marks.trouble("model_timeout", node, sentence, tuple(lines[-marks.MOST_DETAILS :]))
