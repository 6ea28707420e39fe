"""Family `compare_files`: which of two files has the higher value. Habit: how much the answer tells."""

import re

from localnpm.evals.habits.arithmetic import format_number
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.paths import base_name
from localnpm.evals.habits.scripts import Phrasing
from localnpm.evals.habits.task import GIVEN, MISSING, Habits, Policy, Task
from localnpm.evals.habits.verdict import contains_number

MEASURES = (
    "total",
    "price",
    "score",
    "rent",
    "fee",
    "cost",
    "rate",
    "temperature",
    "balance",
    "turnover",
    "profit",
    "speed",
    "tax",
    "limit",
)

READ = (
    "Read both files to find the <value>.",
    "Read the first file, then the second, and note the <value> of each.",
)
SUBTRACT = ("Work out the difference with calculate.", "Use calculate on <higher> - <lower>.")
TELL = {
    "winner": (
        "Answer with the file that has the higher <value>, without numbers.",
        "Answer only with the file that is higher.",
    ),
    "both": (
        "Answer with both numbers and the file that is higher.",
        "Give the <value> of both files and say which is higher.",
    ),
    "difference": (
        "Answer with the file that is higher and by how much.",
        "Say which file is higher, and by <difference>.",
    ),
}
NOT_THERE = (
    "I could not find {second}, so I cannot compare them.",
    "Sorry, I could not find {second}.",
    "I read {first}, but I could not find {second}.",
)
ANSWERS = {
    "winner": (
        "{higher} has the higher {measure}.",
        "The {measure} is higher in {higher}.",
        "It is {higher}.",
    ),
    "both": (
        "{first}: {first_value}, {second}: {second_value}. {higher} is higher.",
        "{first} has {first_value} and {second} has {second_value}, so {higher} is higher.",
    ),
    "difference": (
        "{higher} is higher by {difference}.",
        "The {measure} is higher in {higher}, by {difference}.",
        "{higher} has the higher {measure}, by {difference}.",
    ),
}


class CompareFiles(Task):
    """Compare one number of two files."""

    name = "compare_files"
    habits = ("compare_style",)
    titles = ("Compare a value in two files", "Compare two files", "Find the higher value of two files")
    informs = True

    measure: str
    first: str
    second: str
    first_value: str
    second_value: str
    first_is_higher: bool
    difference: str

    def build(self, names: Names) -> bool:
        random = names.random
        self.mode = MISSING if random() < 0.07 else GIVEN
        self.measure = names.pick(MEASURES)
        folder = names.folder()
        first_words, second_words = names.topic(), names.topic()
        extension = names.pick(("txt", "md"))
        prefix = f"{folder}/" if random() < 0.4 else ""
        self.first = f"{prefix}{names.file_stem(first_words)}.{extension}"
        self.second = f"{prefix}{names.file_stem(second_words)}.{extension}"
        if random() < 0.5:
            self.first_value, self.second_value = names.amount(), names.amount()
        else:
            self.first_value, self.second_value = str(names.integer(2, 900)), str(names.integer(2, 900))
        gap = float(self.first_value) - float(self.second_value)
        if gap == 0 or self.first == self.second:
            return False
        self.first_is_higher = gap > 0
        self.difference = format_number(abs(gap))
        self.files[self.first] = self._draw_text(names, first_words, self.first_value)
        self.add_fillers(names.integer(3, 5), folders=[folder])
        if self.mode == MISSING:
            self.files.pop(self.second, None)
        else:
            self.files[self.second] = self._draw_text(names, second_words, self.second_value)
        self.description = self.second
        self.path = self.given = self.first
        self.words = first_words
        self.request = self.ask(k=self.measure, a=self.first, b=self.second)
        self.key_terms = ["compare", self.measure, base_name(self.first), base_name(self.second)]
        return True

    def _draw_text(self, names: Names, words: list[str], value: str) -> str:
        lines = [f"{self.measure.capitalize()}: {value}", names.sentence()]
        if names.random() < 0.5:
            lines.reverse()
        return "\n".join([" ".join(words).capitalize(), *lines]) + "\n"

    @property
    def higher(self) -> str:
        """The path of the file with the higher value."""
        return self.first if self.first_is_higher else self.second

    @property
    def lower(self) -> str:
        """The path of the other file."""
        return self.second if self.first_is_higher else self.first

    @property
    def subtraction(self) -> str:
        """The expression of the difference: the higher value minus the lower one."""
        values = (self.first_value, self.second_value)
        return " - ".join(values if self.first_is_higher else reversed(values))

    def policy(self, profile: Habits) -> Policy:
        yield "read_file", {"path": self.first}
        second = yield "read_file", {"path": self.second}
        if second.startswith("Error"):
            yield "find_files", {"pattern": base_name(self.second)}
            return self.names.say(NOT_THERE, first=self.first, second=self.second)
        if profile["compare_style"] == "difference":
            yield "calculate", {"expression": self.subtraction}
        return self._answer(profile, self.higher, self.first_value, self.second_value, self.difference)

    def _answer(self, profile: Habits, higher: str, first_value: str, second_value: str, difference: str) -> str:
        return self.names.say(
            ANSWERS[profile["compare_style"]],
            higher=higher,
            measure=self.measure,
            first=self.first,
            first_value=first_value,
            second=self.second,
            second_value=second_value,
            difference=difference,
        )

    def made_up_answer(self, profile: Habits) -> str:
        difference = format_number(float(self.difference) + self.names.integer(1, 9))
        return self._answer(profile, self.lower, self.second_value, self.first_value, difference)

    def steps(self, profile: Habits, phrasing: Phrasing) -> list[str]:
        style = profile["compare_style"]
        return [
            phrasing("read", READ),
            *([phrasing("subtract", SUBTRACT)] if style == "difference" else []),
            phrasing(f"answer-{style}", TELL[style]),
        ]

    def answer_problem(self, profile: Habits, answer: str) -> str | None:
        style = profile["compare_style"]
        if self.higher not in answer:
            return "the higher file is not in the answer"
        without_paths = answer.replace(self.first, " ").replace(self.second, " ")
        if style == "both":
            return self._both_values_problem(answer, without_paths)
        if self.lower in answer.replace(self.higher, ""):
            return "the lower file should not be in the answer"
        if style == "difference":
            there = contains_number(without_paths, self.difference)
            return None if there else "the difference is not in the answer"
        return "there should be no numbers" if re.search(r"\d", without_paths) else None

    def _both_values_problem(self, answer: str, without_paths: str) -> str | None:
        values = (self.first_value, self.second_value)
        if not all(contains_number(without_paths, value) for value in values):
            return "not both numbers"
        conclusion = answer.rstrip(".").split(". ")[-1].split(", so ")[-1]
        says_which = self.higher in conclusion and self.lower not in conclusion.replace(self.higher, "")
        return None if says_which else "it does not say which is higher"
