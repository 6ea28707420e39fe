"""Family `add_contact`: write down somebody's address. Habit: what a line of the list looks like."""

from localnpm.evals.habits.finding import read_back, target_path
from localnpm.evals.habits.names import Names, slug
from localnpm.evals.habits.paths import kebab, snake
from localnpm.evals.habits.scripts import Phrasing, checking_steps
from localnpm.evals.habits.task import EXISTING, GIVEN, Changes, Habits, Policy, Task

APPEND = {
    "angle": (
        'Append "<name> <<address>>" to it: the address in angle brackets.',
        "Add one line with the name and then the address in angle brackets.",
    ),
    "colon": (
        'Append "<name>: <address>" to it.',
        "Add one line <name>: <address> with append_file.",
    ),
    "comma": (
        'Append "<name>, <address>" to it.',
        "Add one line <name>, <address> with append_file.",
    ),
}
TELL = ("Answer with the name and the path.", "Say that the contact is saved and where.")
ANSWERS = (
    "Done: {person} is in {path}.",
    "I added {person} to {path}.",
    "{person} is now in {path}.",
    "Saved {person} in {path}.",
)


def _draw_address(names: Names, person: str) -> str:
    first, last, *_ = person.lower().split()
    user = names.pick((first, f"{first}.{last}", f"{first[0]}{last}", "info"))
    host = names.made_up() if names.random() < 0.5 else slug(names.company())
    return f"{user}@{host}" + names.pick((".org", ".com", ".net", ".eu", ".io"))


class AddContact(Task):
    """Append a person's mail address to a contact list."""

    name = "add_contact"
    habits = ("contact_format",)
    working_habits = ("verify", "explore")
    titles = ("Add a contact", "Add an address to a contact list", "Write down a contact")
    modes = EXISTING

    person: str
    address: str
    text: str

    def build(self, names: Names) -> bool:
        random = names.random
        words = names.topic()
        topic = " ".join(words)
        self.person = names.person()
        self.address = _draw_address(names, self.person)
        title = topic.capitalize()
        self.text = names.pick((f"# {title} contacts\n", f"Contacts of the {topic}\n", f"# {title}\n"))
        if self.mode == GIVEN and random() < 0.15:
            self.text = ""
        stem = names.pick(
            (f"{kebab(words)}-contacts", f"contacts-{kebab(words)}", f"{snake(words)}_contacts", kebab(words))
        )
        description = names.pick((f"the {topic} contacts", f"my {topic} contacts", f"the contact list of the {topic}"))
        if random() < 0.25:
            words, stem = ["contacts"], "contacts"
            description = names.pick(("my contacts", "the contacts", "my contact list"))
            self.text = "# Contacts\n" if self.text else ""
        self.place(stem, names.pick(("md", "txt")), self.text, description, words)
        self.request = self.ask(n=self.person, m=self.address, w=self.description)
        self.key_terms = ["contact", self.person, self.address]
        return True

    def entry(self, profile: Habits) -> str:
        """The contact as the profile has it."""
        match profile["contact_format"]:
            case "angle":
                return f"{self.person} <{self.address}>"
            case "colon":
                return f"{self.person}: {self.address}"
            case _:
                return f"{self.person}, {self.address}"

    def policy(self, profile: Habits) -> Policy:
        path = yield from target_path(self, profile)
        if path is None:
            return self.not_found()
        yield "append_file", {"path": path, "content": self.entry(profile)}
        yield from read_back(profile, path)
        return self.names.say(ANSWERS, person=self.person, path=path)

    def steps(self, profile: Habits, phrasing: Phrasing) -> list[str]:
        form = profile["contact_format"]
        return [
            *self.finding_steps(profile, phrasing, "the contact list"),
            phrasing(f"append-{form}", APPEND[form]),
            *checking_steps(profile, phrasing, "the list"),
            phrasing("answer", TELL),
        ]

    def changes(self, profile: Habits) -> Changes:
        return {self.path: f"{self.text}{self.entry(profile)}\n"}
