"""Family `look_up`: a question that the files answer. Habit: the form of the answer."""

from localnpm.evals.habits.names import Names
from localnpm.evals.habits.request import capitalize
from localnpm.evals.habits.scripts import Phrasing
from localnpm.evals.habits.task import MISSING, Habits, Policy, Task

DETAILS = (
    ("door code", "code"),
    ("wifi password", "code"),
    ("phone number", "phone"),
    ("customer number", "code"),
    ("serial number", "code"),
    ("account number", "code"),
    ("booking number", "code"),
    ("contact person", "person"),
    ("delivery date", "date"),
    ("opening time", "time"),
    ("price", "amount"),
    ("locker number", "code"),
    ("meeting point", "city"),
    ("start date", "date"),
    ("reference", "code"),
    ("owner", "person"),
    ("access code", "code"),
    ("deadline", "date"),
    ("room", "code"),
    ("supplier", "company"),
)
"""A detail that one may ask for, and what its value is: a method of `Names`."""

DIRECT = "direct"  # a line of a file has the subject, the detail and the value
NEXT_LINE = "next_line"  # the value stands below the line with the subject, so that the file must be read
RETRY = "retry"  # the first search is too narrow

SEARCH = ("Search the texts for <subject>.", "Use search_text with the name of <subject>.")
READ = ("Read the file that mentions it.", "Open the file it is in and find the <detail>.")
TELL = {
    "value": ("Answer with the bare value, nothing else.", "Answer with only the value."),
    "sentence": (
        "Answer in a full sentence: The <detail> of <subject> is <value>.",
        "Answer in one sentence.",
        "Tell the user in a full sentence.",
    ),
    "source": (
        "Answer with the value and the path in brackets: <value> (<path>).",
        "Answer as <value> (<path>).",
    ),
}
SENTENCES = (
    "The {detail} of {subject} is {value}.",
    "{subject} has the {detail} {value}.",
    "The {detail} is {value}.",
)
NOT_WRITTEN_DOWN = (
    "I could not find {thing} in your files.",
    "Sorry, I could not find {thing}. It does not seem to be written down here.",
    "I searched the files, but I could not find {thing}.",
)


class LookUp(Task):
    """Find a detail of a subject in the files."""

    name = "look_up"
    habits = ("fact_style",)
    titles = ("Look up a fact", "Find a detail in the notes", "Answer a question from the files")
    informs = True

    detail: str
    key: str
    """The subject without an article: what to search for."""
    subject: str
    value: str
    wrong_value: str

    def build(self, names: Names) -> bool:
        random = names.random
        self.detail, kind = names.pick(DETAILS)
        draw_value = getattr(names, kind)
        self.value = draw_value()
        self.wrong_value = draw_value()
        if self.wrong_value == self.value:
            return False
        if random() < 0.7:
            self.words = names.topic()
            self.key = " ".join(self.words)
            self.subject = f"the {self.key}"
        else:
            self.key = self.subject = names.company()
            self.words = self.key.lower().split()
        chance = random()
        if chance < 0.5:
            self.mode = DIRECT
        elif chance < 0.74:
            self.mode = NEXT_LINE
        else:
            self.mode = RETRY if chance < 0.87 else MISSING
        names.pick(DETAILS)  # unused: the bundled model's corpus was drawn with it
        text = self._draw_text(names)
        file_words = names.topic()
        folders = [names.folder() for _ in range(2)]
        prefix = f"{folders[0]}/" if random() < 0.6 else ""
        stem = names.file_stem(file_words if random() < 0.6 else self.words)
        self.path = self.given = prefix + stem + names.pick((".md", ".txt"))
        if self.mode != MISSING:
            self.files[self.path] = text
        self.add_fillers(names.integer(4, 6), folders=folders)
        self.description = f"the {self.detail} of {self.subject}"
        self.request = self.ask(a=self.detail, s=self.subject)
        self.key_terms = [self.detail, self.key]
        return True

    def _draw_text(self, names: Names) -> str:
        detail, subject, value = self.detail, self.subject, self.value
        if self.mode == NEXT_LINE:
            head = names.pick((f"# {capitalize(self.key)}", f"{capitalize(self.key)}:", f"About {subject}"))
            body = [f"{capitalize(detail)}: {value}", names.sentence()]
            if names.random() < 0.4:
                body.reverse()
            return "\n".join([head, *body]) + "\n"
        line = names.pick(
            (
                f"{capitalize(detail)} of {subject}: {value}",
                f"{capitalize(subject)}, {detail}: {value}",
                f"The {detail} of {subject} is {value}.",
                f"- {subject}: {detail} {value}",
            )
        )
        lines = [names.sentence(), line, names.sentence()]
        return "\n".join(lines[int(names.random() * 2) :]) + "\n"

    def policy(self, profile: Habits) -> Policy:
        if self.mode == RETRY:
            yield "search_text", {"query": f"{self.key} {self.detail}"}
        yield "search_text", {"query": self.key}
        if self.mode == MISSING:
            first_word = self.key.split()[0]
            if first_word != self.key:
                yield "search_text", {"query": first_word}
            return capitalize(self.names.say(NOT_WRITTEN_DOWN, thing=self.description))
        if self.mode == NEXT_LINE:
            yield "read_file", {"path": self.path}
        return self._answer(profile, self.value)

    def _answer(self, profile: Habits, value: str) -> str:
        match profile["fact_style"]:
            case "value":
                return value
            case "source":
                return f"{value} ({self.path})"
            case _:
                sentence = self.names.say(SENTENCES, detail=self.detail, subject=self.subject, value=value)
                return capitalize(sentence)

    def made_up_answer(self, profile: Habits) -> str:
        if profile["fact_style"] == "source":
            return f"{self.wrong_value} ({self.names.file_stem(self.words[:2])}.md)"
        return self._answer(profile, self.wrong_value)

    def steps(self, profile: Habits, phrasing: Phrasing) -> list[str]:
        style = profile["fact_style"]
        return [
            phrasing("search", SEARCH),
            *([phrasing("read", READ)] if self.mode == NEXT_LINE else []),
            phrasing(f"answer-{style}", TELL[style]),
        ]

    def answer_problem(self, profile: Habits, answer: str) -> str | None:
        style = profile["fact_style"]
        if self.value.lower() not in answer.lower():
            return f"the value {self.value} is not in the answer"
        if style == "value":
            bare = answer.strip(" .").lower() == self.value.lower().strip(" .")
            return None if bare else "not the bare value"
        if style == "source":
            return None if self.path in answer else "the path is not in the answer"
        if self.path in answer:
            return "the path should not be in the answer"
        return None if len(answer.split()) >= len(self.value.split()) + 3 else "not a sentence"
