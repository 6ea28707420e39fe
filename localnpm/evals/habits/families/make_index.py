"""Family `make_index`: write a file that lists the files of a folder. Habit: the index's name."""

from collections.abc import Sequence

from localnpm.evals.habits.finding import read_back
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.scripts import Phrasing, checking_steps
from localnpm.evals.habits.task import GIVEN, MISSING, Changes, Habits, Policy, Task

FILE_NAMES = {"readme": "README.md", "index": "index.txt", "contents": "CONTENTS.md"}

LIST = ("List the folder.", "List the files of <folder> with list_directory.")
WRITE = (
    'Write <folder>/{name} with "# <folder>", a blank line and one "- <file>" line for each file.',
    "Write the index to <folder>/{name}: the heading # <folder>, then - <file> for each file.",
)
TELL = ("Answer with the path of the index.", "Tell the user where the index is.")
ANSWERS = (
    "The index is in {path}.",
    "Done: {path} lists {count} files.",
    "I wrote {path} with {count} files.",
    "{path} now lists the files of the folder.",
)


class MakeIndex(Task):
    """Write an index into a folder."""

    name = "make_index"
    habits = ("index_name",)
    working_habits = ("verify",)
    titles = (
        "Make an index of a folder",
        "Write an index file for a folder",
        "List the files of a folder in an index",
    )

    folder: str
    listed: list[str]
    """The names of the folder's files, sorted."""

    def build(self, names: Names) -> bool:
        if self.mode != MISSING:
            self.mode = GIVEN
        self.words = names.topic()
        self.folder = names.file_stem(self.words) if names.random() < 0.6 else names.folder()
        self.listed = []
        if self.mode != MISSING:
            self._fill_folder(names)
        others = [folder for folder in (names.folder(), names.folder()) if folder != self.folder]
        self.add_fillers(names.integer(2, 4), folders=others or ["rest"])
        slash = "/" if names.random() < 0.4 else ""
        self.description = f"the folder {self.folder}"
        self.path = self.given = self.folder
        self.request = self.ask(w=self.folder + slash)
        self.key_terms = ["index", self.folder]
        return True

    def _fill_folder(self, names: Names) -> None:
        for _ in range(names.integer(2, 5)):
            words = names.topic()
            extension = names.pick(("md", "txt", "csv", "txt"))
            name = f"{names.file_stem(words)}.{extension}"
            if name not in self.listed:
                self.listed.append(name)
                self.files[f"{self.folder}/{name}"] = names.file_text(words, extension)
        self.listed.sort()

    def index_path(self, profile: Habits) -> str:
        """The index's path as the profile has it."""
        return f"{self.folder}/{FILE_NAMES[profile['index_name']]}"

    def content(self, listed: Sequence[str]) -> str:
        """The index of these files."""
        return f"# {self.folder}\n\n" + "".join([f"- {name}\n" for name in listed])

    def policy(self, profile: Habits) -> Policy:
        listing = yield "list_directory", {"path": self.folder}
        if listing.startswith("Error"):
            yield "list_directory", {"path": "."}
            return self.not_found()
        marker = "[FILE] "
        listed = [line[len(marker) :] for line in listing.split("\n") if line.startswith(marker)]
        path = self.index_path(profile)
        yield "write_file", {"path": path, "content": self.content(listed)}
        yield from read_back(profile, path)
        return self.names.say(ANSWERS, path=path, count=len(listed))

    def steps(self, profile: Habits, phrasing: Phrasing) -> list[str]:
        name = FILE_NAMES[profile["index_name"]]
        return [
            phrasing("list", LIST),
            phrasing("write", WRITE).format(name=name),
            *checking_steps(profile, phrasing, "the index"),
            phrasing("answer", TELL),
        ]

    def changes(self, profile: Habits) -> Changes:
        return {self.index_path(profile): self.content(self.listed)}
