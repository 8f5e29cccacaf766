#!/usr/bin/env python3
"""A stand-in for the `vllm` program: answers /health and /metrics, or fails as it is told to by its environment.

FAKE_VLLM_FAILS: how many starts end at once with an error (counted in the file FAKE_VLLM_COUNT). FAKE_VLLM_BUSY: a file
that is there while a request is under way. FAKE_VLLM_DEAF: SIGTERM is not heard. What it was given is written to the
file FAKE_VLLM_SAW as JSON.
"""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Answers(BaseHTTPRequestHandler):
    """Health, and the two numbers that say whether work is under way."""

    def do_GET(self) -> None:
        busy = Path(os.environ.get("FAKE_VLLM_BUSY", "/nonexistent")).exists()
        body = b"ok"
        if self.path == "/metrics":
            labels = '{engine="0",model_name="m"}'
            body = f"vllm:num_requests_running{labels} {float(busy)}\nvllm:num_requests_waiting{labels} 0.0\n".encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Serve until told to end."""
    environ = os.environ
    Path(environ["FAKE_VLLM_SAW"]).write_text(json.dumps({"argv": sys.argv[1:], "environ": dict(environ)}))
    count = Path(environ["FAKE_VLLM_COUNT"])
    started = int(count.read_text() or 0) + 1 if count.exists() else 1
    count.write_text(str(started))
    print("INFO 11-24 15:00:00 [core.py:1] a line of the server", flush=True)
    if started <= int(environ.get("FAKE_VLLM_FAILS", "0")):
        print("ValueError: there is no such architecture", file=sys.stderr, flush=True)
        sys.exit(3)
    port = int(sys.argv[sys.argv.index("--port") + 1])
    server = HTTPServer(("127.0.0.1", port), Answers)
    signal.signal(signal.SIGTERM, signal.SIG_IGN if "FAKE_VLLM_DEAF" in environ else lambda *_: sys.exit(0))
    server.serve_forever(poll_interval=0.05)


if __name__ == "__main__":
    main()
