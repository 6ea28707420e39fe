"""Family `move_ext`: collect all files of an extension in one folder. Habit: the folder's name."""

from localnpm.evals.habits.kinds import FIND, KIND_EXTENSIONS, KindTask
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.paths import base_name
from localnpm.evals.habits.scripts import Phrasing
from localnpm.evals.habits.task import FILLER_EXTENSIONS, GIVEN, Changes, Habits, Policy

FOLDERS = {"plain": "{ext}", "files": "{ext}-files", "sorted": "sorted/{ext}", "upper": "{EXT}"}
"""The folder's name, from the extension as it is and in capitals."""

MOVE = ("Move each of them to {folder}/ under its own name.", "Move every file to {folder}/<name>.")
IN_CAPITALS = " The folder name is in capitals."
TELL = ("Answer with the number of files and the folder.", "Say how many files were moved and where.")
NONE_THERE = (
    "There are no {extension} files, so I moved nothing.",
    "I could not find any {extension} files.",
    "There are no files that end in .{extension}.",
)
ANSWERS = ("Done: {files} moved to {folder}/.", "I moved {files} to {folder}/.", "{folder}/ now has {files}.")


class MoveExt(KindTask):
    """Move all files with an extension into a folder."""

    name = "move_ext"
    habits = ("ext_folder",)
    titles = (
        "Collect the files of a kind",
        "Move all files of an ending into one folder",
        "Gather files by ending",
    )

    def build(self, names: Names) -> bool:
        self.mode = GIVEN
        self.extension = names.pick(KIND_EXTENSIONS)
        others = [extension for extension in FILLER_EXTENSIONS if extension != self.extension]
        folders = self.add_fillers(names.integer(3, 5), others)
        count = names.integer(2, 4) if names.random() > 0.08 else 0
        self.scatter(count, folders, lambda words: names.file_text(words, self.extension))
        self.request = self.ask(e=self.extension)
        self.description = f"any {self.extension} files"
        self.words = [self.extension]
        self.key_terms = ["move", f"{self.extension} files", "folder"]
        return True

    def folder(self, profile: Habits) -> str:
        """The folder as the profile names it."""
        return FOLDERS[profile["ext_folder"]].format(ext=self.extension, EXT=self.extension.upper())

    def policy(self, profile: Habits) -> Policy:
        found = yield from self.find()
        if not found:
            return self.names.say(NONE_THERE, extension=self.extension)
        folder = self.folder(profile)
        for path in found:
            yield "move_file", {"source": path, "destination": f"{folder}/{base_name(path)}"}
        return self.names.say(ANSWERS, files=self.counted(len(found), self.extension), folder=folder)

    def steps(self, profile: Habits, phrasing: Phrasing) -> list[str]:
        naming = profile["ext_folder"]
        folder = FOLDERS[naming].format(ext="<ext>", EXT="<EXT>")
        note = IN_CAPITALS if naming == "upper" else ""
        return [
            phrasing("find", FIND),
            phrasing("move", MOVE).format(folder=folder) + note,
            phrasing("answer", TELL),
        ]

    def changes(self, profile: Habits) -> Changes:
        return self.gathered(self.folder(profile))
