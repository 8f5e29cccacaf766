"""What servers and models get wrong: one row each, with what the person sees; `docs/models.md` shows the same rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.config.settings import Agent
from tests.agent.provider.asking import HASTY, PATIENT
from tests.standins.llm import Call, Die, Fail, Finish, Pause, Reply, Say, ScriptedModel, Send, Stall, Think

ALL_WELL: Reply = (Say("All is well [1]."),)
LOOK: Reply = (Call("diagnose"),)
SHOWN = "gpu-01/3 is lost, since it"
"""What was shown when a server dies."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong."""

    server: str
    """What the server or the model does."""
    saw: str
    """What the person sees."""
    model: ScriptedModel
    text: str = "All is well [1]."
    looks: tuple[tuple[str, Mapping[str, Any]], ...] = (("diagnose", {}),)
    """Those that were made, refused ones too."""
    notes: tuple[str, ...] = ()
    """Words of each note."""
    problem: str = ""
    """Words of the sentence it ends with; empty: it ends well."""
    is_offline: bool = False
    reasoning: str = ""
    withdrawn: int = 0
    settings: Agent = PATIENT
    told: tuple[str, ...] = field(default=())
    """Words the model was told in its last request."""
    result: str = '{"incidents":[]}'
    """What `diagnose` brings."""


def _script(*replies: Reply, **more: Any) -> ScriptedModel:  # noqa: ANN401 - fields of the stand-in
    return ScriptedModel(list(replies), **more)


_LOGS = (("logs", {"node": "gpu-01"}),)
_OVERFLOW = Fail(400, "This model's maximum context length is 9000 tokens. However, you requested 9100.")
_GOOD_LOGS: Reply = (Call("logs", {"node": "gpu-01"}),)
_CUT_CALL = '<tool_call>{"name": "logs", "arguments": {   \n "node":'

CALLS = (
    Fault(
        "cuts a call's arguments off at the token limit",
        "a note; the model is told and calls again: half a name is never used",
        _script((Call("logs", '{"node": "gpu-0'), Finish("length")), _GOOD_LOGS, ALL_WELL),
        looks=_LOGS,
        notes=("a call of logs was not made: the call was cut off",),
    ),
    Fault(
        "leaves a call that was cut off in the text",
        "a note; the raw call is not shown, and made again",
        _script(
            (Say('<tool_call>{"name": "logs", "arguments": {   \n "node":'), Finish("length")), _GOOD_LOGS, ALL_WELL
        ),
        looks=_LOGS,
        notes=("a call of logs was not made: the call was cut off",),
    ),
    Fault(
        "leaves whole calls in the text, although it has a parser",
        "nothing: they are read there",
        _script((Say('Let me see.\n<tool_call>{"name": "diagnose", "arguments": {}}</tool_call>'),), ALL_WELL),
        text="Let me see.\n\n\nAll is well [1].",
    ),
    Fault(
        "writes a call as bare JSON",
        "the JSON goes away again, and the look is made",
        _script((Say('```json\n{"name": "diagnose", "arguments": {}}\n```'),), ALL_WELL),
        withdrawn=1,
    ),
    Fault(
        "pads arguments with blanks and new lines",
        "nothing: they are trimmed",
        _script((Call("logs", '{\n   \n "node":\n\n      " gpu-01\\n"   }'),), ALL_WELL),
        looks=_LOGS,
    ),
    Fault(
        "sends arguments that are nearly JSON",
        "nothing: they are mended where only one thing can be meant",
        _script((Call("logs", "{'node': 'gpu-01',}"),), ALL_WELL),
        looks=_LOGS,
    ),
    Fault(
        "sends arguments that nobody can read",
        "a note; the model is told once, and calls again",
        _script((Call("logs", "node is gpu-01"),), _GOOD_LOGS, ALL_WELL),
        looks=_LOGS,
        notes=("a call of logs was not made: the arguments are no valid JSON object",),
    ),
    Fault(
        "sends such arguments again",
        "a note; the model is told to answer from what it has",
        _script(LOOK, (Call("logs", "node"),), (Call("logs", "nodes"),), ALL_WELL),
        notes=("a call of logs was not made", "a call of logs was not made", "the model's calls brought nothing new"),
        told=("answer now",),
    ),
    Fault(
        "calls a tool that does not exist",
        "the refused look; the model is told which tools there are",
        _script((Call("gpu_status"),), ALL_WELL),
        looks=(("gpu_status", {}),),
        told=("there is no tool 'gpu_status': did you mean diagnose?",),
    ),
    Fault(
        "says `stop` after a call, not `tool_calls`",
        "nothing: the call is made",
        _script((Call("diagnose"), Finish("stop")), ALL_WELL),
    ),
    Fault(
        "says `tool_calls`, and there are none",
        "the text, as the answer",
        _script(LOOK, (*ALL_WELL, Finish("tool_calls"))),
    ),
    Fault(
        "asks for the same again and again",
        "the refused looks; after three such rounds the model must answer",
        _script(LOOK, LOOK, LOOK, LOOK, ALL_WELL),
        looks=(("diagnose", {}),) * 4,
        notes=("the model's calls brought nothing new",),
        told=("answer now",),
    ),
    Fault(
        "never stops looking",
        "a note after `rounds` looks; the model must answer",
        _script(*((Call("logs", {"node": f"n{number}"}),) for number in range(3)), ALL_WELL),
        looks=tuple(("logs", {"node": f"n{number}"}) for number in range(3)),
        settings=replace(PATIENT, rounds=3),
        notes=("the model asked for looks 3 times",),
        told=("answer now",),
    ),
)

