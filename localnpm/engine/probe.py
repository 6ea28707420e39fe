"""Finds out what a chat template can do, by rendering small conversations and looking at what it prints.

Templates differ in silence: one drops the system text after a tool call, one prints a call twice, one knows only
arguments that are text, one raises where roles do not alternate. What is found here decides how conversation.py puts
messages.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localnpm.engine.calls.forms import HERMES, Form, form_of
from localnpm.engine.calls.splitter import THOUGHTS
from localnpm.engine.messages import Message, ToolCall, ToolSchema
from localnpm.engine.templates import Template, TemplateRefusedError
from localnpm.errors import ModelError

_SYSTEM, _USER, _ANSWER, _RESULT = "Qsystemq", "Quserq", "Qanswerq", "Qresultq"
_TOOL = ToolSchema(
    "probe_tool",
    "A probe.",
    {"type": "object", "properties": {"key": {"type": "string", "description": "A key."}}, "required": ["key"]},
)
_LONGEST_STOP = 40
_WORDY = 1.1


@dataclass(frozen=True)
class Abilities:
    """What a template takes and prints.

    Attributes:
        form: the form its calls have; Hermes' where it shows none.
        system: a system message is printed, after tool results too.
        tools: the tools' descriptions are printed.
        wordy: they are printed in more words than their JSON has.
        calls: calls are printed, each once, in every step. (If not, they are put as text in the model's form.)
        arguments_as_text: calls' arguments must be a string of JSON.
        no_content: the content beside calls must be null.
        text_beside: text beside calls is printed before them, or not at all. (Gemma 4's prints it after the results.)
        results: tool messages are printed, and belong to calls that the model can see.
        several: a message may have more than one call.
        repeats: two messages of one role may follow each other.
        tools_as_none: where there are no tools the variable is null; else it is left out.
        thought_end: what closes the thought that a generation prompt opens; empty where it opens none.
        stop: what ends a turn.
    """

    form: Form
    system: bool
    tools: bool
    wordy: bool
    calls: bool
    arguments_as_text: bool
    no_content: bool
    text_beside: bool
    results: bool
    several: bool
    repeats: bool
    tools_as_none: bool
    thought_end: str
    stop: tuple[str, ...]


class Probe:
    """Renders the sample conversations of one template."""

    def __init__(self, template: Template, source: str, bos: str, eos: str) -> None:
        """Prepare to probe `template`, which was compiled from `source`."""
        self._template = template
        self._source = source
        self._special = {"bos_token": bos, "eos_token": eos}
        self._tools_as_none = True

    def abilities(self) -> Abilities:
        """Probe everything.

        Raises:
            ModelError: the template does not even take a user's message.
        """
        self._check_plain()
        form = form_of(self._source)
        tools = self._prints_tools()
        as_text, no_content, calls = self._call_style(form or HERMES)
        printed = (
            self._rendered([_user(), _said(_ANSWER), _result()]) if not calls else self._steps(1, as_text, no_content)
        )
        results = printed is not None and _RESULT in printed and (calls or (tools and form is not None))
        style = {"as_text": as_text, "no_content": no_content}
        return Abilities(
            form=form or HERMES,
            system=self._keeps_system(self._step(0, **style) if calls and results else []),
            tools=tools,
            wordy=tools and self._is_wordy(),
            calls=calls and results,
            arguments_as_text=as_text,
            no_content=no_content,
            text_beside=not (calls and results) or self._text_before_call(as_text),
            results=results,
            several=calls and self._takes_two_calls(**style),
            repeats=self._prints([_user("Qfirstq"), _user("Qsecondq")], ("Qfirstq", "Qsecondq")),
            tools_as_none=self._tools_as_none,
            thought_end=self._open_thought(),
            stop=self._stop(form or HERMES),
        )

    def _check_plain(self) -> None:
        try:
            self._template.render(**self._variables([_user()]))
        except TemplateRefusedError as first:
            self._tools_as_none = False
            try:
                self._template.render(**self._variables([_user()]))
            except TemplateRefusedError:
                raise ModelError(
                    f"the model's chat template does not take a user's message: {first}. "
                    "Try another build of this model."
                ) from first

    def _prints_tools(self) -> bool:
        printed = self._rendered([_user()], tools=[_TOOL.as_openai()])
        return printed is not None and _TOOL.name in printed and "key" in printed

    def _is_wordy(self) -> bool:
        """Whether one tool more costs clearly more than its JSON: a template may indent it, or say things twice."""
        one, two = (self._rendered([_user()], tools=[_TOOL.as_openai()] * count) or "" for count in (1, 2))
        return len(two) - len(one) > _WORDY * len(json.dumps(_TOOL.as_openai()))

    def _call_style(self, form: Form) -> tuple[bool, bool, bool]:
        """How calls must be put: arguments as text, content null; and whether they are printed at all."""
        for as_text in (False, True):
            for no_content in (False, True):
                once, twice = self._steps(1, as_text, no_content), self._steps(2, as_text, no_content)
                if once is None or twice is None:
                    continue
                printed = twice.count("Qvalue0q") == twice.count("Qvalue1q") == 1
                # A template that gets only the first step right leaves out what opens the second call.
                if printed and twice.count(form.opening) == once.count(form.opening) + 1:
                    return as_text, no_content, True
        return False, False, False

    def _takes_two_calls(self, *, as_text: bool, no_content: bool) -> bool:
        call, result = self._step(0, as_text=as_text, no_content=no_content)
        other, other_result = self._step(1, as_text=as_text, no_content=no_content)
        both = {**call, "tool_calls": call["tool_calls"] + other["tool_calls"]}
        return self._prints([_user(), both, result, other_result], ("Qvalue0q", "Qvalue1q"))

    def _text_before_call(self, as_text: bool) -> bool:
        call, result = self._step(0, as_text=as_text, no_content=False)
        printed = self._rendered([_user(), call | {"content": _ANSWER}, result])
        return printed is not None and printed.find(_ANSWER) < printed.find("Qvalue0q")

    def _keeps_system(self, step: Sequence[Mapping[str, Any]]) -> bool:
        system = Message("system", _SYSTEM).as_openai()
        return all(
            self._prints(messages, (_SYSTEM, _USER))
            for messages in ([system, _user()], [system, _user(), *(step or [_said(_ANSWER), _user("Qagainq")])])
        )

    def _open_thought(self) -> str:
        printed = self._rendered([_user()], add_generation_prompt=True) or ""
        return open_thought(printed)

    def _stop(self, form: Form) -> tuple[str, ...]:
        """The form's own, and what the template prints after an answer."""
        printed = self._rendered([_user(), _said(_ANSWER)]) or ""
        after = printed.partition(_ANSWER)[2].split()
        marker = after[0] if after else ""
        if marker.startswith("<"):
            marker = marker[: marker.find(">") + 1]
        ends = (marker,) if 0 < len(marker) <= _LONGEST_STOP else ()
        return tuple(dict.fromkeys((*ends, *form.stop)))

    def _steps(self, count: int, as_text: bool, no_content: bool) -> str | None:
        messages = [_user()]
        for number in range(count):
            messages += self._step(number, as_text=as_text, no_content=no_content)
        return self._rendered(messages)

    def _step(self, number: int, *, as_text: bool, no_content: bool) -> list[dict[str, Any]]:
        call = ToolCall("probe_tool", {"key": f"Qvalue{number}q"}, f"probe000{number}")
        message = Message("assistant", tool_calls=(call,)).as_openai(arguments_as_text=as_text)
        return [message | ({"content": None} if no_content else {}), _result(call.id)]

    def _prints(self, messages: Sequence[Mapping[str, Any]], texts: Iterable[str]) -> bool:
        printed = self._rendered(messages)
        return printed is not None and all(printed.count(text) == 1 for text in texts)

    def _rendered(
        self, messages: Sequence[Mapping[str, Any]], *, tools: Sequence[Any] = (), add_generation_prompt: bool = False
    ) -> str | None:
        """Render; None where the template refuses."""
        variables = self._variables(messages, tools) | {"add_generation_prompt": add_generation_prompt}
        try:
            return self._template.render(**variables)
        except TemplateRefusedError:
            return None

    def _variables(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Any] = ()) -> dict[str, Any]:
        variables: dict[str, Any] = {"messages": messages, "add_generation_prompt": False, **self._special}
        if tools or self._tools_as_none:
            variables["tools"] = tools or None
        return variables


def open_thought(prompt: str) -> str:
    """Return what closes the thought that a prompt leaves open at its end; empty where there is none."""
    ending = prompt.rstrip()
    return next((end for start, end in THOUGHTS.items() if ending.endswith(start.rstrip())), "")


def _user(text: str = _USER) -> dict[str, Any]:
    return Message("user", text).as_openai()


def _said(text: str) -> dict[str, Any]:
    return Message("assistant", text).as_openai()


def _result(call: str = "probe0000") -> dict[str, Any]:
    return Message("tool", _RESULT, tool_call_id=call, name="probe_tool").as_openai()
