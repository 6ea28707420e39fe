"""Whether control vectors work on a model: add a known offset at a block and look for it in `l_out-N`.

Some architectures' graphs in llama.cpp have no place where a vector is added, and take one without a word.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from localnpm.engine.activations import capture
from localnpm.engine.steering import ControlVector, Steering, SteeringPart
from localnpm.errors import SteeringError

if TYPE_CHECKING:
    from localnpm.engine.model import Model

_TOLERANCE = 1e-3
_IGNORED = "{name} ignores control vectors: llama.cpp adds none to this architecture's blocks. Scripts work as ever."


@dataclass(frozen=True)
class Steerability:
    """The result of the self-test: `works`, and if not, `reason` in words for the user."""

    works: bool
    reason: str
    blocks_tried: tuple[int, ...] = ()


def check_steerability(model: "Model") -> Steerability:
    """Steer the first, a middle and the last block that can be, each alone, and compare with the unsteered model."""
    n_layer, n_embd = model.info.n_layer, model.info.n_embd
    name = f"{model.path.name} ({model.info.architecture})"
    if n_layer < 2:
        return Steerability(False, f"{name} has one block only; block 0 cannot be steered.")
    blocks = tuple(sorted({1, n_layer // 2, n_layer - 1} - {0}))
    tokens = [1 % model.info.n_vocab, 2 % model.info.n_vocab, 3 % model.info.n_vocab]
    try:
        plain = capture(model, tokens)
        for block in blocks:
            size = float(np.sqrt(np.mean(plain[block] ** 2))) or 1.0
            offset = np.zeros((n_layer - 1, n_embd), np.float32)
            offset[block - 1] = size * np.where(np.arange(n_embd) % 2, -1, 1)
            steering = Steering((SteeringPart(ControlVector("self-test", offset)),), scope="all")
            steered = capture(model, tokens, steering=steering)
            moved = steered[block] - plain[block]
            if np.abs(moved - offset[block - 1]).max() > _TOLERANCE * size:
                return Steerability(False, _IGNORED.format(name=name), blocks)
            if np.abs(steered[:block] - plain[:block]).max() > _TOLERANCE * size:
                return Steerability(False, f"{name}: a vector at block {block} moved blocks before it.", blocks)
    except SteeringError as error:
        if _moves_logits(model, tokens):
            return Steerability(False, str(error), blocks)
        return Steerability(False, _IGNORED.format(name=name), blocks)
    return Steerability(True, "a vector moves the output of its block by exactly itself", blocks)


def _moves_logits(model: "Model", tokens: list[int]) -> bool:
    """Whether a vector changes anything at all, for a model whose residual stream cannot be read."""
    directions = np.full((model.info.n_layer - 1, model.info.n_embd), 100, np.float32)
    steering = Steering((SteeringPart(ControlVector("self-test", directions)),), scope="all")
    steered = model.logits(tokens, [len(tokens) - 1], steering=steering)
    model.forget_cache()
    return not np.array_equal(steered, model.logits(tokens, [len(tokens) - 1]))
