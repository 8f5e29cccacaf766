"""Takes secrets out of text that leaves the machine: command lines and log lines.

Errs towards hiding. What is replaced becomes `[redacted]`, so a reader sees that something was there.
"""

import re
from functools import cache

MASK = "[redacted]"
COMMAND_LIMIT = 256

_WORD = r"(?:token|secret|password|passwd|pwd|api[_-]?key|access[_-]?key|private[_-]?key|credentials?|auth)"
# "tokens", "tokenizer", "author" are no secrets, nor is what a token's file, count or id is called.
_END = r"(?![a-z]|[_-](?:ids?|count|limit|len|length|type|budget|file|path)\b)"
# Lengths are bounded everywhere: log lines are not ours, and one could be made to match for hours.
_NAME = rf"[\w.-]{{0,48}}{_WORD}{_END}[\w.-]{{0,48}}"
_VALUE = r"(?:\"[^\"]{0,4096}\"|'[^']{0,4096}'|[^\s,;&\"']+)"


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """What is replaced, and by what; compiled for the first line that may hold any of it, which takes a while."""
    return (
        # Authorization: Bearer xyz, in headers and logs of them.
        (re.compile(rf"\b(bearer|basic)\s+{_VALUE}", re.IGNORECASE), rf"\1 {MASK}"),
        # --token=X, TOKEN=X, "password": "X".
        (re.compile(rf"(?<!\w)(-{{0,2}}{_NAME}[\"']?\s*[=:]\s*)(?!\[redacted\]){_VALUE}", re.IGNORECASE), rf"\1{MASK}"),
        # --token X.
        (re.compile(rf"(?<!\S)(--?{_NAME}\s+)(?!-)(?!\[redacted\]){_VALUE}", re.IGNORECASE), rf"\1{MASK}"),
        # HF_KEY=..., any SHOUTED_..._KEY=.
        (re.compile(rf"\b([A-Z][A-Z0-9_]{{0,48}}(?:KEY|PAT|PASS)\s*=\s*)(?!\[redacted\]){_VALUE}"), rf"\1{MASK}"),
        # Credentials inside a URL.
        (re.compile(r"(\b[a-z][a-z0-9+.-]{0,20}://[^\s/:@]{0,128}:)[^\s/@]{1,512}(?=@)", re.IGNORECASE), rf"\1{MASK}"),
        # Keys that announce themselves: Hugging Face, OpenAI and kin, RunPod, GitHub, GitLab, Slack, NVIDIA, AWS; JWT.
        (
            re.compile(
                r"\b(?:hf_|sk-|sk_|pk_|rpa_|ghp_|gho_|ghs_|ghr_|github_pat_|glpat-|xox[abprs]-|nvapi-|AKIA|ASIA)[\w-]{8,}"
            ),
            MASK,
        ),
        (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"), MASK),
    )


_HINT = re.compile(
    r"token|secret|passw|pwd|key|credential|auth|bearer|basic|PASS|PAT|://|hf_|sk[-_]|pk_|rpa_|gh[pors]_|github_|glpat-"
    r"|xox|nvapi-|AKIA|ASIA|eyJ",
    re.IGNORECASE,
)
"""What a line must hold for any of the patterns to match."""

_OPAQUE = re.compile(
    r"(?<![\w-])(?:[0-9a-fA-F]{32,}"
    r"|(?=[\w+/]{0,99}\d)(?=[\w+/]{0,99}[a-z])(?=[\w+/]{0,99}[A-Z])(?![\w+]{0,39}/)[\w+/]{40,}={0,2})(?![\w-])"
)
"""Long hex, and long mixed text that is neither word nor path: likely a key on a command line, a digest in a log."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]+")


def redact_text(text: str) -> str:
    """A log's text without secrets that can be told by their name or their form; line breaks and tabs stay."""
    return "".join(_redact_line(line) for line in text.splitlines(keepends=True))


def _redact_line(line: str) -> str:
    # Nearly every line ends here, after one cheap look.
    if _HINT.search(line) is None:
        return line
    for pattern, replacement in _patterns():
        line = pattern.sub(replacement, line)
    return line


def redact_command(arguments: list[str]) -> str:
    """A command line of at most 256 characters, without control characters, secrets and long opaque words."""
    # A secret must be replaced before the cut, or half of it would stay; the bound keeps that cheap.
    text = " ".join(_CONTROL.sub(" ", " ".join(arguments)[: 8 * COMMAND_LIMIT]).split())
    text = _OPAQUE.sub(MASK, redact_text(text))
    return text if len(text) <= COMMAND_LIMIT else text[: COMMAND_LIMIT - 1] + "…"
