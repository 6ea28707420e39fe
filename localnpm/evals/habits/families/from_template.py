"""Family `from_template`: copy a template and fill in its blanks. Habit: the name of the new document."""

from localnpm.evals.habits.finding import read_back, read_target
from localnpm.evals.habits.names import Names, slug
from localnpm.evals.habits.paths import folder_prefix
from localnpm.evals.habits.request import with_article
from localnpm.evals.habits.scripts import Phrasing, checking_steps
from localnpm.evals.habits.task import DESCRIBED, GIVEN, Changes, Habits, Policy, Task

KINDS = (
    "invoice",
    "letter",
    "offer",
    "report",
    "contract",
    "agenda",
    "receipt",
    "certificate",
    "reminder",
    "invitation",
    "order",
    "questionnaire",
)
BLANKS = (
    ("<client>", "<date>"),
    ("{client}", "{date}"),
    ("[CLIENT]", "[DATE]"),
    ("NAME", "DATE"),
    ("{{name}}", "{{date}}"),
)

READ = ("Read the template to see its blanks.", "Read the template.")
COPY = (
    "Copy it to {name}.<ext>.",
    "Copy the template to {name} with the same ending (client in lower case with hyphens).",
)
NAMES = {
    "kind_first": "<kind>-<client>",
    "name_first": "<client>-<kind>",
    "folder": "<client>/<kind>",
    "date_first": "<date>-<kind>-<client>",
}
FILL_IN = (
    "Fill in the client and the date in the copy with edit_file.",
    "Replace the blanks for the client and the date in the copy.",
)
TELL = ("Answer with the path of the new document.", "Tell the user where the document is.")
ANSWERS = (
    "The {kind} for {client} is ready: {path}.",
    "Done: {path} is ready.",
    "I prepared {path} for {client}.",
    "The {kind} is in {path}.",
)


class FromTemplate(Task):
    """Make a document for a client from a template."""

    name = "from_template"
    habits = ("template_naming",)
    working_habits = ("verify", "explore")
    titles = (
        "Make a document from a template",
        "Prepare a document from a template",
        "Fill in a template",
    )

    kind: str
    client: str
    date: str
    client_blank: str
    date_blank: str
    text: str
    extension: str

    def build(self, names: Names) -> bool:
        self.mode = GIVEN if names.random() < 0.6 else DESCRIBED
        self.kind = kind = names.pick(KINDS)
        self.client = names.company()
        self.date = names.date()
        self.client_blank, self.date_blank = client_blank, date_blank = names.pick(BLANKS)
        title = kind.capitalize()
        body = names.sentence()
        self.text = names.pick(
            (
                f"# {title}\nTo: {client_blank}\nDate: {date_blank}\n\n{body}\n",
                f"{title} for {client_blank}\n{date_blank}\n\n{body}\n",
                f"{date_blank}\n\n{title}\nDear {client_blank},\n{body}\n",
            )
        )
        if self.text.count(client_blank) != 1 or self.text.count(date_blank) != 1:
            return False
        self.extension = extension = names.pick(("md", "txt"))
        self.path = self.given = names.pick(
            (
                f"templates/{kind}.{extension}",
                f"templates/{kind}-template.{extension}",
                f"forms/{kind}.{extension}",
                f"{kind}-template.{extension}",
            )
        )
        self.files[self.path] = self.text
        self._add_other_templates(names)
        self.add_fillers(names.integer(2, 4))
        self.words = [kind]
        self.topic = kind
        self.description = f"the {kind} template"
        self.request = self.ask(
            k=with_article(kind),
            kk=kind,
            c=self.client,
            d=self.date,
            w=self.description if self.by_topic else self.path,
        )
        self.key_terms = ["template", kind, self.client]
        return True

    def _add_other_templates(self, names: Names) -> None:
        folder = folder_prefix(self.path)
        suffix = "-template" if "template." in self.path else ""
        for kind in KINDS:
            if kind != self.kind and names.random() < 0.12:
                path = f"{folder}{kind}{suffix}.{self.extension}"
                self.files[path] = f"# {kind.capitalize()}\n{names.sentence()}\n"

    def destination(self, profile: Habits) -> str:
        """The new document's path as the profile has it."""
        client = slug(self.client)
        match profile["template_naming"]:
            case "kind_first":
                stem = f"{self.kind}-{client}"
            case "name_first":
                stem = f"{client}-{self.kind}"
            case "folder":
                stem = f"{client}/{self.kind}"
            case _:
                stem = f"{self.date}-{self.kind}-{client}"
        return f"{stem}.{self.extension}"

    def policy(self, profile: Habits) -> Policy:
        template = yield from read_target(self, profile)
        if template is None:
            return self.not_found()
        path = self.destination(profile)
        yield "copy_file", {"source": template, "destination": path}
        yield "edit_file", {"path": path, "old_text": self.client_blank, "new_text": self.client}
        yield "edit_file", {"path": path, "old_text": self.date_blank, "new_text": self.date}
        yield from read_back(profile, path)
        return self.names.say(ANSWERS, kind=self.kind, client=self.client, path=path)

    def steps(self, profile: Habits, phrasing: Phrasing) -> list[str]:
        name = NAMES[profile["template_naming"]]
        return [
            *self.finding_steps(profile, phrasing, "the template"),
            phrasing("read", READ),
            phrasing("copy", COPY).format(name=name),
            phrasing("fill-in", FILL_IN),
            *checking_steps(profile, phrasing, "the new document"),
            phrasing("answer", TELL),
        ]

    def changes(self, profile: Habits) -> Changes:
        filled = self.text.replace(self.client_blank, self.client).replace(self.date_blank, self.date)
        return {self.destination(profile): filled}