THOUGHT = (
    Fault(
        "thinks in a field of its own (`reasoning`)",
        "the thought, folded, apart from the answer",
        _script((Think("Look first."), *LOOK), ALL_WELL),
        reasoning="Look first.",
    ),
    Fault(
        "thinks in `reasoning_content`",
        "the same",
        _script((Think("Look first.", "reasoning_content"), *LOOK), ALL_WELL),
        reasoning="Look first.",
    ),
    Fault(
        "thinks in its text, between marks that come in pieces",
        "the same",
        _script(LOOK, (Say("<think>It is fine.</think>\n\nAll is well [1].", size=3),)),
        reasoning="It is fine.",
    ),
    Fault(
        "ends a thought that was never begun (`</think>`)",
        "the text goes away again, and is shown as thought",
        _script(LOOK, (Say("It is fine.\n</think>\n\nAll is well [1].", size=5),)),
        reasoning="It is fine.\n",
        withdrawn=1,
    ),
    Fault(
        "thinks until its tokens are used up",
        "a note; it is asked once more, for a short answer",
        _script(LOOK, (Think("Hm, or"), Finish("length")), ALL_WELL),
        reasoning="Hm, or",
        notes=("the model thought until its tokens were used up: it was asked again",),
        told=("Think no longer",),
    ),
    Fault(
        "answers nothing",
        "a note; it is asked once more",
        _script(LOOK, (Finish("stop"),), ALL_WELL),
        notes=("the model gave no answer: it was asked again",),
    ),
    Fault(
        "answers nothing twice",
        "why there is no answer, and what to do; what was looked at stays",
        _script(LOOK, (Finish("stop"),), (Finish("stop"),)),
        text="",
        notes=("the model gave no answer: it was asked again",),
        problem="the model gave no answer, twice",
    ),
    Fault(
        "holds the rest of the answer back (`content_filter`)",
        "the answer as far as it came, and a note",
        _script(LOOK, (*ALL_WELL, Finish("content_filter"))),
        notes=("the server held back the rest of the answer (content filter)",),
    ),
    Fault(
        "ends an answer that repeats itself (`repetition`)",
        "the same",
        _script(LOOK, (*ALL_WELL, Finish("repetition"))),
        notes=("as the model began to repeat itself",),
    ),
    Fault(
        "cuts the answer off at the token limit",
        "the answer as far as it came, and a note",
        _script(LOOK, (*ALL_WELL, Finish("length"))),
        notes=("the answer was cut off by the limit on its length; see settings: agent.max_tokens",),
    ),
)

