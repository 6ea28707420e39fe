"""A grammar checked after the fact: one token against the grammar, and the whole vocabulary only if that one fails.

Text is free until a trigger text appears, wherever token borders lie; from the trigger's first byte on the grammar
must match. Once it is complete, only what it still allows, a stop text or the end of the turn may follow.

llama.cpp ends the process when a grammar is fed a token that does not fit, so every token is tried on a one-candidate
list before it is accepted.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from localnpm.engine import library
from localnpm.engine.arrays import Float32Array
from localnpm.engine.candidates import Candidates
from localnpm.engine.grammar import LazyGrammar
from localnpm.engine.vocab import Vocabulary
from localnpm.errors import ModelError


class GrammarGuard:
    """Follows one generation and says which token may come next. `close` frees the grammar."""

    def __init__(self, grammar: LazyGrammar, vocabulary: Vocabulary, stop: Sequence[str] = ()) -> None:
        """Raises ModelError if llama.cpp cannot read the grammar."""
        self._llama = library.llama()
        self._vocabulary = vocabulary
        self._source = grammar.gbnf.encode()
        self._triggers = tuple(text.encode() for text in grammar.triggers)
        self._longest = max((len(text) for text in self._triggers), default=0)
        self._stop = tuple(text.encode() for text in stop if text)
        self._one = Candidates(1)
        self._recent: list[tuple[int, bytes]] = []
        self._active: Any = None
        self._done = False
        self._tried: tuple[int, Any] | None = None
        first = self._start()
        if self._triggers:
            self._llama.llama_sampler_free(first)
        else:
            self._active = first

    @property
    def constraining(self) -> bool:
        """A trigger has appeared and the grammar decides about the next token."""
        return self._active is not None

    def allows(self, token: int) -> bool:
        """Whether this token may come next."""
        if self._active is not None:
            return self._fits(self._active, token) or self._ends(token)
        if self._done or not self._triggers or self._vocabulary.ends_generation(token):
            return True
        self._forget_tried()
        found = self._find_trigger(token)
        if found is None:
            return True
        started = self._feed(found)
        self._tried = (token, started)
        return started is not None

    def accept(self, token: int) -> None:
        """This token, which `allows` has just allowed, is the next one."""
        if self._vocabulary.ends_generation(token):
            return
        if self._active is not None:
            if self._fits(self._active, token):
                self._llama.llama_sampler_accept(self._active, token)
            else:
                self._llama.llama_sampler_free(self._active)
                self._active, self._done = None, True
            return
        if self._tried is not None and self._tried[0] == token:
            self._active, self._tried = self._tried[1], None
            self._recent.clear()
            return
        self._recent.append((token, self._vocabulary.piece(token)))
        while sum(len(piece) for _, piece in self._recent[1:]) >= self._longest:
            del self._recent[0]

    def mask(self, logits: Float32Array, candidates: Candidates) -> Float32Array:
        """The logits with every token ruled out that the grammar does not allow now: a new array."""
        candidates.fill(logits)
        candidates.apply(self._active)
        masked = candidates.logits.copy()
        if self._stop and self._complete():
            for stop in self._stop:
                tokens = self._vocabulary.tokenize(stop.decode())
                if tokens:
                    masked[tokens[0]] = logits[tokens[0]]
        return masked

    def close(self) -> None:
        """Free the grammar."""
        self._forget_tried()
        if self._active is not None:
            self._llama.llama_sampler_free(self._active)
            self._active = None

    def _start(self) -> Any:
        sampler = self._llama.llama_sampler_init_grammar(self._vocabulary.pointer, self._source, b"root")
        if not sampler:
            raise ModelError(f"llama.cpp cannot read this grammar:\n{self._source.decode()}")
        return sampler

    def _forget_tried(self) -> None:
        if self._tried is not None and self._tried[1] is not None:
            self._llama.llama_sampler_free(self._tried[1])
        self._tried = None

    def _fits(self, sampler: Any, token: int) -> bool:
        self._one.fill_one(token)
        self._one.apply(sampler)
        return self._one.first_allowed

    def _complete(self) -> bool:
        end = self._vocabulary.eos
        return end >= 0 and self._fits(self._active, end)

    def _ends(self, token: int) -> bool:
        """Whether a token that the grammar refuses begins a stop text after a complete call."""
        piece = self._vocabulary.piece(token)
        return bool(piece) and any(text.startswith(piece) for text in self._stop) and self._complete()

    def _find_trigger(self, token: int) -> list[tuple[int, bytes]] | None:
        """The tokens from the first trigger on that `token` completes, the first cut to the trigger's first byte."""
        pieces = [*self._recent, (token, self._vocabulary.piece(token))]
        text = b"".join(piece for _, piece in pieces)
        old = len(text) - len(pieces[-1][1])
        starts = [at for at in (text.find(trigger) for trigger in self._triggers) if at >= 0]
        if not starts:
            return None
        start, at = min(starts), 0
        assert start < len(text) and old <= len(text)
        for index, (_, piece) in enumerate(pieces):
            if at + len(piece) > start:
                inside = start - at
                if not inside:
                    return pieces[index:]
                return [(-1, piece[inside:]), *pieces[index + 1 :]]
            at += len(piece)
        return None

    def _feed(self, pieces: list[tuple[int, bytes]]) -> Any:
        """A grammar that has read these pieces, None if it does not fit them. Token -1: spelled byte by byte."""
        tokens: list[int] = []
        for token, piece in pieces:
            spelled = [token] if token >= 0 else self._vocabulary.spell(piece)
            if spelled is None:
                return None
            tokens += spelled
        sampler = self._start()
        for token in tokens:
            if not self._fits(sampler, token):
                self._llama.llama_sampler_free(sampler)
                return None
            self._llama.llama_sampler_accept(sampler, token)
        return sampler


def ruled_out(logits: Float32Array) -> bool:
    """Whether no token is left."""
    return not bool(np.isfinite(logits).any())
