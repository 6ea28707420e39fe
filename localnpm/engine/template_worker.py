"""The program that renders chat templates in a process of its own: a line of JSON in, a line of JSON out.

A template comes with a downloaded model, so it may be hostile. jinja2's sandbox keeps it from Python; this process
keeps it from the rest: its memory is limited here, its output is counted here, and templates.py ends it when it takes
too long. Settings are those of Hugging Face's `apply_chat_template`: blocks trimmed, `tojson` without HTML escapes,
loop controls, `strftime_now`, `raise_exception`, and `generation` blocks, which print what they hold.

Run by its path: it imports nothing of this package, so that it starts fast. Ends when its input does. Not covered:
time (its parent's business), and memory where the system does not enforce RLIMIT_AS (macOS).
"""

import contextlib
import json
import resource
import sys
from datetime import datetime
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

MEMORY_BYTES = 1 << 30
OUTPUT_CHARACTERS = 8 << 20


class Generation(Extension):
    """`{% generation %}...{% endgeneration %}` marks what to train on; for a prompt it is only its content."""

    tags = {"generation"}  # noqa: RUF012 (jinja2 declares it so)

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """Return the nodes between the two tags."""
        next(parser.stream)
        return list(parser.parse_statements(("name:endgeneration",), drop_needle=True))


class TooLongError(Exception):
    """The output passed `OUTPUT_CHARACTERS`."""


def to_json(
    value: Any, ensure_ascii: bool = False, indent: int | None = None, separators: Any = None, sort_keys: bool = False
) -> str:
    """Print as `json.dumps` does, without jinja2's escapes of `<`, `>`, `&` and quotes."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def raise_exception(message: str) -> None:
    """Let a template refuse a conversation."""
    raise jinja2.TemplateError(message)


def compile_template(source: str) -> jinja2.Template:
    """Compile with the settings that model makers write for."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", Generation]
    )
    environment.filters["tojson"] = to_json
    environment.globals["raise_exception"] = raise_exception
    return environment.from_string(source)


def render(template: jinja2.Template, variables: dict[str, Any]) -> str:
    """Render within the bound on the output's length; `now` (ISO 8601) is what `strftime_now` tells."""
    now = datetime.fromisoformat(variables.pop("now"))
    pieces: list[str] = []
    length = 0
    for piece in template.generate(strftime_now=now.strftime, **variables):
        pieces.append(piece)
        length += len(piece)
        if length > OUTPUT_CHARACTERS:
            raise TooLongError(f"it prints more than {OUTPUT_CHARACTERS} characters")
    return "".join(pieces)


def answer(template: jinja2.Template, variables: dict[str, Any]) -> dict[str, str]:
    """Render, or say why not. Any failure is the template's: it can raise whatever Python raises."""
    try:
        return {"text": render(template, variables)}
    except RecursionError:
        return {"error": "it calls itself without end"}
    except MemoryError:
        return {"error": "it takes too much memory"}
    except Exception as error:  # noqa: BLE001
        return {"error": str(error) or type(error).__name__}


def limit_memory() -> None:
    """Set the limit, or a lower one that is set already; not every system knows it."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def main() -> None:
    """Read [number, the template's source], then [number, variables], a line each; answer each with a line."""
    limit_memory()
    template: jinja2.Template | None = None
    for line in sys.stdin.buffer:
        number, received = json.loads(line)
        if template is None:
            try:
                template = compile_template(received)
                result = {"text": ""}
            except (jinja2.TemplateError, RecursionError, MemoryError, SyntaxError, ValueError) as error:
                result = {"error": str(error) or type(error).__name__}
        else:
            result = answer(template, received)
        sys.stdout.buffer.write(json.dumps({"number": number, **result}).encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
