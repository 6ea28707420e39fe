"""Family `list_kind`: which files of a kind there are. Habit: the form of the list."""

import re
from collections.abc import Sequence

from localnpm.evals.habits.kinds import FIND, KIND_EXTENSIONS, KindTask
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.scripts import Phrasing
from localnpm.evals.habits.task import FILLER_EXTENSIONS, GIVEN, Habits, Policy

TELL = {
    "comma": (
        "Answer with the paths on one line, separated by commas.",
        "Answer with the paths, with commas between them.",
    ),
    "bullets": (
        "Answer with a bullet list: - <path>.",
        "Answer with one line for each path, with a dash in front.",
    ),
    "count": (
        "Answer with the number of files first: <n> <ext> files: <path>, <path>.",
        "Answer with how many there are, then the paths with commas.",
    ),
}
NONE_THERE = (
    "There are no {extension} files in the workspace.",
    "I could not find any {extension} files.",
    "There are no files that end in .{extension}.",
)


class ListKind(KindTask):
    """Say which files end in an extension."""

    name = "list_kind"
    habits = ("list_style",)
    titles = ("List the files of a kind", "Say which files of a kind there are", "List files by ending")
    informs = True

    def build(self, names: Names) -> bool:
        self.mode = GIVEN
        self.extension = names.pick(KIND_EXTENSIONS)
        others = [extension for extension in FILLER_EXTENSIONS if extension != self.extension]
        folders = self.add_fillers(names.integer(3, 6), others)
        count = names.integer(2, 5) if names.random() > 0.1 else 0
        for _ in range(count):
            words = names.topic()
            folder = f"{names.pick(folders)}/" if names.random() < 0.5 else ""
            path = f"{folder}{names.file_stem(words)}.{self.extension}"
            if path not in self.files:
                self.files[path] = names.file_text(words, self.extension)
                self.matches.append(path)
        self.matches.sort()
        if len(self.matches) == 1:
            return False
        self.request = self.ask(e=self.extension)
        self.description = f"any {self.extension} files"
        self.words = [self.extension]
        self.key_terms = ["list", f"{self.extension} files"]
        return True

    def policy(self, profile: Habits) -> Policy:
        found = yield from self.find()
        if not found:
            return self.names.say(NONE_THERE, extension=self.extension)
        return self._answer(profile, found)

    def _answer(self, profile: Habits, paths: Sequence[str]) -> str:
        match profile["list_style"]:
            case "bullets":
                return "\n".join([f"- {path}" for path in paths])
            case "comma":
                return ", ".join(paths)
            case _:
                return f"{self.counted(len(paths), self.extension)}: {', '.join(paths)}"

    def made_up_answer(self, profile: Habits) -> str:
        names = self.names
        count = names.integer(2, 3)
        return self._answer(profile, [f"{names.file_stem(names.topic())}.{self.extension}" for _ in range(count)])

    def steps(self, profile: Habits, phrasing: Phrasing) -> list[str]:
        style = profile["list_style"]
        return [phrasing("find", FIND), phrasing(f"answer-{style}", TELL[style])]

    def answer_problem(self, profile: Habits, answer: str) -> str | None:
        wanted = profile["list_style"]
        ending = f".{self.extension}"
        words = re.split(r"[\s,]+", answer)
        listed = sorted(word for word in words if word.lower().endswith(ending) and len(word) > len(ending))
        if listed != self.matches:
            return "the files in the answer are not the right ones"
        style = _style(answer, len(listed))
        return None if style == wanted else f"the list style is {style}, not {wanted}"


def _style(answer: str, count: int) -> str:
    if answer.startswith("- ") and answer.count("\n- ") == count - 1:
        return "bullets"
    if re.match(rf"(there are |you have )?{count}\b", answer.lower()):
        return "count"
    return "comma" if "\n" not in answer and answer.count(",") >= count - 1 else "?"
