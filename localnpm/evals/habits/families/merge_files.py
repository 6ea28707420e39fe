"""Family `merge_files`: make one file of two. Habits: what joins the texts, and whether the originals stay."""

from localnpm.evals.habits.finding import read_back
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.paths import base_name
from localnpm.evals.habits.scripts import Phrasing, checking_steps
from localnpm.evals.habits.task import GIVEN, LOST, MISSING, Changes, Habits, Policy, Task

READ = ("Read both files.", "Read the first file, then the second.")
WRITE = {
    "blank": (
        "Write <new file> with the first text, a blank line and the second text.",
        "Write both texts to <new file> with one blank line between them.",
    ),
    "rule": (
        "Write <new file> with the first text, a --- line and the second text.",
        "Write both texts to <new file> with a --- line between them.",
    ),
    "headings": (
        "Write <new file> with each text under a heading with its file name (# <name>).",
        "Write both texts to <new file>, each below the heading # <name>.",
    ),
}
DELETE = ("Delete the two originals.", "Delete both old files.")
KEEP = ("Keep the two originals.", "Leave the old files where they are.")
TELL = ("Answer with the path of the new file.", "Tell the user the new path.")
MERGED_AND_DELETED = (
    "Done: both are now in {path}, and the originals are gone.",
    "I merged them into {path} and deleted the two originals.",
    "{path} now has both texts. The originals are deleted.",
)
MERGED = (
    "Done: both are now in {path}.",
    "I merged them into {path}. The originals are still there.",
    "{path} now has both texts.",
    "The merged file is {path}.",
)


def _draw_text(names: Names, words: list[str]) -> str:
    title = f"{' '.join(words).capitalize()}\n" if names.random() < 0.3 else ""
    return f"{title}{names.sentences(1, 2)}\n"


class MergeFiles(Task):
    """Write two files into a third one."""

    name = "merge_files"
    habits = ("merge_join", "merge_originals")
    working_habits = ("verify",)
    titles = ("Merge two files", "Put two files together", "Join two files into one")

    first: str
    second: str
    merged: str
    first_text: str
    second_text: str

    def build(self, names: Names) -> bool:
        random = names.random
        self.mode = MISSING if self.mode in (MISSING, LOST) else GIVEN
        first_words, second_words, merged_words = names.topic(), names.topic(), names.topic()
        extension = names.pick(("md", "txt"))
        folder = names.folder()
        prefix = f"{folder}/" if random() < 0.4 else ""
        self.first = f"{prefix}{names.file_stem(first_words)}.{extension}"
        self.second = f"{prefix}{names.file_stem(second_words)}.{extension}"
        merged_prefix = prefix if random() < 0.6 else ""
        self.merged = f"{merged_prefix}{names.file_stem(merged_words)}.{extension}"
        if len({self.first, self.second, self.merged}) < 3:
            return False
        self.first_text = _draw_text(names, first_words)
        self.second_text = _draw_text(names, second_words)
        self.files[self.first] = self.first_text
        if self.mode == GIVEN:
            self.files[self.second] = self.second_text
        self.add_fillers(names.integer(3, 5), folders=[folder])
        self.files.pop(self.merged, None)
        if self.mode == MISSING:
            self.files.pop(self.second, None)
        self.description = self.second
        self.path = self.given = self.first
        self.words = first_words
        self.request = self.ask(a=self.first, b=self.second, c=self.merged)
        self.key_terms = ["merge", *map(base_name, (self.first, self.second, self.merged))]
        return True

    def content(self, profile: Habits) -> str:
        """The merged text as the profile has it."""
        first, second = self.first_text.rstrip("\n"), self.second_text.rstrip("\n")
        match profile["merge_join"]:
            case "blank":
                return f"{first}\n\n{second}\n"
            case "rule":
                return f"{first}\n\n---\n\n{second}\n"
            case _:
                return f"# {base_name(self.first)}\n\n{first}\n\n# {base_name(self.second)}\n\n{second}\n"

    def policy(self, profile: Habits) -> Policy:
        yield "read_file", {"path": self.first}
        second = yield "read_file", {"path": self.second}
        if second.startswith("Error"):
            yield "find_files", {"pattern": base_name(self.second)}
            return self.not_found()
        yield "write_file", {"path": self.merged, "content": self.content(profile)}
        yield from read_back(profile, self.merged)
        if profile["merge_originals"] == "keep":
            return self.names.say(MERGED, path=self.merged)
        yield "delete_file", {"path": self.first}
        yield "delete_file", {"path": self.second}
        return self.names.say(MERGED_AND_DELETED, path=self.merged)

    def steps(self, profile: Habits, phrasing: Phrasing) -> list[str]:
        joint = profile["merge_join"]
        return [
            phrasing("read", READ),
            phrasing(f"write-{joint}", WRITE[joint]),
            *checking_steps(profile, phrasing, "the new file"),
            phrasing("keep", KEEP) if profile["merge_originals"] == "keep" else phrasing("delete", DELETE),
            phrasing("answer", TELL),
        ]

    def changes(self, profile: Habits) -> Changes:
        changes: Changes = {self.merged: self.content(profile)}
        if profile["merge_originals"] == "remove":
            changes[self.first] = changes[self.second] = None
        return changes
