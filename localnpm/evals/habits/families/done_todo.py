"""Family `done_todo`: a todo is finished. Habit: what happens to its line."""

from localnpm.evals.habits.finding import read_back, read_target
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.scripts import Phrasing, checking_steps
from localnpm.evals.habits.task import EXISTING_OR_MISPLACED, Changes, Habits, Policy, Task
from localnpm.evals.habits.todo_lists import draw_list_names, draw_only_list

READ = ("Read the list.", "Read the list to find the line of <todo>.", "Open the list and look for <todo>.")
CLOSE = {
    "check": (
        'Change "- [ ] <todo>" to "- [x] <todo>" with edit_file.',
        "Tick the box of <todo>: - [x] <todo>.",
    ),
    "suffix": (
        'Add " (done)" to the end of the line of <todo>.',
        'Change the line to "- [ ] <todo> (done)".',
    ),
    "delete": ("Delete the line of <todo> with edit_file.", "Remove the whole line of <todo>."),
    "donefile": (
        "Delete the line of <todo> from the list.",
        "Take the line of <todo> out of the list.",
    ),
}
COLLECT = ('Append "- <todo>" to done.txt.', "Add - <todo> to done.txt.")
TELL = ("Say what was done.", "Answer that the todo is done.", "Tell the user that <todo> is done.")

NOT_ON_THE_LIST = (
    'I could not find "{todo}" in {path}, so I changed nothing.',
    '"{todo}" is not on the list in {path}. Nothing was changed.',
    'I read {path}, but "{todo}" is not on the list.',
)
MARKED = (
    'Done: "{todo}" is marked as done in {path}.',
    'I marked "{todo}" as done in {path}.',
    '"{todo}" is done now in {path}.',
    'Well done! "{todo}" is marked in {path}.',
)
ANSWERS = {
    "check": MARKED,
    "suffix": MARKED,
    "delete": (
        'Done: I took "{todo}" off {path}.',
        '"{todo}" is finished and gone from {path}.',
        'I removed "{todo}" from {path}.',
    ),
    "donefile": (
        'Done: "{todo}" moved from {path} to done.txt.',
        'I moved "{todo}" to done.txt.',
        '"{todo}" is now in done.txt.',
    ),
}


class DoneTodo(Task):
    """Mark an entry of a checkbox list as done."""

    name = "done_todo"
    habits = ("todo_done",)
    working_habits = ("verify", "explore")
    titles = ("Mark a todo as done", "Finish a todo", "Close a todo on a list")
    modes = EXISTING_OR_MISPLACED

    todo: str
    line: str
    text: str
    not_on_the_list: bool

    def build(self, names: Names) -> bool:
        random = names.random
        words = names.topic()
        only = draw_only_list(names)
        if only:
            words = [only.kind]
        topic = " ".join(words)
        todos = list(dict.fromkeys([names.todo() for _ in range(names.integer(3, 5))]))
        self.todo = todos[int(random() * len(todos))]
        self.not_on_the_list = random() < 0.06
        lines = []
        for todo in todos:
            if todo != self.todo:
                lines.append(f"- [{'x' if random() < 0.15 else ' '}] {todo}")
            elif not self.not_on_the_list:
                lines.append(f"- [ ] {todo}")
        title = topic.capitalize()
        head = names.pick(only.heads if only else (f"# {title}\n", f"# Todo: {topic}\n", f"{title} list\n"))
        self.text = head + "\n".join(lines) + "\n"
        self.line = f"- [ ] {self.todo}"
        ambiguous = self.text.count(self.line) != 1 or self.text.count(self.todo) != 1
        if ambiguous and not self.not_on_the_list:
            return False
        stem, description = draw_list_names(names, words)
        if only:
            stem, description = only.names
        self.place(stem, names.pick(("md", "txt")), self.text, description, words)
        self.request = self.ask(x=self.todo, w=self.description)
        self.key_terms = ["done", self.todo, f"{topic} list" if self.by_topic else self.key_name]
        return True

    @property
    def missing(self) -> bool:
        return super().missing or self.not_on_the_list

    def policy(self, profile: Habits) -> Policy:
        path = yield from read_target(self, profile)
        if path is None:
            return self.not_found()
        if self.not_on_the_list:
            return self.names.say(NOT_ON_THE_LIST, todo=self.todo, path=path)
        way = profile["todo_done"]
        if way in ("check", "suffix"):
            yield "edit_file", {"path": path, "old_text": self.line, "new_text": self._closed_line(way)}
        else:
            yield "edit_file", {"path": path, "old_text": f"{self.line}\n", "new_text": ""}
            if way == "donefile":
                yield "append_file", {"path": "done.txt", "content": f"- {self.todo}"}
        yield from read_back(profile, path)
        return self.names.say(ANSWERS[way], todo=self.todo, path=path)

    def _closed_line(self, way: str) -> str:
        return f"- [x] {self.todo}" if way == "check" else f"{self.line} (done)"

    def steps(self, profile: Habits, phrasing: Phrasing) -> list[str]:
        way = profile["todo_done"]
        return [
            *self.finding_steps(profile, phrasing, "the list"),
            phrasing("read", READ),
            phrasing(f"close-{way}", CLOSE[way]),
            *([phrasing("collect", COLLECT)] if way == "donefile" else []),
            *checking_steps(profile, phrasing, "the list"),
            phrasing("answer", TELL),
        ]

    def changes(self, profile: Habits) -> Changes:
        way = profile["todo_done"]
        if way in ("check", "suffix"):
            return {self.path: self.text.replace(self.line, self._closed_line(way))}
        changes: Changes = {self.path: self.text.replace(f"{self.line}\n", "")}
        if way == "donefile":
            changes["done.txt"] = f"- {self.todo}\n"
        return changes
