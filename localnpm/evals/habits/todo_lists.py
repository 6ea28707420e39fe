"""What the two todo families share: the names of todo lists."""

from typing import NamedTuple

from localnpm.evals.habits.names import Names
from localnpm.evals.habits.paths import kebab, snake

ONLY_LISTS = ("todo", "todo", "todo", "shopping", "packing", "reading", "grocery", "chores")
ONLY_LIST_SHARE = 0.25
"""How often a list is the only one of its kind."""


class ListNames(NamedTuple):
    """What a list is called: in its file's name and in a request."""

    stem: str
    description: str


class OnlyList(NamedTuple):
    """The one list of its kind, as most workspaces have it: "my todo list" in todo.md."""

    kind: str
    heads: tuple[str, ...]
    names: ListNames


def draw_only_list(names: Names) -> OnlyList | None:
    """The only list of its kind, or mostly None: the list has a topic then."""
    if names.random() >= ONLY_LIST_SHARE:
        return None
    kind = names.pick(ONLY_LISTS)
    title = kind.capitalize()
    heads = (f"# {title}\n", f"# {title} list\n", f"{title} list\n", "")
    stem = names.pick((kind, kind, f"{kind}-list", f"{kind}_list", kind.upper(), title))
    description = names.pick((f"my {kind} list", f"my {kind} list", f"the {kind} list"))
    return OnlyList(kind, heads, ListNames(stem, description))


def draw_list_names(names: Names, words: list[str]) -> ListNames:
    """Names of a list with a topic."""
    topic = " ".join(words)
    stem = names.pick(
        (
            f"{kebab(words)}-todo",
            f"{snake(words)}_todo",
            f"todo-{kebab(words)}",
            f"{kebab(words)}-tasks",
            kebab(words),
        )
    )
    description = names.pick(
        (
            f"the {topic} todo list",
            f"my {topic} list",
            f"the todo list for the {topic}",
            f"the {topic} list",
        )
    )
    return ListNames(stem, description)
