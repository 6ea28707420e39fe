"""Family `tidy_name`: rename a file with a messy name. Habit: the style of file names."""

import re

from localnpm.evals.habits.finding import act_on_target, read_target
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.paths import base_name, folder_prefix, kebab, pascal, snake
from localnpm.evals.habits.scripts import Phrasing
from localnpm.evals.habits.task import BY_PATH, Changes, Habits, Policy, Task

STYLES = {"kebab": kebab, "snake": snake, "pascal": pascal, "date": kebab}

READ = ("Read the file to find its date.", "Read it and note the date.")
MOVE = {
    "kebab": (
        "Rename it to lower case words with hyphens: <word>-<word>.<ext>.",
        "Move it to <word>-<word>.<ext> in the same folder, all in lower case.",
    ),
    "snake": (
        "Rename it to lower case words with underscores: <word>_<word>.<ext>.",
        "Move it to <word>_<word>.<ext> in the same folder, all in lower case.",
    ),
    "date": (
        "Rename it to <date>-<word>-<word>.<ext>, in lower case.",
        "Move it to <date>-<word>-<word>.<ext> in the same folder.",
    ),
    "pascal": (
        "Rename it to <Word><Word>.<ext>, each word with a capital.",
        "Move it to <Word><Word>.<ext> in the same folder (PascalCase).",
    ),
}
TELL = ("Answer with the new name.", "Tell the user the new path.", "Say the new name.")
ANSWERS = (
    "The file is now called {path}.",
    "Done: it is now {path}.",
    "I renamed it to {path}.",
    "Renamed to {path}.",
)


def _messy_stem(names: Names, words: list[str]) -> str:
    """The words, often with a number or a `final`, as somebody in a hurry would write them."""
    random = names.random
    words = list(words)
    chance = random()
    if chance < 0.25:
        words.append(names.pick(("final", "copy", "new", "draft", "old", "FINAL", "Draft")))
    elif chance < 0.4:
        words.append(str(names.integer(1, 30)))
    first, *rest = words
    *start, last = words
    chance = random()
    if chance < 0.35:
        return " ".join(word.capitalize() if word.islower() else word for word in words)
    if chance < 0.6:
        return " ".join([first.upper(), *rest])
    if chance < 0.75:
        return f"{' '.join(start)} ({last})"
    if chance < 0.9:
        return f"{'_'.join(word.capitalize() for word in start)} {last}"
    joint = "  " if len(words) > 2 else " & "
    return first.capitalize() + joint + " ".join(rest)


class TidyName(Task):
    """Give a file a tidy name in the folder where it is."""

    name = "tidy_name"
    habits = ("filename",)
    titles = ("Tidy a file name", "Clean up a file name", "Give a file a tidy name")
    modes = BY_PATH

    stem_words: list[str]
    extension: str
    date: str
    text: str

    def build(self, names: Names) -> bool:
        words = names.topic()
        stem = _messy_stem(names, words)
        self.stem_words = re.findall(r"[A-Za-z0-9]+", stem)
        self.date = names.date()
        title = " ".join(words).capitalize()
        first_line = names.pick((f"Date: {self.date}", f"{title}, {self.date}", f"Written on {self.date}"))
        self.text = f"{first_line}\n{names.sentences(1, 2)}\n"
        self.extension = names.pick(("txt", "md", "txt"))
        self.place(stem, self.extension, self.text, "", words)
        self.request = self.ask(w=self.description)
        self.key_terms = ["rename", "file name", base_name(self.given)]
        return True

    def destination(self, profile: Habits) -> str:
        """The file's path with its tidy name."""
        style = profile["filename"]
        stem = STYLES[style](self.stem_words)
        if style == "date":
            stem = f"{self.date}-{stem}"
        return f"{folder_prefix(self.path)}{stem}.{self.extension}"

    def policy(self, profile: Habits) -> Policy:
        destination = self.destination(profile)
        if profile["filename"] == "date":
            path = yield from read_target(self, profile)
            if path is None:
                return self.not_found()
            yield "move_file", {"source": path, "destination": destination}
        else:
            name = base_name(destination)
            moved = yield from act_on_target(
                self,
                profile,
                lambda path: ("move_file", {"source": path, "destination": folder_prefix(path) + name}),
            )
            if moved is None:
                return self.not_found()
        return self.names.say(ANSWERS, path=destination)

    def steps(self, profile: Habits, phrasing: Phrasing) -> list[str]:
        style = profile["filename"]
        return [
            *([phrasing("read", READ)] if style == "date" else []),
            phrasing(f"move-{style}", MOVE[style]),
            phrasing("answer", TELL),
        ]

    def changes(self, profile: Habits) -> Changes:
        return {self.path: None, self.destination(profile): self.text}
