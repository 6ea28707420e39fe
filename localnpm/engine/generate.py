"""One generation as a stream of text: read the prompt, then draw, show and decode tokens until something ends it."""

import time
from collections.abc import Generator, Iterator, Sequence
from typing import Literal

from localnpm.engine.cancel import Cancel
from localnpm.engine.context import Cancelled, Context, Progress
from localnpm.engine.sampler import NO_TOKEN, Sampler
from localnpm.engine.steering import Steering
from localnpm.engine.text import TextStream
from localnpm.engine.usage import Usage
from localnpm.engine.vocab import Vocabulary

StopReason = Literal["end", "stop", "length", "cancelled", "context"]


class Generation(Iterator[str]):
    """Pieces of text, whole characters, as they come. Nothing is decoded before the first `next`.

    Attributes:
        tokens: drawn so far; the token that ends a turn is not among them, a stop text's tokens are.
        text: the pieces so far, joined: without the stop text.
        stop_reason: why it ended: the model's own end, a stop text, `max_tokens`, the `Cancel`, a full context.
            None while it runs, or if it was closed before its end.
    """

    def __init__(
        self,
        context: Context,
        vocabulary: Vocabulary,
        sampler: Sampler,
        prompt: Sequence[int],
        *,
        max_tokens: int,
        stop: Sequence[str],
        steering: Steering,
        cancel: Cancel | None,
        progress: Progress | None,
    ) -> None:
        self.tokens: list[int] = []
        self.stop_reason: StopReason | None = None
        self._pieces: list[str] = []
        self._prompt = len(prompt)
        self._read = 0
        self._started = self._first = self._ended = 0.0
        self._cancel = cancel
        self._progress = progress
        self._sampler = sampler
        self._stream = self._run(context, vocabulary, prompt, max_tokens, TextStream(stop), steering)

    def __next__(self) -> str:
        return next(self._stream)

    @property
    def text(self) -> str:
        """What has been generated so far."""
        return "".join(self._pieces)

    @property
    def usage(self) -> Usage:
        """Counts and times so far."""
        now = self._ended or time.perf_counter()
        first = self._first or now
        started = self._started or now
        return Usage(
            prompt_tokens=self._prompt,
            cached_tokens=self._prompt - self._read,
            generated_tokens=len(self.tokens),
            prefill_seconds=first - started,
            generate_seconds=now - first,
        )

    def close(self) -> None:
        """End it now; what was decoded stays in the cache."""
        self._stream.close()
        self._sampler.close()

    def _run(
        self,
        context: Context,
        vocabulary: Vocabulary,
        prompt: Sequence[int],
        max_tokens: int,
        stream: TextStream,
        steering: Steering,
    ) -> Generator[str, None, None]:
        self._started = time.perf_counter()
        cancel = self._cancel
        try:
            logits = None
            for _, row in context.read(
                prompt,
                outputs=[len(prompt) - 1],
                steering=steering,
                cancel=cancel,
                progress=self._note_progress,
            ):
                logits = row
            assert logits is not None
            self._first = time.perf_counter()
            context.listen(cancel)
            draw, step, piece_of = self._sampler.draw, context.step, vocabulary.piece
            tokens, ends, feed = self.tokens, vocabulary.ends_generation, stream.feed
            room = context.size - len(prompt)
            while True:
                if cancel is not None and cancel.is_set():
                    raise Cancelled
                if len(tokens) >= max_tokens:
                    self.stop_reason = "length"
                    break
                token = draw(logits)
                if token == NO_TOKEN or ends(token):
                    self.stop_reason = "end"
                    break
                tokens.append(token)
                text = feed(piece_of(token))
                if text:
                    self._pieces.append(text)
                    yield text
                if stream.stopped:
                    self.stop_reason = "stop"
                    break
                if len(tokens) > room:
                    self.stop_reason = "context"
                    break
                if len(tokens) < max_tokens:
                    logits = step(token, cancel)
        except Cancelled:
            self.stop_reason = "cancelled"
        finally:
            self._ended = time.perf_counter()
            context.listen(None)
            self._sampler.close()
        rest = stream.finish()
        if stream.stopped:
            self.stop_reason = "stop"
        if rest:
            self._pieces.append(rest)
            yield rest

    def _note_progress(self, done: int, total: int) -> None:
        self._read = total
        if self._progress is not None:
            self._progress(done, total)
