"""The secrets of a deployment that pass through here, and text without them.

Only the provider's key is read here: it goes into Terraform's environment and into a header, nowhere else.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from app.config.secret import Secret, SecretError, read_secret_file
from app.config.settings import Settings
from app.domain.masking import MASK
from app.domain.redact import redact
from app.services.deploy.errors import stop

KEY_VARIABLE = "RUNPOD_API_KEY"
SHORTEST = 6
"""Characters; a text this short would be masked in the middle of words."""

Redact = Callable[[str], str]


def provider_key(settings: Settings, environ: Mapping[str, str], name: str = "NAME") -> Secret:
    """The provider's API key: of the file that is configured, else of the environment. Raises DeployError."""
    named = settings.deploy.api_key_file
    if named:
        try:
            return read_secret_file(file_named(settings, named))
        except SecretError as error:
            raise stop("no_key", f"The API key cannot be used: {error}", name=name) from error
    found = environ.get(KEY_VARIABLE, "").strip()
    if not found or not found.isprintable():
        raise stop(
            "no_key", f"There is no API key: neither [deploy] api_key_file nor {KEY_VARIABLE} is set.", name=name
        )
    return Secret(found)


def redactor(secrets: Iterable[Secret]) -> Redact:
    """Takes these secrets, also as base64, and whatever else looks like one out of a text."""
    forms: list[str] = []
    for secret in secrets:
        text = secret.reveal()
        if len(text) >= SHORTEST:
            forms += [text, base64.b64encode(text.encode()).decode().rstrip("=")]

    def without(text: str) -> str:
        for form in forms:
            text = text.replace(form, MASK)
        return redact(text)

    return without


def file_named(settings: Settings, named: str) -> Path:
    """A file that the configuration names, beside which it is meant."""
    base = Path(settings.origin).parent if settings.origin else Path()
    return base / Path(named).expanduser()
