"""What Terraform gets of our environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.config.secret import Secret
from app.services.terraform.environment import Configuration, child_environment

USERS = {
    "PATH": "/bin",
    "HOME": "/home/ana",
    "HTTPS_PROXY": "http://proxy:3128",
    "TF_CLI_CONFIG_FILE": "/home/ana/tf.rc",
    "TF_PLUGIN_CACHE_DIR": "/cache",
    "TF_TOKEN_registry_example_com": "t",
    "TF_LOG": "TRACE",
    "TF_VAR_image": "x",
    "TF_CLI_ARGS": "-destroy",
    "TF_WORKSPACE": "other",
    "TF_DATA_DIR": "/elsewhere",
    "RUNPOD_API_KEY": "inherited",
    "HF_TOKEN": "hf",
    "OPENAI_API_KEY": "sk",
    "GPU_WATCHDOG_TOKEN": "g",
    "AWS_SECRET_ACCESS_KEY": "aws",
}


def test_key_and_address_are_set_and_only_the_users_set_up_is_kept() -> None:
    """The configured key wins; variables that change what a command does, and other secrets, stay here."""
    given = child_environment(USERS, Secret("k"), "http://127.0.0.1:1/v2/")

    kept = ("PATH", "HOME", "HTTPS_PROXY", "TF_CLI_CONFIG_FILE", "TF_PLUGIN_CACHE_DIR", "TF_TOKEN_registry_example_com")
    expected = {name: USERS[name] for name in kept} | {
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "CHECKPOINT_DISABLE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "RUNPOD_API_KEY": "k",
        "RUNPOD_API_BASE_URL": "http://127.0.0.1:1",
    }
    assert expected == given


def test_users_own_files_may_need_secrets_of_their_own() -> None:
    """With an overlay the user's other secrets are passed on, but never ours."""
    given = child_environment(USERS, Secret(""), has_overlay=True)

    assert "aws" == given["AWS_SECRET_ACCESS_KEY"]
    assert set() == {"RUNPOD_API_KEY", "HF_TOKEN", "OPENAI_API_KEY", "GPU_WATCHDOG_TOKEN"} & set(given)


OVERRIDES = 'provider_installation {\n  dev_overrides {\n    "runpod/runpod" = "/x"\n  }\n}\n'
MIRROR = "provider_installation {\n  # no dev_overrides here\n  filesystem_mirror {\n  }\n}\n"


@pytest.mark.parametrize(("text", "has_overrides"), [(OVERRIDES, True), (MIRROR, False), ("", False)])
def test_users_configuration_tells_of_overrides(tmp_path: Path, text: str, has_overrides: bool) -> None:
    """Under overrides nothing is fetched first; a comment is none."""
    (tmp_path / ".terraformrc").write_text(text)

    assert has_overrides == Configuration.read({"HOME": str(tmp_path)}).has_overrides


def test_named_configuration_stands_for_all_others(tmp_path: Path) -> None:
    """As for Terraform itself; a file that is not there says nothing, and a reattached provider is an override, too."""
    (tmp_path / ".terraformrc").write_text(OVERRIDES)
    named = {"HOME": str(tmp_path), "TF_CLI_CONFIG_FILE": str(tmp_path / "nosuch")}

    assert not Configuration.read(named).has_overrides
    assert Configuration.read({**named, "TF_REATTACH_PROVIDERS": "{}"}).has_overrides
