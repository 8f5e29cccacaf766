"""Runs something that may block for ever without ever being waited for at exit.

asyncio.to_thread would do, but its threads are joined when the program ends, and one that reads a log on a dead network
disk never comes back.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")

MOST_AT_ONCE = 16
_places = threading.BoundedSemaphore(MOST_AT_ONCE)


class TooManyError(Exception):
    """All places are taken by calls that have not come back."""


async def detached(function: Callable[[], Result], timeout_s: float) -> Result:
    """Call `function` in a daemon thread and return what it returns; raises TimeoutError and TooManyError."""
    if not _places.acquire(blocking=False):
        raise TooManyError
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # without an error there is a result

    def run() -> None:
        result: Result | None = None
        failure: BaseException | None = None
        try:
            result = function()
        except Exception as error:  # noqa: BLE001 - handed to whoever awaits
            failure = error
        finally:
            _places.release()
        try:
            loop.call_soon_threadsafe(settle, result, failure)
        except RuntimeError:
            # The program has ended meanwhile; nobody waits any more.
            return

    threading.Thread(target=run, name="detached", daemon=True).start()
    async with asyncio.timeout(timeout_s):
        return await future
