"""What the first frame waits for, what the terminal is asked first, how the process ends."""

from __future__ import annotations

import asyncio
import gc
import io
import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path

import pytest

from app.tui import run, terminal
from app.tui.late_styles import add_styles
from app.tui.screens.home import Home
from app.tui.terminal import ease_slow_link, refusal, speaks_utf8
from tests.tui.boards import full
from tests.tui.driving import driving, options
from tests.tui.fake_feed import FakeFeed, connection

LATER = (
    "app.tui.deeds",
    "app.tui.verbs",
    "app.tui.home_panes",
    "app.tui.prompt",
    "app.tui.travel",
    "app.domain.filtering",
    "app.domain.metric",
    "app.services.feed",
    "app.store.history",
    "app.runtime",
    "app.agent",
    "app.domain.chat",
    "app.tui.chat_verbs",
    "app.tui.chat_view",
    "app.tui.chat_dock",
    "app.tui.infra_desk",
    "app.domain.deployment",
    "app.services.deploy",
    "textual.widgets._text_area",
    "aiohttp",
    "sqlite3",
    "plotext",
    "tomllib",
)


def test_first_frame_waits_for_nothing_it_does_not_show() -> None:
    """Panes, verbs, the filter language, the feed and everything below it are imported after the first frame."""
    code = "import sys, app.tui.app, app.tui.screens.home; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert [] == [name for name in LATER if name in done.stdout.split()]


async def test_first_frame_waits_for_no_style_of_what_is_not_there(tmp_path: Path) -> None:
    """Panes, prompt, chat and dialogues bring their style sheets along when they come, each once."""
    async with driving(tmp_path) as drive:
        at_first = [Path(path).name for path in drive.app.css_path]
        read = [Path(path).name for path, _ in drive.app.stylesheet.source if path.endswith(".tcss")]
        add_styles(drive.app, "screens/home_panes.tcss")
        again = [Path(path).name for path, _ in drive.app.stylesheet.source if path.endswith(".tcss")]

    assert ["app.tcss", "home.tcss"] == at_first
    assert ["app.tcss", "home.tcss", "prompt.tcss", "home_panes.tcss"] == read == again


async def test_line_asked_for_in_the_first_frame_opens_as_soon_as_it_can(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A colon typed before the panes are there opens the prompt that comes with them."""
    asked: list[bool] = []
    furnish = Home._furnish

    async def eager(home: Home) -> None:
        home.type_line(":", "gpus")
        asked.append(home.is_typing)
        await furnish(home)

    monkeypatch.setattr(Home, "_furnish", eager)
    async with driving(tmp_path) as drive:
        await drive.until(lambda: drive.app.page is not None and drive.app.page.is_typing)
        typed = drive.line(":gpus") or drive.line(": gpus")

    assert [False] == asked
    assert typed


def test_first_frame_does_not_wait_for_a_turn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Threads take turns quickly before the loop begins, as one of them writes the frame while the feed is loaded."""
    turns_s: list[float] = []

    def show(coroutine: Coroutine[object, object, int]) -> int:
        coroutine.close()
        turns_s.append(sys.getswitchinterval())
        return 0

    monkeypatch.setattr(terminal, "refusal", lambda *_: "")
    monkeypatch.setattr(terminal, "give_size", lambda _: None)
    monkeypatch.setattr(asyncio, "run", show)
    before = sys.getswitchinterval()
    try:
        assert run.run(connection(FakeFeed(full())), options(tmp_path)) == 0
    finally:
        sys.setswitchinterval(before)
        gc.enable()

    assert [pytest.approx(run._SWITCH_S)] == turns_s


def test_first_numbers_wait_for_nothing_of_who_is_not_there() -> None:
    """Without a daemon, Slurm and ssh none of their values, clients and digests are loaded before them."""
    code = "import sys, app.cli.live, app.sources.nvml, app.tui.home_panes; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    absent = ("app.services.client", "app.services.wire", "app.domain.slurm", "app.sources.slurm", "hashlib")

    assert [] == [name for name in absent if name in done.stdout.split()]


def test_infra_page_waits_for_nothing_that_deploys() -> None:
    """What is on disk is shown before Terraform's driver, the provider's client and ssh's are loaded."""
    code = "import sys, app.tui.screens.infra; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = ("httpx", "hcl2", "tenacity", "app.services.terraform.driver", "app.services.deploy.hands", "app.sources")

    assert [] == [name for name in heavy if name in done.stdout.split()]


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("streams", "term", "words"),
    [
        ((Tty(), Tty()), "xterm-256color", ""),
        ((Tty(), io.StringIO()), "xterm", "needs a terminal"),
        ((None, Tty()), "xterm", "needs a terminal"),
        ((Tty(), Tty()), "dumb", "move its cursor"),
        ((Tty(), Tty()), "", "move its cursor"),
    ],
)
def test_screen_is_refused_where_it_cannot_be_shown(
    streams: tuple[io.StringIO | None, ...], term: str, words: str
) -> None:
    """No terminal at either end, or one that cannot move its cursor: one line that names the alternative."""
    said = refusal(streams, {"TERM": term})

    assert words in said
    assert bool(words) == ("gpu-watchdog status" in said)


