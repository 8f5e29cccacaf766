"""`stack`: what it writes for which configuration, and what it leaves alone."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from app.cli import errors
from app.services.stack.compose import IMAGES
from tests.cli.conftest import Run, schema

CONFIG = """
[cluster]
name = 'the "lab"'
[[target]]
url = "http://node-1:9400/metrics"
[[target]]
url = "https://node-2:9400/metrics?collect[]=gpu"
token_file = "token"
[[target]]
url = "nvml:"
[discover]
files = ["sd/*.json"]
http = ["http://inventory/sd"]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration with all kinds of targets."""
    file = tmp_path / "lab.toml"
    file.write_text(CONFIG)
    return file


def made(run: Run, config: Path, folder: Path, *more: str) -> Any:  # noqa: ANN401 - JSON has no better name
    """What `stack --json` says."""
    answer = run("stack", str(folder), "--config", str(config), "--json", *more)
    assert errors.OK == answer.code, answer.err
    jsonschema.validate(answer.json, schema("stack"))
    return answer.json


def read(file: Path) -> Any:  # noqa: ANN401 - YAML neither
    """A YAML file."""
    return yaml.safe_load(file.read_text())


def test_without_a_daemon_targets_come_from_the_configuration(run: Run, config: Path, tmp_path: Path) -> None:
    """A file_sd file, the discoveries that are configured, and jobs for what wants a token; the rest has a reason."""
    told = made(run, config, tmp_path / "s")

    found = read(tmp_path / "s" / "prometheus" / "prometheus.yml")
    daemon, exporters, closed = found["scrape_configs"]
    assert ("configuration", ["nvml"]) == (told["targets_from"], [one["name"] for one in told["left_out"]])
    assert 'the "lab"' == found["global"]["external_labels"]["cluster"]
    assert (["127.0.0.1:9478"], True) == (daemon["static_configs"][0]["targets"], daemon["honor_labels"])
    assert [["targets/targets.json"], [str(tmp_path / "sd" / "*.json")]] == [
        one["files"] for one in exporters["file_sd_configs"]
    ]
    assert [{"url": "http://inventory/sd"}] == exporters["http_sd_configs"]
    assert str(tmp_path / "token") == closed["authorization"]["credentials_file"]
    assert {"collect[]": ["gpu"]} == closed["params"]


def test_a_secret_of_the_configuration_is_in_no_file(run: Run, config: Path, tmp_path: Path) -> None:
    """Files that servers of other users read hold no password, token or what a private file says."""
    (tmp_path / "token").write_text("c4n4ry-token")
    config.write_text(
        CONFIG.replace("http://inventory/sd", "http://ana:c4n4ry@inventory/sd")
        + '[[target]]\nurl = "http://ana:c4n4ry@node-3:9400/metrics"\n[[target]]\nurl = "http://node-4/?token=c4n4ry"\n'
    )

    told = made(run, config, tmp_path / "s")

    files = [file for file in (tmp_path / "s").rglob("*") if file.is_file()]
    assert [] == [file.name for file in files if "c4n4ry" in file.read_text()]
    assert "c4n4ry" not in str(told)
    assert ["nvml", "node-3:9400", "node-4", "discovery"] == [one["name"] for one in told["left_out"]]


def test_a_daemon_on_tcp_needs_no_door(run: Run, config: Path, tmp_path: Path) -> None:
    """It is scraped and asked for targets with its token; no socket is handed into a container."""
    token = tmp_path / "daemon-token"
    token.write_text("x" * 32)
    authority = tmp_path / "ca.pem"
    authority.write_text("")

    told = made(
        run,
        config,
        tmp_path / "s",
        "--daemon",
        "https://head:9479",
        "--daemon-token",
        str(token),
        "--daemon-ca",
        str(authority),
    )

    daemon, exporters, _ = read(tmp_path / "s" / "prometheus" / "prometheus.yml")["scrape_configs"]
    services = read(tmp_path / "s" / "compose.yml")["services"]
    assert "daemon" == told["targets_from"]
    assert ("https", str(token)) == (daemon["scheme"], daemon["authorization"]["credentials_file"])
    (asked,) = exporters["http_sd_configs"]
    assert str(authority) == daemon["tls_config"]["ca_file"] == asked["tls_config"]["ca_file"]
    assert {str(token), str(authority)} <= {one["source"] for one in services["prometheus"]["volumes"][2:]}
    assert ("https://head:9479/api/sd", str(token)) == (asked["url"], asked["authorization"]["credentials_file"])
    assert {"prometheus", "alertmanager", "grafana"} == set(services)
    assert not (tmp_path / "s" / "door").exists()


def test_images_are_pinned_and_nothing_listens_for_others(run: Run, config: Path, tmp_path: Path) -> None:
    """Every address in the compose file and the door is loopback's; the password is drawn and private."""
    made(run, config, tmp_path / "s", "--grafana-port", "3999")

    whole = read(tmp_path / "s" / "compose.yml")
    services = whole["services"]
    assert set(IMAGES) == set(services)
    assert all(
        one["image"].rpartition(":")[2][-1:].isalnum() and "latest" not in one["image"] for one in services.values()
    )
    listening = [word for one in services.values() for word in one.get("command", []) if "listen-address" in word]
    assert [
        "--cluster.listen-address=",
        "--web.listen-address=127.0.0.1:9090",
        "--web.listen-address=127.0.0.1:9093",
    ] == (sorted(listening))
    grafana = services["grafana"]["environment"]
    assert ("127.0.0.1", "3999") == (grafana["GF_SERVER_HTTP_ADDR"], grafana["GF_SERVER_HTTP_PORT"])
    assert "listen 127.0.0.1:9478;" in (tmp_path / "s" / "door" / "nginx.conf").read_text()
    secret = tmp_path / "s" / ".env"
    assert 0o600 == stat.S_IMODE(secret.stat().st_mode)
    assert len(secret.read_text()) > 40


