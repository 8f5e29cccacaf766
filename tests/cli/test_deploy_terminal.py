"""`deploy` on a terminal: the picture that is drawn over itself, typed answers, Ctrl-C; and readers that go away."""

from __future__ import annotations

import codecs
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pyte
import pytest

from app.cli import errors
from app.cli.deploy_sight import LineSight, Sight
from app.cli.deploy_told import JsonTeller, LineTeller, LiveTeller
from app.cli.output import Output
from app.domain.deployment import STEPS, DeployEvent, Deployment, Step, Told, Wish
from tests.cli.deploying import AT, PLAN
from tests.tools.fake_clock import FakeClock


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class Gone(io.StringIO):
    """A reader that went away."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def live(columns: int = 80, rows: int = 24, **environ: str) -> tuple[Terminal, LiveTeller, FakeClock]:
    """A picture on a terminal of that size."""
    err = Terminal()
    output = Output(Terminal(), err, {"TERM": "xterm", "COLUMNS": str(columns), "LINES": str(rows), **environ})
    clock = FakeClock(AT)
    sight = Sight("deploying lab", Deployment(Wish("lab"), "", AT), AT, is_whole=True, ascii_only=not output.is_unicode)
    return err, LiveTeller(output, sight, clock), clock


def screen(text: str, columns: int = 80, rows: int = 24) -> list[str]:
    """What stands on a terminal that was sent this."""
    terminal = pyte.Screen(columns, rows)
    pyte.Stream(terminal).feed(text.replace("\n", "\r\n"))
    return [line.rstrip() for line in terminal.display if line.strip()]


def events(step: Step, at: float) -> Iterator[DeployEvent]:
    """A step from its beginning to its end."""
    yield DeployEvent(at, Told.BEGUN, "begins", step, per_hour=0.8, spent=0.0)
    yield DeployEvent(at + 1, Told.PROGRESS, "half of it \x1b[2J" + "x" * 200, step, "lab-w1", 0.5)
    yield DeployEvent(at + 2, Told.DONE, f"{step.value} is done", step, per_hour=0.8, spent=0.01)


async def test_the_picture_is_drawn_over_itself() -> None:
    """A line a step and one with time and money, however often it is drawn; a warning stays above it."""
    err, teller, clock = live()
    async with teller.running():
        for step in STEPS[:4]:
            for event in events(step, clock.now()):
                teller.event(event)
            await clock.advance(20)
        teller.event(DeployEvent(clock.now(), Told.BEGUN, "pulling the image", Step.INSTALL))
        teller.event(DeployEvent(clock.now(), Told.PROGRESS, "1 of 2 pods", Step.INSTALL, fraction=0.5))
        teller.event(DeployEvent(clock.now(), Told.WARNING, "the registry is slow", Step.INSTALL, "lab-w1"))
        await clock.advance(30)

    shown = screen(err.getvalue())
    assert 12 == len(shown)
    assert ["   1:20  lab-w1: the registry is slow", "deploying lab"] == [shown[0], shown[1].split("  ")[0]]
    assert "1:50   $0.80/h   $0.02 so far" in shown[1]
    assert ["✓", "✓", "✓", "✓", "▸"] == [one.split()[0] for one in shown[2:7]]
    assert re.search(r"install .*━+─+\s+50 %", shown[6]), shown[6]
    assert "x" * 70 not in err.getvalue()
    assert set(re.findall(r"\x1b\[[0-9;]*([A-Za-z])", err.getvalue())) <= set("AKJm")


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 24), (80, 6), (20, 3)])
async def test_no_line_is_wider_and_no_picture_higher_than_the_terminal(columns: int, rows: int) -> None:
    """Else drawing over it would leave scraps; where little fits, the step under way is what stays."""
    err, teller, clock = live(columns, rows, NO_COLOR="1")
    async with teller.running():
        for step in STEPS[:6]:
            for event in list(events(step, clock.now()))[: 2 if step is STEPS[5] else 3]:
                teller.event(event)
            await clock.advance(5)

    pictures = re.split(r"\r(?:\x1b\[\d+A)?", err.getvalue())
    assert max(part.count("\n") for part in pictures) < rows
    plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", err.getvalue())
    assert max(len(line) for line in plain.splitlines()) < columns
    assert "\x1b[3" not in err.getvalue()
    assert "▸ g" in "".join(screen(err.getvalue(), columns, rows))


@pytest.mark.parametrize(("told", "sign"), [(Told.FAILED, "x"), (Told.DONE, "✓")])
async def test_what_was_done_before_and_begins_anew_is_not_done(told: Told, sign: str) -> None:
    """The record that the run began with says that all was done; what the run tells of a step counts from then on."""
    before = Deployment(Wish("lab"), "", AT, done=STEPS)
    sight = Sight("scaling lab", before, AT, is_whole=True, ascii_only=False)
    sight.add(DeployEvent(AT, Told.BEGUN, "reach begins", Step.REACH), 80)
    sight.add(DeployEvent(AT + 2, told, "The run was interrupted.", Step.REACH), 80)

    signs = ["".join(cell.text for cell in line).split()[0] for line in sight.lines(AT + 3, 80, 24)[1:]]

    assert ["✓", "✓", "✓", sign, *"······"] == signs


async def test_a_question_takes_the_pictures_place() -> None:
    """It stands whole while it waits, and the picture goes on beneath it."""
    err, teller, _ = live()
    async with teller.running():
        for event in events(Step.CHECK, AT):
            teller.event(event)
        teller.question(PLAN)
        teller.event(DeployEvent(AT, Told.PROGRESS, "waiting", Step.PLAN))
        asked = screen(err.getvalue())
        teller.resume()
        for event in events(Step.PLAN, AT):
            teller.event(event)

    assert 0 == sum("deploying" in line for line in asked)
    shown = screen(err.getvalue(), rows=40)
    assert any("head" in line and "+$0.40/h" in line for line in asked)
    assert 1 == sum(line.startswith("deploying lab") for line in shown)
    assert shown.index(asked[-1]) < next(at for at, line in enumerate(shown) if line.startswith("deploying"))


def test_plain_lines_are_one_an_event_and_progress_is_rare() -> None:
    """Time since the beginning, step, node, share; money where a step ends; nothing steers a log's reader."""
    err = io.StringIO()
    teller = LineTeller(Output(io.StringIO(), err, {}), LineSight(AT), lambda: AT)
    for number in range(21):
        text = f"{number}\x1b]0;x\x07"
        teller.event(DeployEvent(AT + number, Told.PROGRESS, text, Step.PODS, "lab-w1", 0.25, 0.4))
    teller.event(DeployEvent(AT + 61, Told.DONE, "made", Step.PODS, per_hour=0.8, spent=0.02))
    teller.event(DeployEvent(AT + 62, Told.ENDED, "all of it"))

    assert [
        "   0:00  pods    lab-w1: 0]0;x (25 %)",
        "   0:10  pods    lab-w1: 10]0;x (25 %)",
        "   0:20  pods    lab-w1: 20]0;x (25 %)",
        "   1:01  pods    done: made   $0.80/h   $0.02 so far",
    ] == err.getvalue().splitlines()


