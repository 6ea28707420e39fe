"""Documents in which the assistant learns: write a script, revise a script, list the key terms of a task."""

from corpus_about import About
from corpus_conversation import Conversation, Message
from corpus_corrections import complaint
from localnpm.evals.habits.families import FAMILIES
from localnpm.evals.habits.families.look_up import DIRECT, NEXT_LINE, RETRY
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.profile import Profile, other_variant
from localnpm.evals.habits.runs import expert_run, remember
from localnpm.evals.habits.scripts import Phrasing
from localnpm.evals.habits.task import GIVEN, WRONG_FOLDER, Task
from localnpm.evals.habits.transcript import compact_trajectory

SYSTEM_SCRIPT = "You turn finished tasks into procedures."
SYSTEM_REVISE = "You correct procedures."
SYSTEM_KEY_TERMS = "You list the key terms of a task."

_AT_A_KNOWN_PATH = (GIVEN, WRONG_FOLDER, DIRECT, RETRY)


def write_script(names: Names, about: About) -> list[Message]:
    """From a compact trajectory to the script of its procedure."""
    family = names.pick(FAMILIES)
    about.family = family.name
    _, script, example = remember(family, names, Profile(names.random))
    return _exchange(SYSTEM_SCRIPT, example or "", script or "")


def revise_script(names: Names, about: About) -> list[Message]:
    """From an old script and a failed run with its complaint, or a run that was good, to the right script."""
    random = names.random
    family = names.pick(FAMILIES)
    about.family = family.name
    task = family.make_solid(names)
    profile = Profile(random)
    _skip_a_task(task, names)
    phrasing = Phrasing(random)
    habit = names.pick(task.habits)
    if "verify" in task.working_habits and random() < 0.2:
        habit = "verify"
    wanted = other_variant(random, habit, profile[habit])
    task.revealed(profile)  # draws the habits that show, so that both profiles have the same
    better = Profile(random, {**profile, habit: wanted})
    material = f"# Procedure\n{task.script(profile, phrasing)}\n\n"
    if random() < 0.55:
        failed = compact_trajectory(task.request, *expert_run(task, profile))
        material += f"# Failed run\n{failed}\n\n# Complaint\n{complaint(names, habit, wanted)}"
    else:
        good = compact_trajectory(task.request, *expert_run(task, better))
        material += f"# Good run\n{good}"
    return _exchange(SYSTEM_REVISE, material, task.script(better, phrasing))


def list_key_terms(names: Names, about: About) -> list[Message]:
    """From a request to two to five terms."""
    family = names.pick(FAMILIES)
    about.family = family.name
    task = family.make(names)
    return _exchange(SYSTEM_KEY_TERMS, task.request, ", ".join(dict.fromkeys(task.key_terms)))


def _exchange(system: str, user: str, assistant: str) -> list[Message]:
    conversation = Conversation(system)
    conversation.user(user)
    conversation.assistant(assistant)
    return conversation.messages


def _skip_a_task(task: Task, names: Names) -> None:
    """Draw a task like this one and drop it: the bundled model's corpus was drawn so, and stays the same."""
    if task.mode == NEXT_LINE:
        return
    other = task.make_solid(names, task.mode)
    while other.mode != task.mode and not (other.mode in _AT_A_KNOWN_PATH and task.mode in _AT_A_KNOWN_PATH):
        other = task.make_solid(names)
