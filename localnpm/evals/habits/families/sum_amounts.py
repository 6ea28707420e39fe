"""Family `sum_amounts`: add up the amounts of a file. Habit: where the total is written, if anywhere."""

from localnpm.evals.habits.arithmetic import format_number
from localnpm.evals.habits.finding import read_target
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.scripts import Phrasing
from localnpm.evals.habits.task import Changes, Habits, Policy, Task
from localnpm.evals.habits.verdict import contains_number

SUMMARY = "summary.txt"

READ = ("Read the file.", "Read the file to get the amounts.")
ADD_UP = ("Add the amounts with calculate.", "Use calculate on <amount> + <amount> + ...")
WRITE_DOWN = {
    "append": (
        'Append "Total: <total>" to the file.',
        "Add the line Total: <total> at the end of the file.",
    ),
    "summary": ('Write "Total: <total>" to summary.txt.', "Save Total: <total> in summary.txt."),
}
TELL = {
    "append": (
        "Answer with the total and the path.",
        "Tell the user the total and that it is in the file.",
    ),
    "summary": (
        "Answer with the total and summary.txt.",
        "Tell the user the total and that it is in summary.txt.",
    ),
    "answer": ("Answer with the total; write nothing to the files.", "Only tell the user the total."),
}
ANSWERS = {
    "append": (
        "The total is {total}. I added it to {path}.",
        "Total: {total}, now also at the end of {path}.",
        "It adds up to {total}, and {path} now says so.",
    ),
    "summary": (
        "The total is {total}. I wrote it to summary.txt.",
        "Total: {total}, saved in summary.txt.",
        "It adds up to {total}. The total is in summary.txt.",
    ),
    "answer": (
        "The total is {total}.",
        "It adds up to {total}.",
        "The amounts add up to {total}.",
        "{path} adds up to {total}.",
    ),
}


class SumAmounts(Task):
    """Work out a total."""

    name = "sum_amounts"
    habits = ("sum_output",)
    working_habits = ("explore",)
    titles = ("Sum the amounts of a file", "Add up the amounts in a file", "Work out a total")

    amounts: list[str]
    total: str
    text: str

    def build(self, names: Names) -> bool:
        words = names.topic()
        topic = " ".join(words)
        self.amounts = [names.amount() for _ in range(names.integer(2, 4))]
        self.total = format_number(sum(float(amount) for amount in self.amounts))
        is_csv = names.random() < 0.45
        self.text = self._draw_csv(names, topic) if is_csv else self._draw_list(names, topic)
        description = names.pick(
            (
                f"the {topic} cost list",
                f"the {topic} bill",
                f"my {topic} expense list",
                f"the {topic} cost file",
            )
        )
        stem = names.file_stem(words)
        extension = "csv" if is_csv else names.pick(("txt", "md"))
        self.place(stem, extension, self.text, description, words)
        self.files.pop(SUMMARY, None)
        self.request = self.ask(w=self.description)
        self.key_terms = ["sum", "total", self.key_name]
        return True

    def _draw_csv(self, names: Names, topic: str) -> str:
        rows = [f"{names.date()},{names.word('expense')},{amount}\n" for amount in self.amounts]
        return f"# {topic}\n{''.join(rows)}"

    def _draw_list(self, names: Names, topic: str) -> str:
        separator = names.pick((": ", " - ", " = "))
        rows = []
        for amount in self.amounts:
            item = names.word("expense") if names.random() < 0.5 else names.goods()
            rows.append(f"{item}{separator}{amount}\n")
        title = topic.capitalize()
        head = names.pick((f"# {title}\n", f"{title}\n", f"Costs of the {topic}\n"))
        return head + "".join(rows)

    def policy(self, profile: Habits) -> Policy:
        path = yield from read_target(self, profile)
        if path is None:
            return self.not_found()
        total = yield "calculate", {"expression": " + ".join(self.amounts)}
        match profile["sum_output"]:
            case "append":
                yield "append_file", {"path": path, "content": f"Total: {total}"}
            case "summary":
                yield "write_file", {"path": SUMMARY, "content": f"Total: {total}\n"}
        return self._answer(profile, total, path)

    def _answer(self, profile: Habits, total: str, path: str) -> str:
        return self.names.say(ANSWERS[profile["sum_output"]], total=total, path=path)

    def made_up_answer(self, profile: Habits) -> str:
        wrong = format_number(float(self.total) + self.names.integer(1, 90))
        return self._answer(profile, wrong, self.path)

    def steps(self, profile: Habits, phrasing: Phrasing) -> list[str]:
        output = profile["sum_output"]
        return [
            *self.finding_steps(profile, phrasing, "the file"),
            phrasing("read", READ),
            phrasing("add-up", ADD_UP),
            *([phrasing(output, WRITE_DOWN[output])] if output in WRITE_DOWN else []),
            phrasing(f"answer-{output}", TELL[output]),
        ]

    def changes(self, profile: Habits) -> Changes:
        match profile["sum_output"]:
            case "append":
                return {self.path: f"{self.text}Total: {self.total}\n"}
            case "summary":
                return {SUMMARY: f"Total: {self.total}\n"}
            case _:
                return {}

    def answer_problem(self, profile: Habits, answer: str) -> str | None:
        there = contains_number(answer, self.total)
        return None if there else f"the total {self.total} is not in the answer"
