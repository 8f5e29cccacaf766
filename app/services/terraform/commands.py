"""Terraform's commands in one folder: found, run, listened to; what fails becomes an InfraError a person can read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from app.config.secret import Secret
from app.domain.masking import MASK
from app.domain.naming import clean
from app.services.deploy.ports import InfraError
from app.services.terraform.binary import Binary, ask, find
from app.services.terraform.events import LONGEST, UI, Diagnostic
from app.services.terraform.hearing import OVERRIDES, Hearing
from app.services.terraform.process import Ended, follow
from app.services.terraform.words import failure_kind
from app.services.terraform.workspace import Workspace
from app.transport.process import ProcessError, Result, run

READ_TIMEOUT_S = 60.0
SHORT_GRACE_S = 30.0
"""Patience with what makes no pods."""
MOST_DETAILS = 12
_FRAME = "╷│╵ \t"


@dataclass(slots=True)
class Commands:
    """What is run, where, and with which environment."""

    workspace: Workspace
    environment: Mapping[str, str]
    secret: Secret
    """Taken out of everything that is heard."""
    command: str = ""
    log: Callable[[str], None] = lambda _line: None
    _binary: Binary | None = field(default=None, init=False)

    async def binary(self) -> Binary:
        """The program; looked for once. Raises InfraError."""
        if self._binary is None:
            self._binary = await ask(find(self.command, self.environment), self.environment)
            self.log(self._binary.words)
        return self._binary

    async def act(self, words: Sequence[str], heard: Callable[[bytes], None], grace_s: float = SHORT_GRACE_S) -> Ended:
        """Run what may change something: cancelled, it is given its time to end."""
        binary = await self.binary()
        self.log("$ " + " ".join((binary.path, *words)))

        def hear(line: bytes) -> None:
            heard(self._hidden(line))

        ended = await follow([binary.path, *words], self.workspace.path, self.environment, hear, grace_s=grace_s)
        return Ended(ended.returncode, self._hidden(ended.stderr.encode()).decode(), ended.was_interrupted)

    async def look(self, *words: str) -> Result:
        """Run what only reads; it is killed when the caller is cancelled, or after a minute."""
        binary = await self.binary()
        argv = [binary.path, f"-chdir={self.workspace.path}", *words]
        try:
            result = await run(argv, READ_TIMEOUT_S, env=self.environment)
        except ProcessError as error:
            raise InfraError(f"terraform {words[0]}: {error}", "failed") from error
        return Result(
            result.command,
            result.returncode,
            self._hidden(result.stdout),
            self._hidden(result.stderr),
            result.duration_s,
        )

    async def plain(self, *words: str) -> Ended:
        """Run what speaks no JSON; what it says is in the log, and its errors in `stderr`."""
        return await self.act(words, lambda line: self.log(clean(line.decode("utf-8", "replace"), LONGEST)))

    def _hidden(self, told: bytes) -> bytes:
        """Without the provider's key, should anybody repeat it."""
        return told.replace(self.secret.reveal().encode(), MASK.encode()) if self.secret else told


def failed(verb: str, errors: Sequence[Diagnostic], stderr: str = "") -> InfraError:
    """What a person is told of a command that failed: the first error, and the others as details."""
    lines = tuple(error.words for error in errors) or unboxed(stderr)
    kind = failure_kind(errors, stderr)
    first = lines[0] if lines else "it ended without a word"
    return InfraError(f"terraform {verb}: {first}", kind, lines[:MOST_DETAILS])


def refuse_other_speech(hearing: Hearing) -> None:
    """Raise InfraError where its messages are of a kind this program does not know."""
    major = hearing.ui.partition(".")[0]
    if major and major != UI:
        raise InfraError(
            f"this Terraform speaks version {clean(hearing.ui, 20)} of its messages; {UI} is known", "version"
        )


def unboxed(text: str) -> tuple[str, ...]:
    """The errors in text for a terminal, a line each, without frames and warnings; all lines where none is marked."""
    blocks: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.startswith(("╷", "Error:", "Warning:")):
            blocks.append([])
        bare = clean(line, LONGEST).strip(_FRAME)
        if bare:
            blocks[-1].append(bare)
    told = [" ".join(block) for block in blocks if block and OVERRIDES not in block[0]]
    errors = [one.removeprefix("Error: ") for one in told if one.startswith("Error: ")]
    return tuple(clean(one, LONGEST) for one in (errors or told))
