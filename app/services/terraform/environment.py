"""The environment Terraform is given: the provider's key, the user's set-up, and none of our other secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from app.config.secret import Secret
from app.domain.frozen import frozen
from app.domain.masking import TELLING

KEY, BASE_URL = "RUNPOD_API_KEY", "RUNPOD_API_BASE_URL"
"""Where the provider looks for the account's key, and for the API's address (without `/v2`)."""
_OURS = ("GPU_WATCHDOG_", "HF_", "HUGGING_FACE_", "OPENAI_")
_KEPT_TF = ("TF_CLI_CONFIG_FILE", "TF_PLUGIN_CACHE_DIR", "TF_REATTACH_PROVIDERS", "TF_REGISTRY_", "TF_TOKEN_")
"""Of Terraform's variables, those that say how a user gets at providers.

The others change what a command does: `TF_CLI_ARGS` adds flags, `TF_VAR_…` sets our variables, `TF_LOG` writes requests
with their headers to stderr, `TF_DATA_DIR` and `TF_WORKSPACE` move the state.
"""
_SECRET = re.compile(TELLING, re.IGNORECASE)
_FIXED = {
    "TF_IN_AUTOMATION": "1",
    "TF_INPUT": "0",
    "CHECKPOINT_DISABLE": "1",
    # A provider written in Python would change its own folder by its first run, and no longer fit the lock file.
    "PYTHONDONTWRITEBYTECODE": "1",
}


@frozen
class Configuration:
    """Where the user's own set-up says that providers come from."""

    text: str = ""
    """All of it."""
    has_overrides: bool = False
    """A provider comes from a developer's folder or process, for which `init` is not needed and may not work."""

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Configuration:
        """Read the files that Terraform and OpenTofu read; one that cannot be read says nothing."""
        named = environ.get("TF_CLI_CONFIG_FILE")
        home = Path(environ.get("HOME") or "/nonexistent")
        usual = (home / ".terraformrc", home / ".tofurc", *sorted((home / ".terraform.d").glob("*.tfrc")))
        texts = [environ.get("TF_REATTACH_PROVIDERS", "")]
        for file in (Path(named),) if named else usual:
            try:
                texts.append(file.read_text("utf-8", "replace"))
            except OSError:
                continue
        lines = [line.strip() for text in texts[1:] for line in text.splitlines()]
        return cls("\n".join(texts), bool(texts[0]) or any(line.startswith("dev_overrides") for line in lines))


def child_environment(
    environ: Mapping[str, str], api_key: Secret, base_url: str = "", *, has_overlay: bool = False
) -> dict[str, str]:
    """What a Terraform command gets of our environment.

    Variables named like a secret stay here, unless the user's own `.tf` files may bring providers that need theirs.
    """
    kept = {name: value for name, value in environ.items() if _is_kept(name, has_overlay=has_overlay)}
    kept.update(_FIXED)
    if api_key:
        kept[KEY] = api_key.reveal()
    if base_url:
        kept[BASE_URL] = base_url.rstrip("/").removesuffix("/v2")
    return kept


def _is_kept(name: str, *, has_overlay: bool) -> bool:
    if name.startswith("TF_"):
        return name.startswith(_KEPT_TF)
    if name == KEY or name.startswith(_OURS):
        return False
    return has_overlay or not _SECRET.search(name)
