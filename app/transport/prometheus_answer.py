"""What a Prometheus-compatible server answers, as values: rows of samples, notes, refusals. Pure.

Nothing that comes from the server is trusted to have the shape it should have.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, Literal

from app.domain.frozen import frozen
from app.domain.naming import clean

PrometheusErrorKind = Literal["unreachable", "denied", "query", "too_many", "timeout", "protocol", "local"]
"""`query`: the server takes the question for wrong; `too_many`: it would have to look at too much."""
_TOO_MANY = ("too many samples", "maximum resolution", "exceeded", "limit", "too many", "too much", "too large")
_HINTS = {
    401: "; set prometheus.token_file, or check what it holds",
    403: "; the token may not ask here, or needs prometheus.tenant",
    404: ": there is no Prometheus API at this path (Mimir's lies under /prometheus, VictoriaMetrics' cluster under "
    "/select/0/prometheus)",
}


class PrometheusError(Exception):
    """A question has no answer; the message is for a person and holds no credentials."""

    def __init__(self, kind: PrometheusErrorKind, text: str) -> None:
        super().__init__(clean(text, 500))
        self.kind: PrometheusErrorKind = kind


@frozen
class Row:
    """One series of an answer."""

    labels: Mapping[str, str]
    """`__name__` among them, where the server left it."""
    times: Sequence[float]
    """Epoch seconds by the server's clock, in order."""
    values: Sequence[float]


@frozen
class Answer:
    """What came of one question."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    """What the server says of it: that it is not the whole, for one."""


def read_body(body: bytes, status: int, shown: str) -> tuple[Any, tuple[str, ...]]:
    """The whole JSON of an answer, with what the server notes of it. Raises PrometheusError for a refusal."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise _no_json(body, status, shown)
    if status != 200 or said.get("status") != "success" or "data" not in said:
        raise _refused(said, status, shown)
    notes = [str(note) for key in ("warnings", "infos") for note in _listed(said.get(key)) if key == "warnings"]
    if said.get("isPartial") is True:
        notes.append("the answer is partial: some of its storage did not answer")
    return said, tuple(clean(note, 300) for note in notes[:5])


def read_rows(result: object, shown: str) -> tuple[Row, ...]:
    """The series of a result: a vector, a matrix, or a list of label sets. Raises PrometheusError."""
    try:
        return tuple(_rows(result))
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        raise PrometheusError("protocol", f"{shown} answers, but not as Prometheus does: {error!r}") from error


def _rows(result: object) -> Iterator[Row]:
    if not isinstance(result, list):
        raise TypeError("the result is no list")
    if len(result) == 2 and not isinstance(result[0], dict):  # a scalar
        yield Row({}, (float(result[0]),), (float(result[1]),))
        return
    for one in result:
        labels = one.get("metric", one)
        if "values" in one or "value" in one:
            pairs = one.get("values") or [one["value"]]
            yield Row(labels, [float(at) for at, _ in pairs], [float(value) for _, value in pairs])
        elif "histogram" not in one and "histograms" not in one:
            yield Row(labels, (), ())


def read_alerts(said: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON of a stranger's
    """The alerts of `/api/v1/alerts`; what has not the shape of one is left out."""
    data = said.get("data") if isinstance(said, dict) else None
    return [found for one in _listed(data.get("alerts") if isinstance(data, dict) else None) if (found := _alert(one))]


def _alert(one: object) -> dict[str, Any] | None:
    if not isinstance(one, dict) or not isinstance(one.get("labels"), dict):
        return None
    labels = {clean(str(name), 120): clean(str(value), 300) for name, value in one["labels"].items()}
    notes = one.get("annotations")
    texts = notes if isinstance(notes, dict) else {}
    text = next((str(texts[key]) for key in ("summary", "description", "message") if texts.get(key)), "")
    return {
        "name": labels.pop("alertname", "") or "unnamed",
        "labels": labels,
        "text": clean(text, 300),
        "state": str(one.get("state", "")),
        "active_at": _time(one.get("activeAt")),
        "value": _number(one.get("value")),
    }


def _time(text: object) -> float | None:
    try:
        return (
            datetime.fromisoformat(str(text)[:19] + "+00:00").timestamp()
            if str(text).endswith("Z")
            else (datetime.fromisoformat(str(text)).timestamp())
        )
    except ValueError:
        return None


def _number(text: object) -> float | None:
    try:
        return float(str(text))
    except ValueError:
        return None


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _no_json(body: bytes, status: int, shown: str) -> PrometheusError:
    first = clean(body[:400].decode("utf-8", "replace").strip().partition("\n")[0], 120)
    if status in (401, 403):
        return PrometheusError("denied", f"{shown} refuses (HTTP {status}){_HINTS[status]}")
    if status == 404:
        return PrometheusError("protocol", f"{shown} answered HTTP 404{_HINTS[404]}")
    if status >= 400:
        kind: PrometheusErrorKind = "unreachable" if status >= 500 else "protocol"
        return PrometheusError(kind, f"{shown} answered HTTP {status}: {first or 'no reason given'}")
    what = "HTML" if body.lstrip()[:1] == b"<" else "no JSON"
    return PrometheusError("protocol", f"{shown} answers with {what}, not as Prometheus: is the url right? ({first})")


def _refused(said: Mapping[str, Any], status: int, shown: str) -> PrometheusError:
    """The server's own word for what is wrong."""
    error = said.get("error") or said.get("message") or said.get("errorType")
    why = clean(str(error or "no reason given"), 300)
    if status in (401, 403):
        return PrometheusError("denied", f"{shown} refuses (HTTP {status}): {why}{_HINTS[status]}")
    if status == 404:
        return PrometheusError("protocol", f"{shown} answered HTTP 404{_HINTS[404]}")
    if any(word in why.lower() for word in _TOO_MANY) and "timeout" not in why.lower():
        return PrometheusError("too_many", f"{shown} will not look at so much at once: {why}")
    if said.get("errorType") in ("timeout", "canceled") or status in (503, 504):
        return PrometheusError("timeout", f"{shown} gave up: {why}; see settings: prometheus.timeout_s")
    if 400 <= status < 500:
        return PrometheusError("query", f"{shown} does not take the question (HTTP {status}): {why}")
    return PrometheusError("unreachable" if status >= 500 else "protocol", f"{shown} answered HTTP {status}: {why}")


def joined(answers: Sequence[Answer]) -> Answer:
    """Several answers as one."""
    notes = dict.fromkeys(chain.from_iterable(one.notes for one in answers))
    return Answer(tuple(chain.from_iterable(one.rows for one in answers)), tuple(notes))
