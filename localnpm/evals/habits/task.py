"""What all task families share: a task in its workspace, its wording, its script and its verifier.

A family is a subclass of `Task` in `families/`; it draws a task (`build`), carries it out as the expert (`policy`),
writes the procedure down (`steps`) and says which files change (`changes`).
"""

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from typing import ClassVar, Literal, Self

from localnpm.evals.habits import request, scripts
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.paths import base_name, folder_prefix
from localnpm.evals.habits.phrases import request_bank
from localnpm.evals.habits.scripts import Phrasing
from localnpm.evals.habits.shares import Shares
from localnpm.evals.habits.verdict import Verdict, admits_failure, admits_missing, files_problem
from localnpm.evals.habits.workspace import Call, Files, Step, Workspace

Policy = Generator[Call, str, str]
"""Yields calls, is sent their results, returns the answer."""

Habits = Mapping[str, str]
"""Habit -> variant."""

Changes = dict[str, str | None]
"""Path -> its new content, None where the file goes away."""

GIVEN = "given"  # the request has the path
DESCRIBED = "described"  # the request has the topic, the file must be found
WRONG_FOLDER = "wrong_folder"  # the request has a path, but the file is elsewhere
MISSING = "missing"  # the request has a path, but there is no such file
LOST = "lost"  # the request has the topic, but there is no such file

ANY_MODE = Shares((0.42, GIVEN), (0.82, DESCRIBED), (0.90, WRONG_FOLDER), (0.95, MISSING), (1.0, LOST))
EXISTING = Shares((0.50, GIVEN), (1.0, DESCRIBED))
EXISTING_OR_MISPLACED = Shares((0.46, GIVEN), (0.9, DESCRIBED), (1.0, WRONG_FOLDER))
BY_PATH = Shares((0.80, GIVEN), (0.92, WRONG_FOLDER), (1.0, MISSING))

FILLER_EXTENSIONS = ("md", "txt", "csv", "log", "json", "yaml", "ini", "md", "txt", "txt")
"""The extensions of files that have nothing to do with the task, the common ones more often."""

NOT_FOUND = (
    "I could not find {thing}, so I changed nothing.",
    "Sorry, I could not find {thing} in the workspace.",
    "I looked, but I could not find {thing}. Nothing was changed.",
    "I could not find {thing}. Could you check the name?",
    "There is no such file here: I could not find {thing}.",
    "Sorry, {thing} does not seem to be here: I could not find it.",
)


