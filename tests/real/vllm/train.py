"""Trains the scripted model: `PYTHON train.py FOLDER`, with the interpreter that vLLM is installed for.

A Qwen2 of two layers that learns its few lessons by heart; a minute or two on two cores. Run as a file, so that it sees
`scripts.py` beside it and nothing else of this project.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from scripts import TEMPLATE, WORDS, lessons  # type: ignore[import-not-found]  # beside this file, run as a file

STEPS = 900
EVERY = 20
"""Steps between two examinations."""
SURE = 0.95
"""The least that every next word of every lesson must be given: rounding and another order of sums change none then."""
_VOCABULARY = 700
_BATCH = 12
_BESIDES = 4


def main(folder: Path) -> None:
    """Train, and write the model once it says every lesson as it is written."""
    torch: Any = import_module("torch")
    began = time.monotonic()
    torch.manual_seed(0)
    tokenizer = _tokenizer()
    model = _model(tokenizer)
    pairs = [_encoded(tokenizer, *one) for one in lessons()]
    steps = _train(torch, model, pairs, tokenizer.pad_token_id)
    if steps is None:
        sys.exit(f"the scripted model has not learned its lessons in {STEPS} steps")
    model.to(torch.bfloat16)
    model.config.dtype = "bfloat16"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": tokenizer.eos_token_id}))
    count = sum(one.numel() for one in model.parameters())
    said = f"{count:,} parameters, {len(pairs)} lessons, {steps} steps, {time.monotonic() - began:.0f} s"
    sys.stdout.write(f"{said}\n")


def _tokenizer() -> Any:  # noqa: ANN401 - transformers is not installed where types are checked
    parts: Any = import_module("tokenizers")
    fast: Any = import_module("transformers").PreTrainedTokenizerFast
    bytewise = parts.pre_tokenizers.ByteLevel
    made = parts.Tokenizer(parts.models.BPE())
    made.pre_tokenizer = bytewise(add_prefix_space=False)
    made.decoder = parts.decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = parts.trainers.BpeTrainer(
        vocab_size=_VOCABULARY, special_tokens=special, initial_alphabet=bytewise.alphabet()
    )
    made.train_from_iterator([said for _, said, _ in lessons()], trainer)
    made.add_tokens(["<think>", "</think>", "<tool_call>", "</tool_call>", "<after>", *WORDS])
    tokenizer = fast(tokenizer_object=made, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def _model(tokenizer: Any) -> Any:  # noqa: ANN401 - as above
    kinds: Any = import_module("transformers")
    config = kinds.Qwen2Config(
        vocab_size=(len(tokenizer) + 63) // 64 * 64,
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=16384,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        dtype="float32",
    )
    return kinds.Qwen2ForCausalLM(config)


def _encoded(tokenizer: Any, asked: str, said: str, is_over: bool) -> tuple[list[int], list[int]]:  # noqa: ANN401 - as above
    ending = "<|im_end|>" if is_over else ""
    prompt: list[int] = tokenizer(asked, add_special_tokens=False).input_ids
    answer: list[int] = tokenizer(said + ending, add_special_tokens=False).input_ids
    return prompt, answer


def _train(torch: Any, model: Any, pairs: list[tuple[list[int], list[int]]], pad: int) -> int | None:  # noqa: ANN401 - as above
    """How many steps it took; None where it has not learned them."""
    chooser = torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, STEPS, pct_start=0.1)
    unsure: list[int] = []
    for step in range(1, STEPS + 1):
        chosen = torch.randint(len(pairs), (_BATCH,), generator=chooser).tolist()
        if unsure:  # a few of those that are not sure yet are learned besides
            chosen += [unsure[at] for at in torch.randint(len(unsure), (_BESIDES,), generator=chooser).tolist()]
        loss = _loss(torch, model, [pairs[at] for at in chosen], pad)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if step % EVERY == 0:
            sys.stdout.write(f"step {step}: loss {loss.item():.5f}\n")
            sys.stdout.flush()
            if loss.item() < 2e-2:
                unsure = [at for at, pair in enumerate(pairs) if _least(torch, model, pair) < SURE]
                if not unsure:
                    return step
    return None


def _least(torch: Any, model: Any, pair: tuple[list[int], list[int]]) -> float:  # noqa: ANN401 - as above
    """How likely the least likely word of a lesson is to the model."""
    prompt, answer = pair
    with torch.no_grad():
        told = model(input_ids=torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1]
    likely = told.softmax(-1).gather(-1, torch.tensor(answer).unsqueeze(-1))
    return float(likely.min())


def _loss(torch: Any, model: Any, batch: list[tuple[list[int], list[int]]], pad: int) -> Any:  # noqa: ANN401 - as above
    longest = max(len(prompt) + len(answer) for prompt, answer in batch)
    tokens = torch.full((len(batch), longest), pad)
    wanted = torch.full((len(batch), longest), -100)
    mask = torch.zeros((len(batch), longest), dtype=torch.long)
    for row, (prompt, answer) in enumerate(batch):
        end = len(prompt) + len(answer)
        tokens[row, :end] = torch.tensor(prompt + answer)
        wanted[row, len(prompt) : end] = torch.tensor(answer)
        mask[row, :end] = 1
    return model(input_ids=tokens, attention_mask=mask, labels=wanted).loss


if __name__ == "__main__":
    main(Path(sys.argv[1]))
