"""A logged trajectory as the model read and wrote it: prompt and generated tokens turn by turn, for teacher forcing.

Every trajectory is replayed under a system text of the caller's choice, as if it had opened its session: an attempt
that ran with memory in its prompt is compared with one that ran without it under the same text. A call that the user
edited is replayed as it was carried out. What was generated is split into tokens anew, since the log keeps texts.

Not covered: attempts as later turns of a longer session, and the choice of positions that matter (contrast.py).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from localnpm.engine.disarm import disarm
from localnpm.engine.llama_chat import LlamaChat
from localnpm.engine.messages import Message, ToolCall, ToolSchema
from localnpm.memory.records import LoggedTurn, Trajectory

PROCEDURE = "\n\n# Procedure\n"
EXAMPLE = "\n\n# Example\n"


@dataclass(frozen=True)
class Replay:
    """Tokens of one run of a conversation.

    Attributes:
        tokens: the conversation to the end of its last replayed turn.
        spans: of each assistant turn, the first of its generated tokens and the one after its last; the token that
            ends a turn is among them. Position `first - 1` predicts the first one.
    """

    tokens: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]

    @property
    def predicting(self) -> tuple[int, ...]:
        """Rising positions whose next token was generated."""
        return tuple(position for first, end in self.spans for position in range(first - 1, end - 1))


def without_memory(system: str) -> str:
    """A logged system text with what memory had put at its end taken off."""
    for mark in (PROCEDURE, EXAMPLE):
        at = system.rfind(mark)
        if at >= 0:
            return system[:at]
    return system


def with_script(system: str, script: str) -> str:
    """A system text without memory, with a script where the agent puts it."""
    return f"{system}{PROCEDURE}{script}" if script else system


def replay(
    chat: LlamaChat, trajectory: Trajectory, system: str, tools: Sequence[ToolSchema] = ()
) -> tuple[Replay, ...]:
    """The trajectory's turns, as few sequences as the model's template allows.

    Most templates print a conversation so that each prompt begins with the one before it and the turn that followed:
    then it is one sequence. Some rewrite earlier turns (they leave out thoughts); each turn after such a change begins
    a new sequence. Turns that do not fit the context are left out, and so are those after them.

    Raises:
        ModelError: the template refuses the conversation.
    """
    found: list[Replay] = []
    for prompt, generated in _turns(chat, trajectory, system, tools):
        tokens = (*prompt, *generated)
        if len(tokens) > chat.context:
            break
        span = (len(prompt), len(tokens))
        if found and prompt[: len(found[-1].tokens)] == found[-1].tokens:
            found[-1] = Replay(tokens, (*found[-1].spans, span))
        else:
            found.append(Replay(tokens, (span,)))
    return tuple(found)


def _turns(
    chat: LlamaChat, trajectory: Trajectory, system: str, tools: Sequence[ToolSchema]
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Each assistant turn's prompt and generated tokens."""
    messages = [Message("system", system), Message("user", trajectory.request)]
    prompt = _tokens(chat, messages, tools, generation_prompt=True)
    turns = trajectory.turns
    for number, turn in enumerate(turns, 1):
        assistant, results = _messages(chat, turn, tools)
        messages += [assistant, *results]
        following = _tokens(chat, messages, tools, generation_prompt=True) if number < len(turns) else ()
        rendered = following
        if following[: len(prompt)] != prompt:
            # The last turn, or a template that rewrites what came before.
            before = messages[: len(messages) - len(results)]
            rendered = _tokens(chat, before, tools, generation_prompt=False)
        yield prompt, _generated(chat, turn, assistant, prompt, rendered, tools)
        prompt = following


def _messages(chat: LlamaChat, turn: LoggedTurn, tools: Sequence[ToolSchema]) -> tuple[Message, list[Message]]:
    """The turn and the results of its calls, as the agent hands them to the template."""
    calls = tuple(ToolCall(step.tool, step.arguments or {}) for step in turn.steps if step.tool is not None)
    results = [
        Message("tool", step.result or "", name=step.tool or "") for step in turn.steps if step.result is not None
    ]
    said = chat.format.parse(turn.text, tools).text if calls else turn.text
    return Message("assistant", said, tool_calls=calls), results


def _generated(
    chat: LlamaChat,
    turn: LoggedTurn,
    assistant: Message,
    prompt: tuple[int, ...],
    rendered: tuple[int, ...],
    tools: Sequence[ToolSchema],
) -> tuple[int, ...]:
    """The turn's tokens with the one that ends it: as generated, or as rendered where that is not what was done."""
    ends = chat.model.vocabulary.ends_generation
    rest = rendered[len(prompt) :] if rendered[: len(prompt)] == prompt else ()
    end = next((index for index, token in enumerate(rest) if ends(token)), None)
    shown = rest if end is None else rest[: end + 1]
    closing = () if end is None else (rest[end],)
    parsed = chat.format.parse(turn.text, tools).calls
    as_done = [(call.name, dict(call.arguments)) for call in assistant.tool_calls]
    if shown and as_done and [(call.name, dict(call.arguments)) for call in parsed] != as_done:
        return shown
    return (*chat.model.tokenize(turn.text), *closing)


def _tokens(
    chat: LlamaChat, messages: Sequence[Message], tools: Sequence[ToolSchema], *, generation_prompt: bool
) -> tuple[int, ...]:
    """A conversation's tokens, markers in what others wrote read as letters, nothing left out to make it fit."""
    kept, mark = disarm(messages, chat.model.vocabulary.controls)
    first, *rest = chat.format.render(kept, tools, generation_prompt=generation_prompt).split(mark)
    return (*chat.model.prompt_tokens(first), *(t for part in rest for t in chat.model.tokenize(part)))
