"""Weights in and out: checkpoints of both trainers, and the mapping between PyTorch's and GGUF's tensors."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import export

OPTIMIZER_KEYS = frozenset({"muon", "adam", "opts", "used"})
"""What a checkpoint holds to go on with, and an export does not need."""

PARTS = {
    "norm1": "attn_norm",
    "norm2": "ffn_norm",
    "qnorm": "attn_q_norm",
    "knorm": "attn_k_norm",
    "wo": "attn_output",
    "wd": "ffn_down",
}
"""A block's unfused tensors: name here -> GGUF's."""


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The dictionary that a trainer saved: `config`, `model` and more.

    Only for files of one's own: a checkpoint is a pickle.
    """
    checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=False)
    return checkpoint


def save_half(checkpoint: Mapping[str, Any], out: Path) -> None:
    """The checkpoint without the optimizers, its matrices in half precision: half the size to carry."""
    kept = {key: value for key, value in checkpoint.items() if key not in OPTIMIZER_KEYS}
    kept["model"] = {name: tensor.half() if tensor.ndim > 1 else tensor for name, tensor in checkpoint["model"].items()}
    torch.save(kept, out)


def load_model_state(path: Path) -> dict[str, Tensor]:
    """A model's state dict out of a checkpoint, or out of a GGUF file of ours, dequantized."""
    if path.suffix == ".gguf":
        sizes, _, tensors = export.read(path)
        return from_gguf(tensors, sizes["layers"])
    state: dict[str, Tensor] = load_checkpoint(path)["model"]
    return state


def to_gguf(state: Mapping[str, Tensor], sizes: export.Sizes) -> dict[str, NDArray[np.float32]]:
    """llama.cpp's names -> float32 arrays. There is no output.weight: the embeddings are tied."""

    def array(name: str) -> NDArray[np.float32]:
        return state[name].detach().float().cpu().numpy()

    tensors = {"token_embd.weight": array("emb"), "output_norm.weight": array("norm")}
    queries, keys = sizes["heads"] * sizes["head_dim"], sizes["kv_heads"] * sizes["head_dim"]
    for layer in range(sizes["layers"]):
        ours, theirs = f"blocks.{layer}.", f"blk.{layer}."
        qkv, gate_up = array(ours + "wqkv"), array(ours + "wgu")
        parts = {
            "attn_norm": array(ours + "norm1"),
            "ffn_norm": array(ours + "norm2"),
            "attn_q_norm": array(ours + "qnorm"),
            "attn_k_norm": array(ours + "knorm"),
            "attn_q": qkv[:queries],
            "attn_k": qkv[queries : queries + keys],
            "attn_v": qkv[queries + keys :],
            "attn_output": array(ours + "wo"),
            "ffn_gate": gate_up[: sizes["ffn"]],
            "ffn_up": gate_up[sizes["ffn"] :],
            "ffn_down": array(ours + "wd"),
        }
        tensors.update({f"{theirs}{name}.weight": part for name, part in parts.items()})
    return tensors


def from_gguf(tensors: Mapping[str, NDArray[np.float32]], layers: int) -> dict[str, Tensor]:
    """The inverse of `to_gguf`."""

    def tensor(*names: str) -> Tensor:
        return torch.from_numpy(np.concatenate([tensors[f"{name}.weight"] for name in names]))

    state = {"emb": tensor("token_embd"), "norm": tensor("output_norm")}
    for layer in range(layers):
        ours, theirs = f"blocks.{layer}.", f"blk.{layer}."
        state.update({ours + name: tensor(theirs + part) for name, part in PARTS.items()})
        state[ours + "wqkv"] = tensor(theirs + "attn_q", theirs + "attn_k", theirs + "attn_v")
        state[ours + "wgu"] = tensor(theirs + "ffn_gate", theirs + "ffn_up")
    return state
