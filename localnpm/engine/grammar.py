"""A grammar for tool calls, and when it begins to constrain what the model writes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LazyGrammar:
    """A grammar that starts at a trigger.

    Attributes:
        gbnf: llama.cpp's grammar notation; its rule `root` matches from the trigger's first character on.
        triggers: texts whose first appearance starts the grammar; empty: it holds from the first token on.
    """

    gbnf: str
    triggers: tuple[str, ...]
