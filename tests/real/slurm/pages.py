"""GPU pages for the workers: what a dcgm-exporter on each of them would say, served on this machine's loopback."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from tests.real.slurm.configuration import GPUS

MODEL = "NVIDIA H100 80GB HBM3"


def uuid_of(node: str, index: int) -> str:
    """The UUID of a worker's GPU."""
    return f"GPU-{int(node.removeprefix('node')):08x}-0000-4000-8000-{index:012x}"


def page_of(node: str) -> str:
    """A dcgm-exporter's page for a worker; its GPUs rest."""
    lines = []
    for metric, value in (("DCGM_FI_DEV_GPU_UTIL", 0), ("DCGM_FI_DEV_FB_USED", 4), ("DCGM_FI_DEV_GPU_TEMP", 31)):
        lines += [f"# HELP {metric} As of a real exporter.", f"# TYPE {metric} gauge"]
        for index in range(GPUS):
            of = f'gpu="{index}",UUID="{uuid_of(node, index)}",device="nvidia{index}",modelName="{MODEL}"'
            lines.append(f'{metric}{{{of},Hostname="{node}"}} {value}')
    return "\n".join([*lines, ""])


class _Pages(BaseHTTPRequestHandler):
    """`/node2/metrics` is node2's page."""

    def do_GET(self) -> None:
        body = page_of(self.path.split("/")[1]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base class
        pass


@contextmanager
def serving(nodes: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Serve the workers' pages; gives their addresses."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield tuple(f"http://127.0.0.1:{server.server_port}/{node}/metrics" for node in nodes)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
