"""What PyPI's `tf` 1.2.0 lacks for our stand-in: attributes that are objects, and living on after a first Ctrl-C.

`tf` ends its server as soon as Terraform says StopProvider, which abandons a create that is under way. Real providers
go on serving; whether they also cancel the call is what `STANDIN_STOP` chooses:

- `graceful`: it is finished, and its pod is in the state (the default);
- `cancel`: it is given up at once, as terraform-plugin-go does: the pod may exist, and the state does not know it;
- `stock`: `tf` as it is: "Plugin did not respond".
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from threading import Event
from typing import Any

from tf import runner
from tf.schema import Attribute
from tf.types import Bool, List, Map, Number, String, TfType, Unknown

MODE = os.environ.get("STANDIN_STOP", "graceful")
STOPPED = Event()
"""Terraform was interrupted, and calls under way are to be given up."""

TEXT, NUMBER, FLAG, TEXTS, TEXT_MAP = String(), Number(), Bool(), List(String()), Map(String())


class Fields(TfType):
    """`object({…})` as an attribute's type: stands for a nested attribute such as `persistent_volume = {…}`."""

    def __init__(self, **fields: TfType) -> None:
        self.fields = fields

    def encode(self, value: Any) -> Any:  # noqa: ANN401 - whatever Terraform has
        return self._each(value, lambda kind, part: kind.encode(part))

    def decode(self, value: Any) -> Any:  # noqa: ANN401 - likewise
        return self._each(value, lambda kind, part: kind.decode(part))

    def tf_type(self) -> bytes:
        inner = ",".join(f'"{name}":{kind.tf_type().decode()}' for name, kind in sorted(self.fields.items()))
        return f'["object",{{{inner}}}]'.encode()

    def _each(self, value: Any, change: Callable[[TfType, Any], Any]) -> Any:  # noqa: ANN401 - likewise
        if value is None or value is Unknown:
            return value
        return {name: change(kind, value.get(name)) for name, kind in self.fields.items()}


def given(name: str, kind: TfType, *, replaces: bool = False) -> Attribute:
    """An attribute that may be set."""
    return Attribute(name, kind, optional=True, requires_replace=replaces)


def required(name: str, kind: TfType, *, replaces: bool = False) -> Attribute:
    """An attribute that must be set."""
    return Attribute(name, kind, required=True, requires_replace=replaces)


def defaulted(name: str, kind: TfType, default: object, *, replaces: bool = False) -> Attribute:
    """An attribute that may be set, and has a value all the same."""
    return Attribute(name, kind, optional=True, computed=True, default=default, requires_replace=replaces)


def told(name: str, kind: TfType) -> Attribute:
    """An attribute that is only read."""
    return Attribute(name, kind, computed=True)


def known(state: Mapping[str, Any]) -> dict[str, Any]:
    """A state without unknown values: after an apply there is none left."""
    return {name: None if value is Unknown else value for name, value in state.items()}


class _Stop(runner._ShutdownInterceptor):
    """Ends the server for GRPCController/Shutdown alone."""

    def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:  # noqa: ANN401 - grpc's
        handler = continuation(handler_call_details)
        method = handler_call_details.method
        if method == "/plugin.GRPCController/Shutdown":
            self.stopped = True
        if method == "/tfplugin6.Provider/StopProvider" and MODE == "cancel":
            STOPPED.set()
        return handler


def install() -> None:
    """Put our end in the place of tf's."""
    if MODE != "stock":
        runner._ShutdownInterceptor = _Stop
