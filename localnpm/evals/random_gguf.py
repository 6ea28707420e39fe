"""Models with random weights, as GGUF files, for measuring speed and for tests: they write nonsense at the right speed.

Covers llama, qwen2, qwen3, gemma, phi2, phi3, and plamo2, whose graph in llama.cpp has no place for a control vector.
The vocabulary is byte-level BPE without merges: 256 bytes, a few special tokens, then made-up words.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>")
_BLOCK = 32
_CONTROL, _USER_DEFINED, _NORMAL = 3, 4, 1


@dataclass(frozen=True)
class Shape:
    """The size of a model. `n_embd` and `n_ff` are multiples of 32 for Q8_0."""

    architecture: str
    n_layer: int = 4
    n_embd: int = 64
    n_head: int = 4
    n_head_kv: int = 2
    n_ff: int = 128
    n_vocab: int = 320
    context: int = 512

    @property
    def head(self) -> int:
        """Width of one attention head."""
        return self.n_embd // self.n_head


QWEN_HALF_BILLION = Shape("qwen2", 24, 896, 14, 2, 4864, 151936, 32768)
"""The shape of Qwen2.5-0.5B: 494 million weights, 525 MB in Q8_0."""

_WITHOUT_SUFFIX = (
    *(".bias", "ssm_a", "ssm_d", "ssm_dt_norm", "ssm_b_norm", "ssm_c_norm"),
    *("post_attention_norm", "post_ffw_norm"),
)

Tensor = tuple[str, tuple[int, ...], str]
"""Name, without `.weight`; shape, the input's width last; what it holds: `matrix`, `norm`, `bias`, `decay`, `plain`."""


def write_random_model(path: Path, shape: Shape, *, quantized: bool = False, seed: int = 0, template: str = "") -> None:
    """Write a model file.

    Args:
        quantized: matrices in Q8_0, else in F32.
        template: a chat template to put in.
    """
    from gguf import GGMLQuantizationType, GGUFWriter, LlamaFileType

    rng = np.random.default_rng(seed)
    writer = GGUFWriter(path, shape.architecture)
    writer.add_name("random weights")
    writer.add_file_type(LlamaFileType.MOSTLY_Q8_0 if quantized else LlamaFileType.ALL_F32)
    _add_sizes(writer, shape)
    _add_vocabulary(writer, shape)
    if template:
        writer.add_chat_template(template)
    for name, dimensions, kind in _tensors(shape):
        full = name if name.endswith(_WITHOUT_SUFFIX) else name + ".weight"
        if kind == "matrix" and quantized:
            data = _quantized(rng, dimensions)
            writer.add_tensor(full, data, raw_dtype=GGMLQuantizationType.Q8_0)
        else:
            writer.add_tensor(full, _plain(rng, dimensions, kind))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_sizes(writer: Any, shape: Shape) -> None:
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.n_embd)
    writer.add_block_count(shape.n_layer)
    writer.add_feed_forward_length(shape.n_ff)
    writer.add_head_count(shape.n_head)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_dimension_count(shape.head)
    if shape.architecture == "phi2":
        writer.add_layer_norm_eps(1e-6)
    if shape.architecture in ("gemma", "qwen3", "plamo2"):
        writer.add_key_length(shape.head)
        writer.add_value_length(shape.head)
    if shape.architecture == "plamo2":
        writer.add_head_count_kv([shape.n_head_kv if block % 2 else 0 for block in range(shape.n_layer)])
        writer.add_ssm_conv_kernel(4)
        writer.add_ssm_inner_size(2 * shape.n_embd)
        writer.add_ssm_state_size(16)
        writer.add_ssm_time_step_rank(shape.n_head)
        writer.add_ssm_group_count(0)
    else:
        writer.add_head_count_kv(shape.n_head if shape.architecture == "phi2" else shape.n_head_kv)


def _add_vocabulary(writer: Any, shape: Shape) -> None:
    words = [*_byte_characters(), *SPECIALS]
    words += [f"Ġw{number}" for number in range(shape.n_vocab - len(words))]
    kinds = [_NORMAL] * len(words)
    for index, special in enumerate(SPECIALS):
        kinds[256 + index] = _CONTROL if special.startswith("<|") else _USER_DEFINED
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(words)
    writer.add_token_types(kinds)
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(256)
    writer.add_eos_token_id(258)
    writer.add_add_bos_token(False)


