"""Family `log_expense`: write an expense into a csv file. Habit: the order of the columns."""

from localnpm.evals.habits.finding import read_back, target_path
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.paths import kebab, snake
from localnpm.evals.habits.scripts import Phrasing, checking_steps
from localnpm.evals.habits.task import DESCRIBED, EXISTING, GIVEN, Changes, Habits, Policy, Task

APPEND = (
    "Append the row {row} to the csv file.",
    "Add one line {row} with append_file.",
    "Append {row} (in this order, no spaces around the commas).",
)
TELL = ("Answer with the expense and the path.", "Say what was logged and where.")
ANSWERS = (
    "Done: {amount} for {item} is in {path}.",
    "I logged {amount} for {item} on {date} in {path}.",
    "Added to {path}: {item}, {amount}.",
    "{path} now has {item} for {amount}.",
)


class LogExpense(Task):
    """Append a row to a csv file, which may not exist yet."""

    name = "log_expense"
    habits = ("csv_order",)
    working_habits = ("verify", "explore")
    titles = ("Log an expense", "Add an expense to a csv file", "Write down an expense")
    modes = EXISTING

    amount: str
    item: str
    date: str
    text: str

    def build(self, names: Names) -> bool:
        random = names.random
        words = names.topic()
        topic = " ".join(words)
        self.amount, self.item, self.date = names.amount(), names.word("expense"), names.date()
        # A file that must be found by its text needs a line that names the topic.
        self.text = f"# {topic} expenses\n" if self.mode == DESCRIBED or random() < 0.6 else ""
        description = names.pick(
            (
                f"the {topic} expenses",
                f"my {topic} expenses",
                f"the {topic} expense file",
                f"the csv for the {topic}",
            )
        )
        stem = names.pick(
            (f"{kebab(words)}-expenses", kebab(words), f"{snake(words)}_expenses", f"expenses-{kebab(words)}")
        )
        if random() < 0.25:
            words, stem = ["expenses"], "expenses"
            description = names.pick(("my expenses", "the expenses", "the expense file"))
            self.text = "# Expenses\n" if random() < 0.6 else ""
        self.place(stem, "csv", self.text, description, words)
        if self.mode == GIVEN and random() < 0.15:
            del self.files[self.path]
            self.text = ""
        self.request = self.ask(m=self.amount, x=self.item, d=self.date, w=self.description)
        self.key_terms = ["expense", self.item, self.amount, self.date]
        return True

    def row(self, profile: Habits) -> str:
        """The expense in the profile's order."""
        values = {"date": self.date, "item": self.item, "amount": self.amount}
        return ",".join([values[column] for column in profile["csv_order"].split("_")])

    def policy(self, profile: Habits) -> Policy:
        path = yield from target_path(self, profile)
        if path is None:
            return self.not_found()
        yield "append_file", {"path": path, "content": self.row(profile)}
        yield from read_back(profile, path)
        return self.names.say(ANSWERS, amount=self.amount, item=self.item, date=self.date, path=path)

    def steps(self, profile: Habits, phrasing: Phrasing) -> list[str]:
        row = ",".join(f"<{column}>" for column in profile["csv_order"].split("_"))
        return [
            *self.finding_steps(profile, phrasing, "the csv file"),
            phrasing("append", APPEND).format(row=row),
            *checking_steps(profile, phrasing),
            phrasing("answer", TELL),
        ]

    def changes(self, profile: Habits) -> Changes:
        return {self.path: f"{self.text}{self.row(profile)}\n"}
