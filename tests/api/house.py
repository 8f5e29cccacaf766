"""A daemon's door in the test's own process: a unix socket, TCP with a token for each role, and what lies behind."""

from __future__ import annotations

import contextlib
import socket
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from app.api.server import listen
from app.config.api_tokens import ROLES, Role, add_token
from app.config.paths import private_dir
from app.config.settings import Serve, Settings
from app.domain.series import Event
from app.engine.alerting.rulebook import built_in
from app.runtime.serving import Served
from app.services.alerting import Alerting
from app.services.board import Board
from app.services.embedded import EmbeddedFeed
from app.services.listening import open_tcp, open_unix, unbind
from app.store.history import History
from tests.services.test_alerting import NOW, hot
from tests.tools.fake_clock import FakeClock


@dataclass(frozen=True, slots=True)
class House:
    """What a test sees of it."""

    state: Path
    port: int
    tokens: dict[Role, str]
    board: Board
    feed: EmbeddedFeed
    alerting: Alerting
    clock: FakeClock

    @property
    def socket(self) -> Path:
        """The unix socket."""
        return self.state / "api.sock"

    def client(self, role: Role | None = None) -> httpx.AsyncClient:
        """Over TCP with the token of a role; None: with none."""
        shown = {} if role is None else {"Authorization": f"Bearer {self.tokens[role]}"}
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", headers=shown, timeout=20)

    def peer(self) -> httpx.AsyncClient:
        """By the unix socket: who runs the daemon."""
        transport = httpx.AsyncHTTPTransport(uds=str(self.socket))
        return httpx.AsyncClient(transport=transport, base_url="http://daemon", timeout=20)

    def happens(self, text: str, at: float, kind: str = "gpu.lost") -> None:
        """Something happens."""
        from app.domain.series import Subject

        self.board.note(Event(at, kind, "warning", Subject("gpu", node="gpu-1", index=3), text))


@contextlib.asynccontextmanager
async def house(
    state: Path,
    settings: Settings | None = None,
    *,
    serve: Serve | None = None,
    history: History | None = None,
    more: Sequence[socket.socket] = (),
) -> AsyncIterator[House]:
    """A daemon whose rules have seen a hot GPU for ten minutes."""
    clock, board = FakeClock(NOW + 600), Board(hot(NOW + 600))
    feed, alerting = EmbeddedFeed(board, history, clock), Alerting(board, clock, 5.0, built_in())
    for after in (0.0, 600.0):
        await alerting.step(hot(NOW + after), NOW + after)
    feed.alert_by(alerting)
    private_dir(state)
    file = Path(tempfile.mkdtemp(dir=state)) / "tokens"
    tokens: dict[Role, str] = {role: add_token(file, f"{role}er", role) for role in ROLES}
    own = replace(settings or Settings(), serve=replace(serve or Serve(), token_file=str(file)))
    tcp = open_tcp("127.0.0.1:0")
    port = int(tcp.getsockname()[1])
    served = Served(feed, board, own, tuple, state, lambda: history)
    try:
        async with listen(served, [open_unix(state / "api.sock"), tcp, *more]):
            yield House(state, port, tokens, board, feed, alerting, clock)
    finally:
        unbind(state / "api.sock")
