"""Does llama.cpp see the model that PyTorch trained? Tokens, special tokens, chat template, logits.

    python check_gguf.py --gguf F16.gguf [--q8 Q8_0.gguf] [--checkpoint final.pt]
    python check_gguf.py --gguf F16.gguf --quantized Q6_K.gguf Q4_K_M.gguf     # against F16, without PyTorch

Where PyTorch is in another environment: `--checkpoint … --dump FILE.npz` writes its float32 logits there, `--logits
FILE.npz` reads them here. Uses llama-cpp-python itself, not localnpm's engine, so that an engine's mistake shows.
"""

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path

import llama_cpp.llama_cpp
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from check_strings import (
    CONVERSATIONS,
    Conversation,
    contract_text,
    token_sequences,
    varied_strings,
    with_string_arguments,
)
from export import TEMPLATE, TOKENIZER
from tokenizer import CONTROL, IM_END, SPECIALS, load

Logits = list[NDArray[np.float32]]
"""[positions, vocab] for each sequence."""

F32_LIMIT, F16_LIMIT, Q8_LIMIT, K_LIMIT = 1e-3, 1e-2, 5e-2, 3e-1
"""Relative root mean square of the logits' difference."""

_defaults = llama_cpp.llama_cpp.llama_model_default_params


def _without_repacking() -> llama_cpp.llama_model_params:
    # Compiled by GCC 12 for a CPU with AMX, ggml's repacked weights end the process (llama.cpp issue 20824), and
    # llama_cpp.Llama has no argument for it.
    parameters = _defaults()
    parameters.use_extra_bufts = False
    return parameters


llama_cpp.llama_cpp.llama_model_default_params = _without_repacking


def torch_logits(checkpoint: Path, sequences: list[list[int]]) -> Logits:
    """The float32 reference."""
    import torch

    import weights
    from model import Config, Model

    state = weights.load_checkpoint(checkpoint)
    model = Model(Config(**state["config"])).eval()
    model.load_state_dict(state["model"])
    with torch.no_grad():
        return [model.logits(torch.tensor([ids]))[0].numpy() for ids in sequences]


def llama_logits(path: Path, sequences: list[list[int]], float32_cache: bool = False) -> Logits:
    """llama.cpp's logits at every position."""
    exact = {"type_k": 0, "type_v": 0, "flash_attn": False} if float32_cache else {}
    llama = llama_cpp.Llama(
        str(path),
        n_ctx=max(map(len, sequences)),
        n_batch=512,
        logits_all=True,
        verbose=False,
        n_threads=os.cpu_count(),
        **exact,
    )
    logits = []
    for ids in sequences:
        llama.reset()
        llama.eval(ids)
        logits.append(np.array(llama.scores[: len(ids)], dtype=np.float32))
    llama.close()
    return logits


def compare_logits(name: str, found: Logits, reference: Logits, limit: float) -> bool:
    """Prints how far two sets of logits are apart; False if further than the limit."""
    largest = max(float(np.abs(a - b).max()) for a, b in zip(found, reference, strict=True))
    difference = sum(float(((a - b) ** 2).sum()) for a, b in zip(found, reference, strict=True))
    spread = sum(float(((b - b.mean(-1, keepdims=True)) ** 2).sum()) for b in reference)
    relative = (difference / spread) ** 0.5
    same = np.concatenate([a.argmax(-1) == b.argmax(-1) for a, b in zip(found, reference, strict=True)])
    return report(
        relative < limit,
        f"logits {name}: {len(reference)} sequences, {len(same)} positions, largest difference {largest:.4f}, "
        f"relative rms {relative:.2e}, top-1 agreement {same.mean():.4%}",
    )


def report(good: bool, text: str) -> bool:
    print(f"{text}  {'ok' if good else 'FAILED'}")
    return good


def check_tokens(llama: llama_cpp.Llama, tokenizer: Tokenizer, number: int) -> bool:
    """llama.cpp's tokens of many strings are the tokenizer's."""
    texts = varied_strings(number, tokenizer)
    wrong = [
        text
        for text in texts
        if llama.tokenize(text.encode(), add_bos=False, special=True) != tokenizer.encode(text).ids
    ]
    for text in wrong[:5]:
        print("  differs:", repr(text[:200]))
    return report(not wrong, f"tokens: {len(texts) - len(wrong)} of {len(texts)} strings equal")


def check_specials(llama: llama_cpp.Llama) -> bool:
    """Control tokens are not printed, tool tags are, and a turn ends at <|im_end|>."""
    shown = {special: llama.detokenize([index], special=False).decode() for index, special in enumerate(SPECIALS)}
    wanted = {special: "" if special in CONTROL else special for special in SPECIALS}
    return report(
        shown == wanted and llama.token_eos() == IM_END,
        f"visible: {[special for special, text in shown.items() if text]}; eos {llama.token_eos()} "
        f"bos {llama.token_bos()}; {llama.metadata.get('general.name')}, {llama.metadata.get('general.license')}",
    )