REFUSALS = (
    Fault(
        "refuses with 429 and `Retry-After`",
        "a note that it waits; then the answer",
        _script((Fail(429, "busy", headers={"retry-after": "3"}),), LOOK, ALL_WELL),
        notes=("has too much to do (HTTP 429: busy); it asks to wait 3 s; asking again in 3 s",),
    ),
    Fault(
        "refuses with 429 and asks to wait an hour",
        "that it has too much to do, and how long",
        _script((Fail(429, "quota", headers={"retry-after": "3600"}),)),
        text="",
        looks=(),
        problem="has too much to do (HTTP 429: quota); it asks to wait 3600 s",
    ),
    Fault(
        "fails with 503 while it starts again",
        "a note for each try; then the answer",
        _script(LOOK, (Fail(503, "starting"),), (Fail(503, "starting"),), ALL_WELL),
        notes=("failed (HTTP 503: starting); its log says more; asking again", "failed (HTTP 503"),
    ),
    Fault(
        "fails with 500 again and again",
        "that it failed, with its words; what was looked at stays",
        _script(LOOK, otherwise=(Fail(500, "EngineDeadError"),)),
        text="",
        notes=("HTTP 500", "HTTP 500"),
        problem="failed (HTTP 500: EngineDeadError); its log says more",
    ),
    Fault(
        "stands behind a proxy that answers 502 in HTML",
        "the same, with the page's words",
        _script(otherwise=(Fail(502, body=b"<html><title>502 Bad Gateway</title></html>"),)),
        text="",
        looks=(),
        notes=("HTTP 502", "HTTP 502"),
        problem="HTTP 502",
    ),
    Fault(
        "takes no such request (400)",
        "its words",
        _script((Fail(400, "temperature must be non-negative"),)),
        text="",
        looks=(),
        problem="refuses (HTTP 400: temperature must be non-negative)",
    ),
    Fault(
        "refuses what is longer than its context (400)",
        "a note of what was given up; then the answer",
        _script(
            LOOK,
            (_OVERFLOW,),  # a shorter reply is tried first
            (_OVERFLOW,),
            ALL_WELL,
            context=None,
        ),
        notes=("the talk outgrew the model's context of 9,000 tokens: the longest result was cut",),
        result=json.dumps({"incidents": ["x" * 4000]}),
    ),
)

DEATHS = (
    Fault(
        "dies in the middle of the answer",
        "what came stays, and that the server broke off",
        _script(LOOK, (Say(SHOWN), Die())),
        text=SHOWN,
        problem="broke off in the middle of its answer (the connection was lost)",
    ),
    Fault(
        "closes the connection in the middle of the answer",
        "the same",
        _script(LOOK, (Say(SHOWN), Die("eof"))),
        text=SHOWN,
        problem="broke off in the middle of its answer",
    ),
    Fault(
        "ends the stream without an end",
        "the same",
        _script(LOOK, (Say(SHOWN), Die("end"))),
        text=SHOWN,
        problem="broke off in the middle of its answer (it ended early)",
    ),
    Fault(
        "reports an error in the middle of the answer",
        "the same, with its words",
        _script(LOOK, (Say(SHOWN), Fail(500, "EngineCore encountered an issue", "InternalServerError"))),
        text=SHOWN,
        problem="(EngineCore encountered an issue)",
    ),
    Fault(
        "gives the answer up (`abort`: it goes down, or to sleep)",
        "the same",
        _script(LOOK, (Say(SHOWN), Finish("abort"))),
        text=SHOWN,
        problem="broke off in the middle of its answer (it says `abort`)",
    ),
    Fault(
        "sends what is no JSON",
        "the same",
        _script(LOOK, (Say(SHOWN), Send(b"data: {nonsense\n\n"))),
        text=SHOWN,
        problem="(it sends what is no JSON)",
    ),
    Fault(
        "stalls in the middle of the answer",
        "the same, after `first_token_s` without a word",
        _script(LOOK, (Say(SHOWN), Stall())),
        text=SHOWN,
        settings=HASTY,
        problem="broke off in the middle of its answer (no word for 1 s)",
    ),
    Fault(
        "dies while it thinks",
        "a note; it is asked again, as nothing of the answer was shown",
        _script(LOOK, (Think("Hm."), Die()), ALL_WELL),
        reasoning="Hm.",
        notes=("nothing of it was shown yet, so it was asked again",),
    ),
    Fault(
        "dies in the middle of a call",
        "the same; half a call is never made",
        _script((Call("logs", '{"node": "gpu-0'), Die()), _GOOD_LOGS, ALL_WELL),
        looks=_LOGS,
        notes=("nothing of it was shown yet, so it was asked again",),
    ),
    Fault(
        "dies before its first word",
        "a note; it is asked again",
        _script((Die(),), LOOK, ALL_WELL),
        notes=("before its first word",),
    ),
    Fault(
        "takes the question and says nothing (health is good, the engine is stuck)",
        "that its engine may be stuck; the offline analyst answers",
        _script((Stall(),)),
        text="",
        looks=(),
        settings=HASTY,
        problem="answers, yet gave no word within 1 s: its engine may be stuck",
        is_offline=True,
    ),
    Fault(
        "is so slow that time is up",
        "what came stays, and which setting holds it",
        _script((Say(SHOWN), Pause(9), *ALL_WELL)),
        text=SHOWN,
        looks=(),
        settings=replace(PATIENT, answer_s=2.0),
        problem="no whole answer within 2 s; see settings: agent.answer_s",
    ),
)

FAULTS = (*CALLS, *THOUGHT, *REFUSALS, *DEATHS)


def rows() -> list[str]:
    """The table of the documentation."""
    return [f"| {one.server} | {one.saw} |" for one in FAULTS]
