"""A log file of a host behind ssh: read in pieces by a few lines of POSIX shell, which tell its clock and boot too.

The file is opened once and then asked what it is, so a rotation in between cannot mix two files. The path is an
argument of the script, never part of its text.
"""

from __future__ import annotations

import asyncio

from app.domain.naming import clean
from app.sources.logs.look import BACKLOG_BYTES, MOST_BYTES, LogError, LogLook
from app.sources.logs.pieces import Piece, PieceTail
from app.transport.clock import Clock
from app.transport.destination import SshError
from app.transport.process import ProcessError
from app.transport.runner import Runner

_WORD = b"gw-log"
SCRIPT = r"""
path=$1 id=$2 offset=$3 most=$4
case $path in "~/"*) path=$HOME/${path#"~/"} ;; esac
exec 3<"$path" || exit 66
said=$(stat -L -c '%d-%i %s' /dev/fd/3) || exit 67
if [ -n "$id" ] && [ "${said% *}" != "$id" ]; then
  for old in "$path".1 "$path"-*; do
    [ -f "$old" ] && [ -r "$old" ] || continue
    exec 4<"$old"
    other=$(stat -L -c '%d-%i %s' /dev/fd/4)
    if [ "${other% *}" = "$id" ] && [ "${other#* }" -gt "$offset" ]; then exec 3<&4; said=$other; break; fi
  done
fi
size=${said#* }
rotated=0
if [ -n "$id" ] && { [ "${said% *}" != "$id" ] || [ "$size" -lt "$offset" ]; }; then rotated=1 offset=0; fi
if [ "$offset" -lt 0 ]; then offset=$((size + offset)); [ "$offset" -lt 0 ] && offset=0; fi
boot=$(sed -n 's/^btime //p' /proc/stat 2>/dev/null)
echo "gw-log $(date +%s.%N) ${boot:-0} $said $offset $rotated"
tail -c +$((offset + 1)) <&3 | head -c "$most"
"""


class SshWay:
    """One file on one host."""

    def __init__(self, runner: Runner, path: str, clock: Clock) -> None:
        self.target = f"{path} on {runner.where}"
        self._runner = runner
        self._path = path
        self._clock = clock
        self._tail = PieceTail()

    async def look(self, timeout_s: float) -> LogLook:
        """What came since the last look. Raises LogError."""
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_s
        is_first, lines, lost, size = not self._tail.is_begun, list[str](), "", 0
        boot_at = offset_s = None
        while True:
            try:
                piece, boot_at, offset_s = await self._piece(max(0.1, until - loop.time()))
            except LogError:
                if not lines:
                    raise
                return LogLook(tuple(lines), (), is_first, size, lost, boot_at, offset_s)
            more, gone = self._tail.take(piece)
            lines, lost, size = lines + more, lost or gone, size + len(piece.data)
            # A file read to its end is asked for once more only where it may have been rotated under us.
            is_at_end = piece.next_offset >= piece.size
            if size >= MOST_BYTES or (is_at_end and not piece.data) or (is_at_end and is_first):
                return LogLook(tuple(lines), (), is_first, size, lost, boot_at, offset_s)

    async def close(self) -> None:
        """Connections are kept by whoever owns them."""

    async def _piece(self, timeout_s: float) -> tuple[Piece, float | None, float | None]:
        place = self._tail.place
        offset = -BACKLOG_BYTES if place.offset is None else place.offset
        argv = ("sh", "-c", SCRIPT, "gw-log", self._path, place.id, str(offset), str(MOST_BYTES))
        asked_at = self._clock.now()
        try:
            result = await self._runner.run(argv, timeout_s, max_output=2 * MOST_BYTES)
        except (ProcessError, SshError) as error:
            raise LogError(f"{self.target}: {error}") from error
        head, _, data = result.stdout.partition(b"\n")
        words = head.split()
        if not result.ok or len(words) != 7 or words[0] != _WORD:
            said = clean(result.stderr[:2000].decode("utf-8", "replace").strip(), 300)
            raise LogError(f"{self.target} cannot be read: {said or f'status {result.returncode}'}")
        return _read(words, data, (asked_at + self._clock.now()) / 2, is_first=place.offset is None)


def _read(
    words: list[bytes], data: bytes, middle: float, *, is_first: bool
) -> tuple[Piece, float | None, float | None]:
    """The piece, the boot time and the clock's offset that an answer tells. Raises LogError."""
    try:
        now, boot = float(words[1]), float(words[2])
        size, offset = int(words[4]), int(words[5])
    except ValueError as error:
        raise LogError("the host answers in words that are not the script's") from error
    following = offset + len(data)
    if is_first and offset:
        data = data[data.find(b"\n") + 1 :]  # begin at a whole line
    piece = Piece(words[3].decode("ascii", "replace"), offset, following, size, words[6] == b"1", data)
    return piece, boot or None, now - middle
