"""A model's chat format: messages to a prompt by its own template, and its turns back to text, thought and calls.

The parts: templates.py renders, probe.py finds out what a template can do, conversation.py puts the messages so,
calls/ reads and names the forms of calls, grammar.py constrains them. Nothing here imports llama.cpp.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from localnpm.engine import conversation
from localnpm.engine.calls.forms import HARMONY
from localnpm.engine.calls.harmony import HarmonySplitter
from localnpm.engine.calls.reading import Unreadable
from localnpm.engine.calls.splitter import StreamSplitter, TurnSplitter
from localnpm.engine.grammar import LazyGrammar, call_grammar
from localnpm.engine.messages import Message, ToolCall, ToolSchema
from localnpm.engine.probe import Abilities, Probe, open_thought
from localnpm.engine.templates import Template, TemplateRefusedError
from localnpm.errors import ModelError

# For a GGUF without a template, as llama.cpp does: ChatML, which most models have at least seen.
_CHATML = """{%- for message in messages %}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"""


@dataclass(frozen=True)
class ParsedTurn:
    """A turn as it was meant. `invalid` has the reasons why calls in it could not be read."""

    thought: str = ""
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    invalid: tuple[str, ...] = ()


class ChatFormat:
    """How to talk with one model. Safe to use from several threads."""

    def __init__(self, template: Template, abilities: Abilities, *, bos: str, eos: str, protocol: int) -> None:
        """Use `for_model`."""
        self._template = template
        self._can = abilities
        self._special = {"bos_token": bos, "eos_token": eos}
        self._protocol = protocol

    @classmethod
    def for_model(cls, template: str | None, *, bos: str, eos: str, protocol: int = 0) -> "ChatFormat":
        """Learn a model's format from its chat template.

        Args:
            template: the GGUF's `tokenizer.chat_template`; None takes ChatML.
            bos: the text of the token that begins a sequence, which templates may print.
            eos: that of the token that ends one.
            protocol: the GGUF's `localnpm.protocol`; 1 is a model that knows the tools without a description.

        Raises:
            ModelError: the template cannot be compiled, hangs, or does not take a user's message.
        """
        source = template or _CHATML
        compiled = Template(source)
        try:
            abilities = Probe(compiled, source, bos, eos).abilities()
        except ModelError:
            compiled.close()
            raise
        return cls(compiled, abilities, bos=bos, eos=eos, protocol=protocol)

    @property
    def form(self) -> str:
        """The name of the form in which the model writes calls, e.g. "hermes"."""
        return self._can.form.name

    @property
    def stop(self) -> tuple[str, ...]:
        """Texts that end a turn, besides the GGUF's own end tokens."""
        return self._can.stop

    def describe(self) -> str:
        """Say in one line how the model calls tools and how it is told of them."""
        if self._protocol:
            told = "knows the tools by itself"
        elif self._can.tools:
            told = "its template describes the tools"
        else:
            told = "its template knows no tools: they are described in the system text"
        return f"{self.form}: {self._can.form.example} ({told})"

    def render(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolSchema],
        *,
        generation_prompt: bool = True,
        now: datetime | None = None,
    ) -> str:
        """Return the prompt's text; it holds the beginning-of-sequence token where the template prints one.

        Raises:
            ModelError: the template refuses this conversation, or hangs.
        """
        variables: dict[str, object] = {
            "messages": conversation.put(messages, tools, self._can, describe=not self._protocol),
            "add_generation_prompt": generation_prompt,
            "date_string": (now or datetime.now()).strftime("%d %b %Y"),
            **self._special,
        }
        if tools or self._can.tools_as_none:
            told = conversation.brief(tools) if self._can.wordy else tools
            variables["tools"] = [tool.as_openai() for tool in told] or None
        try:
            return self._template.render(now=now, **variables)
        except TemplateRefusedError as error:
            raise ModelError(
                f"the model's chat template refuses the conversation: {error}. "
                "Start a new session, or try another model."
            ) from error

    def parse(self, text: str, tools: Sequence[ToolSchema] = (), *, prompt: str | None = None) -> ParsedTurn:
        """Read a turn. Never raises: what cannot be read is named in `invalid`.

        Args:
            text: what was generated, special tokens included.
            tools: their schemas give XML arguments, which are all text, their types.
            prompt: what it was generated from, to know whether that had opened a thought; None: as the template does.
        """
        splitter = self.splitter(prompt)
        parts = splitter.feed(text) + splitter.finish()
        segments = splitter.segments
        thought = "".join(part for kind, part in parts if kind == "thought")
        if splitter.in_thought and not segments:
            # Some models forget to close the thought before they call.
            inner = TurnSplitter()
            inner.feed(thought)
            inner.finish()
            segments = inner.segments
        read = [call for notation, segment in segments for call in notation.read(segment, tools)]
        return ParsedTurn(
            thought=thought.strip(),
            text="".join(part for kind, part in parts if kind == "text").strip(),
            calls=tuple(call for call in read if isinstance(call, ToolCall)),
            invalid=tuple(call.reason for call in read if isinstance(call, Unreadable)),
        )

    def splitter(self, prompt: str | None = None) -> StreamSplitter:
        """Return a new splitter for one turn; `prompt` as for `parse`."""
        if self._can.form is HARMONY:
            return HarmonySplitter()
        return TurnSplitter(thought_end=self._can.thought_end if prompt is None else open_thought(prompt))

    def grammar(self, tools: Sequence[ToolSchema]) -> LazyGrammar | None:
        """Return the grammar that holds a call to the tools' schemas; None where the form is not JSON."""
        return call_grammar(self.form, tools)

    def close(self) -> None:
        """End the template's process; rendering is not possible afterwards."""
        self._template.close()
