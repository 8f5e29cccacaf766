"""The front door: the table of commands. Imports the front end a command needs only when it is asked for.

`gpu-watchdog` alone, or with options only, opens the screen. Front ends do not import each other; what one needs of
another (`demo` opens the screen) is handed to it from here.
"""

from __future__ import annotations

import gc

if _is_searching := gc.isenabled():  # loading makes no garbage, and looking for it takes a tenth of the loading
    gc.disable()

import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from app.cli import errors
from app.cli.command import PROGRAM, Command, Context, HelpShown, load, nearest, parser_of
from app.cli.output import Output, abandon_stdout, standard_output

if TYPE_CHECKING:
    import socket
    from contextlib import AbstractAsyncContextManager

    from app.agent.desk import ChatDesk
    from app.cli.command import Connect, Look
    from app.config.settings import Settings, Slurm
    from app.config.tokens import Door
    from app.runtime.serving import Served
    from app.services.feed import Feed
    from app.services.jobs import Jobs
    from app.services.joined.jobs import JoinedJobs
    from app.services.log_tail import ModelLogs
    from app.services.own_processes import OwnProcesses
    from app.tui.infra_looks import InfraGround
    from app.tui.job_desk import JobDesk

if _is_searching:
    gc.enable()

_LOOK, _ACT, _SET_UP = "look", "act on Slurm's jobs and nodes", "catch up, record, set up and serve"
_TERSE = frozenset({_ACT, _SET_UP})
"""Groups whose commands are listed by name only: help fits a screen, and their names say what they do."""
_ACTING = (0, 1, 64, 69, 77)

COMMANDS: tuple[Command, ...] = (
    Command("tui", _LOOK, "open the screen (what `gpu-watchdog` alone does)", "app.cli.screen", (0, 64)),
    Command("status", _LOOK, "print the whole cluster as it is now, or was", "app.cli.status", (0, 2, 64, 69)),
    Command("jobs", _LOOK, "list Slurm's jobs, or those that have ended", "app.cli.jobs", (0, 2, 64, 69)),
    Command("job", _LOOK, "print everything about one job", "app.cli.job", (0, 64, 69)),
    Command("logs", _LOOK, "print or follow what a job writes", "app.cli.logs", (0, 64, 69)),
    Command("free", _LOOK, "print which GPUs are free, and what would start at once", "app.cli.free", (0, 2, 64)),
    Command("cost", _LOOK, "print what the GPUs cost, by whom, and what for nothing", "app.cli.cost", (0, 2, 64)),
    Command("diagnose", _LOOK, "print what is wrong, its cause first", "app.cli.diagnose", (0, 1, 2, 64, 69)),
    Command("ask", _LOOK, "ask a question, answered from what the cluster shows", "app.cli.ask", (0, 1, 64, 69)),
    Command("chats", _LOOK, "list, read, search and export conversations", "app.cli.chats", (0, 64, 69, 73, 77)),
    Command("report", _LOOK, "write a bundle about an incident, to hand on", "app.cli.report", (0, 64, 69, 73)),
    Command("alerts", _LOOK, "list, take on and silence alerts; list and try rules", "app.cli.alerts", (0, 1, 64, 69)),
    Command("notify", _LOOK, "list who is told, what is on its way; send a test", "app.cli.notify", (0, 1, 64)),
    Command("history", _LOOK, "print or plot the past of a GPU, a node or the fleet", "app.cli.history", (0, 64, 69)),
    Command("demo", _LOOK, "open the screen on a simulated cluster", "app.cli.demo", (0, 64, 69)),
    Command("submit", _ACT, "send a batch script, checked first", "app.cli.submit", _ACTING),
    Command("stress", _ACT, "burn GPUs in, and name slow and faulty ones", "app.cli.stress", (0, 1, 2, 64, 69, 77)),
    Command("cancel", _ACT, "end jobs", "app.cli.cancel", _ACTING),
    Command("hold", _ACT, "keep waiting jobs from starting", "app.cli.hold", _ACTING),
    Command("release", _ACT, "let held jobs start", "app.cli.release", _ACTING),
    Command("requeue", _ACT, "end running jobs and put them back into the queue", "app.cli.requeue", _ACTING),
    Command("suspend", _ACT, "stop running jobs for a while", "app.cli.suspend", _ACTING),
    Command("resume", _ACT, "let suspended jobs go on", "app.cli.resume", _ACTING),
    Command("top", _ACT, "put waiting jobs before one's own other ones", "app.cli.top", _ACTING),
    Command("nice", _ACT, "let waiting jobs wait longer for others, or less long", "app.cli.nice", _ACTING),
    Command("extend", _ACT, "give jobs more time, or take some off", "app.cli.extend", _ACTING),
    Command("signal", _ACT, "send running jobs a signal", "app.cli.send_signal", _ACTING),
    Command("drain", _ACT, "let nodes take no new jobs", "app.cli.drain", _ACTING),
    Command("undrain", _ACT, "give drained or downed nodes back", "app.cli.undrain", _ACTING),
    Command("delete-node", _ACT, "take dead dynamic nodes off Slurm's list", "app.cli.delete_node", _ACTING),
    Command("digest", _SET_UP, "print what happened while you were away", "app.cli.digest", (0, 1, 64, 69)),
    Command("record", _SET_UP, "write down what is seen, to replay it", "app.cli.record", (0, 64, 69, 73)),
    Command("replay", _SET_UP, "open the screen on a recording", "app.cli.replay", (0, 64)),
    Command(
        "serve",
        _SET_UP,
        "collect in the background, for every screen and command at once",
        "app.cli.serve",
        (0, 64, 69, 73),
    ),
    Command(
        "deploy",
        _SET_UP,
        "rent a cluster, bring Slurm, a model and monitoring up on it, and destroy it",
        "app.cli.deploy",
        (0, 1, 2, 3, 64, 69, 75, 77),
    ),
    Command("stack", _SET_UP, "write Prometheus, Alertmanager and Grafana files", "app.cli.stack", (0, 64, 73)),
    Command("web", _SET_UP, "show the screen in a browser, behind a token", "app.cli.web", (0, 64, 69)),
    Command("mcp", _SET_UP, "offer what only reads to other agents (MCP)", "app.cli.mcp", (0, 64, 69)),
    Command("init", _SET_UP, "write a first configuration from what is found here", "app.cli.init", (0, 2, 64, 73)),
    Command("doctor", _SET_UP, "check this installation and read every source once", "app.cli.doctor", (0, 1, 64)),
    Command("completion", _SET_UP, "print a completion script for bash, zsh or fish", "app.cli.completion", (0, 64)),
)
"""Every command, one row each; help, completion and docs/commands.md follow from it."""

