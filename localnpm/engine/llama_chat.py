"""A GGUF model as the agent sees it: chat messages in, a streamed and parsed turn out.

Joins model.py (tokens) and chat.py (texts). A conversation that outgrows the context loses its oldest exchanges whole:
a user message with everything up to the next one. The system text and the newest exchange always stay.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from localnpm.config import EngineSettings
from localnpm.engine.cancel import Cancel
from localnpm.engine.chat import ChatFormat
from localnpm.engine.disarm import disarm
from localnpm.engine.messages import Message, ToolSchema
from localnpm.engine.model import Model
from localnpm.engine.sampling import GREEDY, Sampling
from localnpm.engine.steering import Steering
from localnpm.engine.turns import Dropped, Mused, Progress, Said, Turn, TurnPart
from localnpm.errors import ContextFullError

# Room kept for the answer: an eighth of the context, but no more than a long file takes.
ANSWER_SHARE = 8
ANSWER_MOST = 1024


class LlamaChat:
    """One open model with its chat format. Used by one thread at a time; close it when done."""

    def __init__(self, model: Model) -> None:
        """Raises:
        ModelError: the model's chat template cannot be used.
        """
        self.model = model
        self.format = ChatFormat.for_model(
            model.info.chat_template, bos=model.bos, eos=model.eos, protocol=model.info.protocol
        )

    @classmethod
    def open(cls, path: Path, settings: EngineSettings = EngineSettings(), *, cache: Path | None = None) -> Self:
        """Load a GGUF file.

        Raises:
            ModelError: it cannot be loaded, or its template cannot be used; the message says what to do.
        """
        model = Model.open(path, settings, cache=cache)
        try:
            return cls(model)
        except BaseException:
            model.close()
            raise

    @property
    def name(self) -> str:
        """The file's name."""
        return self.model.path.stem

    @property
    def fingerprint(self) -> str:
        """Changes with the weights and their quantization."""
        return self.model.fingerprint

    @property
    def protocol(self) -> int:
        """1 for a model trained on this program's own tools and texts, else 0."""
        return self.model.info.protocol

    @property
    def context(self) -> int:
        """Tokens that prompt and answer may have together."""
        return self.model.context

    @property
    def sampling(self) -> Sampling:
        """Greedy for the bundled model, else what the file recommends, else llama.cpp's own default."""
        if self.protocol == 1:
            return GREEDY
        return self.model.info.sampling or Sampling(temperature=0.8)

    def count(self, text: str) -> int:
        """Tokens of a text."""
        return len(self.model.tokenize(text, special=False))

    def said(self, raw: str) -> str:
        """What a turn's exact text says, without its thoughts and calls."""
        return self.format.parse(raw).text

    def turn(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolSchema],
        *,
        sampling: Sampling = GREEDY,
        max_tokens: int,
        steering: Steering | None = None,
        cancel: Cancel | None = None,
        progress: Progress | None = None,
    ) -> Iterator[TurnPart]:
        """Stream one assistant turn; the last part is a `Turn`.

        Raises:
            ContextFullError: the system text and the newest exchange do not fit.
            ModelError: the model failed.
        """
        prompt, dropped = self.prompt(messages, tools)
        if dropped:
            yield Dropped(dropped)
        generation = self.model.generate(
            prompt,
            sampling=sampling,
            max_tokens=max_tokens,
            stop=self.format.stop,
            grammar=self.format.grammar(tools),
            steering=steering,
            cancel=cancel,
            progress=progress,
        )
        splitter = self.format.splitter()
        for piece in generation:
            yield from _parts(splitter.feed(piece))
        yield from _parts(splitter.finish())
        parsed = self.format.parse(generation.text, tools)
        # A call that was cut off is not carried out, even if what there is of it can be read.
        whole = generation.stop_reason in ("end", "stop")
        yield Turn(
            raw=generation.text,
            text=parsed.text,
            thought=parsed.thought,
            calls=parsed.calls if whole else (),
            invalid=parsed.invalid if whole else (),
            stop_reason=generation.stop_reason or "cancelled",
            usage=generation.usage,
        )

    def prompt(self, messages: Sequence[Message], tools: Sequence[ToolSchema]) -> tuple[list[int], int]:
        """The rendered prompt's tokens, and how many of the oldest exchanges were left out to make it fit."""
        room = self.context - min(ANSWER_MOST, self.context // ANSWER_SHARE)
        kept, mark = disarm(messages, self.model.vocabulary.controls)
        dropped = 0
        while True:
            first, *rest = self.format.render(kept, tools).split(mark)
            prompt = self.model.prompt_tokens(first) + [t for part in rest for t in self.model.tokenize(part)]
            if len(prompt) <= room:
                return prompt, dropped
            starts = [index for index, message in enumerate(kept) if message.role == "user"]
            if len(starts) < 2:
                raise ContextFullError(
                    f"the request with what was read for it has {len(prompt):,} tokens, and the context has room for "
                    f"{room:,}; ask for less at once, or raise --ctx if the model allows it"
                )
            del kept[starts[0] : starts[1]]
            dropped += 1

    def close(self) -> None:
        """Free the model's memory and end the template's process."""
        self.format.close()
        self.model.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _parts(pieces: Sequence[tuple[str, str]]) -> Iterator[TurnPart]:
    for kind, text in pieces:
        if kind == "text":
            yield Said(text)
        elif kind == "thought":
            yield Mused(text)
