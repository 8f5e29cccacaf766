"""Options that commands share: where to look, and every setting as a flag."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from app.cli.command import HelpShown, Parser
from app.cli.errors import CliError
from app.cli.options import declare_sources, setting_flags, settings_of, target_of
from app.config.settings import TABLES, Settings, Target


def settings(words: list[str], home: Path, **environ: str) -> Settings:
    """The settings that a command line makes."""
    parser = Parser("gpu-watchdog test")
    declare_sources(parser)
    return settings_of(parser.parse_all(words), environ, home)


def test_every_plain_setting_has_a_flag() -> None:
    """`[store] path` is `--store-path`, and so on for every field."""
    expected = [f"--{table}-{one.name}".replace("_", "-") for table, kind in TABLES.items() for one in fields(kind)]

    assert expected == [flag.flag for flag in setting_flags()]


def test_a_flag_beats_the_environment_and_the_environment_the_file(tmp_path: Path) -> None:
    """File, then variable, then flag: the later wins."""
    file = tmp_path / "lab.toml"
    file.write_text("[cluster]\nname = 'file'\ninterval_s = 7\n[store]\npath = 'file.db'\n")
    named = ["--config", str(file)]
    environ = {"GPU_WATCHDOG_CLUSTER_NAME": "variable", "GPU_WATCHDOG_STORE_PATH": "variable.db"}

    found = settings([*named, "--store-path", "flag.db"], tmp_path, **environ)

    assert ("variable", 7.0, "flag.db") == (found.cluster.name, found.cluster.interval_s, found.store.path)


def test_interval_is_short_for_the_clusters(tmp_path: Path) -> None:
    """`--interval 1` is `--cluster-interval-s 1`."""
    assert settings(["--interval", "1"], tmp_path).cluster.interval_s == 1.0


def test_a_switch_needs_no_value(tmp_path: Path) -> None:
    """`--screen-ascii` alone means true; `--screen-ascii false` says otherwise."""
    assert settings(["--screen-ascii"], tmp_path).screen.ascii
    assert not settings(["--screen-ascii", "false"], tmp_path).screen.ascii


def test_a_list_of_addresses_is_split_at_commas(tmp_path: Path) -> None:
    """Addresses hold colons, so lists in flags and variables are separated by commas."""
    found = settings(["--discover-http", "http://a:1/sd,http://b:2/sd"], tmp_path)

    assert ("http://a:1/sd", "http://b:2/sd") == found.discover.http


def test_targets_read_no_configuration_file_unless_one_is_named(tmp_path: Path) -> None:
    """A user's own file does not mix with `--target`; a named one gives everything but the targets."""
    own = tmp_path / ".config" / "gpu-watchdog" / "config.toml"
    own.parent.mkdir(parents=True)
    own.write_text("[cluster]\nname = 'own'\n[[target]]\nurl = 'http://own:9400/metrics'\n")

    alone = settings(["--target", "http://a:9400/metrics"], tmp_path)
    beside = settings(["--target", "http://a:9400/metrics", "--config", str(own)], tmp_path)

    assert ("", (Target(url="http://a:9400/metrics"),)) == (alone.cluster.name, alone.target)
    assert ("own", (Target(url="http://a:9400/metrics"),)) == (beside.cluster.name, beside.target)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("node-1:9400", "http://node-1:9400/metrics"),
        ("http://node-1:9400", "http://node-1:9400/metrics"),
        ("http://node-1:9400/", "http://node-1:9400/metrics"),
        ("https://node-1/gpu/metrics", "https://node-1/gpu/metrics"),
        ("[::1]:9400", "http://[::1]:9400/metrics"),
        ("nvml:", "nvml:"),
        ("nvml", "nvml:"),
    ],
)
def test_a_target_may_leave_out_what_every_page_has(typed: str, expected: str) -> None:
    """Scheme and `/metrics` are added where they are missing."""
    assert expected == target_of(typed).url


@pytest.mark.parametrize("typed", ["", "ftp://node/metrics", "http://", "http://a:port/", "http://a b/", "file:///x"])
def test_what_is_no_address_is_refused(typed: str) -> None:
    """The error says what to write."""
    with pytest.raises(CliError, match="is not an address"):
        target_of(typed)


def test_help_settings_lists_each_with_its_documentation() -> None:
    """One line a setting, from the settings themselves."""
    parser = Parser("gpu-watchdog test")
    declare_sources(parser)

    with pytest.raises(HelpShown) as shown:
        parser.parse_all(["--help-settings"])

    assert len(setting_flags()) == len(str(shown.value).splitlines())


def test_a_deployment_is_something_to_look_at(tmp_path: Path) -> None:
    """With one there, nothing is searched for; `none`, and targets that are named, leave it out."""
    state = tmp_path / "state"
    watch = state / "deployments/lab/watch.json"
    watch.parent.mkdir(parents=True)
    watch.write_text("{}")
    environ = {"GPU_WATCHDOG_STATE_DIR": str(state)}

    assert (True, False) == (settings([], tmp_path).is_empty, settings([], tmp_path, **environ).is_empty)
    assert settings(["--discover-terraform", "none"], tmp_path, **environ).is_empty
    assert "none" == settings(["--target", "node-1"], tmp_path, **environ).discover.terraform
