"""What kind of failure Terraform's words tell of (the provider's own are read in `app.domain.refusals`). Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.domain.refusals import Kind, kind_in
from app.services.terraform.events import Diagnostic


def _any(*phrases: str) -> re.Pattern[str]:
    return re.compile("|".join(phrases), re.IGNORECASE)


_PHRASES = (
    (
        "stale",
        _any("saved plan is stale", "plan file .*does not", "failed to (?:load|read) .*plan", "invalid plan file"),
    ),
    ("locked", _any("state lock")),
    (
        "init",
        _any(
            *("required plugins", "dependency lock file", "plugin schemas", "provider packages", "install provider"),
            *("could not load plugin", "missing required provider", "module not installed", "instantiate provider"),
            *("no package for",),
        ),
    ),
    ("version", _any("unsupported (?:terraform|opentofu) core version")),
)
_OF_FILES = _any(
    *("invalid value for variable", "no value for required variable", "unsupported (?:argument|block)", "undeclared"),
    *(
        "duplicate",
        "invalid (?:expression|reference|resource|argument|block|attribute|function)",
        "missing required arg",
    ),
    *("missing newline", "argument or block definition", "inconsistent conditional", "unclosed"),
)
_NO_KEY = _any(r"(?:missing|invalid|no) (?:\w+ )?api[ _]key")


def failure_kind(errors: Sequence[Diagnostic], stderr: str = "") -> str:
    """Which kind of InfraError these are."""
    told = " ".join(error.words for error in errors) or stderr
    for kind, pattern in _PHRASES:
        if pattern.search(told):
            return kind
    if _NO_KEY.search(told) or kind_in(told) is Kind.AUTH:
        return "auth"
    is_of_files = any(_OF_FILES.search(error.summary) or (error.where and not error.address) for error in errors)
    return "config" if is_of_files else "failed"
