"""Cross-entropy without keeping the logits, and the weights of a batch's tokens (GPU trainer)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from batches import Batch
from tokenizer import END_OF_TEXT


def chunk_loss(logits: Tensor, target: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Each row's cross-entropy, and the gradient of the weighted sum by the logits (in their type).

    `logits` [rows, vocab], `target` and `weight` [rows]; in one pass, for the compiler.
    """
    x = logits.float()
    highest = x.amax(-1, keepdim=True)
    exponentials = (x - highest).exp()
    total = exponentials.sum(-1, keepdim=True)
    hit = torch.arange(x.shape[-1], device=x.device)[None, :] == target[:, None]
    loss = (highest + total.log()).squeeze(-1) - torch.where(hit, x, 0.0).sum(-1)
    gradient = (exponentials / total - hit.float()) * weight[:, None]
    return loss, gradient.to(logits.dtype)


class LinearCrossEntropy(torch.autograd.Function):
    """Sum of weight * cross-entropy of hidden @ embedding.T, and the rows' unweighted losses.

    A chunk of rows at a time, the gradients made on the way, so that no logits are kept.
    """

    kernel: ClassVar[Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]] = staticmethod(chunk_loss)
    chunk: ClassVar[int] = 16384

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, embedding: Tensor, target: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        matrix = embedding.to(hidden.dtype)
        hidden_gradient = torch.empty_like(hidden)
        matrix_gradient = torch.zeros(embedding.shape, dtype=torch.float32, device=embedding.device)
        losses = []
        rows = min(LinearCrossEntropy.chunk, hidden.shape[0])
        for first in range(0, hidden.shape[0], rows):
            part = slice(first, first + rows)
            loss, gradient = LinearCrossEntropy.kernel(hidden[part] @ matrix.T, target[part], weight[part])
            torch.mm(gradient, matrix, out=hidden_gradient[part])
            matrix_gradient += gradient.T @ hidden[part]
            losses.append(loss)
        all_losses = torch.cat(losses)
        ctx.save_for_backward(hidden_gradient, matrix_gradient)
        ctx.mark_non_differentiable(all_losses)
        return (all_losses * weight).sum(), all_losses

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        hidden_gradient, matrix_gradient = ctx.saved_tensors
        return hidden_gradient * gradient.to(hidden_gradient.dtype), matrix_gradient * gradient, None, None


@dataclass(frozen=True)
class DeviceBatch:
    """A batch on the device, with what the loss needs."""

    tokens: Tensor
    """int64 [rows, context]"""
    target: Tensor
    """int64 [rows * context], the next token"""
    weight: Tensor
    """float32 [rows * context]"""
    trained: Tensor
    """bool [rows * context]: the target is a token that the model learns to write"""
    boundaries: Tensor
    mean_attended: float
    longest: int

    @classmethod
    def of(cls, batch: Batch, device: str, other_weight: float) -> "DeviceBatch":
        """`other_weight` is the weight of tokens that the model need not learn to write."""

        def move(tensor: Tensor) -> Tensor:
            return (tensor.pin_memory() if device == "cuda" else tensor).to(device, non_blocking=True)

        tokens = move(torch.from_numpy(batch.tokens.astype("int32"))).long()
        trained = move(torch.from_numpy(batch.mask)).roll(-1, 1) == 1
        weight = torch.where(trained, 1.0, other_weight)
        weight[:, -1] = 0  # a row's last token has no next one
        weight = (weight * (tokens != END_OF_TEXT)).reshape(-1)  # nor has a document's end, nor the padding
        return cls(
            tokens,
            tokens.roll(-1, 1).reshape(-1),
            weight,
            trained.reshape(-1) & (weight > 0),
            move(torch.from_numpy(batch.boundaries)),
            batch.mean_attended,
            batch.longest,
        )