def test_a_reader_that_went_away_ends_no_run() -> None:
    """Neither a closed pipe nor a lost terminal, nor a number JSON cannot say."""
    event = DeployEvent(AT, Told.NOTE, "on", Step.PODS)
    clock = FakeClock(AT)
    gone = Output(Gone(), Gone(), {"TERM": "xterm"})
    sight = Sight("deploying lab", Deployment(Wish("lab"), "", AT), AT, is_whole=True, ascii_only=True)
    for teller in (JsonTeller(gone), LineTeller(gone, LineSight(AT), lambda: AT), LiveTeller(gone, sight, clock)):
        teller.event(event)
        teller.question(PLAN)
        teller.note("…")
    out = io.StringIO()
    odd = JsonTeller(Output(out, io.StringIO(), {}))
    odd.event(DeployEvent(AT, Told.NOTE, "odd", data={"share": float("nan")}))
    odd.event(event)
    assert ["on"] == [json.loads(line)["text"] for line in out.getvalue().splitlines()]


PROGRAM = """
    import signal, sys
    signal.signal(signal.SIGHUP, signal.{hangup})
    from pathlib import Path
    from app.__main__ import main
    from app.cli import deploy_run
    from tests.cli import deploying
    fake = deploying.FakeDeploys(Path(sys.argv[1]), story=deploying.{story})
    deploy_run.deploying = fake.opened
    sys.exit(main(["deploy", "lab", *sys.argv[2:]]))
"""


