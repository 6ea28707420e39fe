"""GGUF -> Hugging Face folder (Qwen3ForCausalLM), for tools that read nothing else: transformers, repeng.

    python export_hf.py --gguf ../apprentice-q8_0.gguf --out apprentice-hf

Needs no PyTorch and no checkpoint: weights (dequantized, float32), sizes and tokenizer come from the GGUF file alone.
Covers files that `export.write` made. Not covered: Hugging Face -> GGUF, for which llama.cpp has a converter.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export import TEMPLATE, Sizes, Vocabulary, read
from tokenizer import CONTROL, END_OF_TEXT, IM_END, SPECIALS, tokenizer_json

BLOCK = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
"""A block's tensors: GGUF's name -> transformers'. Both turn a head's first half with its second, so no row moves."""

WHOLE = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}


def renamed(tensors: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """Transformers' names -> float32 arrays. There is no lm_head.weight: the embeddings are tied.

    Raises:
        ValueError: a tensor that this architecture does not have.
    """
    found = {}
    for name, tensor in tensors.items():
        if name in WHOLE:
            found[WHOLE[name]] = tensor
            continue
        parts = name.split(".")
        if len(parts) != 4 or parts[::3] != ["blk", "weight"] or parts[2] not in BLOCK:
            raise ValueError(f"{name}: the bundled model's architecture has no such tensor")
        found[f"model.layers.{parts[1]}.{BLOCK[parts[2]]}.weight"] = tensor
    return found


def config(sizes: Sizes) -> dict[str, Any]:
    """What transformers reads as config.json."""
    theta = float(sizes["theta"])
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "vocab_size": sizes["vocab"],
        "hidden_size": sizes["d"],
        "intermediate_size": sizes["ffn"],
        "num_hidden_layers": sizes["layers"],
        "num_attention_heads": sizes["heads"],
        "num_key_value_heads": sizes["kv_heads"],
        "head_dim": sizes["head_dim"],
        "hidden_act": "silu",
        "max_position_embeddings": sizes["context"],
        "rms_norm_eps": sizes["eps"],
        # Transformers 4 reads the first, 5 the second.
        "rope_theta": theta,
        "rope_parameters": {"rope_type": "default", "rope_theta": theta},
        "attention_bias": False,
        "tie_word_embeddings": True,
        "use_cache": True,
        "bos_token_id": END_OF_TEXT,
        "eos_token_id": IM_END,
        "pad_token_id": END_OF_TEXT,
        "torch_dtype": "float32",
    }


def write(out: Path, sizes: Sizes, vocabulary: Vocabulary, tensors: Mapping[str, NDArray[np.float32]]) -> None:
    """Writes model.safetensors, config.json, generation_config.json and the tokenizer's files into the folder `out`."""
    from safetensors.numpy import save_file

    out.mkdir(parents=True, exist_ok=True)
    arrays = {name: np.ascontiguousarray(tensor, np.float32) for name, tensor in renamed(tensors).items()}
    save_file(arrays, out / "model.safetensors", {"format": "pt"})
    ends = {"bos_token_id": END_OF_TEXT, "eos_token_id": IM_END, "pad_token_id": END_OF_TEXT, "do_sample": False}
    files: dict[str, Any] = {
        "config.json": config(sizes),
        "generation_config.json": ends,
        "tokenizer.json": tokenizer_json(vocabulary.tokens, vocabulary.merges),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": SPECIALS[END_OF_TEXT],
            "eos_token": SPECIALS[IM_END],
            "pad_token": SPECIALS[END_OF_TEXT],
            "add_bos_token": False,
            "clean_up_tokenization_spaces": False,
            "model_max_length": sizes["context"],
            "additional_special_tokens": sorted(CONTROL - {SPECIALS[END_OF_TEXT], SPECIALS[IM_END]}),
            "chat_template": TEMPLATE,
        },
    }
    for name, content in files.items():
        (out / name).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="GGUF -> Hugging Face folder.")
    parser.add_argument(
        "--gguf", type=Path, required=True, help="a file that export.py wrote, of any type but K-quants"
    )
    parser.add_argument("--out", type=Path, required=True, help="a folder")
    options = parser.parse_args()
    sizes, vocabulary, tensors = read(options.gguf)
    write(options.out, sizes, vocabulary, tensors)
    size = (options.out / "model.safetensors").stat().st_size
    print(f"{options.out}: {len(tensors)} tensors, {size / 2**20:.2f} MiB")


if __name__ == "__main__":
    main()
