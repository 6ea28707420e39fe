"""What the families about all files of one extension share: list them, collect them, clean them up."""

from collections.abc import Callable, Sequence

from localnpm.evals.habits.finding import Search
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.paths import base_name
from localnpm.evals.habits.task import Changes, Task

KIND_EXTENSIONS = ("csv", "txt", "md", "log", "json", "yaml", "ini", "tex", "sql", "html", "xml", "ics")

FIND = (
    "Find the files with find_files and *.<ext>.",
    "Use find_files with the pattern *.<ext>.",
)


class KindTask(Task):
    """A task about the files with an extension, wherever they are."""

    extension: str
    matches: list[str]
    """The paths with the extension, sorted."""

    def __init__(self, names: Names, mode: str) -> None:
        super().__init__(names, mode)
        self.matches = []

    @property
    def missing(self) -> bool:
        return not self.matches

    def scatter(self, count: int, folders: Sequence[str], draw_text: Callable[[list[str]], str]) -> None:
        """Add up to `count` files with the extension, no two of the same name; draw_text(words) is their content."""
        names = self.names
        taken: set[str] = set()
        for _ in range(count):
            words = names.topic()
            name = f"{names.file_stem(words)}.{self.extension}"
            if name in taken:
                continue
            taken.add(name)
            folder = f"{names.pick(folders)}/" if names.random() < 0.5 else ""
            path = folder + name
            self.files[path] = draw_text(words)
            self.matches.append(path)
        self.matches.sort()

    def gathered(self, folder: str) -> Changes:
        """What changes when all of them move to a folder."""
        changes: Changes = dict.fromkeys(self.matches)
        for path in self.matches:
            changes[f"{folder}/{base_name(path)}"] = self.files[path]
        return changes

    def find(self) -> Search[list[str]]:
        """The paths with the extension; none if there are none."""
        found = yield "find_files", {"pattern": f"*.{self.extension}"}
        return [] if found.startswith("No files match") else found.split("\n")

    @staticmethod
    def counted(count: int, kind: str) -> str:
        """`3 csv files`, `1 csv file`."""
        return f"{count} {kind} file{'s' if count > 1 else ''}"
