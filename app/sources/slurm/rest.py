"""slurmrestd: one client for reading and for actions, over a unix socket, TCP, or either behind ssh.

Which API versions are served is found by asking for each, the newest we can read first. The token is read from its
file at every request, so one that is renewed there is taken up. Answers come as bytes; `app.sources.slurm.json_*` read
them.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from app.config.secret import Secret, SecretError, read_secret_file
from app.config.settings import Slurm
from app.domain.masking import MASK, redact_url
from app.domain.naming import clean
from app.sources.slurm import rest_trouble
from app.sources.slurm.trouble import SlurmError
from app.transport.destination import SshError
from app.transport.endpoint import Endpoint, parse_endpoint
from app.transport.runner import invoking_user

if TYPE_CHECKING:  # 130 ms that a user of the commands need not pay
    import httpx

    from app.transport.ssh import SshForwards

VERSIONS: tuple[str, ...] = tuple(f"v0.0.{number}" for number in range(45, 36, -1))
"""API versions we read, 26.05 to 21.08, the newest first."""
MAX_BODY = 256 * 1024 * 1024
"""Bytes one answer may have: a job weighs up to 40 kB."""
_TOKEN_PREFIX = "SLURM_JWT="  # noqa: S105 - how `scontrol token` prints it


class SlurmRest:
    """A client of one slurmrestd, for one event loop."""

    def __init__(self, slurm: Slurm, forwards: SshForwards | None = None, token: Secret | None = None) -> None:
        """Raises ValueError for an address that is none; `forwards` reach a slurmrestd behind `slurm.ssh`.

        `token` is shown instead of the one that is configured.
        """
        self._slurm = slurm
        self._forwards = forwards
        self._shown = token
        # With `via = "ssh"` or `auto` the ssh host is for commands.
        self._endpoint: Endpoint = parse_endpoint(slurm.rest_url, ssh=slurm.ssh if slurm.via == "rest" else "")
        self._client: httpx.AsyncClient | None = None
        self.version: str | None = None
        """The API version that is served and read, once it is found."""

    @property
    def where(self) -> str:
        """The address, for people."""
        through = f" through ssh {self._endpoint.server.ssh}" if self._endpoint.server.ssh else ""
        return clean(redact_url(self._slurm.rest_url)) + through

    def user(self) -> str:
        """The user that slurmrestd is told: configured, else the token's own, else who runs this."""
        if self._slurm.user:
            return self._slurm.user
        try:
            token = self._token()
        except SecretError:
            token = None
        said = _claims(token).get("sun") if token else None
        return said if isinstance(said, str) and said.isprintable() and said else invoking_user()

    def token_until(self) -> float | None:
        """When the token runs out, epoch seconds; None where it does not say or there is none."""
        try:
            token = self._token()
        except SecretError:
            return None
        said = _claims(token).get("exp") if token else None
        return float(said) if isinstance(said, int) and not isinstance(said, bool) else None

    async def get(self, path: str, timeout_s: float) -> bytes:
        """The answer of `/slurm/VERSION/path`, as sent. Raises SlurmError."""
        return await self.request("GET", path, timeout_s)

    async def request(
        self, method: str, path: str, timeout_s: float, body: Mapping[str, object] | None = None, api: str = "slurm"
    ) -> bytes:
        """Ask for `/api/VERSION/path`; `api` is `slurm` or `slurmdb`. Parts of `path` from outside must be quoted.

        Raises SlurmError.
        """
        try:
            async with asyncio.timeout(timeout_s):
                version = self.version or await self._discover()
                status, answer = await self._send(method, f"/{api}/{version}/{path}", body)
        except TimeoutError as error:
            text = f"no whole answer from slurmrestd at {self.where} within {timeout_s:.2g} s"
            raise SlurmError("timeout", f"{text}; see settings: slurm.timeout_s") from error
        if status >= 400:
            if status == 404:
                self.version = None  # another Slurm may stand here now
            raise self._refused(status, answer)
        return answer

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _discover(self) -> str:
        """The newest API version that is served and that we read."""
        for version in VERSIONS:
            status, answer = await self._send("GET", f"/slurm/{version}/ping", None)
            if status in (401, 403, 511):
                raise self._refused(status, answer)
            if status != 404:  # even one that says that slurmctld is away is of this version
                self.version = version
                return version
        text = f"slurmrestd at {self.where} serves none of {VERSIONS[-1]} to {VERSIONS[0]}"
        raise SlurmError("setup", f"{text}: is it slurmrestd, and started with -s openapi/slurmctld?")

    def _refused(self, status: int, answer: bytes) -> SlurmError:
        """The error for a status, without the token: some servers repeat what they were shown in their refusal."""
        token = self._token()
        said = answer.replace(token.reveal().encode(), MASK.encode()) if token else answer
        return rest_trouble.refused(status, self.where, said, has_token=token is not None)

    async def _send(self, method: str, path: str, body: Mapping[str, object] | None) -> tuple[int, bytes]:
        import httpx  # noqa: PLC0415 - late: 130 ms for who uses it

        content = None if body is None else json.dumps(body).encode()
        try:
            client = await self._connected()
            async with client.stream(method, path, content=content, headers=self._headers(body is not None)) as answer:
                received = bytearray()
                async for part in answer.aiter_bytes(262144):
                    received += part
                    if len(received) > MAX_BODY:
                        raise SlurmError("failed", f"slurmrestd at {self.where} answers more than {MAX_BODY >> 20} MiB")
                return answer.status_code, bytes(received)
        except (httpx.HTTPError, SshError, SecretError) as error:
            raise rest_trouble.unreachable(self.where, error, self._endpoint.server) from error

    async def _connected(self) -> httpx.AsyncClient:
        import httpx  # noqa: PLC0415 - late: as above

        server = self._endpoint.server
        socket = server.host if server.scheme == "unix" else None
        if server.ssh is not None:
            if self._forwards is None:
                raise SshError(f"{self.where}: ssh is not available here")
            target = server.host if server.scheme == "unix" else server.authority
            socket = self._forwards.path(server.ssh, target)
            if self._client is None or not Path(socket).is_socket():  # noqa: ASYNC240 - one look at a local folder
                await self._forwards.forward(server.ssh, target)
        if self._client is None:
            # No proxy of the environment: slurmrestd is asked where it is.
            transport = httpx.AsyncHTTPTransport(uds=socket) if socket else httpx.AsyncHTTPTransport(trust_env=False)
            base = f"http://{'localhost' if server.scheme == 'unix' else server.authority}"
            base = base.replace("http:", "https:", 1) if server.scheme == "https" else base
            self._client = httpx.AsyncClient(transport=transport, base_url=base, timeout=None, trust_env=False)  # noqa: S113 - the caller's deadline covers it
        return self._client

    def _headers(self, has_body: bool) -> dict[str, str]:  # noqa: FBT001 - one caller
        headers = {"Accept": "application/json"}
        if has_body:
            headers["Content-Type"] = "application/json"
        token = self._token()
        if token is not None:
            headers["X-SLURM-USER-NAME"] = self.user()
            headers["X-SLURM-USER-TOKEN"] = token.reveal()
        elif self._slurm.user:
            headers["X-SLURM-USER-NAME"] = self._slurm.user
        return headers

    def _token(self) -> Secret | None:
        """The token, as the file or the whole line of `scontrol token` holds it. Raises SecretError."""
        if self._shown is not None:
            return self._shown
        if not self._slurm.token_file:
            return None
        token = read_secret_file(Path(self._slurm.token_file).expanduser())
        return Secret(token.reveal().removeprefix(_TOKEN_PREFIX))


def _claims(token: Secret) -> Mapping[str, object]:
    """What a JWT says of itself (`sun` the user, `exp` its end); its signature is slurmctld's to check."""
    part = (token.reveal().split(".") + ["", ""])[1]
    try:
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}
