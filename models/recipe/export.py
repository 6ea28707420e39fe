"""Checkpoint -> GGUF (architecture qwen3) for llama.cpp.

    python export.py --checkpoint final.pt --out apprentice-f16.gguf --type f16
    python export.py --gguf apprentice-f16.gguf --out apprentice-q8_0.gguf --type q8_0     # needs no PyTorch
    python export.py --gguf apprentice-f16.gguf --out apprentice-q4_k_m.gguf --type q4_k_m
    python export.py --checkpoint final.pt --out half.pt --type half       # a small checkpoint, where `gguf` is missing

Covers the metadata that llama.cpp and localnpm read, F32, F16 and Q8_0. K-quants are quantize.py's, Hugging Face's form
export_hf.py's. `weights.py` maps tensors to GGUF's names and back; the chat template is `chat_template.jinja`.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantize import FILE_TYPES, quantize
from tokenizer import CONTROL, END_OF_TEXT, IM_END, SPECIALS

HERE = Path(__file__).parent
TOKENIZER = HERE / "tokenizer-4k.json"

# Plain ChatML; `tools` is ignored. A call's arguments are written key by key, in their order, with json.dumps's
# separators, so that the text is the same under jinja2's own tojson (which sorts keys and escapes < > & ') and under
# llama.cpp's and Hugging Face's. Arguments that come as a string, OpenAI's form, are used as they are, and so is their
# escaping.
TEMPLATE = (HERE / "chat_template.jinja").read_text(encoding="utf-8").strip()

DESCRIPTION = (
    "A small decoder trained from scratch on synthetic agent trajectories only: "
    "file-workspace tasks with twelve tools. A demonstrator that knows nothing else."
)
PROTOCOL = 1
"""The value of `localnpm.protocol`: the model knows the tools and prompts of CONTRACT.md and is decoded greedily."""

Sizes = Mapping[str, Any]
"""A `model.Config` as a dictionary; this module does without PyTorch."""


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer as GGUF stores it."""

    tokens: list[str]
    """By id."""
    types: list[int]
    """llama.cpp's token types, by id."""
    merges: list[str]

    @classmethod
    def read(cls, path: Path) -> "Vocabulary":
        """From a tokenizer.json; ValueError if its ids have gaps."""
        import gguf

        data = json.loads(path.read_text(encoding="utf-8"))
        added = {token["content"]: token["id"] for token in data["added_tokens"]}
        ids: dict[str, int] = {**data["model"]["vocab"], **added}
        tokens = sorted(ids, key=lambda token: ids[token])
        if [ids[token] for token in tokens] != list(range(len(tokens))):
            raise ValueError(f"{path}: its token ids have gaps")

        def type_of(token: str) -> int:
            if token in CONTROL:
                return gguf.TokenType.CONTROL
            if token in SPECIALS:
                return gguf.TokenType.USER_DEFINED  # read as one token, and printed
            return gguf.TokenType.UNUSED if token in added else gguf.TokenType.NORMAL

        merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in data["model"]["merges"]]
        return cls(tokens, [type_of(token) for token in tokens], merges)


def write(
    out: Path, sizes: Sizes, vocabulary: Vocabulary, tensors: Mapping[str, NDArray[np.float32]], kind: str
) -> None:
    """Writes a GGUF file.

    `tensors`: llama.cpp's names -> float32, matrices as [rows, columns]. `kind`: f32, f16 or q8_0; vectors stay F32,
    and matrices whose rows are no multiple of 32 stay F16.
    """
    import gguf

    if len(vocabulary.tokens) != sizes["vocab"]:
        raise ValueError(f"the tokenizer has {len(vocabulary.tokens)} tokens, the model {sizes['vocab']}")
    partial = out.with_name(out.name + ".tmp")
    writer = gguf.GGUFWriter(partial, "qwen3")
    size_label = f"{sum(tensor.size for tensor in tensors.values()) / 1e6:.3g}M"
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(f"Apprentice {size_label}")
    writer.add_basename("Apprentice")
    writer.add_size_label(size_label)
    writer.add_description(DESCRIPTION)
    writer.add_license("apache-2.0")
    writer.add_languages(["en"])
    writer.add_uint32("localnpm.protocol", PROTOCOL)
    _add_architecture(writer, sizes)
    writer.add_file_type(
        {
            "f32": gguf.LlamaFileType.ALL_F32,
            "f16": gguf.LlamaFileType.MOSTLY_F16,
            "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
        }[kind]
    )
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    _add_vocabulary(writer, vocabulary)
    for name, tensor in tensors.items():
        _add_tensor(writer, name, np.ascontiguousarray(tensor, np.float32), kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    partial.replace(out)


def _add_architecture(writer: Any, sizes: Sizes) -> None:
    writer.add_vocab_size(sizes["vocab"])
    writer.add_context_length(sizes["context"])
    writer.add_embedding_length(sizes["d"])
    writer.add_block_count(sizes["layers"])
    writer.add_feed_forward_length(sizes["ffn"])
    writer.add_head_count(sizes["heads"])
    writer.add_head_count_kv(sizes["kv_heads"])
    writer.add_key_length(sizes["head_dim"])
    writer.add_value_length(sizes["head_dim"])
    writer.add_rope_freq_base(sizes["theta"])
    writer.add_layer_norm_rms_eps(sizes["eps"])


def _add_vocabulary(writer: Any, vocabulary: Vocabulary) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.types)
    writer.add_token_merges(vocabulary.merges)
    writer.add_bos_token_id(END_OF_TEXT)
    writer.add_eos_token_id(IM_END)
    writer.add_eot_token_id(IM_END)
    writer.add_pad_token_id(END_OF_TEXT)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_chat_template(TEMPLATE)


