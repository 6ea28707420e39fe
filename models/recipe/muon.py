"""Muon (Jordan et al., 2024) for the hidden matrices: momentum, orthogonalised by Newton-Schulz iterations.

Each update has a root mean square of 0.2 * lr, about AdamW's, so that one learning rate serves both. There are two
versions because their checkpoints differ and both kinds must stay loadable: `FusedMuon` (GPU) orthogonalises the parts
of fused parameters one by one, `Muon` (CPU) takes each parameter whole.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

STEPS = 5
A, B, C = 3.4445, -4.7750, 2.0315
"""The quintic iteration's coefficients."""


def newton_schulz(stack: Tensor) -> Tensor:
    """The nearest semi-orthogonal matrices of a stack [n, rows <= columns]; in bf16 on a GPU."""
    x = stack.to(torch.bfloat16) if stack.is_cuda else stack.float()
    x = x / (x.float().norm(dim=(-2, -1), keepdim=True) + 1e-7).to(x.dtype)
    for _ in range(STEPS):
        a = x @ x.mT
        x = A * x + (B * a + C * (a @ a)) @ x
    return x


class FusedMuon:
    """Muon over parameters given with the row counts of their parts; parts of one shape go through as one stack."""

    def __init__(
        self,
        parameters: Sequence[tuple[nn.Parameter, list[int]]],
        weight_decay: float,
        orthogonalise: Callable[[Tensor], Tensor],
        momentum: float = 0.95,
    ) -> None:
        self.parameters = list(parameters)
        self._weight_decay, self._momentum, self.orthogonalise = weight_decay, momentum, orthogonalise
        self._buffers = [torch.zeros_like(parameter) for parameter, _ in parameters]

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """One update by the parameters' gradients."""
        gradients = [parameter.grad for parameter, _ in self.parameters]
        torch._foreach_lerp_(self._buffers, gradients, 1 - self._momentum)
        updates = torch._foreach_lerp(gradients, self._buffers, self._momentum)
        by_shape: dict[tuple[int, ...], list[tuple[int, int, bool, Tensor]]] = {}
        for index, ((_, sizes), update) in enumerate(zip(self.parameters, updates, strict=True)):
            for number, part in enumerate(update.split(sizes)):
                tall = part.shape[0] > part.shape[1]
                wide = part.mT if tall else part
                by_shape.setdefault(tuple(wide.shape), []).append((index, number, tall, wide))
        finished: list[list[Tensor]] = [[torch.empty(0)] * len(sizes) for _, sizes in self.parameters]
        for shape, parts in by_shape.items():
            orthogonal = self.orthogonalise(torch.stack([part for *_, part in parts]))
            scale = 0.2 * max(shape) ** 0.5
            for (index, number, tall, _), matrix in zip(parts, orthogonal, strict=True):
                finished[index][number] = (matrix.mT if tall else matrix) * scale
        weights = [parameter for parameter, _ in self.parameters]
        torch._foreach_mul_(weights, 1 - lr * self._weight_decay)
        joined = [torch.cat(parts).to(weight.dtype) for parts, weight in zip(finished, weights, strict=True)]
        torch._foreach_add_(weights, joined, alpha=-lr)

    def stacks(self) -> dict[tuple[int, int], int]:
        """How many parts there are of each shape (rows <= columns)."""
        counts: dict[tuple[int, int], int] = {}
        for parameter, sizes in self.parameters:
            for rows in sizes:
                shape = (min(rows, parameter.shape[1]), max(rows, parameter.shape[1]))
                counts[shape] = counts.get(shape, 0) + 1
        return counts

    def state_dict(self) -> dict[str, list[Tensor]]:
        return {"buf": self._buffers}

    def load_state_dict(self, state: dict[str, list[Tensor]]) -> None:
        for buffer, saved in zip(self._buffers, state["buf"], strict=True):
            buffer.copy_(saved)


class Muon(torch.optim.Optimizer):
    """Muon over whole matrices, as an ordinary optimizer.

    `dtype` is that of the iterations; bf16 pays only where the CPU has AVX512-BF16.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.01,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self._dtype = dtype
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        """One update by the parameters' gradients; there is no closure."""
        for group in self.param_groups:
            by_shape: dict[tuple[int, ...], list[tuple[nn.Parameter, Tensor]]] = {}
            for parameter in group["params"]:
                state = self.state[parameter]
                if "m" not in state:
                    state["m"] = torch.zeros_like(parameter)
                state["m"].lerp_(parameter.grad, 1 - group["momentum"])
                update = parameter.grad.lerp(state["m"], group["momentum"])
                by_shape.setdefault(tuple(parameter.shape), []).append((parameter, update))
            for shape, rows in by_shape.items():
                orthogonal = self._orthogonalise(torch.stack([update for _, update in rows]))
                scale = group["lr"] * 0.2 * max(shape) ** 0.5
                for (parameter, _), update in zip(rows, orthogonal, strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-scale)

    def _orthogonalise(self, stack: Tensor) -> Tensor:
        x = stack.to(self._dtype)
        tall = x.shape[1] > x.shape[2]
        if tall:
            x = x.mT
        x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
        for _ in range(STEPS):
            a = x @ x.mT
            # Left to right, as the runs so far have rounded it.
            x = A * x + (B * a + C * a @ a) @ x
        return (x.mT if tall else x).float()
