"""A model server's start, read from its log: phases, progress, ends, restarts."""

from __future__ import annotations

from datetime import UTC

import pytest

from app.domain.model_start import ModelStart, Phase, stuck
from app.sources.logs.line import parse_line
from app.sources.logs.moments import Timekeeping, moments
from app.sources.logs.start_signs import START_SIGNS
from app.sources.logs.starts import StartReader

NOW = 1_764_000_000.0
"""2025-11-24 16:00 UTC."""
CORE = "(EngineCore pid=760) INFO 11-24 15:{} [x.py:1] "
API = "(APIServer pid=411) INFO 11-24 15:{} [x.py:1] "


def read(*lines: str, is_live: bool = False, reader: StartReader | None = None, now: float = NOW) -> ModelStart:
    """The start after these lines."""
    parsed = [parse_line(line, now, UTC) for line in lines]
    when, _ = moments(parsed, Timekeeping(), now)
    return (reader or StartReader()).read(parsed, when, now, is_live=is_live)


def names(start: ModelStart) -> list[str]:
    return [phase.name for phase in start.phases]


def phase(start: ModelStart, name: str) -> Phase:
    return next(one for one in start.phases if one.name == name)


STARTING = (
    API.format("50:00") + "vLLM API server version 0.33.0",
    CORE.format("50:10") + "Initializing a V1 LLM engine (v0.33.0) with config: model='nvidia/Nemotron', x=1",
    CORE.format("50:20") + "Starting to load model nvidia/Nemotron...",
    "Loading safetensors checkpoint shards:  23% Completed | 3/13 [00:09<00:30,  3.0s/it]",
)


def test_a_start_goes_from_phase_to_phase() -> None:
    """Each phase lasts from its first line to the first of the next; model and release are taken from the lines."""
    start = read(*STARTING)

    assert ("starting", ["start", "weights"]) == (start.standing, names(start))
    assert 20.0 == phase(start, "start").seconds(NOW)
    assert (3, 13) == (phase(start, "weights").done, phase(start, "weights").of)
    assert ("nvidia/Nemotron", "0.33.0") == (start.model, start.version)


@pytest.mark.parametrize(
    ("line", "name", "progress"),
    [
        ("Fetching 13 files:  15%|█▌        | 2/13 [00:31<02:50, 15.5s/it]", "download", (2, 13, 15.0)),
        (
            "model-00001-of-00013.safetensors:  45%|████▌     | 2.2G/4.9G [00:10<00:12, 212MB/s]",
            "download",
            (None, None, 45.0),
        ),
        ("Loading pt checkpoint shards:  50% Completed | 1/2 [00:01<00:01]", "weights", (1, 2, 50.0)),
        ("Loading safetensors checkpoint shards:   0% Completed | 0/8 [00:00<?, ?it/s]", "weights", (0, 8, 0.0)),
        ("Capturing CUDA graph shapes:  20%|██        | 7/35 [00:03<00:14]", "graphs", (7, 35, 20.0)),
        ("Capturing CUDA graphs (decode, FULL): 100%|██████████| 35/35 [00:03<00:00]", "graphs", (35, 35, 100.0)),
    ],
)
def test_progress_bars_are_counted(line: str, name: str, progress: tuple[int | None, int | None, float]) -> None:
    """Parts done, of how many, and the share."""
    found = phase(read(STARTING[0], line), name)

    assert progress == (found.done, found.of, found.percent)


@pytest.mark.parametrize(
    ("text", "name", "took"),
    [
        ("Time spent downloading weights for a/b: 421.500000 seconds", "download", 421.5),
        ("Loading weights took 31.02 seconds", "weights", 31.02),
        ("Model loading took 58.9 GiB memory and 34.12 seconds", "weights", 34.12),
        ("torch.compile takes 41.80 s in total", "compile", 41.8),
        ("Graph capturing finished in 12 secs, took 0.71 GiB", "graphs", 12.0),
    ],
)
def test_what_a_phase_took_is_its_own_word(text: str, name: str, took: float) -> None:
    """Where the lines tell no time, the server's own word is told."""
    assert took == phase(read(f"INFO: {text}"), name).told_s


def test_workers_that_say_it_again_do_not_lead_back() -> None:
    """The second worker's weights come while the first compiles: the phase stays."""
    start = read(
        *STARTING,
        CORE.format("51:00") + "Starting torch.compile",
        CORE.format("51:01") + "Loading weights took 40.5 seconds",
    )

    assert ["start", "weights", "compile"] == names(start)
    assert 40.5 == phase(start, "weights").told_s


