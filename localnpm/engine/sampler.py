"""Draws the next token from logits: greedy in numpy, else through llama.cpp's samplers; a grammar after the fact."""

from typing import Any

import numpy as np

from localnpm.engine import library
from localnpm.engine.arrays import Float32Array
from localnpm.engine.candidates import Candidates
from localnpm.engine.guard import GrammarGuard
from localnpm.engine.sampling import Sampling

_PENALIZED = 64
_REDRAWS = 64
NO_TOKEN = -1


class Sampler:
    """One generation's sampler: seeded once, it remembers what it has drawn. `close` frees it."""

    def __init__(self, sampling: Sampling, n_vocab: int, guard: GrammarGuard | None = None) -> None:
        self._llama = library.llama()
        self._guard = guard
        self._candidates = Candidates(n_vocab) if guard or not sampling.greedy else None
        self._chain = None if sampling.greedy else _make_chain(sampling, n_vocab)

    def draw(self, logits: Float32Array) -> int:
        """The next token; `NO_TOKEN` if the grammar leaves none."""
        guard = self._guard
        if guard is None:
            token = self._pick(logits)
        else:
            token = self._pick(logits)
            if not guard.allows(token):
                token = self._draw_again(logits, token, guard)
            if token != NO_TOKEN:
                guard.accept(token)
        if self._chain is not None and token != NO_TOKEN:
            self._llama.llama_sampler_accept(self._chain, token)
        return token

    def close(self) -> None:
        """Free llama.cpp's samplers."""
        if self._chain is not None:
            self._llama.llama_sampler_free(self._chain)
            self._chain = None
        if self._guard is not None:
            self._guard.close()

    def _pick(self, logits: Float32Array) -> int:
        if self._chain is None or self._candidates is None:
            return int(logits.argmax())
        self._candidates.fill(logits)
        self._candidates.apply(self._chain)
        return self._candidates.selected

    def _draw_again(self, logits: Float32Array, refused: int, guard: GrammarGuard) -> int:
        """A token that the grammar allows, where the first drawn was refused."""
        assert self._candidates is not None
        if guard.constraining:
            masked = guard.mask(logits, self._candidates)
        else:
            masked = logits.copy()
            masked[refused] = -np.inf
        for _ in range(_REDRAWS):
            if not np.isfinite(masked).any():
                return NO_TOKEN
            token = self._pick(masked)
            if guard.allows(token):
                return token
            masked[token] = -np.inf
        return NO_TOKEN


def _make_chain(sampling: Sampling, n_vocab: int) -> Any:
    llama = library.llama()
    chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
    links = []
    if sampling.repeat_penalty != 1.0:
        links.append(llama.llama_sampler_init_penalties(n_vocab, _PENALIZED, sampling.repeat_penalty, 0.0, 0.0))
    if sampling.temperature <= 0:
        links.append(llama.llama_sampler_init_greedy())
    else:
        if sampling.top_k > 0:
            links.append(llama.llama_sampler_init_top_k(sampling.top_k))
        if sampling.top_p < 1:
            links.append(llama.llama_sampler_init_top_p(sampling.top_p, 1))
        if sampling.min_p > 0:
            links.append(llama.llama_sampler_init_min_p(sampling.min_p, 1))
        links.append(llama.llama_sampler_init_temp(sampling.temperature))
        links.append(llama.llama_sampler_init_dist(sampling.seed))
    for link in links:
        llama.llama_sampler_chain_add(chain, link)
    return chain
