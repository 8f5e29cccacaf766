"""Batch scripts read and changed: their `#SBATCH` lines as values, for a form, a check and a preview. Pure.

As sbatch reads them: only before the first command, several options a line, quotes as in a shell, `#` ends the line.
What is written here is written as `#SBATCH --name=value`, one a line.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence

from app.domain.frozen import frozen

SHORT: Mapping[str, str] = {
    "A": "account", "a": "array", "b": "begin", "C": "constraint", "c": "cpus-per-task", "D": "chdir",
    "d": "dependency", "e": "error", "G": "gpus", "H": "hold", "i": "input", "J": "job-name", "L": "licenses",
    "m": "distribution", "N": "nodes", "n": "ntasks", "o": "output", "O": "overcommit", "p": "partition", "q": "qos",
    "s": "oversubscribe", "t": "time", "w": "nodelist", "x": "exclude",
}  # fmt: skip
"""Short options of sbatch and what they are called in full."""
_SWITCHES = frozenset({"H", "O", "s"})
_MARK = "#SBATCH"
LARGEST = 4 * 1024 * 1024
"""Bytes of a script that Slurm takes (max_script_size)."""


@frozen
class Asked:
    """What a script asks for, as far as it can be read; None where it leaves it to Slurm."""

    nodes: int | None
    """The least."""
    gpus_per_node: int | None
    gpus: int | None
    """Of the whole job (`--gpus`)."""
    gpu_type: str | None
    partition: str | None
    time_limit_s: float | None
    is_array: bool


def directives(script: str) -> dict[str, str]:
    """Options of the script's `#SBATCH` lines by full name, the last of each; a switch has an empty value."""
    return options(word for _, words in _lines(script) for word in words)


def options(words: Iterable[str]) -> dict[str, str]:
    """Options as sbatch takes them, by full name: `--gres=gpu:1`, `-N 2`, `-pgpu`, and `--time 1:00` of a script."""
    found: dict[str, str] = {}
    waiting = ""
    for word in words:
        if word.startswith("--") and len(word) > 2:
            name, equals, value = word[2:].partition("=")
            found[name] = value
            waiting = "" if equals else name
        elif word.startswith("-") and len(word) > 1 and word[1].isalpha():
            name = SHORT.get(word[1], word[1])
            found[name] = word[2:]
            waiting = name if len(word) == 2 and word[1] not in _SWITCHES else ""
        elif waiting:
            found[waiting] = word
            waiting = ""
    return found


def with_directive(script: str, name: str, value: str | None) -> str:
    """The script with an option set (None: without it), in place where it stands, else after the other ones.

    A value that holds a line break cannot be written: raises ValueError.
    """
    if value is not None and not value.isprintable():
        raise ValueError(f"--{name} cannot hold a line break or a control character")
    lines = script.split("\n")
    wanted = None if value is None else f"{_MARK} --{name}" + (f"={_quoted(value)}" if value else "")
    ours = [(at, words) for at, words in _lines(script) if name in options(words)]
    kept: list[str] = []
    for at, line in enumerate(lines):
        words = next((words for place, words in ours if place == at), None)
        if words is None:
            kept.append(line)
            continue
        rest = {key: given for key, given in options(words).items() if key != name}
        kept += [f"{_MARK} --{key}" + (f"={_quoted(given)}" if given else "") for key, given in rest.items()]
        if wanted is not None and at == ours[-1][0]:
            kept.append(wanted)
    if wanted is not None and not ours:
        kept.insert(_place(script), wanted)
    return "\n".join(kept)


def asked(script: str, given: Sequence[str] = ()) -> Asked:
    """What a script with these options (which win) asks for."""
    said = {**directives(script), **options(given)}
    type_, per_node = _gpus(said.get("gres", ""), "gpu")
    if per_node is None:
        type_, per_node = _gpus(said.get("gpus-per-node", ""))
    whole_type, whole = _gpus(said.get("gpus", ""))
    if per_node is None and whole is None:
        per_task_type, per_task = _gpus(said.get("gpus-per-task", ""))
        tasks = _least(said.get("ntasks", "1"))
        whole_type, whole = per_task_type, None if per_task is None or tasks is None else per_task * tasks
    return Asked(
        nodes=_least(said.get("nodes", "")),
        gpus_per_node=per_node,
        gpus=whole,
        gpu_type=type_ or whole_type,
        partition=said.get("partition") or None,
        time_limit_s=_limit_s(said.get("time", "")),
        is_array="array" in said,
    )


