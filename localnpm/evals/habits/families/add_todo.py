"""Family `add_todo`: put an entry on a todo list. Habit: what an entry looks like."""

from localnpm.evals.habits.finding import read_back, read_target
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.scripts import Phrasing, checking_steps
from localnpm.evals.habits.task import DESCRIBED, EXISTING_OR_MISPLACED, Changes, Habits, Policy, Task
from localnpm.evals.habits.todo_lists import draw_list_names, draw_only_list

READ = ("Read the list.", "Read the list to make sure it is there.", "Open the list.")
READ_AND_COUNT = ("Read the list and count its entries.", "Read the list to find the next number.")
APPEND = {
    "checkbox": (
        'Append "- [ ] <todo>" to it.',
        "Add the line - [ ] <todo> with append_file.",
        "Append the todo as a checkbox: - [ ] <todo>.",
    ),
    "star": (
        'Append "* <todo>" to it.',
        "Add the line * <todo> with append_file.",
        "Append the todo as a star bullet: * <todo>.",
    ),
    "label": (
        'Append "TODO: <todo>" to it.',
        "Add the line TODO: <todo> with append_file.",
        "Append the todo with the label in front: TODO: <todo>.",
    ),
    "numbered": (
        'Append "<next number>. <todo>" to it.',
        "Add the line <next number>. <todo> with append_file.",
        "Append the todo with the next number: <number>. <todo>.",
    ),
}
MARKS = ("- [ ] ", "- [ ] ", "- [ ] ", "- [x] ", "- ", "* ", "TODO: ", "{number}. ")
"""How the entries of a list begin that is there already."""
TELL = (
    "Answer with the todo and the path.",
    "Say what was added and where.",
    "Tell the user that it is on the list.",
)
ANSWERS = (
    'Done: added "{todo}" to {path}.',
    'I added "{todo}" to {path}.',
    '"{todo}" is now on the list in {path}.',
    "Added to {path}: {todo}.",
    'It is on the list: {path} now has "{todo}".',
)


class AddTodo(Task):
    """Append a todo to a list."""

    name = "add_todo"
    habits = ("todo_format",)
    working_habits = ("verify", "explore")
    titles = ("Add a todo", "Add an entry to a todo list", "Put something on a todo list")
    modes = EXISTING_OR_MISPLACED

    todo: str
    text: str
    entries: int
    """How many todos the list has before."""

    def build(self, names: Names) -> bool:
        random = names.random
        only = draw_only_list(names)
        words = [only.kind] if only else names.topic()
        topic = " ".join(words)
        todos = [names.todo() for _ in range(names.integer(1, 4))]
        chance = random()
        if chance < 0.12 and self.mode != DESCRIBED:
            self.text, self.entries = "", 0
        else:
            title = topic.capitalize()
            head = names.pick(only.heads if only else (f"# {title}\n", f"{title} todo\n", f"# Todo: {topic}\n"))
            if chance < 0.3:
                todos = []
            elif chance < 0.5 and len(todos) >= 2:
                # Existing entries in two styles show that the list itself does not tell how the user likes it.
                todos[0] = f"- {todos[0]}"
                todos[1] = names.pick(("* ", "+ ", "TODO: ", "> ")) + todos[1]
            elif chance < 0.85:
                # Most lists of real users have one style, checkboxes above all; drawn apart from the user's habit.
                mark = names.pick(MARKS)
                todos = [mark.format(number=number) + todo for number, todo in enumerate(todos, 1)]
            self.text, self.entries = head + "".join([f"{todo}\n" for todo in todos]), len(todos)
        if random() < 0.08:
            self.text = self.text.rstrip("\n")
        self.todo = names.todo()
        stem, description = draw_list_names(names, words)
        if only:
            stem, description = only.names
        self.place(stem, names.pick(("md", "txt")), self.text, description, words)
        self.request = self.ask(x=self.todo, w=self.description)
        self.key_terms = ["todo", self.todo, f"{topic} list" if self.by_topic else self.key_name]
        return True

    def entry(self, profile: Habits) -> str:
        """The todo as the profile has it."""
        match profile["todo_format"]:
            case "checkbox":
                return f"- [ ] {self.todo}"
            case "star":
                return f"* {self.todo}"
            case "label":
                return f"TODO: {self.todo}"
            case _:
                return f"{self.entries + 1}. {self.todo}"

    def policy(self, profile: Habits) -> Policy:
        path = yield from read_target(self, profile)
        if path is None:
            return self.not_found()
        yield "append_file", {"path": path, "content": self.entry(profile)}
        yield from read_back(profile, path)
        return self.names.say(ANSWERS, todo=self.todo, path=path)

    def steps(self, profile: Habits, phrasing: Phrasing) -> list[str]:
        style = profile["todo_format"]
        counts = style == "numbered"
        return [
            *self.finding_steps(profile, phrasing, "the list"),
            phrasing("read-and-count", READ_AND_COUNT) if counts else phrasing("read", READ),
            phrasing(f"add-{style}", APPEND[style]),
            *checking_steps(profile, phrasing, "the list"),
            phrasing("answer", TELL),
        ]

    def changes(self, profile: Habits) -> Changes:
        newline = "\n" if self.text and not self.text.endswith("\n") else ""
        return {self.path: f"{self.text}{newline}{self.entry(profile)}\n"}
