"""Carrying a task out: as the expert does it, as a careless worker does it, and what memory keeps of it."""

from collections.abc import Mapping
from typing import NamedTuple

from localnpm.evals.habits.names import Names
from localnpm.evals.habits.paths import kebab
from localnpm.evals.habits.request import capitalize
from localnpm.evals.habits.scripts import Phrasing
from localnpm.evals.habits.task import DESCRIBED, WRONG_FOLDER, Habits, Policy, Task
from localnpm.evals.habits.transcript import compact_trajectory
from localnpm.evals.habits.workspace import MUTATING, Step, Workspace

GAVE_UP = (
    "I could not find {path}.",
    "Sorry, I could not find {path}.",
    "I could not find the file {path}.",
    "There is no file {path}, so I could not do it.",
)


class Run(NamedTuple):
    """What happened: the calls with their results, and the answer."""

    steps: list[Step]
    answer: str


class Memory(NamedTuple):
    """What memory has of a task: the task, the script of its procedure, and an example (a compact trajectory)."""

    task: Task
    script: str | None
    example: str | None


def run_policy(policy: Policy, workspace: Workspace) -> Run:
    """Run a policy in a workspace, which it changes."""
    steps: list[Step] = []
    try:
        tool, arguments = next(policy)
        while True:
            result = workspace.call(tool, arguments)
            steps.append(Step(tool, arguments, result))
            tool, arguments = policy.send(result)
    except StopIteration as end:
        return Run(steps, end.value)


def expert_run(task: Task, profile: Habits, workspace: Workspace | None = None) -> Run:
    """The expert's run, in the given workspace or in one of its own."""
    return run_policy(task.policy(profile), task.workspace() if workspace is None else workspace)


def remember(
    family: type[Task],
    names: Names,
    profile: Habits,
    *,
    script: bool = True,
    example: bool = True,
    mode: str | None = None,
) -> Memory:
    """Memory of a random task of the family that was there to be done; it shows the profile's variants."""
    task = family.make_solid(names, mode)
    text = task.script(profile, Phrasing(names.random)) if script else None
    trajectory = compact_trajectory(task.request, *expert_run(task, profile)) if example else None
    return Memory(task, text, trajectory)


def careless_run(task: Task, profile: Habits, workspace: Workspace) -> Run:
    """A run that is not done: it gives up at a guess, claims what it did not do, or leaves out the last change.

    Its calls are made in the workspace.
    """
    random = task.names.random
    chance = random()
    if chance < 0.35 and task.mode in (DESCRIBED, WRONG_FOLDER):
        path = _guessed_path(task)
        if path not in workspace.files:
            guess = _call(workspace, "read_file", {"path": path})
            return Run([guess], task.names.say(GAVE_UP, path=path))
    full = expert_run(task, profile, workspace.copy())
    made_up = task.made_up_answer(profile)
    if chance < 0.65:
        answer = made_up or full.answer
        if task.mode == DESCRIBED:  # who made no call has never seen the path
            answer = capitalize(answer.replace(task.path, task.description))
        return Run([], answer)
    changes = [k for k, step in enumerate(full.steps) if step.tool in MUTATING]
    if changes:
        kept, answer = full.steps[: changes[-1]], full.answer
    else:
        kept = full.steps[:1] if len(full.steps) > 1 else []
        answer = made_up or full.answer
    return Run([_call(workspace, step.tool, step.arguments) for step in kept], answer)


def _guessed_path(task: Task) -> str:
    if task.mode == WRONG_FOLDER:
        return task.given
    words = task.words if task.names.random() < 0.5 else task.words[-1:]
    return kebab(words) + task.names.pick((".txt", ".md", ".csv", ".ini"))


def _call(workspace: Workspace, tool: str, arguments: Mapping[str, str]) -> Step:
    return Step(tool, dict(arguments), workspace.call(tool, arguments))
