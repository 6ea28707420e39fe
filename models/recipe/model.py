"""The bundled model's architecture in PyTorch: Qwen3 dense, which llama.cpp runs as `qwen3`.

Covers the forward pass and the initial weights. How attention is computed is in `attention`; nothing here samples or
keeps a cache, for the trained model runs in llama.cpp.
"""

import math
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own usage)
from torch import Tensor, nn

from attention import BACKENDS, Context


@dataclass(frozen=True)
class Config:
    """Sizes of a model. The names are keys of checkpoints and stay as they are."""

    vocab: int = 8192
    d: int = 512
    """Width of the residual stream."""
    layers: int = 8
    heads: int = 8
    kv_heads: int = 8
    head_dim: int = 64
    ffn: int = 1536
    """Width inside the feed-forward part."""
    context: int = 4096
    theta: float = 10000.0
    """Base of the rotary embedding."""
    eps: float = 1e-6

    def qkv(self) -> list[int]:
        """Rows of the queries', keys' and values' parts in the fused projection."""
        return [self.heads * self.head_dim, self.kv_heads * self.head_dim, self.kv_heads * self.head_dim]

    def parameters(self) -> int:
        """How many parameters the model has; the output matrix is the embedding."""
        q, k, v = self.qkv()
        block = self.d * (q + k + v) + q * self.d + 3 * self.d * self.ffn + 2 * self.d + 2 * self.head_dim
        return self.vocab * self.d + self.layers * block + self.d

    def flops_per_token(self, mean_attended: float) -> float:
        """Training FLOPs a token: 6 a weight of each matrix product (the tied head once), and attention's two products.

        `mean_attended` is how many positions a position attends to on average.
        """
        q, k, v = self.qkv()
        weights = self.layers * (self.d * (q + k + v) + q * self.d + 3 * self.d * self.ffn) + self.vocab * self.d
        return 6 * weights + 12 * self.layers * q * mean_attended

    def as_dict(self) -> dict[str, int | float]:
        return asdict(self)


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """Root-mean-square norm over the last dimension, in float32, returned in the input's type."""
    y = x.float()
    return (y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + eps) * weight).to(x.dtype)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding of [batch, position, head, head_dim]: the first half of a head pairs with the second."""
    a, b = x.float().chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1).to(x.dtype)


class Block(nn.Module):
    """Attention and feed-forward, each normed before and added to the residual stream."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        self.c = c
        self.norm1 = nn.Parameter(torch.ones(c.d))
        self.norm2 = nn.Parameter(torch.ones(c.d))
        self.qnorm = nn.Parameter(torch.ones(c.head_dim))
        self.knorm = nn.Parameter(torch.ones(c.head_dim))
        self.wqkv = nn.Parameter(torch.empty(sum(c.qkv()), c.d))
        self.wo = nn.Parameter(torch.empty(c.d, c.qkv()[0]))
        self.wgu = nn.Parameter(torch.empty(2 * c.ffn, c.d))
        self.wd = nn.Parameter(torch.empty(c.d, c.ffn))

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, context: Context, backend: str) -> Tensor:
        """[batch, position, d] -> the same shape."""
        c = self.c
        batch, length, _ = x.shape
        q, k, v = F.linear(rms_norm(x, self.norm1, c.eps), self.wqkv.to(x.dtype)).split(c.qkv(), -1)
        q = rotate(rms_norm(q.reshape(batch, length, c.heads, c.head_dim), self.qnorm, c.eps), cos, sin)
        k = rotate(rms_norm(k.reshape(batch, length, c.kv_heads, c.head_dim), self.knorm, c.eps), cos, sin)
        v = v.reshape(batch, length, c.kv_heads, c.head_dim)
        attended = BACKENDS[backend](q, k, v, context).reshape(batch, length, -1)
        x = x + F.linear(attended, self.wo.to(x.dtype))
        gate, up = F.linear(rms_norm(x, self.norm2, c.eps), self.wgu.to(x.dtype)).chunk(2, -1)
        return x + F.linear(F.silu(gate) * up, self.wd.to(x.dtype))


class Model(nn.Module):
    """Parameters are float32; `dtype` is what the matrix products are done in."""

    cos: Tensor
    sin: Tensor

    def __init__(self, c: Config, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.c, self.dtype = c, dtype
        self.emb = nn.Parameter(torch.empty(c.vocab, c.d))
        self.blocks = nn.ModuleList(Block(c) for _ in range(c.layers))
        self.norm = nn.Parameter(torch.ones(c.d))
        frequencies = c.theta ** (-torch.arange(0, c.head_dim, 2, dtype=torch.float64) / c.head_dim)
        angles = torch.outer(torch.arange(c.context, dtype=torch.float64), frequencies)
        self.register_buffer("cos", angles.cos().float()[None, :, None], persistent=False)
        self.register_buffer("sin", angles.sin().float()[None, :, None], persistent=False)
        self._initialise()

    def _initialise(self) -> None:
        c = self.c
        with torch.no_grad():
            self.emb.normal_(0, 0.02)
            for block in self.blocks:
                for weight in (block.wqkv, block.wgu):
                    weight.normal_(0, 0.5 / math.sqrt(c.d))
                block.wo.normal_(0, 0.5 / math.sqrt(c.qkv()[0] * 2 * c.layers))
                block.wd.normal_(0, 0.5 / math.sqrt(c.ffn * 2 * c.layers))

    def forward(self, tokens: Tensor, context: Context = None, backend: str = "causal") -> Tensor:
        """Hidden states [batch, position, d] after the last norm, of token ids [batch, position]."""
        x = F.embedding(tokens, self.emb).to(self.dtype)
        cos, sin = self.cos[:, : tokens.shape[1]], self.sin[:, : tokens.shape[1]]
        for block in self.blocks:
            x = block(x, cos, sin, context, backend)
        return rms_norm(x, self.norm, self.c.eps)

    def logits(self, tokens: Tensor) -> Tensor:
        """[batch, position, vocab]."""
        return self.forward(tokens) @ self.emb.to(self.dtype).T