def _byte_characters() -> list[str]:
    """The 256 characters that byte-level BPE writes bytes as."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    table = {byte: chr(byte) for byte in shown} | {byte: chr(256 + at) for at, byte in enumerate(hidden)}
    return [table[byte] for byte in range(256)]


def _tensors(shape: Shape) -> Iterator[Tensor]:
    wide, vocabulary = shape.n_embd, shape.n_vocab
    biased = shape.architecture == "phi2"
    yield "token_embd", (vocabulary, wide), "matrix"
    yield from _norm("output_norm", wide, biased)
    if biased:
        yield "output", (vocabulary, wide), "matrix"
        yield "output.bias", (vocabulary,), "bias"
    for block in range(shape.n_layer):
        for name, dimensions, kind in _block(shape, recurrent=shape.architecture == "plamo2" and block % 2 == 0):
            yield f"blk.{block}.{name}", dimensions, kind


def _norm(name: str, width: int, biased: bool) -> Iterator[Tensor]:
    yield name, (width,), "norm"
    if biased:
        yield f"{name}.bias", (width,), "bias"


def _block(shape: Shape, *, recurrent: bool) -> Iterator[Tensor]:
    wide, keys, ff, kind = shape.n_embd, shape.n_head_kv * shape.head, shape.n_ff, shape.architecture
    if kind == "phi2":
        keys = wide
    biased = kind == "phi2"
    yield from _norm("attn_norm", wide, biased)
    if recurrent:
        yield from _mamba(shape)
    elif kind in ("phi2", "phi3", "plamo2"):
        yield "attn_qkv", (wide + 2 * keys, wide), "matrix"
        yield "attn_output", (wide, wide), "matrix"
        if biased:
            yield "attn_qkv.bias", (wide + 2 * keys,), "bias"
            yield "attn_output.bias", (wide,), "bias"
    else:
        yield "attn_q", (wide, wide), "matrix"
        yield "attn_k", (keys, wide), "matrix"
        yield "attn_v", (keys, wide), "matrix"
        yield "attn_output", (wide, wide), "matrix"
        if kind == "qwen2":
            yield "attn_q.bias", (wide,), "bias"
            yield "attn_k.bias", (keys,), "bias"
            yield "attn_v.bias", (keys,), "bias"
    if kind == "qwen3":
        yield "attn_q_norm", (shape.head,), "norm"
        yield "attn_k_norm", (shape.head,), "norm"
    if kind == "plamo2":
        if not recurrent:
            yield "attn_q_norm", (shape.n_head, shape.head), "norm"
            yield "attn_k_norm", (shape.n_head_kv, shape.head), "norm"
        yield "post_attention_norm", (wide,), "norm"
        yield "post_ffw_norm", (wide,), "norm"
    if not biased:
        yield "ffn_norm", (wide,), "norm"
    fused = kind in ("phi3", "plamo2")
    if not fused and not biased:
        yield "ffn_gate", (ff, wide), "matrix"
    yield "ffn_up", (2 * ff if fused else ff, wide), "matrix"
    yield "ffn_down", (wide, ff), "matrix"
    if biased:
        yield "ffn_up.bias", (ff,), "bias"
        yield "ffn_down.bias", (wide,), "bias"


def _mamba(shape: Shape) -> Iterator[Tensor]:
    inner, heads, state, step = 2 * shape.n_embd, shape.n_head, 16, max(64, shape.n_embd // 16)
    yield "ssm_in", (2 * inner, shape.n_embd), "matrix"
    yield "ssm_conv1d", (inner, 4), "plain"
    yield "ssm_x", (step + 2 * state, inner), "matrix"
    yield "ssm_dt", (heads, step), "matrix"
    yield "ssm_dt.bias", (heads,), "bias"
    yield "ssm_a", (heads,), "decay"
    yield "ssm_d", (heads,), "norm"
    yield "ssm_out", (shape.n_embd, inner), "matrix"
    yield "ssm_dt_norm", (step,), "norm"
    yield "ssm_b_norm", (state,), "norm"
    yield "ssm_c_norm", (state,), "norm"


def _plain(rng: np.random.Generator, dimensions: tuple[int, ...], kind: str) -> Any:
    if kind == "norm":
        return rng.uniform(0.5, 1.5, dimensions).astype(np.float32)
    if kind == "decay":
        return -rng.uniform(0.5, 1.5, dimensions).astype(np.float32)
    scale = 0.02 if kind == "bias" else dimensions[-1] ** -0.5
    return rng.standard_normal(dimensions, np.float32) * np.float32(scale)


def _quantized(rng: np.random.Generator, dimensions: tuple[int, ...]) -> Any:
    """Q8_0 blocks of 32 random whole numbers and a float16 scale that keeps the rows' norm near 1."""
    blocks = prod(dimensions) // _BLOCK
    data = np.empty((blocks, 2 + _BLOCK), np.uint8)
    data[:, 2:] = np.frombuffer(rng.bytes(blocks * _BLOCK), np.uint8).reshape(blocks, _BLOCK)
    data[:, :2] = np.array([1 / (74 * dimensions[-1] ** 0.5)], np.float16).view(np.uint8)
    return data.reshape(*dimensions[:-1], dimensions[-1] // _BLOCK * (2 + _BLOCK))
