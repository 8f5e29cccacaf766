#!/usr/bin/env python3
"""A stand-in for the `vllm` program on a pod: says what vLLM says while it comes up, then answers, or fails as told.

/etc/fake-vllm may hold `memory` (the GPU has too little), `gated` (the hub refuses), `slow` (4 s of loading).
"""

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LINES = (
    "INFO 11-24 15:00:00 [api_server.py:1] vLLM API server version 0.11.2",
    "INFO 11-24 15:00:01 [gpu_model_runner.py:1] Starting to load model {model}...",
    "Loading safetensors checkpoint shards:  50% Completed | 1/2 [00:01<00:01,  1.00s/it]",
    "Loading safetensors checkpoint shards: 100% Completed | 2/2 [00:02<00:00,  1.00s/it]",
    "INFO 11-24 15:00:03 [default_loader.py:1] Loading weights took 2.00 seconds",
    "INFO 11-24 15:00:04 [kv_cache_utils.py:1] GPU KV cache size: 1,234,560 tokens",
    "INFO 11-24 15:00:05 [api_server.py:1] Starting vLLM API server 0 on http://127.0.0.1:8000",
)
FAILURES = {
    "memory": "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has 1.0 GiB free.",
    "gated": "OSError: You are trying to access a gated repo. 401 Client Error: Unauthorized for url: https://hub/x",
}


class Answers(BaseHTTPRequestHandler):
    """Models to who has the key, numbers to everybody."""

    model = ""

    def do_GET(self) -> None:
        key = os.environ.get("VLLM_API_KEY", "")
        if self.path.startswith("/v1/") and key and self.headers.get("Authorization") != f"Bearer {key}":
            self._send(401, b'{"error": "Unauthorized"}')
        elif self.path == "/v1/models":
            self._send(200, json.dumps({"object": "list", "data": [{"id": self.model, "object": "model"}]}).encode())
        elif self.path == "/metrics":
            of = f'{{engine="0",model_name="{self.model}"}}'
            self._send(200, f"vllm:num_requests_running{of} 0.0\nvllm:num_requests_waiting{of} 0.0\n".encode())
        else:
            self._send(200 if self.path in ("/health", "/ping") else 404, b"")

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Come up, and serve until told to end."""
    if "--version" in sys.argv or len(sys.argv) < 3:
        print("0.11.2")
        return
    model, port = sys.argv[2], int(sys.argv[sys.argv.index("--port") + 1])
    told = Path("/etc/fake-vllm")
    fate = told.read_text().strip() if told.exists() else ""
    for number, line in enumerate(LINES):
        print(line.format(model=model), flush=True)
        time.sleep(4.0 if fate == "slow" and number == 1 else 0.1)
        if fate in FAILURES and number == 2:
            print(FAILURES[fate], file=sys.stderr, flush=True)
            sys.exit(1)
    Answers.model = model
    server = ThreadingHTTPServer(("127.0.0.1", port), Answers)
    print("INFO:     Application startup complete.", flush=True)
    server.serve_forever(poll_interval=0.05)


if __name__ == "__main__":
    main()