def test_ready_is_told_in_a_line_without_a_time() -> None:
    """Uvicorn's line has none: it is as old as the line before it."""
    start = read(
        *STARTING,
        CORE.format("52:00") + "init engine (profile, create kv cache, warmup model) took 60 s",
        "INFO:     Application startup complete.",
    )

    assert "ready" == start.standing
    assert NOW - 480 == phase(start, "ready").since
    assert stuck(start, NOW) is None


def test_a_phase_that_does_not_move_is_stuck() -> None:
    """Graphs that were begun ten minutes ago and are silent: the phase is named, and how long it is so."""
    start = read(*STARTING, CORE.format("50:00") + "Capturing CUDA graphs")
    found = stuck(start, NOW)

    assert found is not None
    assert ("graphs", 600.0) == (found.phase.name, found.for_s)
    assert found.phase.causes


def test_lines_that_come_now_are_no_silence_whatever_their_clock_says() -> None:
    """A server in another zone writes stamps of hours ago; what comes while we look comes now."""
    reader = StartReader()
    read(*STARTING, reader=reader, now=NOW + 8 * 3600)
    start = read(STARTING[3], is_live=True, reader=reader, now=NOW + 8 * 3600)

    assert stuck(start, NOW + 8 * 3600 + 60) is None


@pytest.mark.parametrize(
    "text",
    [
        "(EngineCore pid=760) ERROR 11-24 15:51:00 [core.py:1] torch.OutOfMemoryError: CUDA out of memory. Tried",
        "ValueError: No available memory for the cache blocks. Try increasing gpu_memory_utilization",
        "OSError: [Errno 98] Address already in use",
        "RuntimeError: Engine core initialization failed. See root cause above.",
    ],
)
def test_a_start_that_fails_says_of_what(text: str) -> None:
    """The first error is the cause; what follows does not take its place."""
    start = read(*STARTING, text, "RuntimeError: Engine core initialization failed. See root cause above.")

    assert "failed" == start.standing
    assert start.why in text


def test_another_start_begins_anew() -> None:
    """After a failure, or told by the guard: the second start has its own phases, and is counted."""
    failed = (*STARTING, "RuntimeError: Engine core initialization failed. See root cause above.")
    assert (2, ["start"], "") == _of(read(*failed, STARTING[0]))

    assert (2, ["start"], "") == _of(read(*STARTING, "vllm guard: start 2"))


def _of(start: ModelStart) -> tuple[int, list[str], str]:
    return start.attempts, names(start), start.why


def test_a_guard_that_gives_up_is_a_failure() -> None:
    """Its last line says so."""
    start = read(*STARTING, "vllm guard: giving up after 5 starts in a row: the last ended with status 1; see above")

    assert "failed" == start.standing


def test_a_server_that_stops_and_one_that_sleeps() -> None:
    """Shut down in order is no failure; asleep is not ready."""
    up = (*STARTING, "INFO:     Application startup complete.")
    assert "stopped" == read(*up, "INFO:     Shutdown initiated").standing
    asleep = (*up, "INFO 11-24 15:58:00 [executor_base.py:210] It took 5.7 seconds to fall asleep.")
    assert "asleep" == read(*asleep).standing

    assert (
        "ready"
        == read(
            *asleep, "INFO 11-24 15:59:00 [executor_base.py:226] It took 0.2 seconds to wake up tags {'weights'}."
        ).standing
    )


def test_a_log_without_a_start_tells_none() -> None:
    """Requests alone: unknown, not starting."""
    start = read('INFO:     127.0.0.1:4 - "POST /v1/chat/completions HTTP/1.1" 200 OK', "anything at all")

    assert ModelStart() == start


def test_what_somebody_asks_is_no_word_of_the_server() -> None:
    """A prompt that is logged may say anything."""
    start = read(
        STARTING[0],
        "INFO 11-24 15:50:00 [logger.py:1] Received request 1: prompt: 'Engine core initialization failed'",
        "INFO 11-24 15:50:01 [logger.py:1] Received request 2: prompt: 'Application startup complete'",
    )

    assert "starting" == start.standing


@pytest.mark.parametrize(
    "text",
    ["%|" * 5000, "Capturing CUDA graphs" + ":" * 5000, "Loading safetensors checkpoint shards" * 200, "x: 1%|" * 4000],
)
def test_hostile_lines_cost_no_time(text: str) -> None:
    """No pattern searches again and again."""
    for sign in START_SIGNS:
        sign.pattern.search(text[:2000])