@pytest.mark.parametrize("variable", ["SSH_CONNECTION", "SSH_TTY", "MOSH_IP"])
def test_slow_link_gets_fewer_frames(variable: str) -> None:
    """Over ssh and mosh nothing is animated and frames are few, unless the user says otherwise."""
    environ = {variable: "x", "TEXTUAL_FPS": "30"}

    ease_slow_link(environ)

    assert ("none", "0", "30") == tuple(
        environ[name] for name in ("TEXTUAL_ANIMATIONS", "TEXTUAL_SMOOTH_SCROLL", "TEXTUAL_FPS")
    )


def test_local_terminal_is_left_as_it_is() -> None:
    """Without ssh nothing is set."""
    environ = {"TERM": "xterm"}

    ease_slow_link(environ)

    assert {"TERM": "xterm"} == environ


@pytest.mark.parametrize(
    ("environ", "speaks"),
    [
        ({"LANG": "en_US.UTF-8"}, True),
        ({"LC_ALL": "C.utf8"}, True),
        ({"LC_ALL": "de_DE.ISO-8859-1", "LANG": "en_US.UTF-8"}, False),
        ({"LC_CTYPE": "en_US.UTF-8", "LANG": "C"}, True),
        ({"LANG": "en_US.UTF-8", "TERM": "vt220"}, False),
    ],
)
def test_plain_characters_are_for_terminals_that_need_them(environ: dict[str, str], speaks: bool) -> None:
    """The locale decides, in the order the C library asks; an old terminal is never believed."""
    assert speaks == speaks_utf8(environ)


def test_nothing_of_the_agent_is_loaded_by_other_keys() -> None:
    """Verbs and every page but the chat's own come without it; opening the chat loads its values and events only."""
    pages = (
        "home gpus queue incidents alerts services sources heat ended partitions submit rules rule gpu node job help"
    )
    code = (
        "import sys, app.tui.verbs\nfrom app.tui.screens.registry import load_page\n"
        f"[load_page(one) for one in {pages.split()}]\n"
        "print(*[one for one in sys.modules if one.startswith(('app.agent', 'app.tui.chat_', 'widgets.chat_'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ["app.tui.chat_verbs"] == done.stdout.split()


def test_chat_itself_loads_no_model_client() -> None:
    """The page of the chat knows what is told of an answer, not who makes it."""
    code = "import sys, app.tui.screens.chat, app.tui.chat_dock; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()

    assert ["app.agent", "app.agent.events"] == sorted(one for one in loaded if one.startswith("app.agent"))
    assert [] == [one for one in ("openai", "httpx", "app.runtime", "sqlite3") if one in loaded]
