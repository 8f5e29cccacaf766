"""`completion`: a script for bash, zsh or fish, generated from the table of commands and their own options."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence

from app.cli.command import PROGRAM, Command, Context, Parser, parser_of
from app.cli.errors import OK
from app.cli.options import setting_flags
from app.domain.frozen import frozen

_FILE_METAVARS = frozenset({"FILE", "DIR"})


@frozen
class Option:
    """An option as a shell sees it."""

    flags: tuple[str, ...]
    help: str
    value: str = ""
    """What it takes; empty for a switch."""
    choices: tuple[str, ...] = ()
    is_repeatable: bool = False

    @property
    def takes_file(self) -> bool:
        """Its value is a path."""
        return self.value in _FILE_METAVARS


@frozen
class Syntax:
    """A command with its options and the words its arguments choose from."""

    command: Command
    options: tuple[Option, ...]
    words: tuple[str, ...]


def declare(parser: Parser) -> None:
    """Add the shell."""
    parser.add_argument("shell", choices=sorted(SHELLS), help="which shell the script is for")


def run(args: argparse.Namespace, context: Context) -> int:
    """Print the script."""
    shell: str = args.shell
    context.output.text(script(shell, context.commands))
    return OK


def script(shell: str, commands: Sequence[Command]) -> str:
    """The completion script of a shell."""
    return SHELLS[shell]([syntax(command) for command in commands if not command.hidden])


def syntax(command: Command) -> Syntax:
    """A command's options and words, from its parser."""
    settings = {one.flag: one.help for one in setting_flags()}
    options: list[Option] = []
    words: list[str] = []
    for action in parser_of(command).actions():
        choices = tuple(str(choice) for choice in action.choices or ())
        if not action.option_strings:
            words += choices
            continue
        flags = tuple(action.option_strings)
        told = settings.get(flags[0], action.help or "")
        value = "" if action.nargs == 0 else _value(action)
        repeatable = isinstance(action.default, list)
        options.append(Option(flags, " ".join(told.replace("%%", "%").split()), value, choices, repeatable))
    return Syntax(command, tuple(options), tuple(words))


def _value(action: argparse.Action) -> str:
    """What an option takes, as its help calls it; several words where it takes several."""
    return " ".join(action.metavar) if isinstance(action.metavar, tuple) else str(action.metavar or action.dest)


def _menu(text: str) -> str:
    """Help short enough for a menu."""
    return text if len(text) <= 72 else text[:71].rstrip() + "…"


def _bash(found: Sequence[Syntax]) -> str:
    names = " ".join(one.command.name for one in found)
    cases = "\n".join(
        f"    {one.command.name}) words={_quoted(' '.join([*_flags(one), *one.words]))} ;;" for one in found
    )
    values = "\n".join(_bash_values(found))
    return f"""# bash completion of {PROGRAM}: source it, or save it as
# ~/.local/share/bash-completion/completions/{PROGRAM}
_gpu_watchdog() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} command=tui words=
  COMPREPLY=()
  case $COMP_CWORD:$current in 1:-*) ;; 1:*) COMPREPLY=($(compgen -W {_quoted(names)} -- "$current")); return ;; esac
  case ${{COMP_WORDS[1]}} in -*) ;; *) command=${{COMP_WORDS[1]}} ;; esac
  case $command:$before in
{values}
  esac
  case $command in
{cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -F _gpu_watchdog {PROGRAM}
"""


def _bash_values(found: Sequence[Syntax]) -> Iterator[str]:
    """What follows an option that takes a value: files, its choices, or nothing we could know."""
    for one in found:
        for option in one.options:
            if not option.value:
                continue
            patterns = "|".join(f"{one.command.name}:{flag}" for flag in option.flags)
            offered = "-f" if option.takes_file else f"-W {_quoted(' '.join(option.choices))}"
            optional = " ;;" if option.value == "true|false" else "; return ;;"
            yield f'    {patterns}) COMPREPLY=($(compgen {offered} -- "$current")){optional}'


def _zsh(found: Sequence[Syntax]) -> str:
    names = "\n".join(f"    {_quoted(_escaped(one.command.name, ':') + ':' + one.command.help)}" for one in found)
    cases = "\n".join(
        f"    {one.command.name}) _arguments {' '.join(_quoted(spec) for spec in _zsh_specs(one))} ;;" for one in found
    )
    return f"""#compdef {PROGRAM}
# zsh completion of {PROGRAM}; save it as _{PROGRAM} in a folder of $fpath
_gpu_watchdog() {{
  local command=tui
  local -a commands=(
{names}
  )
  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
    _describe command commands
    return
  fi
  if [[ $words[2] != -* ]]; then
    command=$words[2]
    shift words
    (( CURRENT-- ))
  fi
  case $command in
{cases}
  esac
}}
# Sourced, it registers itself; from $fpath, it is the completion already.
if [[ $funcstack[1] == _{PROGRAM} ]]; then _gpu_watchdog "$@"; else compdef _gpu_watchdog {PROGRAM}; fi
"""


def _zsh_specs(one: Syntax) -> Iterator[str]:
    for option in one.options:
        told = _escaped(_menu(option.help), "[]:")
        for flag in option.flags:
            if not option.value:
                yield f"{flag}[{told}]"
                continue
            offered = "_files" if option.takes_file else f"({' '.join(option.choices)})" if option.choices else ""
            yield f"{'*' if option.is_repeatable else ''}{flag}[{told}]:{_escaped(option.value, ':')}:{offered}"
    if one.words:
        yield f"1:word:({' '.join(one.words)})"


def _fish(found: Sequence[Syntax]) -> str:
    lines = [
        f"# fish completion of {PROGRAM}; save it as ~/.config/fish/completions/{PROGRAM}.fish",
        f"complete -c {PROGRAM} -f",
    ]
    names = " ".join(one.command.name for one in found)
    none = f"not __fish_seen_subcommand_from {names}"
    for one in found:
        lines.append(f"complete -c {PROGRAM} -n {_quoted(none)} -a {one.command.name} -d {_quoted(one.command.help)}")
        seen = none if one.command.name == "tui" else f"__fish_seen_subcommand_from {one.command.name}"
        for option in one.options:
            flags = " ".join(f"-l {f[2:]}" if f.startswith("--") else f"-s {f[1:]}" for f in option.flags)
            takes = " -r -F" if option.takes_file else " -x" if option.value else ""
            offered = f" -a {_quoted(' '.join(option.choices))}" if option.choices else ""
            lines.append(
                f"complete -c {PROGRAM} -n {_quoted(seen)} {flags}{takes}{offered} -d {_quoted(_menu(option.help))}"
            )
        if one.words:
            lines.append(f"complete -c {PROGRAM} -n {_quoted(seen)} -a {_quoted(' '.join(one.words))}")
    return "\n".join(lines) + "\n"


def _flags(one: Syntax) -> list[str]:
    return [flag for option in one.options for flag in option.flags]


def _quoted(text: str) -> str:
    """Text in single quotes, for any of the three shells."""
    return "'" + text.replace("'", "'\\''") + "'"


def _escaped(text: str, special: str) -> str:
    return "".join(f"\\{char}" if char in special else char for char in text)


SHELLS: Mapping[str, Callable[[Sequence[Syntax]], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
"""A generator a shell."""
