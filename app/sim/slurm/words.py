"""The words after a command of Slurm's, as its option parsers take them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class UsageError(Exception):
    """Words that the command does not take; the message is what it prints."""


class Options:
    """Options by their long name, and the words that are none."""

    def __init__(self, words: Sequence[str], short: str, known: Iterable[str]) -> None:
        """`short`: `h` or `O=Format` between blanks, of which `=` takes a value. `known`: `json?`, `users=`.

        Of a long option `=` takes a value and `?` may. Raises UsageError.
        """
        letters = {one[0]: one[1:] for one in short.split()}
        kinds = {one.rstrip("=?"): one[len(one.rstrip("=?")) :] for one in known}
        self.given: dict[str, str] = {}
        self.rest: list[str] = []
        line = list(words)
        while line:
            word = line.pop(0)
            if word == "--":
                self.rest += line
                break
            if word.startswith("--"):
                self._long(word[2:], kinds, line)
            elif word.startswith("-") and len(word) > 1:
                self._short(word[1:], letters, line)
            else:
                self.rest.append(word)

    def __contains__(self, name: str) -> bool:
        return name in self.given

    def get(self, name: str) -> str:
        """The value of an option; empty where it was not given."""
        return self.given.get(name, "")

    def many(self, name: str) -> tuple[str, ...]:
        """The parts of a value between commas."""
        return tuple(part for part in self.get(name).split(",") if part)

    def _long(self, text: str, kinds: dict[str, str], line: list[str]) -> None:
        name, equals, value = text.partition("=")
        if name not in kinds:
            found = [one for one in kinds if one.startswith(name)]
            if len(found) != 1:
                raise UsageError(f"unrecognized option '--{name}'")
            name = found[0]
        kind = kinds[name]
        if kind == "=" and not equals:
            if not line:
                raise UsageError(f"option '--{name}' requires an argument")
            value = line.pop(0)
        self.given[name] = value

    def _short(self, text: str, letters: dict[str, str], line: list[str]) -> None:
        while text:
            letter, text = text[0], text[1:]
            if letter not in letters:
                raise UsageError(f"invalid option -- '{letter}'")
            name = letters[letter]
            if not name.startswith("="):
                self.given[name or letter] = ""
                continue
            if not text and not line:
                raise UsageError(f"option requires an argument -- '{letter}'")
            self.given[name[1:]] = text or line.pop(0)
            return