def test_a_second_run_changes_nothing_and_leaves_the_persons_changes(run: Run, config: Path, tmp_path: Path) -> None:
    """The webhook that a person fills in survives; --force is what it says."""
    first = made(run, config, tmp_path / "s")
    file = tmp_path / "s" / "alertmanager" / "alertmanager.yml"
    file.write_text(file.read_text().replace("http://127.0.0.1:9/fill-in-where-to-tell-people", "http://mine/hook"))
    again = made(run, config, tmp_path / "s")
    forced = made(run, config, tmp_path / "s", "--force")

    states = [{one["path"]: one["state"] for one in each["files"]} for each in (first, again, forced)]
    assert {"written"} == set(states[0].values())
    assert {"alertmanager/alertmanager.yml": "kept"} == {k: v for k, v in states[1].items() if v != "unchanged"}
    assert {"alertmanager/alertmanager.yml": "written"} == {k: v for k, v in states[2].items() if v != "unchanged"}


def test_own_rules_are_in_the_rule_file(run: Run, config: Path, tmp_path: Path) -> None:
    """What `alerts rules export` prints, with the user's rules."""
    rules = tmp_path / "mine.toml"
    rules.write_text('[rule.Warm]\nmetric = "gpu.temperature"\nabove = 70\n')
    config.write_text(f'{CONFIG}\n[alerts]\nrules = ["{rules}"]\n')

    made(run, config, tmp_path / "s")
    exported = run("alerts", "rules", "export", "--config", str(config)).out

    assert exported.rstrip() == (tmp_path / "s" / "prometheus" / "rules" / "gpu-watchdog.yml").read_text().rstrip()
    assert '"Warm"' in exported


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--scrape", "soon"), "--scrape"),
        (("--scrape", "10ms"), "--scrape"),
        (("--grafana-port", "70000"), "no port"),
        (("--grafana-port", "9090"), "same"),
        (("--daemon", "head:9479"), "--daemon"),
        (("--daemon-token", "/nowhere"), "go with --daemon"),
        (("--daemon", "http://head:1", "--daemon-ca", "/nowhere"), "--daemon-ca: there is no file"),
        (("--daemon", "http://head:1", "--daemon-token", "/nowhere"), "no file /nowhere"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, tuple) else "",
)
def test_wrong_usage_is_said_in_a_sentence(
    run: Run, config: Path, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    """And nothing is written."""
    answer = run("stack", str(tmp_path / "s"), "--config", str(config), *words)

    assert (errors.USAGE, True) == (answer.code, said in answer.err)
    assert not (tmp_path / "s").exists()


def test_a_folder_that_cannot_be_written_is_73(run: Run, config: Path, tmp_path: Path) -> None:
    """A file lies in its place."""
    (tmp_path / "s").write_text("")

    assert errors.CANNOT_WRITE == run("stack", str(tmp_path / "s"), "--config", str(config)).code
