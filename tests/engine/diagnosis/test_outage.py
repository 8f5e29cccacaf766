"""How a source fails is told by our own sentences: each is held against the code that writes it."""

from __future__ import annotations

import errno

import pytest

from app.domain.reading import PageHealth, SourceSpec
from app.domain.snapshot import SourceState
from app.engine.diagnosis.outage import How, family, has_unknown_gpu_names, how, is_kernel_log, is_out
from app.sources.page import Page, PageError
from app.sources.slurm import trouble
from app.transport.endpoint import parse_endpoint
from app.transport.failure import explain, not_ok, too_slow
from app.transport.head import Head, NoAnswerError

AT = parse_endpoint("http://gpu-1:9400/metrics")
NOW = 1_000_000.0


def state(error: str | None = None, kind: str = "exporter", ok_at: float | None = NOW, **said: object) -> SourceState:
    """A source with its last error."""
    spec = SourceSpec(str(said.get("name", "gpu-1:9400")), kind, "http://gpu-1:9400/metrics", 5.0)  # type: ignore[arg-type]  # a kind
    page = PageHealth(str(said["flavour"])) if "flavour" in said else None
    return SourceState(
        spec, tried_at=NOW, ok_at=ok_at, error=error, failures=int(str(said.get("failures", 0))), page=page
    )


def answered(status: int) -> str:
    """What a look says of an HTTP status."""
    return str(not_ok(AT, Head(status, "", {}, False), b""))


def page_error(body: bytes) -> str:
    """What a look says of a page."""
    with pytest.raises(PageError) as raised:
        Page("gpu-1", "gpu-1").read(body, NOW)
    return f"{AT}: {raised.value}"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (str(explain(AT, ConnectionRefusedError())), "refused"),
        (str(explain(AT, ConnectionResetError())), "closed"),
        (str(explain(AT, NoAnswerError("closed the connection without an answer"))), "closed"),
        (str(explain(AT, OSError(errno.EHOSTUNREACH, "x"))), "unreachable"),
        (str(too_slow(AT, None, 3.0)), "unreachable"),
        (str(too_slow(AT, 0, 3.0)), "no_answer"),
        (str(too_slow(AT, 17_000, 3.0)), "no_answer"),
        (answered(503), "server_error"),
        (answered(404), "absent"),
        (answered(401), "denied"),
        (page_error(b"<html></html>"), "no_page"),
        (page_error(b"# HELP a b\n"), "no_page"),
        (page_error(b"DCGM_NEW_NAME 1\n"), "unknown_page"),
        (page_error(b'gpu_watchdog_nvml_error{error="x"} 1\n'), "cannot_read"),
        (str(trouble.too_slow("squeue", "head", 5.0)), "other"),
        (None, "stale"),
    ],
)
def test_failures_are_told_apart(error: str | None, expected: How) -> None:
    """The sentence that a look leaves says whether the machine, the exporter or its page is missing."""
    assert expected == how(state(error))


def test_one_missed_scrape_is_no_outage() -> None:
    """Two intervals are allowed for a restart; what never answered needs two looks."""
    assert not is_out(state("refused", ok_at=NOW - 10), NOW)
    assert is_out(state("refused", ok_at=NOW - 15), NOW)
    assert not is_out(state("refused", ok_at=None, failures=1), NOW)
    assert is_out(state("refused", ok_at=None, failures=2), NOW)


def test_what_a_source_is_its_page_tells_else_its_name() -> None:
    """A page that was had decides; before, only a name that says so makes a model server."""
    assert "server" == family(state(flavour="vllm"))
    assert "exporter" == family(state(flavour="dcgm-exporter", name="vllm-node"))
    assert ("server", "server") == (family(state(ok_at=None, name="vllm-a")), family(state(ok_at=None, name="a:8000")))
    assert "exporter" == family(state(ok_at=None))
    assert "slurm" == family(state(kind="slurm"))
    assert is_kernel_log(state(kind="log", name="kernel log gpu-1 kern.log"))


def test_a_page_of_unknown_gpu_names_is_known_for_one() -> None:
    """Renamed fields of DCGM leave a page on which no name is known, but whose they are can be seen."""
    assert has_unknown_gpu_names(state(page_error(b"DCGM_NEW_NAME 1\n")))
    assert not has_unknown_gpu_names(state(page_error(b"litellm_requests 1\n")))
