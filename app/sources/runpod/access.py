"""Where RunPod is asked and with which key: looked at before anything is sent. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

from app.config.secret import Secret
from app.domain.masking import redact_url
from app.domain.naming import clean
from app.domain.refusals import Kind, ProviderError

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts that are this machine: no proxy leads there, and nobody listens on the way."""


def checked_url(url: str) -> str:
    """The address without version. Raises ProviderError for one that would show the key to a whole network."""
    bare = url.strip().rstrip("/").removesuffix("/v2").rstrip("/")
    try:
        parts = urlsplit(bare)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise ProviderError(
            f"{clean(redact_url(bare))}: not an address of an API; see RUNPOD_API_BASE_URL", Kind.REQUEST
        )
    if urlsplit(bare).scheme == "http" and urlsplit(bare).hostname not in LOOPBACK:
        text = f"{clean(redact_url(bare))}: the API key would travel unencrypted; use https (RUNPOD_API_BASE_URL)"
        raise ProviderError(text, Kind.REQUEST)
    return bare


def checked_key(key: Secret) -> Secret:
    """The key without white space around it: an environment's often ends in a new line. Raises ProviderError."""
    bare = key.reveal().strip()
    if not bare:
        raise ProviderError("no API key; see settings: deploy.api_key_file, or RUNPOD_API_KEY", Kind.AUTH)
    if not bare.isascii() or not bare.isprintable() or " " in bare:
        raise ProviderError(
            "the API key holds characters that no key has; see settings: deploy.api_key_file", Kind.AUTH
        )
    return Secret(bare)
