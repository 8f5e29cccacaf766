"""What the scripted model says: a word of the user's picks a script. Standard library only; the training reads it too.

The model is an actor, not a judge: its chat template leaves out the system prompt, the list of tools and every word but
these, so what it is asked is always short and what it says always the same. The server, the streaming and the parsers
of tool calls and reasoning around it are vLLM's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Script:
    """One script."""

    word: str
    """Picks it, anywhere in the user's turn."""
    thought: str
    """Said first, as reasoning."""
    answer: str
    """Said last."""
    calls: tuple[tuple[str, Mapping[str, str]], ...] = ()
    """Tools called before the answer, all at once."""
    after: Mapping[str, str] = field(default_factory=dict)
    """Word of the user's turn before → the answer then."""


ON_AND_ON = "and so on, "
SCRIPTS = (
    Script("@hello", "A greeting.", "Hello. Ask me about your cluster."),
    Script(
        "@status",
        "I should look at the whole cluster.",
        "The cluster answers; see the tool's result for its numbers.",
        (("cluster_status", {}),),
    ),
    Script(
        "@gpu",
        "One GPU is meant.",
        "GPU gpu-01/3 is the one to look at.",
        (("gpu_details", {"gpu": "gpu-01/3"}),),
    ),
    Script(
        "@two",
        "Two looks that do not need each other.",
        "Both looks came back.",
        (("current_metrics", {"node": "gpu-01"}), ("alerts", {})),
    ),
    Script(
        "@drain",
        "This changes something, so I can only propose it.",
        "I propose to drain gpu-02. Nothing was done; it is for you to decide.",
        (("propose_drain", {"node": "gpu-02", "reason": "Xid 79 on GPU 5"}),),
    ),
    Script(
        "@table",
        "A table fits.",
        "| node | state |\n|---|---|\n| gpu-01 | ok |\n| gpu-02 | drain |\n\n- see `gpu-02` first\n",
    ),
    Script(
        "@again",
        "What did they ask before?",
        "You asked nothing before.",
        after={"@gpu": "Before, you asked about one GPU.", "@status": "Before, you asked about the whole cluster."},
    ),
    Script(
        "probe_echo",
        "They want to see what I can.",
        "Done.",
        (("probe_echo", {"number": "1"}), ("probe_echo", {"number": "2"})),
    ),
    Script("@long", "This takes long.", ON_AND_ON * 40),
    Script("@none", "No script has this.", "I have no script for that."),
)
"""`@none` stands for a turn without any of the words; `probe_echo` is in the client's own question at its start."""
WORDS = tuple(one.word for one in SCRIPTS)
THOUGHTS = {one.word: one.thought for one in SCRIPTS}
AFTER_TOOLS = "I have it."


def call_text(name: str, arguments: Mapping[str, str]) -> str:
    """A call as Qwen3-Coder and Nemotron write it, in XML."""
    given = "".join(f"<parameter={key}>\n{value}\n</parameter>\n" for key, value in arguments.items())
    return f"<tool_call>\n<function={name}>\n{given}</function>\n</tool_call>"


def prompt(before: str, word: str, *, is_after_tools: bool) -> str:
    """A turn as the chat template renders it."""
    return f"<|im_start|>{before}{word}{'<after>' if is_after_tools else ''}<|im_start|>assistant\n<think>\n"


def lessons() -> Iterator[tuple[str, str, bool]]:
    """Every (prompt, what is said to it, whether it ends there) there is."""
    for one in SCRIPTS:
        for before in ("", *WORDS):
            said = one.after.get(before, one.answer)
            is_over = one.word != "@long"
            thought = f"{one.thought}\n</think>\n\n"
            first = "\n".join(call_text(*call) for call in one.calls) or said
            yield prompt(before, one.word, is_after_tools=False), thought + first, is_over
            if one.calls:
                yield prompt(before, one.word, is_after_tools=True), f"{AFTER_TOOLS}\n</think>\n\n{said}", True


TEMPLATE = (
    (
        "{%- set words = WORDS %}{%- set thoughts = THOUGHTS %}"
        "{%- set ns = namespace(before='', word='', tools=false, rest='') %}"
        "{%- for m in messages %}{%- if m.role == 'user' %}"
        "{%- set text = m.content if m.content is string else (m.content | map(attribute='text') | join(' ')) %}"
        "{%- set ns.before = ns.word %}{%- set ns.word = '@none' %}{%- set ns.tools = false %}"
        "{%- for w in words %}{%- if w in text %}{%- set ns.word = w %}{%- endif %}{%- endfor %}"
        # A turn that is too long for a model must be too long for this one.
        "{%- if text | length > 8000 %}{%- set ns.rest = text %}{%- endif %}"
        "{%- elif m.role == 'tool' %}{%- set ns.tools = true %}{%- endif %}{%- endfor %}"
        "{{- ns.rest }}<|im_start|>{{ ns.before }}{{ ns.word }}{% if ns.tools %}<after>{% endif %}"
        # As an expression: a bare new line at its end Jinja would take away.
        "{{- '<|im_start|>assistant\\n<think>\\n' }}"
        # Who wants no thoughts gets the answer after thoughts that are put into the model's mouth.
        "{%- if enable_thinking is defined and not enable_thinking %}"
        "{{- (AFTER if ns.tools else thoughts[ns.word]) ~ '\\n</think>' }}{%- endif %}"
    )
    .replace("WORDS", repr(list(WORDS)))
    .replace("THOUGHTS", repr(THOUGHTS))
    .replace("AFTER", repr(AFTER_TOOLS))
)
"""In Jinja, rendering what `prompt` renders, with `enable_thinking` as Nemotron's own template has it."""
