"""Family `write_note`: save a note. Habits: how notes begin, and where they are kept."""

from localnpm.evals.habits.finding import read_back
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.paths import kebab
from localnpm.evals.habits.request import capitalize, extend
from localnpm.evals.habits.scripts import Phrasing, checking_steps
from localnpm.evals.habits.task import GIVEN, Changes, Habits, Policy, Task

CLOSING_QUOTES = "\"'\u201d"

NAME = (
    "Turn the title into lower case words with hyphens.",
    "Make the file name from the title: lower case, hyphens.",
)
WRITE = ("Write {place} {form}.", "Create {place} {form}.")
PLACE = {"folder": "notes/<title>.md", "root": "<title>.md at the top level"}
FORM = {
    "heading": (
        'with "# <title>", a blank line and the text',
        "that starts with the heading # <title>, then the text",
    ),
    "title": (
        'with "Title: <title>", a blank line and the text',
        "that starts with the line Title: <title>, then the text",
    ),
    "front": (
        "with the title in front matter (---, title: <title>, ---), then the text",
        "that starts with front matter: ---, title: <title>, ---, then the text",
    ),
    "dateline": (
        "with the date on the first line, the title on the second, then the text",
        "that starts with <date>, then <title>, a blank line and the text",
    ),
}
TELL = ("Answer with the path of the note.", "Tell the user where the note is.")
ANSWERS = (
    "Your note is in {path}.",
    "Done: the note is saved as {path}.",
    "I wrote the note to {path}.",
    "Saved as {path}.",
    'The note "{title}" is now in {path}.',
)


def _without_second_full_stop(request: str) -> str:
    """The note's text brings its own full stop: `"Call Ann.".` -> `"Call Ann."`."""
    for quote in CLOSING_QUOTES:
        request = request.replace(f".{quote}.", f".{quote}").replace(f".{quote}, please.", f".{quote}")
    return request


class WriteNote(Task):
    """Write a note with a title and a text; the request tells today's date."""

    name = "write_note"
    habits = ("note_format", "note_place")
    working_habits = ("verify",)
    titles = ("Write a note", "Save a new note", "Make a note")

    title: str
    body: str
    date: str
    file_name: str

    def build(self, names: Names) -> bool:
        self.mode = GIVEN
        self.words = names.topic()
        self.title = " ".join(self.words).capitalize()
        if names.random() < 0.7:
            self.body = names.sentence()
        else:
            self.body = f"{names.sentence()} {names.sentence()}"
        self.date = names.date()
        self.file_name = f"{kebab(self.words)}.md"
        self.add_fillers(4 + int(names.random() * 4))
        request = _without_second_full_stop(self.ask(t=self.title, b=self.body))
        if names.random() < 0.6:
            opener = names.pick((f"Today is {self.date}. ", f"It is {self.date}. "))
            self.request = opener + capitalize(request)
        else:
            self.request = extend(request, f"Today is {self.date}.")
        self.key_terms = ["note", self.title.lower()]
        self.description = self.file_name
        return True

    def note_path(self, profile: Habits) -> str:
        """Where the profile keeps the note."""
        return f"notes/{self.file_name}" if profile["note_place"] == "folder" else self.file_name

    def content(self, profile: Habits) -> str:
        """The note as the profile has it."""
        match profile["note_format"]:
            case "heading":
                return f"# {self.title}\n\n{self.body}\n"
            case "title":
                return f"Title: {self.title}\n\n{self.body}\n"
            case "front":
                return f"---\ntitle: {self.title}\n---\n\n{self.body}\n"
            case _:
                return f"{self.date}\n{self.title}\n\n{self.body}\n"

    def policy(self, profile: Habits) -> Policy:
        path = self.note_path(profile)
        yield "write_file", {"path": path, "content": self.content(profile)}
        yield from read_back(profile, path)
        return self.names.say(ANSWERS, path=path, title=self.title)

    def steps(self, profile: Habits, phrasing: Phrasing) -> list[str]:
        form = profile["note_format"]
        place = PLACE[profile["note_place"]]
        return [
            phrasing("name", NAME),
            phrasing("write", WRITE).format(place=place, form=phrasing(f"form-{form}", FORM[form])),
            *checking_steps(profile, phrasing, "the note"),
            phrasing("answer", TELL),
        ]

    def changes(self, profile: Habits) -> Changes:
        return {self.note_path(profile): self.content(profile)}
