"""Family `journal`: write an entry into a journal, diary or log. Habit: what an entry looks like."""

from localnpm.evals.habits.finding import read_back, target_path
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.paths import kebab, snake
from localnpm.evals.habits.scripts import Phrasing, checking_steps
from localnpm.evals.habits.task import EXISTING, GIVEN, Changes, Habits, Policy, Task

APPEND = {
    "bullet": (
        'Append "- <date>: <text>" to it.',
        "Add the line - <date>: <text> with append_file.",
    ),
    "heading": (
        'Append the heading "## <date>" and below it "- <text>".',
        "Add ## <date> and then - <text> on the next line with append_file.",
    ),
    "line": (
        'Append "<date> <text>" to it.',
        "Add the plain line <date> <text> with append_file.",
    ),
}
TELL = ("Answer with the date and the path.", "Say that the entry is written and where.")
ANSWERS = (
    "Done: the entry for {date} is in {path}.",
    "I added the entry for {date} to {path}.",
    "It is written down in {path}.",
    "{path} now has an entry for {date}.",
)


class Journal(Task):
    """Append what happened on a day."""

    name = "journal"
    habits = ("journal",)
    working_habits = ("verify", "explore")
    titles = ("Write a journal entry", "Add a line to a journal", "Add an entry to a diary")
    modes = EXISTING

    event: str
    date: str
    text: str

    def build(self, names: Names) -> bool:
        random = names.random
        words = names.topic()
        topic = " ".join(words)
        self.event, self.date = names.event(), names.date()
        kind = names.pick(("journal", "diary", "log", "logbook"))
        title = topic.capitalize()
        self.text = names.pick(
            (
                f"# {title} {kind}\n",
                f"{kind.capitalize()} of the {topic}\n",
                f"# {title}\n\n{names.sentence()}\n",
            )
        )
        if self.mode == GIVEN and random() < 0.12:
            self.text = ""
        stem = names.pick((f"{kebab(words)}-{kind}", f"{kind}-{kebab(words)}", f"{snake(words)}_{kind}", kebab(words)))
        description = names.pick((f"the {topic} {kind}", f"my {topic} {kind}", f"the {kind} about the {topic}"))
        if random() < 0.25:
            words, stem, description = [kind], kind, names.pick((f"my {kind}", f"the {kind}"))
            if self.text:
                self.text = names.pick((f"# {kind.capitalize()}\n", f"My {kind}\n"))
        self.place(stem, names.pick(("md", "txt")), self.text, description, words)
        self.request = self.ask(w=self.description, d=self.date, x=self.event)
        self.key_terms = [kind, self.date, self.event]
        return True

    def entry(self, profile: Habits) -> str:
        """The entry as the profile has it."""
        match profile["journal"]:
            case "bullet":
                return f"- {self.date}: {self.event}"
            case "heading":
                return f"## {self.date}\n- {self.event}"
            case _:
                return f"{self.date} {self.event}"

    def policy(self, profile: Habits) -> Policy:
        path = yield from target_path(self, profile)
        if path is None:
            return self.not_found()
        yield "append_file", {"path": path, "content": self.entry(profile)}
        yield from read_back(profile, path)
        return self.names.say(ANSWERS, date=self.date, path=path)

    def steps(self, profile: Habits, phrasing: Phrasing) -> list[str]:
        form = profile["journal"]
        return [
            *self.finding_steps(profile, phrasing, "the journal"),
            phrasing(f"append-{form}", APPEND[form]),
            *checking_steps(profile, phrasing, "the journal"),
            phrasing("answer", TELL),
        ]

    def changes(self, profile: Habits) -> Changes:
        return {self.path: f"{self.text}{self.entry(profile)}\n"}
