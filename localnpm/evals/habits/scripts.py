"""Pieces of scripts: the written procedure of a task, in words that vary but mean the same."""

from collections.abc import Iterable, Mapping, Sequence

from localnpm.evals.habits.shares import Uniform

CHECKING = (
    "Read {thing} again to check it.",
    "Read {thing} back.",
    "Check the result by reading {thing} again.",
    "Look at {thing} once more with read_file.",
)
FINDING = {
    "list": (
        "List the folders to find {thing}.",
        "Look through the folders with list_directory for {thing}.",
        "List the workspace, then its folders, until {thing} turns up.",
    ),
    "find": (
        "Find {thing} by name with find_files.",
        "Look for {thing} with find_files and a word of its name.",
        "Use find_files to get the path of {thing}.",
    ),
    "search": (
        "Search the texts for the topic to find {thing}.",
        "Use search_text with the topic to find {thing}.",
        "Find {thing} with search_text.",
    ),
}


class Phrasing:
    """Choices among paraphrases, remembered by key: a revised script keeps the wording of its unchanged steps."""

    def __init__(self, random: Uniform) -> None:
        self._random = random
        self._chances: dict[str, float] = {}

    def __call__(self, key: str, options: Sequence[str]) -> str:
        chance = self._chances.get(key)
        if chance is None:
            chance = self._chances[key] = self._random()
        return options[int(chance * len(options))]


def numbered(title: str, steps: Iterable[str]) -> str:
    """A script: the title, then the steps."""
    return "\n".join([title, *[f"{number}. {step}" for number, step in enumerate(steps, 1)]])


def finding_steps(profile: Mapping[str, str], phrasing: Phrasing, thing: str) -> list[str]:
    """The step that finds a thing whose path is not given."""
    way = profile["explore"]
    return [phrasing(f"find-{way}", FINDING[way]).format(thing=thing)]


def checking_steps(profile: Mapping[str, str], phrasing: Phrasing, thing: str = "the file") -> list[str]:
    """The step that reads the result back, for users who want that."""
    return [phrasing("verify", CHECKING).format(thing=thing)] if profile["verify"] == "yes" else []