def check_template(llama: llama_cpp.Llama) -> bool:
    """The template prints the contract's text under three Jinja set-ups and for both forms of arguments."""
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment
    from llama_cpp.llama_chat_format import Jinja2ChatFormatter

    if llama.metadata["tokenizer.chat_template"] != TEMPLATE:
        return report(False, "template: the file's is not chat_template.jinja")
    hugging_face = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    hugging_face.filters["tojson"] = lambda value, **_: json.dumps(value, ensure_ascii=False)
    formatter = Jinja2ChatFormatter(TEMPLATE, eos_token=SPECIALS[2], bos_token=SPECIALS[0])

    def by(environment: jinja2.Environment) -> Callable[[Conversation, bool], str]:
        template = environment.from_string(TEMPLATE)
        return lambda messages, prompt: template.render(messages=messages, add_generation_prompt=prompt, tools=[{}])

    as_strings = [with_string_arguments(messages) for messages in CONVERSATIONS]
    # jinja2's own tojson escapes what is not ASCII.
    ascii_only = [
        json.loads(json.dumps(m).replace(r"caf\u00e9 \u2013 \u65e5\u672c \ud83d\ude42", "cafe")) for m in CONVERSATIONS
    ]
    runs: list[tuple[str, Callable[[Conversation, bool], str], list[Conversation], tuple[bool, ...]]] = [
        ("Hugging Face's settings", by(hugging_face), [*CONVERSATIONS, *as_strings], (True, False)),
        ("plain jinja2", by(jinja2.Environment()), [*ascii_only, *as_strings], (True, False)),
        (
            "llama-cpp-python",
            lambda messages, _: formatter(messages=messages).prompt,
            [*CONVERSATIONS, *as_strings],
            (True,),
        ),
    ]
    wrong = total = 0
    for name, render, conversations, prompts in runs:
        for messages in conversations:
            for prompt in prompts:
                total += 1
                found, wanted = render(messages, prompt), contract_text(messages, prompt)
                if found != wanted:
                    wrong += 1
                    print(f"  differs under {name}:\n  {found!r}\n  {wanted!r}")
    return report(not wrong, f"template: {total - wrong} of {total} renderings equal the contract's text")


def reference_logits(options: argparse.Namespace, tokenizer: Tokenizer) -> tuple[list[list[int]], Logits]:
    """Sequences and float32 logits, from a file or from the checkpoint."""
    if options.logits:
        stored = np.load(options.logits)
        cuts = np.cumsum(stored["lengths"])[:-1]
        return [ids.tolist() for ids in np.split(stored["ids"], cuts)], np.split(stored["logits"], cuts)
    sequences = token_sequences(tokenizer, options.context)
    return sequences, torch_logits(options.checkpoint, sequences)


def main() -> int:
    parser = argparse.ArgumentParser(description="Checks GGUF files against the PyTorch checkpoint.")
    parser.add_argument("--tokenizer", type=Path, default=TOKENIZER)
    parser.add_argument("--gguf", type=Path, help="F16")
    parser.add_argument("--q8", type=Path, help="Q8_0 of the same weights")
    parser.add_argument("--quantized", type=Path, nargs="+", default=[], help="files compared with --gguf's logits")
    parser.add_argument("--f32", type=Path, help="F32 of the same weights; run with a float32 cache")
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--dump", type=Path, help="write the checkpoint's logits here, and end")
    parser.add_argument("--logits", type=Path, help="a file that --dump wrote, instead of --checkpoint")
    parser.add_argument("--context", type=int, default=2048, help="longest sequence")
    parser.add_argument("--strings", type=int, default=2000)
    options = parser.parse_args()
    tokenizer = load(options.tokenizer)
    if options.dump:
        sequences, logits = reference_logits(options, tokenizer)
        lengths = np.array([len(ids) for ids in sequences])
        np.savez(options.dump, lengths=lengths, ids=np.concatenate(sequences), logits=np.concatenate(logits))
        return 0
    if not options.gguf:
        parser.error("--gguf is needed")
    llama = llama_cpp.Llama(str(options.gguf), n_ctx=256, verbose=False)
    results = [check_tokens(llama, tokenizer, options.strings), check_specials(llama), check_template(llama)]
    llama.close()
    if options.checkpoint or options.logits:
        sequences, reference = reference_logits(options, tokenizer)
        if options.f32:
            found = llama_logits(options.f32, sequences, float32_cache=True)
            results.append(compare_logits("F32 (float32 cache)", found, reference, F32_LIMIT))
        results.append(compare_logits("F16", llama_logits(options.gguf, sequences), reference, F16_LIMIT))
        if options.q8:
            results.append(compare_logits("Q8_0", llama_logits(options.q8, sequences), reference, Q8_LIMIT))
    if options.quantized:
        sequences = token_sequences(tokenizer, options.context)
        whole = llama_logits(options.gguf, sequences)
        for path in options.quantized:
            results.append(compare_logits(path.name, llama_logits(path, sequences), whole, K_LIMIT))
    print("all ok" if all(results) else "SOMETHING FAILED")
    return 0 if all(results) else 1


if __name__ == "__main__":
    raise SystemExit(main())
