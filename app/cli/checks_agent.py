"""Checks that `doctor` makes of the model that answers questions: server, name, context, how it calls tools."""

from __future__ import annotations

from app.cli.checks import Check, State
from app.config.settings import Settings
from app.domain.naming import clean
from app.runtime.options import RuntimeOptions

GROUP = "model"
_ADVICE = {
    "models": "set agent.model to one of these, or leave it empty",
    "context": "the server does not tell it, so long answers are cut by guess; vLLM tells it",
    "tools": "start the server with a tool parser that fits its model (docs/vllm.md)",
    "streaming": "answers come whole; turn streaming on, or wait",
}
"""What to do where a check is not good; others speak for themselves."""


async def agent_checks(settings: Settings, options: RuntimeOptions) -> list[Check]:
    """Everything about the model; one line where none is configured."""
    agent = settings.agent
    if not agent.base_url:
        return [Check(GROUP, "server", "note", "none is configured (agent.base_url): the offline analyst answers")]
    from app.agent.brain import BrainError  # noqa: PLC0415 - late: only who has a model pays for its client
    from app.agent.opening import Server  # noqa: PLC0415 - as above

    try:
        server = Server(agent, options.state_dir, options.clock)
    except BrainError as error:
        return [Check(GROUP, "server", "failed", clean(str(error), 400), "mend [agent] in the configuration")]
    try:
        status = await server.probe()
        found = server.checks
    finally:
        await server.close()
    if status.state != "ready":
        text = clean(status.text, 400)
        return [Check(GROUP, "server", "warning", text, "until it answers, the offline analyst does")]
    first = Check(GROUP, "server", "ok", clean(f"{status.model or 'a model'}: {status.text}", 400))
    return [first, *(_of(one.name, one.text, is_good=one.is_good) for one in found)]


def _of(name: str, text: str, *, is_good: bool) -> Check:
    """One thing that the probe found out; what only lacks a comfort is a note."""
    state: State = "ok" if is_good else "warning" if name in ("models", "tools") else "note"
    return Check(GROUP, name, state, clean(text, 400), "" if is_good else _ADVICE.get(name, ""))
