"""One turn of the assistant: messages in, a stream of parts and a parsed turn out. What the agent drives.

`ChatModel` is the seam: `LlamaChat` is a GGUF through llama.cpp, agent/scripted.py plays prepared turns in tests.
A conversation that outgrows the context loses its oldest exchanges whole, and a `Dropped` part says so.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from localnpm.engine.cancel import Cancel
from localnpm.engine.messages import Message, ToolCall, ToolSchema
from localnpm.engine.sampling import GREEDY, Sampling
from localnpm.engine.usage import Usage

if TYPE_CHECKING:
    from localnpm.engine.steering import Steering

NO_USAGE = Usage(0, 0, 0, 0.0, 0.0)

Progress = Callable[[int, int], None]
"""Called with the prompt tokens read so far and those to read in all, the reused ones not counted."""


@dataclass(frozen=True)
class Dropped:
    """So many of the oldest exchanges were left out of the prompt, for want of room."""

    exchanges: int


@dataclass(frozen=True)
class Said:
    """A piece of the assistant's text."""

    text: str


@dataclass(frozen=True)
class Mused:
    """A piece of the assistant's thought."""

    text: str


@dataclass(frozen=True)
class Turn:
    """A finished turn. `raw` is exactly what was generated; `invalid` says why calls in it could not be read."""

    raw: str
    text: str = ""
    thought: str = ""
    calls: tuple[ToolCall, ...] = ()
    invalid: tuple[str, ...] = ()
    stop_reason: str = "end"
    usage: Usage = NO_USAGE


TurnPart = Dropped | Said | Mused | Turn


class ChatModel(Protocol):
    """A model that can hold a conversation with tools."""

    @property
    def name(self) -> str:
        """What the user calls it."""

    @property
    def fingerprint(self) -> str:
        """Changes with the weights and their quantization."""

    @property
    def protocol(self) -> int:
        """1 for a model trained on this program's own tools and texts, else 0."""

    @property
    def context(self) -> int:
        """Tokens that prompt and answer may have together."""

    @property
    def sampling(self) -> Sampling:
        """How this model is best sampled: greedy, or as its file recommends."""

    def count(self, text: str) -> int:
        """Tokens of a text."""

    def said(self, raw: str) -> str:
        """What a turn's exact text says, without its thoughts and calls."""

    def turn(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolSchema],
        *,
        sampling: Sampling = GREEDY,
        max_tokens: int,
        steering: "Steering | None" = None,
        cancel: Cancel | None = None,
        progress: Progress | None = None,
    ) -> Iterator[TurnPart]:
        """Stream one assistant turn; the last part is a `Turn`. `progress` is called while the prompt is read.

        Raises:
            ContextFullError: the system text and the newest exchange do not fit.
            ModelError: the model failed.
        """
