"""A GGUF model, open: tokenize, stream, score. The engine's front door.

A `Model` is used by one thread at a time (a `Cancel` may be set from any). Starting something new ends a generation
that is still open. Chat templates and tool calls are chat.py's business.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from localnpm.config import EngineSettings
from localnpm.engine import fingerprint, library
from localnpm.engine.arrays import Float32Array
from localnpm.engine.cancel import Cancel
from localnpm.engine.context import Context, Progress
from localnpm.engine.generate import Generation
from localnpm.engine.grammar import LazyGrammar
from localnpm.engine.guard import GrammarGuard
from localnpm.engine.info import ModelInfo
from localnpm.engine.loading import load_weights
from localnpm.engine.plan import Choice, Machine, Plan, make_plan
from localnpm.engine.sampler import Sampler
from localnpm.engine.sampling import GREEDY, Sampling
from localnpm.engine.steerable import Steerability, check_steerability
from localnpm.engine.steering import NO_STEERING, Steering
from localnpm.engine.trial import try_file
from localnpm.engine.vocab import Vocabulary
from localnpm.errors import ContextFullError, ModelError
from localnpm.header import Header, check_complete
from localnpm.home import bundled_model

DEFAULTS = EngineSettings()


class Model:
    """One loaded model with one context. Make it with `Model.open`; `close` it, or use it in a `with`."""

    def __init__(self, header: Header, pointer: int, plan: Plan, cache: Path | None) -> None:
        """For `open`: takes over the loaded weights at `pointer`."""
        llama = library.llama()
        self._pointer: int | None = pointer
        self._cache_folder = cache
        self._running: Generation | None = None
        self.path = header.path
        self.plan = plan
        self.vocabulary = Vocabulary(pointer)
        self.info = ModelInfo.of(
            header,
            n_layer=int(llama.llama_model_n_layer(pointer)),
            n_embd=int(llama.llama_model_n_embd(pointer)),
            n_vocab=self.vocabulary.size,
            n_params=int(llama.llama_model_n_params(pointer)),
        )
        self._context = Context(pointer, plan)

    @classmethod
    def open(cls, path: Path, settings: EngineSettings = DEFAULTS, *, cache: Path | None = None) -> "Model":
        """Load a GGUF file.

        Args:
            cache: a folder for what need not be done twice: the fingerprint, and the trial of a file never opened
                before in a process of its own, about a second. None keeps nothing and trusts the file.

        Raises:
            ModelError: the file is missing, unreadable, not a GGUF, cut, of an architecture that llama.cpp does not
                know, not a language model, or too large for this machine's memory. The message says what to do.
        """
        header = check_complete(path)
        if cache is not None and path != bundled_model():
            try_file(path, cache)
        gpu = bool(library.llama().llama_supports_gpu_offload())
        plan = make_plan(header, settings, Machine.detect(gpu=gpu, amx=library.has_amx()))
        pointer = load_weights(header, plan)
        try:
            return cls(header, pointer, plan, cache)
        except BaseException:
            library.llama().llama_model_free(pointer)
            raise

    @property
    def context(self) -> int:
        """Tokens that fit: prompt and generated text together."""
        return self._context.size

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Every automatic value and why it was chosen."""
        return self.plan.choices

    @property
    def bos(self) -> str:
        """The text of the token that begins a prompt, for chat templates."""
        return self.vocabulary.text_of(self.vocabulary.bos)

    @property
    def eos(self) -> str:
        """The text of the token that ends a turn, for chat templates."""
        return self.vocabulary.text_of(self.vocabulary.eos)

    @cached_property
    def fingerprint(self) -> str:
        """Hex digest of the whole file: it changes with the weights and their quantization."""
        return fingerprint.fingerprint(self.path, self._cache_folder)

    @property
    def pointer(self) -> int:
        """llama.cpp's model, for the engine's other files.

        Raises:
            ModelError: the model is closed.
        """
        if self._pointer is None:
            raise ModelError(f"{self.path.name} has been closed; open it again")
        return self._pointer

    def tokenize(self, text: str, *, special: bool = True) -> list[int]:
        """Tokens of a text, none added. `special`: read special tokens' texts as those tokens."""
        return self.vocabulary.tokenize(text, special=special)

    def prompt_tokens(self, text: str) -> list[int]:
        """Tokens of a rendered prompt, with the first token that the model expects and the text may lack."""
        tokens = self.tokenize(text)
        bos = self.vocabulary.bos
        if self.vocabulary.adds_bos and bos >= 0 and tokens[:1] != [bos]:
            tokens.insert(0, bos)
        return tokens

    def detokenize(self, tokens: Sequence[int], *, special: bool = True) -> str:
        """The text of tokens. `special`: show special tokens' texts."""
        return self.vocabulary.detokenize(tokens, special=special)

    def generate(
        self,
        prompt: Sequence[int],
        *,
        sampling: Sampling = GREEDY,
        max_tokens: int,
        stop: Sequence[str] = (),
        grammar: LazyGrammar | None = None,
        steering: Steering | None = None,
        cancel: Cancel | None = None,
        progress: Progress | None = None,
    ) -> Generation:
        """Stream what follows `prompt`.

        Args:
            prompt: at least one token, at most `context`.
            stop: texts that end the generation; they are not part of its text.
            grammar: constrains what is drawn from its first trigger on.
            cancel: ends it within 250 ms once set, also while the prompt is read.
            progress: told how much of the prompt has been read, batch by batch.

        Raises:
            ContextFullError: the prompt is longer than the context.
            SteeringError: a control vector of another model.
        """
        self._begin(prompt, steering)
        guard = GrammarGuard(grammar, self.vocabulary, stop) if grammar is not None else None
        self._running = Generation(
            self._context,
            self.vocabulary,
            Sampler(sampling, self.vocabulary.size, guard),
            prompt,
            max_tokens=max_tokens,
            stop=stop,
            steering=steering or NO_STEERING,
            cancel=cancel,
            progress=progress,
        )
        return self._running

    def logits(
        self, tokens: Sequence[int], positions: Sequence[int], *, steering: Steering | None = None
    ) -> Float32Array:
        """Logits of the token after each of `positions` (rising): float32 [len(positions), n_vocab].

        Steered from the first position on, or everywhere if the steering's scope is `all`.
        """
        self._begin(tokens, steering)
        result = np.empty((len(positions), self.vocabulary.size), np.float32)
        rows = self._context.read(tokens, outputs=positions, steering=steering or NO_STEERING)
        for index, (_, row) in enumerate(rows):
            result[index] = row
        return result

    def score(self, tokens: Sequence[int], start: int, *, steering: Steering | None = None) -> Float32Array:
        """Log-probability of each token given those before it: float32 [len(tokens) - start], natural logarithm.

        Element i is log p(tokens[start + i] | tokens[: start + i]). Steered as a generation that began after `start`
        tokens would be.

        Raises:
            ValueError: `start` is not in 1 .. len(tokens).
        """
        if not 1 <= start <= len(tokens):
            raise ValueError(f"start {start} is not within 1 .. {len(tokens)}")
        self._begin(tokens, steering)
        result = np.empty(len(tokens) - start, np.float32)
        outputs = range(start - 1, len(tokens) - 1)
        rows = self._context.read(tokens[:-1], outputs=outputs, steering=steering or NO_STEERING) if outputs else ()
        for index, (position, row) in enumerate(rows):
            top = float(row.max())
            total = float(np.exp(row - top, dtype=np.float64).sum())
            result[index] = float(row[tokens[position + 1]]) - top - np.log(total)
        return result

    def steerable(self) -> Steerability:
        """Whether control vectors work on this model, tried once on each of some blocks."""
        return self._steerability

    def forget_cache(self) -> None:
        """Empty the key-value cache, so that the next prompt is read from its start."""
        self._end_running()
        self._context.forget()

    def close(self) -> None:
        """Free the model's memory."""
        if self._pointer is not None:
            self._end_running()
            self._context.close()
            library.llama().llama_model_free(self._pointer)
            self._pointer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @cached_property
    def _steerability(self) -> Steerability:
        return check_steerability(self)

    def _begin(self, tokens: Sequence[int], steering: Steering | None) -> None:
        if self._pointer is None:
            raise ModelError(f"{self.path.name} has been closed; open it again")
        self._end_running()
        if not tokens:
            raise ModelError("the prompt is empty; there is nothing to go on from")
        if len(tokens) > self.context:
            raise ContextFullError(
                f"the prompt has {len(tokens):,} tokens and the context holds {self.context:,}; "
                "shorten it, or raise --ctx"
            )
        if steering is not None:
            steering.buffer(self.info.n_layer, self.info.n_embd)

    def _end_running(self) -> None:
        if self._running is not None:
            self._running.close()
            self._running = None