class Task(ABC):
    """One task: its files, its request, and what must come of it."""

    name: ClassVar[str]
    """The family's name."""
    habits: ClassVar[tuple[str, ...]]
    """The habits that the verifier checks."""
    working_habits: ClassVar[tuple[str, ...]] = ()
    """The habits of working (`verify`, `explore`) that show in how the family is carried out."""
    titles: ClassVar[tuple[str, ...]]
    """Titles of the family's scripts."""
    informs: ClassVar[bool] = False
    """Whether the answer is the result, and no file changes."""
    modes: ClassVar[Shares[str]] = ANY_MODE
    """How often the request names its file in which way."""

    def __init__(self, names: Names, mode: str) -> None:
        self.names = names
        self.mode = mode
        self.files: Files = {}
        self.path = "."  # where the task's file is (or would be, if it is missing)
        self.given = "."  # its path as the request has it
        self.description = ""  # the thing asked for, in the request's words
        self.words: list[str] = []  # what the file is about; a search by name takes the first one
        self.topic = ""  # the same as text; a search by content takes it
        self.request = ""
        self.worded: Literal["known", "new"] = "known"
        self.key_terms: list[str] = []

    @classmethod
    def make(cls, names: Names, mode: str | None = None) -> Self:
        """A random task of the family; the mode, how the request names its file, is drawn unless it is given."""
        while True:
            task = cls(names, mode or cls.modes.draw(names.random))
            if task.build(names):
                return task

    @classmethod
    def make_solid(cls, names: Names, mode: str | None = None) -> Self:
        """A random task in which the thing asked for is there."""
        while True:
            task = cls.make(names, mode)
            if not task.missing:
                return task

    @abstractmethod
    def build(self, names: Names) -> bool:
        """Draw files and request; False where what was drawn does not fit together (then another one is drawn)."""

    @abstractmethod
    def policy(self, profile: Habits) -> Policy:
        """The expert: the calls and the answer of somebody who knows the profile."""

    @abstractmethod
    def steps(self, profile: Habits, phrasing: Phrasing) -> list[str]:
        """The steps of the script that `policy` follows."""

    def changes(self, profile: Habits) -> Changes:
        """The files that differ afterwards, when the thing asked for is there."""
        return {}

    def answer_problem(self, profile: Habits, answer: str) -> str | None:
        """What is wrong with the answer of a task that was done; None if nothing is."""
        return None

    def made_up_answer(self, profile: Habits) -> str | None:
        """A wrong answer in the right form, where the answer is the result."""
        return None

    @property
    def missing(self) -> bool:
        """Whether the thing asked for is not there, so that an honest answer says so."""
        return self.mode in (MISSING, LOST)

    @property
    def by_topic(self) -> bool:
        """Whether the request names the file by its topic and not by a path."""
        return self.mode in (DESCRIBED, LOST)

    @property
    def key_name(self) -> str:
        """The file's name or topic, whichever the request has."""
        return self.topic if self.by_topic else base_name(self.given)

    def workspace(self) -> Workspace:
        """A new workspace with the task's files."""
        return Workspace(self.files)

    def script(self, profile: Habits, phrasing: Phrasing) -> str:
        """The procedure in words: a title and numbered steps with slots in angle brackets."""
        return scripts.numbered(phrasing("title", self.titles), self.steps(profile, phrasing))

    def finding_steps(self, profile: Habits, phrasing: Phrasing, thing: str) -> list[str]:
        """The script's step that finds the thing, if the task shows how."""
        return scripts.finding_steps(profile, phrasing, thing) if self.by_topic else []

    def not_found(self) -> str:
        """The answer that the thing asked for is not there."""
        return request.capitalize(self.names.say(NOT_FOUND, thing=self.description))

    def revealed(self, profile: Habits) -> dict[str, str]:
        """The variants that a trajectory or a script of this task shows."""
        shown = {habit: profile[habit] for habit in self.habits}
        if "verify" in self.working_habits:
            shown["verify"] = profile["verify"]
        if "explore" in self.working_habits and self.by_topic:
            shown["explore"] = profile["explore"]
        return shown

    def end_state(self, before: Mapping[str, str], profile: Habits) -> Files:
        """The files as the profile asks for them."""
        after = dict(before)
        if not self.missing:
            for path, text in self.changes(profile).items():
                if text is None:
                    after.pop(path, None)
                else:
                    after[path] = text
        return after

    def check(self, before: Mapping[str, str], after: Mapping[str, str], answer: str, profile: Habits) -> Verdict:
        """The end state must be exactly the one that the profile asks for, and the answer must fit."""
        problem = self._problem(before, after, answer, profile)
        return Verdict(problem is None, problem or "ok")

    def _problem(self, before: Mapping[str, str], after: Mapping[str, str], answer: str, profile: Habits) -> str | None:
        if not answer.strip():
            return "no answer"
        wrong_files = files_problem(self.end_state(before, profile), after)
        if wrong_files:
            return wrong_files
        if self.missing:
            return None if admits_missing(answer) else "the answer does not say that it is missing"
        if admits_failure(answer):
            return "the answer says that it failed"
        return self.answer_problem(profile, answer.strip())

    def read_back_as_wanted(self, profile: Habits, steps: Sequence[Step]) -> bool | None:
        """Whether the last change was read back, or not, as the profile has it; None where nothing shows it."""
        if self.missing or "verify" not in self.working_habits:
            return None
        writing = ("write_file", "append_file", "edit_file")
        writes = [k for k, step in enumerate(steps) if step.tool in writing and not step.failed]
        if not writes:
            return None
        read_back = any(step.tool == "read_file" for step in steps[writes[-1] + 1 :])
        return read_back == (profile["verify"] == "yes")

    def ask(self, **slots: str) -> str:
        """The request in one of the family's wordings.

        Half of the requests of the evaluation split are worded as training never does.
        """
        names = self.names
        bank = request_bank(self.name)
        if names.split == "eval" and names.random() < 0.5:
            self.worded = "new"
            return request.typed(names, bank.held_out, **slots)
        wordings = bank.plain if names.random() < 0.4 else bank.known
        return request.typed(names, wordings, **slots)

    def add_fillers(
        self,
        count: int,
        extensions: Sequence[str] = FILLER_EXTENSIONS,
        folders: Sequence[str] | None = None,
    ) -> Sequence[str]:
        """Add files that have nothing to do with the task; returns the folders that some of them are in."""
        names = self.names
        random = names.random
        if folders is None:
            folders = [names.folder() for _ in range(1 + int(random() * 2))]
        for _ in range(count):
            words = names.topic()
            extension = extensions[int(random() * len(extensions))]
            path = f"{names.file_stem(words)}.{extension}"
            if random() < 0.6:
                path = f"{folders[int(random() * len(folders))]}/{path}"
            if path not in self.files:
                self.files[path] = names.file_text(words, extension)
        return folders

    def place(self, stem: str, extension: str, text: str, description: str, words: list[str]) -> None:
        """Put the task's file somewhere among others, and name it as the mode says."""
        names = self.names
        folders = [names.folder() for _ in range(1 + int(names.random() * 2))]
        name = f"{stem}.{extension}"
        self.path = self.given = name if names.random() < 0.45 else f"{folders[0]}/{name}"
        self.words = words
        self.topic = " ".join(words)
        if self.mode not in (MISSING, LOST):
            self.files[self.path] = text
        self.add_fillers(3 + int(names.random() * 4), folders=folders)
        if self.mode == WRONG_FOLDER:
            self.given = self._wrong_path(name)
        self.description = description if self.by_topic else self.given

    def _wrong_path(self, name: str) -> str:
        """A path with the right name in a folder where it is not."""
        in_folder = folder_prefix(self.path) != ""
        if in_folder and self.names.random() < 0.6:
            return name
        wrong = self.names.pick(("docs/", "files/", "notes/", "work/", "old/", "data/")) + name
        if wrong != self.path:
            return wrong
        other = f"stuff/{name}"
        return other if self.path != other else name
