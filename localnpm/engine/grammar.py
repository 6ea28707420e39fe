"""The grammar of tool calls: once one has begun, only a tool's name and arguments of its names and types may follow.

For the forms that write JSON. The schema's grammar is llama_cpp's own conversion; around it stands what the form
writes. Not covered: how sampling is constrained; that is the engine's business. llama_cpp is imported when a grammar
is first asked for.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from localnpm.engine.messages import ToolSchema

# llama_cpp's own rules allow raw control characters in strings, which JSON does not, and no line breaks between tokens.
# Without its bound an unsure model fills the whole turn with spaces.
_RULES = {
    "char": r"""[^"\\\x00-\x1F\x7F] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F])""",
    "space": r"""" "? | "\n" [ \t]{0,20}""",
}


@dataclass(frozen=True)
class LazyGrammar:
    """A grammar that starts at a trigger.

    Attributes:
        gbnf: llama.cpp's grammar notation; its rule `root` matches from the trigger's first character on.
        triggers: texts whose first appearance starts the grammar; empty: it holds from the first token on.
    """

    gbnf: str
    triggers: tuple[str, ...]


def call_grammar(form: str, tools: Sequence[ToolSchema]) -> LazyGrammar | None:
    """Return the grammar of one form of calls, or None where the form is not written in JSON."""
    build = _BUILDERS.get(form)
    if build is None or not tools:
        return None
    return build(json.dumps([[tool.name, dict(tool.parameters)] for tool in tools]))


def _hermes(tools: str) -> LazyGrammar:
    return LazyGrammar(_grammar(r'"<tool_call>" space call space "</tool_call>"', tools, "arguments"), ("<tool_call>",))


def _llama(tools: str) -> LazyGrammar:
    """Triggered by the name too: other JSON may stand in an answer."""
    names = [name for name, _ in json.loads(tools)]
    return LazyGrammar(
        _grammar('"<|python_tag|>"? call', tools, "parameters"),
        ("<|python_tag|>{", *(f'{{"name": {json.dumps(name)}' for name in names)),
    )


def _mistral(tools: str) -> LazyGrammar:
    root = r'"[TOOL_CALLS]" space "[" space call ("," space call)* "]"'
    return LazyGrammar(_grammar(root, tools, "arguments", identifier=True), ("[TOOL_CALLS]",))


def _mistral_named(tools: str) -> LazyGrammar:
    named = " | ".join(
        f"{_literal(name)} identifier? {_literal('[ARGS]')} space {_alternative(number)}-arguments"
        for number, (name, _) in enumerate(json.loads(tools))
    )
    root = f'"[TOOL_CALLS]" ({named})\nidentifier ::= "[CALL_ID]" [a-zA-Z0-9]*'
    return LazyGrammar(_grammar(root, tools, "arguments"), ("[TOOL_CALLS]",))


_BUILDERS: dict[str, Callable[[str], LazyGrammar]] = {
    "hermes": _hermes,
    "llama3-json": _llama,
    "mistral": _mistral,
    "mistral-named": _mistral_named,
}


@lru_cache(maxsize=16)
def _grammar(root: str, tools: str, arguments_key: str, *, identifier: bool = False) -> str:
    """Join a root that speaks of `call` with the grammar of a call to one of the tools ([[name, parameters], ...])."""
    from llama_cpp.llama_grammar import json_schema_to_gbnf

    calls = [_call_schema(name, parameters, arguments_key, identifier) for name, parameters in json.loads(tools)]
    lines = dict(line.split(" ::= ", 1) for line in json_schema_to_gbnf(json.dumps({"anyOf": calls})).splitlines())
    lines["call"] = lines.pop("root")
    return "\n".join(f"{name} ::= {rule}" for name, rule in ({"root": root} | lines | _RULES).items()) + "\n"


def _alternative(number: int) -> str:
    """The name that llama_cpp's conversion gives to the rule of the schema's alternative of that number."""
    return f"alternative-{number}"


def _call_schema(name: str, parameters: Any, arguments_key: str, identifier: bool) -> dict[str, Any]:
    properties: dict[str, Any] = {"name": {"const": name}, arguments_key: {"type": "object", **parameters}}
    if identifier:
        properties["id"] = {"type": "string"}
    return {"type": "object", "properties": properties, "required": ["name", arguments_key]}


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