def _add_tensor(writer: Any, name: str, tensor: NDArray[np.float32], kind: str) -> None:
    import gguf

    if tensor.ndim == 1 or kind == "f32":
        writer.add_tensor(name, tensor)
        return
    if kind == "q8_0" and tensor.shape[1] % 32 == 0:
        quantization = gguf.GGMLQuantizationType.Q8_0
        writer.add_tensor(name, gguf.quants.quantize(tensor, quantization), raw_dtype=quantization)
        return
    if np.abs(tensor).max() >= 65000:
        raise ValueError(f"{name}: a weight of {np.abs(tensor).max():.3g} does not fit a half-precision number")
    writer.add_tensor(name, tensor.astype(np.float16))


def read(path: Path) -> tuple[dict[str, Any], Vocabulary, dict[str, NDArray[np.float32]]]:
    """Sizes, vocabulary and tensors (dequantized to float32) of a file that `write` made."""
    import gguf

    reader = gguf.GGUFReader(path)

    def value(key: str) -> Any:
        return reader.fields[key].contents()

    sizes = {
        "vocab": value("qwen3.vocab_size"),
        "d": value("qwen3.embedding_length"),
        "layers": value("qwen3.block_count"),
        "heads": value("qwen3.attention.head_count"),
        "kv_heads": value("qwen3.attention.head_count_kv"),
        "head_dim": value("qwen3.attention.key_length"),
        "ffn": value("qwen3.feed_forward_length"),
        "context": value("qwen3.context_length"),
        "theta": value("qwen3.rope.freq_base"),
        "eps": value("qwen3.attention.layer_norm_rms_epsilon"),
    }
    vocabulary = Vocabulary(
        value("tokenizer.ggml.tokens"), value("tokenizer.ggml.token_type"), value("tokenizer.ggml.merges")
    )
    tensors = {
        tensor.name: gguf.quants.dequantize(tensor.data, tensor.tensor_type).reshape(
            [int(size) for size in reversed(tensor.shape)]
        )
        for tensor in reader.tensors
    }
    return sizes, vocabulary, tensors


def main() -> None:
    parser = argparse.ArgumentParser(description="Checkpoint -> GGUF for llama.cpp.")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--checkpoint", type=Path)
    source.add_argument("--gguf", type=Path, help="a file that this program wrote, best F16 or F32; no K-quant")
    parser.add_argument("--tokenizer", type=Path, default=TOKENIZER)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--type",
        default="f16",
        choices=["f32", "f16", "q8_0", *FILE_TYPES, "half"],
        help="half: no GGUF but the checkpoint with 16-bit matrices, to be exported elsewhere",
    )
    options = parser.parse_args()
    if options.gguf:
        sizes, vocabulary, tensors = read(options.gguf)
    else:
        import weights

        checkpoint = weights.load_checkpoint(options.checkpoint)
        if options.type == "half":
            weights.save_half(checkpoint, options.out)
            return
        sizes = checkpoint["config"]
        vocabulary = Vocabulary.read(options.tokenizer)
        tensors = weights.to_gguf(checkpoint["model"], sizes)
        print(
            f"{options.checkpoint}: step {checkpoint.get('step')}, {checkpoint.get('seen', 0) / 1e6:.0f}M tokens, "
            f"held out {checkpoint.get('last_eval')}"
        )
    if options.type in FILE_TYPES:
        whole = options.out.with_name(options.out.name + ".f16")
        write(whole, sizes, vocabulary, tensors, "f16")
        quantize(whole, options.out, options.type)
        whole.unlink()
    else:
        write(options.out, sizes, vocabulary, tensors, options.type)
    parameters = sum(tensor.size for tensor in tensors.values())
    print(f"{options.out}: {options.out.stat().st_size / 2**20:.2f} MiB, {parameters:,} parameters")


if __name__ == "__main__":
    main()
