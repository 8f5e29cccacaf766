"""What `stack` writes for every kind of configuration, read by the servers' own tools; nothing is started."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from app.config.settings import Discover, Target
from app.engine.alerting.export import rule_file
from app.engine.alerting.rulebook import built_in
from app.services.stack.files import stack_files
from app.services.stack.plan import Plan
from app.services.stack.scraping import Access, scraped
from app.services.stack.writing import write_stack
from tests.real.test_stack import checked
from tests.tools.parts import find

HOSTILE = 'a: "b" # {c}\n- \x07\U0001f600 $HOME'
BOOK = built_in()


def plan(tmp_path: Path, cluster: str, *, daemon: str = "", asks: bool = True, scrape_s: float = 15.0) -> Plan:
    """Pages of every kind, a discovery of one's own, and a token for all of it."""
    token, lists = tmp_path / 'to"ken $1', tmp_path / "sd.json"
    token.write_text("x" * 32)
    lists.write_text("[]")
    targets = (
        Target(url="http://node-1:9400/metrics", node=HOSTILE, interval_s=2),
        Target(url="https://[::1]:9400/metrics?collect[]=a&collect[]=b", token_file=str(token), insecure=True),
        Target(url="http://node-3:9400/metrics", name=HOSTILE, token_file=str(token)),
    )
    pages, left_out = scraped(targets)
    return Plan(
        cluster, tmp_path / 'run "$x"' / "api.sock", rule_file(BOOK.enabled()), BOOK.inhibitions, scrape_s,
        daemon=daemon, daemon_access=Access(str(token)) if daemon else Access(), asks_daemon=asks, pages=pages,
        left_out=left_out, discover=Discover(files=(str(lists),), http=("http://inventory/sd?x=1",)),
    )  # fmt: skip


@pytest.mark.real("prometheus", "alertmanager", "nginx")
@pytest.mark.parametrize(
    ("cluster", "daemon", "asks", "scrape_s"),
    [
        ("lab", "", True, 15.0),
        (HOSTILE, "", False, 1.5),
        ("", "https://head", True, 60.0),
        ("lab", "http://h:1/", True, 1.0),
    ],
    ids=["door", "files", "https", "http"],
)
def test_every_kind_of_configuration_is_read_without_a_complaint(
    tmp_path: Path, cluster: str, daemon: str, asks: bool, scrape_s: float
) -> None:
    """By promtool, amtool and nginx; names that would break a file by hand break nothing."""
    folder = tmp_path / "stack"
    made = plan(tmp_path, cluster, daemon=daemon, asks=asks, scrape_s=scrape_s)

    write_stack(folder, stack_files(made, "password"), force=False)

    checked(folder)
    if made.has_door:
        nginx = [str(find("nginx")), "-t", "-p", f"{tmp_path}/", "-c", str(folder / "door" / "nginx.conf")]
        told = subprocess.run(nginx, capture_output=True, text=True, check=False)
        assert 0 == told.returncode, told.stderr
