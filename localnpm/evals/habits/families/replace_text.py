"""Family `replace_text`: one name for another in a file. Habit: what happens to the old version."""

from localnpm.evals.habits.backups import KEPT_AT, back_up, backup_path, backup_steps
from localnpm.evals.habits.finding import read_back, read_target
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.scripts import Phrasing, checking_steps
from localnpm.evals.habits.task import Changes, Habits, Policy, Task

READ = ("Read the file.", "Read the file to see where <old> occurs.")
REPLACE = (
    "Replace <old> with <new> using edit_file.",
    "Edit the file so that it says <new> instead of <old>.",
)
TELL = ("Answer with what was replaced and the path.", "Say what was changed and where.")
ANSWERS = (
    "Done: {path} now says {new}.",
    "I replaced {old} with {new} in {path}.",
    "{new} is now in {path} instead of {old}.",
    "I changed {old} to {new} in {path}.",
)


class ReplaceText(Task):
    """Replace a person, city or company by another one, wherever the file names it."""

    name = "replace_text"
    habits = ("backup",)
    working_habits = ("verify", "explore")
    titles = (
        "Replace a name in a file",
        "Replace a text in a file",
        "Swap one name for another in a file",
    )

    old: str
    new: str
    text: str
    lines_with_old: list[str]

    def build(self, names: Names) -> bool:
        random = names.random
        words = names.topic()
        topic = " ".join(words)
        draw_name = names.pick((names.person, names.city, names.company))
        self.old = old = draw_name()
        self.new = draw_name()
        mentions = [
            f"Ask {old} about the {names.word('noun')}.",
            f"{old} has the {names.word('noun')}.",
            f"The {names.word('noun')} comes from {old}.",
            f"Write to {old} on {names.date()}.",
        ]
        chosen = int(random() * len(mentions))
        used = [mentions[chosen]]
        lines = [mentions[chosen], names.sentence()]
        if random() < 0.15:
            second = mentions[(chosen + 1) % len(mentions)]
            used.append(second)
            lines.append(second)
        if random() < 0.5:
            lines = lines[1:] + lines[:1]
        self.lines_with_old = [line for line in lines if line in used]
        head = names.pick((f"# {topic.capitalize()}\n", f"{topic.capitalize()}\n"))
        self.text = head + "\n".join(lines) + "\n"
        if self.old == self.new or self.text.count(old) != len(self.lines_with_old):
            return False
        description = names.pick(
            (
                f"the {topic} file",
                f"the {topic} notes",
                f"the notes about the {topic}",
                f"my {topic} notes",
            )
        )
        stem = names.file_stem(words)
        self.place(stem, names.pick(("md", "txt")), self.text, description, words)
        self.request = self.ask(x=old, y=self.new, w=self.description)
        self.key_terms = ["replace", old, self.new, self.key_name]
        return True

    def policy(self, profile: Habits) -> Policy:
        path = yield from read_target(self, profile)
        if path is None:
            return self.not_found()
        backup = yield from back_up(path, profile)
        twice = len(self.lines_with_old) > 1
        if not twice or self.names.random() < 0.6:
            yield "edit_file", {"path": path, "old_text": self.old, "new_text": self.new}
        if twice:
            for line in self.lines_with_old:
                changed = line.replace(self.old, self.new)
                yield "edit_file", {"path": path, "old_text": line, "new_text": changed}
        yield from read_back(profile, path)
        answer = self.names.say(ANSWERS, old=self.old, new=self.new, path=path)
        return answer + (self.names.say(KEPT_AT, backup=backup) if backup else "")

    def steps(self, profile: Habits, phrasing: Phrasing) -> list[str]:
        return [
            *self.finding_steps(profile, phrasing, "the file"),
            phrasing("read", READ),
            *backup_steps(profile, phrasing),
            phrasing("replace", REPLACE),
            *checking_steps(profile, phrasing),
            phrasing("answer", TELL),
        ]

    def changes(self, profile: Habits) -> Changes:
        changes: Changes = {self.path: self.text.replace(self.old, self.new)}
        backup = backup_path(self.path, profile)
        if backup:
            changes[backup] = self.text
        return changes