ABOUT = "One screen for a GPU cluster: every GPU, now and in the past. Also as JSON."


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    output = standard_output(os.environ)
    try:
        code = _dispatch(words, output, os.environ)
        output.flush()
    except HelpShown as shown:
        output.text(str(shown))
        return errors.OK
    except errors.CliError as error:
        output.note(str(error))
        return error.code
    except KeyboardInterrupt:
        return errors.INTERRUPTED
    except BrokenPipeError:
        abandon_stdout()
        return errors.PIPE_CLOSED
    except Exception as error:  # noqa: BLE001 - the last stop: 1 and 2 have meanings that a crash must not take on
        import traceback

        output.note(f"{PROGRAM}: a mistake of this program, please report it: {error!r}\n{traceback.format_exc()}")
        return errors.INTERNAL
    return code


def _dispatch(words: Sequence[str], output: Output, environ: Mapping[str, str]) -> int:
    if words and words[0] in ("-h", "--help", "help"):
        return _help(words[1:], output)
    if words and words[0] in ("-V", "--version"):
        output.line(f"{PROGRAM} {_version()}")
        return errors.OK
    name, rest = (words[0], words[1:]) if words and not words[0].startswith("-") else ("tui", words)
    command = _find(name)
    args = parser_of(command).parse_all(rest)
    context = Context(environ, Path.home(), time.time, output, COMMANDS, open_screen, listen, offer)
    return load(command).run(args, context)


def _find(name: str) -> Command:
    """The row of a command. Raises CliError naming the nearest."""
    for command in COMMANDS:
        if command.name == name:
            return command
    known = [command.name for command in COMMANDS if not command.hidden]
    raise errors.CliError(f"{PROGRAM}: unknown command {name!r}{nearest(name, known)} (see `{PROGRAM} --help`)")


def _help(names: Sequence[str], output: Output) -> int:
    if names:
        raise HelpShown(parser_of(_find(names[0])).format_help())
    import textwrap

    lines = [ABOUT, f"usage: {PROGRAM} [COMMAND] [OPTIONS]"]
    shown = [command for command in COMMANDS if not command.hidden]
    width = max(len(command.name) for command in shown if command.group not in _TERSE)
    for group in dict.fromkeys(command.group for command in shown):
        lines.append(output.paint(group, "strong"))
        here = [one for one in shown if one.group == group]
        if group in _TERSE:
            lines += textwrap.wrap(" ".join(one.name for one in here), 76, initial_indent="  ", subsequent_indent="  ")
        else:
            lines += [f"  {one.name:<{width}}  {one.help}" for one in here]
    lines += [f"`{PROGRAM} COMMAND --help` explains one; --version says which this is."]
    output.lines(lines)
    return errors.OK


def _version() -> str:
    """The version of the installed distribution."""
    from app.config.version import installed_version

    return installed_version() or "(not installed: run from a checkout)"


