"""A model that plays prepared turns, so that the real loop, tools and log can be run without a model's whims.

Covers what a loop can meet: answers, calls, several calls in a turn, calls that cannot be read, cut-off turns, a
cancel between pieces. Not covered: templates, tokens, sampling; a "token" here is four characters.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from localnpm.engine.cancel import Cancel
from localnpm.engine.messages import Message, ToolCall, ToolSchema
from localnpm.engine.sampling import GREEDY, Sampling
from localnpm.engine.steering import Steering
from localnpm.engine.turns import Mused, Progress, Said, Turn, TurnPart
from localnpm.engine.usage import Usage


def call(name: str, **arguments: Any) -> Turn:
    """A turn that asks for one tool."""
    asked = ToolCall(name, arguments)
    return Turn(raw=str(asked), calls=(asked,))


def answer(text: str, *, thought: str = "") -> Turn:
    """A turn that answers."""
    return Turn(raw=text, text=text, thought=thought)


class ScriptedModel:
    """Plays its turns in order; `seen` keeps the messages of each turn as the model got them.

    Running out of turns is an error in the test that uses it.
    """

    name = "scripted"
    fingerprint = "scripted"
    sampling = GREEDY

    def __init__(self, *turns: Turn | str, protocol: int = 1, context: int = 2048) -> None:
        self.turns = [answer(turn) if isinstance(turn, str) else turn for turn in turns]
        self.protocol = protocol
        self.context = context
        self.seen: list[tuple[Message, ...]] = []

    def count(self, text: str) -> int:
        """A token for every four characters begun."""
        return (len(text) + 3) // 4

    def said(self, raw: str) -> str:
        """Nothing: a prepared turn either calls or speaks, and what it spoke is in the log as the answer."""
        return ""

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
        """The next prepared turn: its thought, its text in two pieces, the turn itself."""
        self.seen.append(tuple(messages))
        turn = self.turns.pop(0)
        usage = Usage(sum(self.count(m.content) for m in messages), 0, min(self.count(turn.raw), max_tokens), 0.0, 0.0)
        if progress is not None:
            progress(usage.prompt_tokens, usage.prompt_tokens)
        if turn.thought:
            yield Mused(turn.thought)
        middle = len(turn.text) // 2
        for start, piece in ((0, turn.text[:middle]), (middle, turn.text[middle:])):
            if cancel is not None and cancel.is_set():
                said = turn.text[:start]
                yield Turn(raw=said, text=said, stop_reason="cancelled", usage=usage)
                return
            if piece:
                yield Said(piece)
        reason = "length" if self.count(turn.raw) > max_tokens else turn.stop_reason
        yield Turn(turn.raw, turn.text, turn.thought, turn.calls, turn.invalid, reason, usage)
