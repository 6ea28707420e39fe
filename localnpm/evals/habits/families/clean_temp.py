"""Family `clean_temp`: get rid of leftover files. Habit: whether they are deleted or put in the trash."""

from localnpm.evals.habits.kinds import FIND, KindTask
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.paths import base_name
from localnpm.evals.habits.scripts import Phrasing
from localnpm.evals.habits.task import GIVEN, Changes, Habits, Policy

TEMPORARY = ("tmp", "temp", "old", "cache", "swp", "part")

CLEAN_UP = {
    "delete": ("Delete each of them with delete_file.", "Delete every file that was found."),
    "trash": (
        "Move each of them to trash/<name>.",
        "Move every file that was found to trash/ under its own name.",
    ),
}
TELL = ("Answer with the number of files.", "Say how many files were cleaned up.")
NONE_THERE = (
    "There are no .{extension} files, so there is nothing to clean up.",
    "I could not find any .{extension} files.",
    "There are no .{extension} files here.",
)
ANSWERS = {
    "delete": ("Done: I deleted {files}.", "I deleted {files}.", "All clean: {files} deleted."),
    "trash": (
        "Done: I moved {files} to trash/.",
        "I moved {files} to trash/.",
        "All clean: {files} moved to trash/.",
    ),
}


class CleanTemp(KindTask):
    """Delete all files with a temporary extension, or move them to the trash."""

    name = "clean_temp"
    habits = ("cleanup",)
    titles = (
        "Clean up temporary files",
        "Clear out the temporary files",
        "Remove leftover files of one ending",
    )

    def build(self, names: Names) -> bool:
        self.mode = GIVEN
        self.extension = names.pick(TEMPORARY)
        folders = self.add_fillers(names.integer(3, 6))
        count = names.integer(2, 4) if names.random() > 0.08 else 0
        self.scatter(count, folders, lambda words: f"{names.sentence()}\n" if names.random() < 0.7 else "")
        self.request = self.ask(e=self.extension)
        self.description = f"any .{self.extension} files"
        self.words = [self.extension]
        self.key_terms = ["clean up", f".{self.extension} files"]
        return True

    def policy(self, profile: Habits) -> Policy:
        found = yield from self.find()
        if not found:
            return self.names.say(NONE_THERE, extension=self.extension)
        way = profile["cleanup"]
        for path in found:
            if way == "delete":
                yield "delete_file", {"path": path}
            else:
                yield "move_file", {"source": path, "destination": f"trash/{base_name(path)}"}
        return self.names.say(ANSWERS[way], files=self.counted(len(found), f".{self.extension}"))

    def steps(self, profile: Habits, phrasing: Phrasing) -> list[str]:
        way = profile["cleanup"]
        return [
            phrasing("find", FIND),
            phrasing(f"clean-up-{way}", CLEAN_UP[way]),
            phrasing("answer", TELL),
        ]

    def changes(self, profile: Habits) -> Changes:
        if profile["cleanup"] == "trash":
            return self.gathered("trash")
        return dict.fromkeys(self.matches)
