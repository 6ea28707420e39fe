"""Family `remove_file`: a file is no longer needed. Habit: whether it is deleted or put away, and where."""

from localnpm.evals.habits.finding import act_on_target
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.paths import base_name, split_extension
from localnpm.evals.habits.scripts import Phrasing
from localnpm.evals.habits.task import Changes, Habits, Policy, Task

REMOVE = {
    "delete": (
        "Delete the file with delete_file.",
        "Delete it for good.",
        "Delete the file; no copy is kept.",
    ),
    "trash": (
        "Move the file to trash/ under its own name.",
        "Move it to trash/<name>.",
        "Do not delete it: move it to trash/<name>.",
    ),
    "archive": (
        "Move the file to archive/ under its own name.",
        "Move it to archive/<name>.",
        "Do not delete it: move it to archive/<name>.",
    ),
}
TELL_DELETED = ("Answer that it is deleted.", "Say that the file is gone.")
TELL_MOVED = ("Answer with the new path.", "Say where it is now.")
DELETED = (
    "{path} is deleted.",
    "Done: I deleted {path}.",
    "I deleted {path} for good.",
    "Deleted {path}.",
)
MOVED = (
    "{path} is now in {destination}.",
    "Done: I moved {path} to {destination}.",
    "I put it in {destination}.",
    "It is out of the way: {destination}.",
)


class RemoveFile(Task):
    """Get rid of a file, or put it out of the way."""

    name = "remove_file"
    habits = ("removal",)
    working_habits = ("explore",)
    titles = ("Remove a file", "Get rid of a file", "Take a file out of the way")

    text: str
    name_taken: bool
    """A file of the same name is in the trash and in the archive already."""

    def build(self, names: Names) -> bool:
        words = names.topic()
        topic = " ".join(words)
        title = topic.capitalize()
        extension = names.pick(("txt", "md", "txt", "log"))
        head = names.pick((f"# {title}\n", f"{title}\n", f"About the {topic}.\n"))
        self.text = f"{head}{names.sentence()}\n"
        description = names.pick(
            (
                f"the {topic} file",
                f"the file about the {topic}",
                f"the {topic} text",
                f"the old {topic} file",
            )
        )
        self.place(names.file_stem(words), extension, self.text, description, words)
        self.name_taken = names.random() < 0.05 and not self.missing
        if self.name_taken:
            for folder in ("trash", "archive"):
                self.files[f"{folder}/{base_name(self.path)}"] = f"{names.sentence()}\n"
        self.request = self.ask(w=self.description)
        self.key_terms = ["remove", self.key_name]
        return True

    def _free_path(self, folder: str) -> str:
        """The file's path in the trash or the archive, under another name if its own is taken."""
        name = base_name(self.path)
        if self.name_taken:
            stem, extension = split_extension(name)
            name = f"{stem}-2{extension}"
        return f"{folder}/{name}"

    def policy(self, profile: Habits) -> Policy:
        way = profile["removal"]
        if way == "delete":
            done = yield from act_on_target(self, profile, lambda path: ("delete_file", {"path": path}))
            return self.names.say(DELETED, path=done[0]) if done else self.not_found()
        done = yield from act_on_target(
            self,
            profile,
            lambda path: ("move_file", {"source": path, "destination": f"{way}/{base_name(path)}"}),
        )
        if done is None:
            return self.not_found()
        path, result = done
        destination = f"{way}/{base_name(path)}"
        if result.startswith("Error: already exists"):
            destination = self._free_path(way)
            yield "move_file", {"source": path, "destination": destination}
        return self.names.say(MOVED, path=path, destination=destination)

    def steps(self, profile: Habits, phrasing: Phrasing) -> list[str]:
        way = profile["removal"]
        deletes = way == "delete"
        return [
            *self.finding_steps(profile, phrasing, "the file"),
            phrasing(f"remove-{way}", REMOVE[way]),
            phrasing("tell-deleted", TELL_DELETED) if deletes else phrasing("tell-moved", TELL_MOVED),
        ]

    def changes(self, profile: Habits) -> Changes:
        way = profile["removal"]
        if way == "delete":
            return {self.path: None}
        return {self.path: None, self._free_path(way): self.text}