def problems(script: str) -> tuple[str, ...]:
    """What sbatch would refuse, or people would regret, seen without asking Slurm."""
    found = []
    if not script.strip():
        return ("the script is empty",)
    if not script.startswith("#!"):
        found.append("the first line must name the shell: #!/bin/bash")
    if "\r\n" in script:
        found.append("the script has Windows line ends: Slurm refuses them")
    if "\0" in script:
        found.append("the script holds a NUL: Slurm refuses it")
    if len(script.encode("utf-8", "surrogateescape")) > LARGEST:
        found.append("the script is larger than the 4 MiB that Slurm takes")
    if late := _late(script):
        found.append(f"line {late}: this #SBATCH line stands after the first command, so Slurm does not read it")
    return tuple(found)


def _lines(script: str) -> list[tuple[int, list[str]]]:
    """Line numbers (from 0) and words of the `#SBATCH` lines that sbatch reads."""
    found = []
    for at, line in enumerate(script.split("\n")):
        text = line.strip()
        if text and not text.startswith("#"):
            break
        if line.startswith(_MARK) and line[len(_MARK) : len(_MARK) + 1] in (" ", "\t"):
            found.append((at, _words(line[len(_MARK) :])))
    return found


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text, comments=True)
    except ValueError:  # an open quote
        return text.split()


def _late(script: str) -> int | None:
    """The first `#SBATCH` line (from 1) that comes too late."""
    has_begun = False
    for number, line in enumerate(script.split("\n"), 1):
        has_begun = has_begun or bool(line.strip() and not line.strip().startswith("#"))
        if has_begun and line.startswith(f"{_MARK} -"):
            return number
    return None


def _place(script: str) -> int:
    """Where a new line goes: after the last that is read, else after the first line."""
    lines = _lines(script)
    if lines:
        return lines[-1][0] + 1
    return 1 if script.startswith("#!") else 0


def _quoted(value: str) -> str:
    return value if value.isalnum() else shlex.quote(value) if any(one in value for one in " \t#'\"\\$`;") else value


def _gpus(text: str, name: str = "") -> tuple[str | None, int | None]:
    """Type and count of `gpu:h100:4,shard:1` (by `name`), or of `h100:4` and `4`."""
    for part in text.split(","):
        words = [word for word in part.strip().removeprefix("gres/").split(":") if word]
        if name:
            if not words or words[0] != name:
                continue
            words = words[1:] or ["1"]
        if not words:
            continue
        if words[-1].isdigit():
            return (words[0] if len(words) > 1 else None), int(words[-1])
        if name:
            return words[0], 1
    return None, None


def _least(text: str) -> int | None:
    """The least of `2`, `2-4`."""
    first = text.partition("-")[0].strip()
    return int(first) if first.isdigit() else None


def _limit_s(text: str) -> float | None:
    """A time limit in seconds: minutes, `M:S`, `H:M:S`, `D-H`, `D-H:M`, `D-H:M:S`; infinity for none."""
    wanted = text.strip()
    if wanted.lower() in ("infinite", "unlimited", "-1"):
        return float("inf")
    days, dash, rest = wanted.partition("-")
    parts = (rest if dash else wanted).split(":")
    if not all(part.isdigit() for part in (*parts, *((days,) if dash else ()))) or len(parts) > 3:
        return None
    numbers = [int(part) for part in parts]
    if dash:
        weights = (3600, 60, 1)
        return int(days) * 86400 + sum(number * weight for number, weight in zip(numbers, weights, strict=False))
    weights_of = {1: (60,), 2: (60, 1), 3: (3600, 60, 1)}
    return float(sum(number * weight for number, weight in zip(numbers, weights_of[len(numbers)], strict=True)))
