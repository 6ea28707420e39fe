"""Ways to compute causal attention in which every document of a row attends only to itself.

    varlen, aten   flash attention over the flattened rows, with the documents' boundaries
    flex           FlexAttention with a block mask
    dense          PyTorch's attention with an explicit mask: the reference
    causal         PyTorch's attention without a document mask
    matmul         the same as two matrix products; the fastest on CPUs with AVX512-BF16

A back end takes q [batch, position, head, head_dim], k and v [batch, position, kv_head, head_dim] and what
`make_context` returns for it, and gives [batch, position, head, head_dim]. Flash attention has been run on no GPU yet;
`pick_backend` therefore checks each against the reference before it is used.
"""

import inspect
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own usage)
from torch import Tensor

Context = Any
"""Boundaries, a mask, a block mask or None, as the back end wants it."""

try:
    from torch.nn.attention.varlen import varlen_attn
except ImportError:
    varlen_attn = None
try:
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention
except ImportError:
    flex_attention = None


class LongestDocument:
    """Length of the longest document in the batch whose kernels are being launched; 0: a whole row.

    Kept here and not passed as an argument: it changes from batch to batch, and each value would compile the model
    again. It sizes the kernels' grid, and documents are far shorter than a row.
    """

    tokens = 0


def varlen(q: Tensor, k: Tensor, v: Tensor, boundaries: Context) -> Tensor:
    batch, length, heads, size = q.shape
    q, k, v = (x.reshape(batch * length, x.shape[2], size) for x in (q, k, v))
    if k.shape[1] != heads:
        k, v = (x.repeat_interleave(heads // x.shape[1], 1) for x in (k, v))
    causal = (
        {"is_causal": True} if "is_causal" in inspect.signature(varlen_attn).parameters else {"window_size": (-1, 0)}
    )
    attended: Tensor = varlen_attn(q, k, v, boundaries, boundaries, length, length, **causal)
    return attended.view(batch, length, heads, size)


@torch.library.custom_op("apprentice::flash", mutates_args={})
def flash(q: Tensor, k: Tensor, v: Tensor, boundaries: Tensor, row: int) -> tuple[Tensor, Tensor]:
    longest = LongestDocument.tokens or row
    attended, log_sums, *_ = torch.ops.aten._flash_attention_forward(
        q, k, v, boundaries, boundaries, longest, longest, 0.0, True, False
    )
    return attended, log_sums


@flash.register_fake
def _(q: Tensor, k: Tensor, v: Tensor, boundaries: Tensor, row: int) -> tuple[Tensor, Tensor]:
    log_sums = q.new_empty((q.shape[1], q.shape[0]), dtype=torch.float32)
    return torch.empty_like(q, memory_format=torch.contiguous_format), log_sums


@torch.library.custom_op("apprentice::flash_backward", mutates_args={})
def flash_backward(
    grad: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    attended: Tensor,
    log_sums: Tensor,
    boundaries: Tensor,
    row: int,
) -> tuple[Tensor, Tensor, Tensor]:
    longest = LongestDocument.tokens or row
    # Dropout's state, which is not used at a dropout of 0.
    seed, offset = torch.zeros(2, dtype=torch.uint64, device=q.device), torch.empty(0, device=q.device)
    dq, dk, dv = torch.ops.aten._flash_attention_backward(
        grad.contiguous(),
        q,
        k,
        v,
        attended,
        log_sums,
        boundaries,
        boundaries,
        longest,
        longest,
        0.0,
        True,
        seed,
        offset,
    )
    return dq.contiguous(), dk.contiguous(), dv.contiguous()


@flash_backward.register_fake
def _(
    grad: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    attended: Tensor,
    log_sums: Tensor,
    boundaries: Tensor,
    row: int,
) -> tuple[Tensor, Tensor, Tensor]:
    dq, dk, dv = (torch.empty_like(x, memory_format=torch.contiguous_format) for x in (q, k, v))
    return dq, dk, dv


def _save(context: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    q, k, v, boundaries, context.row = inputs
    context.save_for_backward(q, k, v, boundaries, *output)


def _backward(context: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    q, k, v, boundaries, attended, log_sums = context.saved_tensors
    return (*flash_backward(grad, q, k, v, attended, log_sums, boundaries, context.row), None, None)


flash.register_autograd(_backward, setup_context=_save)


def aten(q: Tensor, k: Tensor, v: Tensor, boundaries: Context) -> Tensor:
    """The same kernels as varlen behind operators of our own, so that their grid can follow `LongestDocument`."""
    batch, length, heads, size = q.shape
    q, k, v = (x.reshape(batch * length, x.shape[2], size) for x in (q, k, v))
    return flash(q, k, v, boundaries, length)[0].view(batch, length, heads, size)


def flex(q: Tensor, k: Tensor, v: Tensor, mask: Context) -> Tensor:
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    attended: Tensor = flex_attention(q, k, v, block_mask=mask, enable_gqa=q.shape[1] != k.shape[1])
    return attended.transpose(1, 2)


def dense(q: Tensor, k: Tensor, v: Tensor, mask: Context) -> Tensor:
    repeat = q.shape[2] // k.shape[2]
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    if repeat > 1:
        k, v = k.repeat_interleave(repeat, 1), v.repeat_interleave(repeat, 1)
    if mask is None:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2)


def matmul(q: Tensor, k: Tensor, v: Tensor, _: Context) -> Tensor:
    """Plain causal attention, the queries in two halves so that the first skips what it may not see.

    On CPUs with AVX512-BF16 a training step is 1.3 times as fast as with PyTorch's flash kernel, which was half of it.
    """
    length = q.shape[1]
    q, k, v = (x.transpose(1, 2).contiguous() for x in (q * q.shape[-1] ** -0.5, k, v))
    halves = []
    for low, high in ((0, length // 2), (length // 2, length)):
        scores = torch.matmul(q[:, :, low:high], k[:, :, :high].transpose(-2, -1))
        positions = torch.arange(high, device=q.device)
        scores = scores.masked_fill(positions[None, :] > positions[low:high, None], -30000.0)
        halves.append(torch.matmul(torch.softmax(scores, -1, dtype=torch.float32).to(v.dtype), v[:, :, :high]))
    return torch.cat(halves, 2).transpose(1, 2)


Backend = Callable[[Tensor, Tensor, Tensor, Context], Tensor]
BACKENDS: dict[str, Backend] = {
    "matmul": matmul,
    "varlen": varlen,
    "aten": aten,
    "flex": flex,
    "dense": dense,
    "causal": dense,
}


class _CompiledBlockMask:
    make: Callable[..., Any] | None = None


def make_context(backend: str, boundaries: Tensor, batch: int, length: int) -> Context:
    """What a back end needs to keep documents apart.

    `boundaries`: int32, where documents start in the batch * length flattened tokens; repeats of the end may follow.
    """
    if backend in ("varlen", "aten"):
        return boundaries
    if backend in ("causal", "matmul"):
        return None
    flat = torch.arange(batch * length, device=boundaries.device)
    document = torch.bucketize(flat, boundaries[1:], right=True).view(batch, length)
    if backend == "flex":
        if _CompiledBlockMask.make is None:
            _CompiledBlockMask.make = torch.compile(create_block_mask)
        return _CompiledBlockMask.make(
            lambda b, h, i, j: (i >= j) & (document[b, i] == document[b, j]),
            batch,
            None,
            length,
            length,
            device=boundaries.device,
        )
    position = torch.arange(length, device=boundaries.device)
    return ((position[:, None] >= position[None, :]) & (document[:, :, None] == document[:, None, :]))[:, None]


def pick_backend(
    device: str, heads: int, kv_heads: int, head_dim: int, wanted: str = "auto", log: Callable[[str], None] = print
) -> str:
    """The first back end whose compiled output and gradients agree with the reference on this machine."""
    if device == "cpu":
        return "dense" if wanted == "auto" else wanted
    batch, length = 2, 512
    random = torch.Generator(device=device).manual_seed(0)
    boundaries = torch.tensor([0, 100, 101, 400, 512, 700, 1024, 1024, 1024], dtype=torch.int32, device=device)

    def noise(rows: int) -> Tensor:
        shape = (batch, length, rows, head_dim)
        return torch.randn(shape, generator=random, device=device, dtype=torch.bfloat16)

    inputs = [noise(heads), noise(kv_heads), noise(kv_heads)]
    grad = noise(heads)

    def outputs(name: str, dtype: torch.dtype, compiled: bool) -> list[Tensor]:
        q, k, v = (x.detach().to(dtype).requires_grad_() for x in inputs)
        attend = torch.compile(BACKENDS[name], fullgraph=True) if compiled else BACKENDS[name]
        attended = attend(q, k, v, make_context(name, boundaries, batch, length))
        return [attended.detach(), *torch.autograd.grad(attended, (q, k, v), grad.to(dtype))]

    reference = outputs("dense", torch.float32, False)
    for name in ["aten", "varlen", "flex"] if wanted == "auto" else [wanted]:
        if name in ("causal", "dense"):
            return name
        LongestDocument.tokens = 384  # the longest document above has 324
        try:
            found = outputs(name, torch.bfloat16, True)
        except (RuntimeError, AttributeError, TypeError, ValueError, ImportError, AssertionError) as error:
            log(f"attention {name}: {type(error).__name__}: {str(error)[:600]}")
            continue
        finally:
            LongestDocument.tokens = 0
        errors = [((a.float() - b).norm() / b.norm()).item() for a, b in zip(found, reference, strict=True)]
        log(f"attention {name}: relative error of out, dq, dk, dv " + " ".join(f"{error:.1e}" for error in errors))
        if all(error < 2e-2 for error in errors):  # not a number fails
            return name
    log("attention: no document-masked back end works here; plain causal")
    return "causal"
