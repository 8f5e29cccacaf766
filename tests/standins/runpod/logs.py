"""A pod's log as the emulated API streams it: server-sent events, the last lines first, then what comes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tests.standins.runpod.views import instant

if TYPE_CHECKING:  # the server knows us
    from tests.standins.runpod.server import Doors, Handler

LOOK_S = 0.1
"""How often new lines are looked for."""


def stream(handler: Handler, doors: Doors, pod_id: str, query: Mapping[str, str], headers: Mapping[str, str]) -> None:
    """Send a pod's log until the client leaves, the pod is terminated or the emulator ends; ProblemError 404."""
    with doors.lock:
        pod = doors.account.living(pod_id)
        tail, wanted = int(query.get("tail", "100")), query.get("source", "container")
        sent = max(0, len(pod.lines) - min(tail, 5000))
    handler.send_response(200)
    for name, value in {**headers, "Content-Type": "text/event-stream", "Cache-Control": "no-cache"}.items():
        handler.send_header(name, value)
    handler.send_header("Connection", "close")
    handler.end_headers()
    while True:
        with doors.lock:
            fresh, is_over = pod.lines[sent:], pod.state == "TERMINATED"
        for number, (at, source, line) in enumerate(fresh, start=sent):
            if source == wanted:
                told = json.dumps({"ts": instant(at), "source": source, "line": line})
                handler.wfile.write(f"id: {instant(at)}/{number:012}\ndata: {told}\n\n".encode())
        sent += len(fresh)
        handler.wfile.flush()
        if is_over or doors.closing.wait(LOOK_S):
            return
