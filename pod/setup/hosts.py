"""/etc/hosts of a pod, for the scripts: a block with the cluster's names, and where the pod's own host name leads.

    python3 -m pod.setup.hosts block            lines `ADDRESS NAME` on standard input; none takes all of ours back
    python3 -m pod.setup.hosts own NAME ADDRESS

What stood there before stays as a comment, so that it can be put back. Every function but `rewrite` and `main` is pure.
"""

import sys
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

HOSTS = Path("/etc/hosts")
BEGIN = "# gpu-watchdog: begin"
END = "# gpu-watchdog: end"
WAS = "# gpu-watchdog: was: "
"""Before a line of others' that had the pod's own host name."""
OURS = "  # gpu-watchdog: own name"
"""Behind a line that stands for it."""
_TROUBLE = 70


def with_block(text: str, rows: Sequence[str]) -> str:
    """The text with these lines as our block, in place of the one before; without any: with nothing of ours."""
    lines = iter(text.splitlines())
    kept: list[str] = []
    for line in lines:
        if line == BEGIN:
            _ = [*takewhile(lambda one: one != END, lines)]
        else:
            kept.append(line)
    if not rows:
        return _text(without_own(kept))
    return _text([*kept, BEGIN, *rows, END])


def with_own(text: str, name: str, address: str) -> str:
    """The text with this address, and no other, for the pod's own host name and for its part before the first dot."""
    names = list(dict.fromkeys((name, name.partition(".")[0])))
    known = {one.lower() for one in names}
    lines: list[str] = []
    for line in without_own(text.splitlines()):
        found, *others = line.partition("#")[0].split() or [""]
        if known.isdisjoint(one.lower() for one in others):
            lines.append(line)
            continue
        # Two lines with one name are two addresses of it, and which of them comes first is not ours to say.
        lines.append(f"{WAS}{line}")
        rest = [one for one in others if one.lower() not in known]
        if rest:
            lines.append(f"{found} {' '.join(rest)}{OURS}")
    return _text([*lines, f"{address} {' '.join(names)}{OURS}"])


def without_own(lines: Sequence[str]) -> list[str]:
    """The lines as they were before the pod's own host name was led anywhere."""
    return [line.removeprefix(WAS) for line in lines if not line.endswith(OURS)]


def rewrite(path: Path, text: str) -> None:
    """Put this into the file where it is another text; in place, since a container's is a mount. Raises OSError.

    It is never empty meanwhile: a name that is looked up at that moment is found.
    """
    body = text.encode("utf-8", "surrogateescape")
    with path.open("r+b", buffering=0) as file:
        if file.read() == body:
            return
        file.seek(0)
        if file.write(body) != len(body):
            raise OSError(f"there is no room for {len(body)} bytes")
        file.truncate()


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def main(words: Sequence[str]) -> int:
    """Do what the words say to this pod's /etc/hosts."""
    try:
        before = HOSTS.read_text("utf-8", "surrogateescape")
        match words:
            case ["block"]:
                after = with_block(before, [line for line in sys.stdin.read().splitlines() if line])
            case ["own", name, address]:
                after = with_own(before, name, address)
            case _:
                sys.stderr.write("trouble: usage: pod.setup.hosts block | own NAME ADDRESS\n")
                return 64
        rewrite(HOSTS, after)
    except OSError as error:
        sys.stderr.write(f"trouble: bad_host_name: {HOSTS} on this pod cannot be written: {error}\n")
        return _TROUBLE
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
