"""Family `file_document`: put a document in the folder where it belongs. Habit: how the folders are sorted."""

from localnpm.evals.habits.finding import read_target
from localnpm.evals.habits.names import Names, slug
from localnpm.evals.habits.paths import base_name
from localnpm.evals.habits.scripts import Phrasing
from localnpm.evals.habits.task import Changes, Habits, Policy, Task

KINDS = (
    ("invoice", "invoices"),
    ("letter", "letters"),
    ("report", "reports"),
    ("contract", "contracts"),
    ("receipt", "receipts"),
    ("statement", "statements"),
    ("certificate", "certificates"),
    ("offer", "offers"),
    ("order", "orders"),
    ("minutes", "minutes"),
)
"""A kind of document, and the folder of its kind."""

READ = (
    "Read the document to find its {filing}.",
    "Read it and note the {filing}.",
    "Open the document to see the {filing}.",
)
MOVE = {
    "year": (
        "Move it to archive/<year>/ under its own name.",
        "Move it into archive/<year>/ and keep the name.",
    ),
    "kind": (
        "Move it to documents/<kind>s/ under its own name.",
        "Move it into documents/<kind>s/ and keep the name.",
    ),
    "sender": (
        "Move it to clients/<sender>/ under its own name.",
        "Move it into clients/<sender>/ (lower case, hyphens) and keep the name.",
    ),
    "month": (
        "Move it to archive/<year>-<month>/ under its own name.",
        "Move it into archive/<year>-<month>/ and keep the name.",
    ),
}
TELL = ("Answer with the new path.", "Tell the user the new path.", "Say where it is now.")
ANSWERS = (
    "Filed as {path}.",
    "Done: it is now in {path}.",
    "I moved {name} to {path}.",
    "{name} is filed: {path}.",
    "It is filed under {path}.",
)


class FileDocument(Task):
    """File a document; its sender, date and subject stand at its top."""

    name = "file_document"
    habits = ("filing",)
    working_habits = ("explore",)
    titles = ("File a document", "Put a document where it belongs", "File a document in its folder")

    kind_folder: str
    sender_folder: str
    date: str
    text: str

    def build(self, names: Names) -> bool:
        kind, self.kind_folder = names.pick(KINDS)
        words = names.topic()
        topic = " ".join(words)
        sender = names.company()
        self.sender_folder = slug(sender)
        self.date = names.date()
        subject = names.pick(("Subject: ", "About: ", "Re: ")) + topic
        head = [f"From: {sender}", f"Date: {self.date}", subject]
        chance = names.random()
        if chance < 0.3:
            head[0], head[1] = head[1], head[0]
        elif chance < 0.6:
            head[0], head[2] = head[2], head[0]
        self.text = "\n".join([kind.capitalize(), *head, "", names.sentences(1, 2)]) + "\n"
        description = names.pick(
            (f"the {topic} {kind}", f"the {kind} about the {topic}", f"the {kind} for the {topic}")
        )
        stem = names.file_stem(words)
        extension = names.pick(("txt", "md", "txt", "doc.txt"))
        self.place(stem, extension, self.text, description, words)
        self.request = self.ask(w=self.description)
        self.key_terms = ["file", kind, self.key_name, "folder"]
        return True

    def destination(self, profile: Habits) -> str:
        """The document's path when it is filed."""
        name = base_name(self.path)
        match profile["filing"]:
            case "year":
                return f"archive/{self.date[:4]}/{name}"
            case "kind":
                return f"documents/{self.kind_folder}/{name}"
            case "sender":
                return f"clients/{self.sender_folder}/{name}"
            case _:
                return f"archive/{self.date[:7]}/{name}"

    def policy(self, profile: Habits) -> Policy:
        path = yield from read_target(self, profile)
        if path is None:
            return self.not_found()
        destination = self.destination(profile)
        yield "move_file", {"source": path, "destination": destination}
        return self.names.say(ANSWERS, path=destination, name=base_name(path))

    def steps(self, profile: Habits, phrasing: Phrasing) -> list[str]:
        filing = profile["filing"]
        return [
            *self.finding_steps(profile, phrasing, "the document"),
            phrasing("read", READ).format(filing=filing),
            phrasing(f"move-{filing}", MOVE[filing]),
            phrasing("answer", TELL),
        ]

    def changes(self, profile: Habits) -> Changes:
        return {self.path: None, self.destination(profile): self.text}
