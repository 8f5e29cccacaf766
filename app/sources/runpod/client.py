"""RunPod's REST API v2: the calls we make ourselves, within its limits and with our own deadlines.

Pods are made by Terraform alone. A create that was sent twice is a second bill, so nothing here is ever posted: what is
repeated after a failure is GET and DELETE.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from app.config.secret import Secret
from app.domain.deployment import Offer, Pod
from app.domain.masking import redact_url
from app.domain.naming import clean
from app.domain.refusals import Kind, ProviderError
from app.sources.runpod.access import LOOPBACK, checked_key, checked_url
from app.sources.runpod.answers import PassingError, refused, without
from app.sources.runpod.catalogue import parse_offers, parse_private
from app.sources.runpod.limits import Limits, parse_limits, parse_retry_after
from app.sources.runpod.pace import Pace
from app.sources.runpod.values import ID, parse_pods, parse_volumes
from app.transport.clock import Clock

if TYPE_CHECKING:  # 130 ms that only a deployment needs
    import httpx
    from tenacity import RetryCallState

DEFAULT_URL = "https://api.runpod.io"
"""Without the version, as the variable RUNPOD_API_BASE_URL gives it."""
TRIES = 4
TRY_S = 20.0
"""Seconds one try may take to connect, and between two pieces of an answer."""
TOTAL_S = 120.0
"""Seconds one call may take, with all its tries and pauses."""
LONGEST_PAUSE_S = 60.0
"""A longer wait than this is not waited out: the caller is told instead."""
MOST_BYTES = 32 * 1024 * 1024
"""Bytes one answer may have: a pod weighs 2 kB."""


class RunPod:
    """A client of one account, for one event loop: a `Provider` for deployments."""

    def __init__(
        self,
        key: Secret,
        base_url: str = DEFAULT_URL,
        *,
        clock: Clock,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Does no I/O. `transport` is another wire, for tests.

        Raises ProviderError for an address or a key that cannot be used.
        """
        self._key = checked_key(key)
        self._base = checked_url(base_url.strip() or DEFAULT_URL)
        self._clock = clock
        self._transport = transport
        self._client: httpx.AsyncClient | None = None
        self._limits = Limits()
        self._pace = Pace()
        self._listing = asyncio.Lock()
        self._listed: tuple[float, tuple[Pod, ...]] | None = None
        """When the newest list was asked for, and what it was."""

    @property
    def where(self) -> str:
        """Host and port, for people."""
        return clean(urlsplit(self._base).netloc, 100)

    async def pods(self) -> tuple[Pod, ...]:
        """Every pod of the account, as of this call or later: those who ask at once share one request."""
        asked = self._clock.monotonic()
        async with self._listing:
            if self._listed is not None and self._listed[0] > asked:
                return self._listed[1]
            await self._clock.sleep(self._pace.wait(self._clock.monotonic(), self._limits))
            began = self._clock.monotonic()
            found = parse_pods(await self._ask("GET", "/v2/pods", "asking for the pods"))
            self._listed = (began, found)
            return found

    async def terminate(self, pod_id: str) -> None:
        """End a pod for good; one that is gone already is fine."""
        await self._delete("pods", pod_id, f"ending pod {clean(pod_id, 64)}")

    async def offers(self, gpus: int, cloud: str) -> tuple[Offer, ...]:
        """What the catalogue has for nodes of so many GPUs, one a GPU type and data centre, whatever its fitness."""
        doing = "asking for the catalogue"
        centers = await self._ask("GET", "/v2/catalog/datacenters", doing)
        query = {"include": "AVAILABILITY", "product": "POD", "count": str(gpus), "cloud": cloud}
        return parse_offers(
            await self._ask("GET", "/v2/catalog/gpus", doing, query), parse_private(centers), gpus, cloud
        )

    async def volumes(self) -> tuple[tuple[str, str], ...]:
        """Network volumes: id and name."""
        return parse_volumes(await self._ask("GET", "/v2/network-volumes", "asking for the network volumes"))

    async def delete_volume(self, volume_id: str) -> None:
        """Delete one; one that is gone already is fine."""
        await self._delete("network-volumes", volume_id, f"deleting network volume {clean(volume_id, 64)}")

    async def close(self) -> None:
        """Let go of connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _delete(self, what: str, one: str, doing: str) -> None:
        if not ID.fullmatch(one):
            raise ProviderError(f"{doing}: that is no id", Kind.REQUEST)
        try:
            await self._ask("DELETE", f"/v2/{what}/{quote(one, safe='')}", doing)
        except ProviderError as error:
            if error.kind != Kind.MISSING:
                raise

    async def _ask(self, method: str, path: str, doing: str, query: Mapping[str, str] | None = None) -> bytes:
        """One answer, asked for again where the trouble may pass. Raises ProviderError."""
        from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt  # noqa: PLC0415 - late: see above

        retrying = AsyncRetrying(
            stop=stop_after_attempt(TRIES),
            wait=_pause,
            retry=retry_if_exception(_may_pass),
            sleep=self._clock.sleep,
            reraise=True,
        )
        try:
            async with asyncio.timeout(TOTAL_S):
                answer: bytes = await retrying(self._once, method, path, doing, query or {})
        except TimeoutError as error:
            raise ProviderError(f"{doing}: no whole answer from {self.where} in {TOTAL_S:g} s", Kind.NETWORK) from error
        return answer

    async def _once(self, method: str, path: str, doing: str, query: Mapping[str, str]) -> bytes:
        """One try, no sooner than the limits allow."""
        import httpx  # noqa: PLC0415 - late: 130 ms for who rents something

        await self._wait_for_limits(doing)
        client = self._connected()
        headers = {"Authorization": f"Bearer {self._key.reveal()}"}
        try:
            async with client.stream(method, path, params=dict(query), headers=headers) as answer:
                body = await _read(answer, doing)
                status, told = answer.status_code, answer.headers
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise PassingError(
                f"{doing}: {self.where} cannot be reached: {self._reason(error)}", Kind.NETWORK
            ) from None
        self._limits = parse_limits(told, self._clock.monotonic()) or self._limits
        if 200 <= status < 300:
            return body
        raise refused(status, body, doing, self.where, self._key, parse_retry_after(told))

    async def _wait_for_limits(self, doing: str) -> None:
        pause_s, name = self._limits.must_wait(self._clock.monotonic())
        if pause_s > LONGEST_PAUSE_S:
            text = f"{doing}: the account's requests of this {clean(name, 32)} are used up; more in {pause_s:.0f} s"
            raise ProviderError(text, Kind.BUSY)
        if pause_s > 0:
            await self._clock.sleep(pause_s)

    def _connected(self) -> httpx.AsyncClient:
        import httpx  # noqa: PLC0415 - late: as above

        if self._client is None:
            # httpx logs whole addresses at INFO; there is nothing in them that whoever turns logs on must see.
            logging.getLogger("httpx").setLevel(logging.WARNING)
            is_near = urlsplit(self._base).hostname in LOOPBACK
            self._client = httpx.AsyncClient(
                transport=self._transport,
                base_url=self._base,
                timeout=TRY_S,
                headers={"Accept": "application/json", "User-Agent": "gpu-watchdog"},
                # A proxy of the environment leads outside, not to this machine.
                trust_env=not is_near,
                verify=True if is_near else _trusted(),
            )
        return self._client

    def _reason(self, error: Exception) -> str:
        import httpx  # noqa: PLC0415 - late: as above

        if isinstance(error, httpx.TimeoutException):
            return f"no answer within {TRY_S:g} s"
        return clean(without(redact_url(str(error)), self._key), 200) or type(error).__name__


async def _read(answer: httpx.Response, doing: str) -> bytes:
    received = bytearray()
    async for part in answer.aiter_bytes(262144):
        received += part
        if len(received) > MOST_BYTES:
            raise ProviderError(f"{doing}: the answer is larger than {MOST_BYTES >> 20} MiB", Kind.SERVER)
    return bytes(received)


def _may_pass(error: BaseException) -> bool:
    """Whether another try may do better, and soon enough."""
    return isinstance(error, PassingError) and (error.retry_after_s or 0.0) <= LONGEST_PAUSE_S


def _pause(state: RetryCallState) -> float:
    """As long as RunPod asks for, else longer each time."""
    from tenacity import wait_random_exponential  # noqa: PLC0415 - late: as above

    error = state.outcome.exception() if state.outcome else None
    told = error.retry_after_s if isinstance(error, PassingError) else None
    return float(wait_random_exponential(multiplier=0.5, max=8)(state)) if told is None else told


@functools.cache
def _trusted() -> ssl.SSLContext:
    """The system's certificates, read once."""
    return ssl.create_default_context()
