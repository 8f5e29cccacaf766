"""Takes secrets out of text that leaves the machine: command lines and log lines.

Errs towards hiding. What is replaced becomes `[redacted]`, so a reader sees that something was there.
"""

import re

MASK = "[redacted]"
COMMAND_LIMIT = 256

_NAME = (
    r"[\w.-]*(?:token|secret|passw(?:or)?d|passwd|api[_-]?key|access[_-]?key|private[_-]?key|credential|auth)[\w.-]*"
)
_VALUE = r"(?:\"[^\"]*\"|'[^']*'|[^\s,;&\"']+)"

_PATTERNS = (
    # Authorization: Bearer xyz, in headers and logs of them.
    (re.compile(rf"\b(bearer|basic)\s+{_VALUE}", re.IGNORECASE), rf"\1 {MASK}"),
    # --token X, --api-key=X, TOKEN=X, "password": "X".
    (re.compile(rf"(?<!\w)(-{{0,2}}{_NAME}[\"']?\s*[=:]\s*){_VALUE}", re.IGNORECASE), rf"\1{MASK}"),
    (re.compile(rf"(?<!\S)(--?{_NAME}\s+)(?!-)(?!\[redacted\]){_VALUE}", re.IGNORECASE), rf"\1{MASK}"),
    # HF_KEY=..., AWS_SECRET=..., any SHOUTED_..._KEY=.
    (re.compile(rf"\b([A-Z][A-Z0-9_]*_?(?:KEY|PAT|PASS)\s*=\s*)(?!\[redacted\]){_VALUE}"), rf"\1{MASK}"),
    # Credentials inside a URL.
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+(?=@)", re.IGNORECASE), rf"\1{MASK}"),
    # Keys that announce themselves: Hugging Face, OpenAI and kin, GitHub, Slack, AWS, W&B, NVIDIA, RunPod, JWT.
    (
        re.compile(
            r"\b(?:hf_|sk-|sk_|pk_|rpa_|ghp_|gho_|ghs_|ghr_|github_pat_|glpat-|xox[abprs]-|nvapi-|AKIA|ASIA)[\w-]{8,}"
        ),
        MASK,
    ),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"), MASK),
)

_OPAQUE = re.compile(
    r"(?<![\w-])(?:[0-9a-fA-F]{32,}|(?=[\w+/]*\d)(?=[\w+/]*[a-z])(?=[\w+/]*[A-Z])[\w+/]{40,}={0,2})(?![\w-])"
)
"""Long hex, and long mixed text that is no word: likely a key on a command line, likely a digest in a log."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]+")


def redact_text(text: str) -> str:
    """A log's text without secrets that can be told by their name or their form; line breaks and tabs stay."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def redact_command(arguments: list[str]) -> str:
    """A command line of at most 256 characters, without control characters, secrets and long opaque words."""
    # A secret must be replaced before the cut, or half of it would stay; the bound keeps that cheap.
    text = _CONTROL.sub(" ", " ".join(arguments)[: 16 * COMMAND_LIMIT]).replace("\t", " ").replace("\n", " ")
    text = _OPAQUE.sub(MASK, redact_text(text)).strip()
    return text if len(text) <= COMMAND_LIMIT else text[: COMMAND_LIMIT - 1] + "…"