def open_screen(connect: Connect, settings: Settings, state_dir: Path, slurm: Callable[[], Slurm] | None = None) -> int:
    """Open the screen; the only place where one front end starts another.

    `slurm` gives the way to Slurm that the open feed took, where that is not as in the settings.
    """
    from app.config.paths import config_dir
    from app.tui.options import ScreenOptions
    from app.tui.run import run
    from app.tui.terminal import is_browser

    beside = Path(settings.origin) if settings.origin else config_dir(os.environ, Path.home()) / "config.toml"
    alone = settings.screen.bastion or is_browser(os.environ)
    keymap = Path(settings.screen.keymap) if settings.screen.keymap else beside.with_name("keymap.toml")
    code = run(
        connect,
        ScreenOptions(
            state_dir=state_dir,
            keymap=keymap.expanduser(),
            theme=settings.screen.theme,
            ascii=settings.screen.ascii,
            cluster=settings.cluster.name,
            chat=lambda feed, jobs: _chat(settings, state_dir, feed, jobs),
            # Where the screen is all there is, nothing is read or done as whoever came: the daemon's view is all.
            jobs=None
            if alone
            else lambda: _jobs(settings, state_dir, slurm() if slurm is not None else settings.slurm),
            processes=None if alone else lambda: _own_processes(state_dir),
            model_logs=None if alone else lambda: _model_logs(settings, state_dir),
            # A simulated cluster has no way to Slurm of its own, and rents nothing.
            infra=(lambda: _infra(settings, state_dir)) if slurm is not None and not alone else None,
            read_only=settings.screen.read_only,
            shell=settings.screen.shell and not os.environ.get("GPU_WATCHDOG_NO_SHELL"),
            bastion=alone,
            call=settings.screen.call,
            line=settings.screen.line,
            jump=settings.slurm.ssh,
        ),
    )
    _looked(state_dir)
    return code


def _looked(state_dir: Path) -> None:
    """Take down when this user looked last, for `digest`; nothing is lost where that cannot be written."""
    from contextlib import suppress

    from app.services.looked import looked

    with suppress(OSError):
        looked(state_dir, time.time())


def _jobs(
    settings: Settings, state_dir: Path, slurm: Slurm
) -> AbstractAsyncContextManager[Jobs | None] | AbstractAsyncContextManager[JoinedJobs]:
    """What the screen looks jobs up and acts on them with; loaded when it is first needed."""
    from app.services.open_jobs import open_jobs
    from app.transport.clock import SystemClock

    read_only, which = settings.screen.read_only, settings.discover.terraform
    if len({one.cluster for one in settings.member}) > 1:
        from app.services.joined.jobs import open_joined_jobs

        return open_joined_jobs(settings, state_dir, SystemClock(), os.environ, face="screen", read_only=read_only)
    return open_jobs(slurm, state_dir, SystemClock(), os.environ, face="screen", read_only=read_only, deployment=which)


def _model_logs(settings: Settings, state_dir: Path) -> AbstractAsyncContextManager[ModelLogs]:
    """What follows the model servers' logs; loaded when the first is wanted."""
    from app.config.paths import deployments_dir
    from app.services.log_tail import open_model_logs
    from app.sources.deployed import deployed
    from app.transport.clock import SystemClock

    logs = (*settings.log, *deployed(deployments_dir(state_dir), settings.discover.terraform).logs)
    return open_model_logs(logs, state_dir, SystemClock(), os.environ)


def _infra(settings: Settings, state_dir: Path) -> InfraGround:
    """What the Infra page deploys with; loaded when the page is first opened, and most of it when it deploys."""
    from app.services.deploy.building import deploying
    from app.transport.clock import SystemClock
    from app.tui.infra_looks import InfraGround

    return InfraGround(lambda: deploying(settings, state_dir, os.environ, SystemClock()), settings.deploy, os.environ)


def _chat(settings: Settings, state_dir: Path, feed: Feed, jobs: JobDesk | None) -> ChatDesk:
    """What answers the screen's questions; loaded with the first of them."""
    from app.config.paths import deployments_dir
    from app.runtime.looking import chat_desk
    from app.runtime.options import RuntimeOptions
    from app.sources.deployed import with_deployed

    options = RuntimeOptions(state_dir=state_dir, environ=os.environ)
    settings = with_deployed(settings, deployments_dir(state_dir))
    return chat_desk(settings, options, feed, cast("Jobs | None", jobs))


def _own_processes(state_dir: Path) -> OwnProcesses:
    """What signals one's own processes; loaded when it is first needed."""
    from app.services.audit import Audit, actor_of
    from app.services.own_processes import OwnProcesses
    from app.transport.runner import invoking_user

    return OwnProcesses(Audit(state_dir, actor_of(os.environ, invoking_user(), face="screen")), time.time)


def listen(served: Served, sockets: Sequence[socket.socket]) -> AbstractAsyncContextManager[None]:
    """Answer on the daemon's sockets."""
    from app.api import server

    return server.listen(served, sockets)


async def offer(
    look: Look,
    version: str,
    door: Door | None,
    told: Callable[[str], None],
    until: Callable[[], Awaitable[object]],
) -> None:
    """Offer the tools that only read to other agents."""
    from app.api import mcp_server

    if door is None:
        await mcp_server.serve_stdio(look, version, until)
    else:
        await mcp_server.serve_http(look, version, door, told, until)


if __name__ == "__main__":
    sys.exit(main())