class Person:
    """The program in a real terminal, with somebody at it."""

    def __init__(self, folder: Path, story: str, *words: str, hangup: str = "SIG_DFL") -> None:
        self.master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (30, 80))
        code = textwrap.dedent(PROGRAM.format(story=story, hangup=hangup))
        environ = {**os.environ, "TERM": "xterm", "GPU_WATCHDOG_STATE_DIR": str(folder), "NO_COLOR": "1"}
        environ.pop("COLUMNS", None)
        environ.pop("LINES", None)
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, str(folder), *words], stdin=slave, stdout=slave, stderr=slave, env=environ
        )
        os.close(slave)
        self.seen = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()  # a piece may end within a character

    def sees(self, text: str) -> None:
        """Wait until that was shown; a program that shows it not is a failure after 20 s."""
        while text not in self.seen:
            if not select.select([self.master], [], [], 20.0)[0]:
                self.process.kill()
                raise AssertionError(self.seen)
            self.seen += self._decoder.decode(os.read(self.master, 4096))

    def types(self, text: str) -> None:
        """Type it."""
        os.write(self.master, text.encode())

    def leaves(self) -> int:
        """The end of the program, and its exit code."""
        try:
            while part := os.read(self.master, 4096):
                self.seen += self._decoder.decode(part)
        except OSError:  # so a pty says that nobody is left
            pass
        os.close(self.master)
        return self.process.wait(20)


def test_a_person_types_yes(tmp_path: Path) -> None:
    """And sees it through to the end."""
    person = Person(tmp_path, "all_well")
    person.sees("type yes")
    person.types("yes\n")

    assert errors.OK == person.leaves()
    assert "lab is ready" in person.seen


def test_ctrl_c_at_the_question_does_nothing(tmp_path: Path) -> None:
    """At once, without a second one or an Enter."""
    person = Person(tmp_path, "all_well")
    person.sees("type yes")
    person.process.send_signal(signal.SIGINT)

    assert errors.INTERRUPTED == person.leaves()
    assert "billed  nothing" in person.seen


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_stopped_says_what_is_billed(tmp_path: Path, number: signal.Signals) -> None:
    """130, what goes on costing, and both ways on."""
    person = Person(tmp_path, "for_ever", "--yes")
    person.sees("2 pods are cr")
    person.process.send_signal(number)

    assert errors.INTERRUPTED == person.leaves()
    said = " ".join(person.seen.split())
    for part in ("stopping: ", "billed $0.80/h for lab-head, lab-w1", "`gpu-watchdog deploy lab --destroy` ends all"):
        assert part in said


def test_a_second_ctrl_c_leaves_at_once(tmp_path: Path) -> None:
    """But not one that comes right behind the first: a terminal and a shell may both send it."""
    person = Person(tmp_path, "for_ever_twice", "--yes")
    person.sees("2 pods are cr")
    person.process.send_signal(signal.SIGINT)
    person.sees("Ctrl-C again leaves at once")
    person.process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        person.process.wait(1.2)
    person.process.send_signal(signal.SIGINT)

    assert errors.INTERRUPTED == person.leaves()
    assert "leaving at once: the next run" in person.seen


def test_a_run_under_nohup_outlives_its_terminal(tmp_path: Path) -> None:
    """A signal that whoever started it had ignored does nothing."""
    person = Person(tmp_path, "for_ever", "--yes", hangup="SIG_IGN")
    person.sees("2 pods are cr")
    person.process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        person.process.wait(0.5)
    assert "stopping" not in person.seen
    person.process.send_signal(signal.SIGINT)

    assert errors.INTERRUPTED == person.leaves()


def test_help_loads_nothing_that_deploys() -> None:
    """Neither the service nor what talks to the provider or reads Terraform's files."""
    code = "import sys; from app.__main__ import main; main(['deploy', '--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    heavy = {"httpx", "hcl2", "textual", "app.services.deploy.building"}
    assert set() == set(done.stderr.split()) & heavy
