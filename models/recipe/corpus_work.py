"""Documents in which the assistant works: one task or two, with and without memory in the prompt, careful or not."""

from corpus_about import About
from corpus_conversation import Conversation, Message
from localnpm.evals.habits.families import FAMILIES
from localnpm.evals.habits.kinds import KindTask
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.paths import base_name
from localnpm.evals.habits.profile import VARIANTS, Profile, wording
from localnpm.evals.habits.request import capitalize, extend
from localnpm.evals.habits.runs import careless_run, expert_run, remember
from localnpm.evals.habits.shares import Shares
from localnpm.evals.habits.task import GIVEN, Task
from localnpm.evals.habits.transcript import system_prompt

MEMORY = Shares((0.33, "none"), (0.70, "script"), (0.82, "example"), (0.95, "both"), (1.0, "said"))
"""What tells the variants: nothing, memory in one form or in both, or the request."""
SHOWING_MEMORY = ("script", "example", "both")

FOREIGN_SHARE = 0.08
"""How often memory is of another family, and of no use."""
CARELESS_SHARE = 0.175
"""Of the documents without memory: how often the assistant does not do what it says."""
SECOND_TASK_SHARE = 0.15

NEXT_OPENERS = (
    "",
    "",
    "",
    "",
    "Thanks. ",
    "Great. ",
    "Good. ",
    "One more thing: ",
    "Next: ",
    "Perfect, thanks. ",
)


def work(names: Names, about: About) -> list[Message]:
    """A task by an expert with a random profile; memory, or the user's own words, may tell the variants."""
    random = names.random
    family = names.pick(FAMILIES)
    memory = MEMORY.draw(random)
    about.memory = memory
    script = example = None
    known: dict[str, str] = {}
    if memory in SHOWING_MEMORY:
        foreign = random() < FOREIGN_SHARE
        if foreign:
            about.memory = "foreign"
        remembered = _other_family(family, names) if foreign else family
        owner = Profile(random)
        shown, script, example = remember(
            remembered, names, owner, script=memory != "example", example=memory != "script"
        )
        if not foreign:
            known = shown.revealed(owner)
    profile = Profile(random, known)
    careless = memory == "none" and random() < CARELESS_SHARE
    if careless:
        about.memory = "careless"
    task = family.make_solid(names) if careless else family.make(names)
    about.family = family.name
    about.mode = task.mode
    request = task.request
    if memory == "said":
        request = _state_habit(task, profile)
    second = second_task(task, names, same_family=random() < 0.5) if random() < SECOND_TASK_SHARE else None
    workspace = task.workspace()
    if second:
        about.two = True
        workspace.add(second.workspace())
    carry_out = careless_run if careless else expert_run
    conversation = Conversation(system_prompt(script, example))
    conversation.user(request)
    run = carry_out(task, profile, workspace)
    conversation.run(run)
    about.calls = len(run.steps)
    if second:
        conversation.user(next_request(names, second.request))
        conversation.run(carry_out(second, profile, workspace))
    return conversation.messages


def _other_family(family: type[Task], names: Names) -> type[Task]:
    other = family
    while other is family:
        other = names.pick(FAMILIES)
    return other


def _state_habit(task: Task, profile: Profile) -> str:
    """The request with a clause that states one of the habits: "and keep a .bak copy"."""
    names = task.names
    random = names.random
    habit = names.pick(task.habits)
    if "verify" in task.working_habits and random() < 0.15:
        habit = "verify"
    variant = profile[habit]
    if habit != "verify" and random() < 0.6:  # rare variants are stated more often than they occur
        variant = profile[habit] = names.pick(VARIANTS[habit])
    clause = wording(random, "instruction", habit, variant, names.split)
    chance = random()
    if chance < 0.45:
        sentence = f"Please {clause}."
    else:
        sentence = clause[0].upper() + clause[1:] + ("." if chance < 0.8 else ", please.")
    return extend(task.request, sentence)


def second_task(first: Task, names: Names, *, same_family: bool) -> Task | None:
    """Another task, of the same family or of another one, whose files fit into the first one's workspace."""
    taken = {base_name(path) for path in first.files}
    for _ in range(8):
        family = type(first) if same_family else names.pick(FAMILIES)
        if family is type(first) and not same_family:
            continue
        if isinstance(first, KindTask) and same_family:
            task = family.make_solid(names)
            if isinstance(task, KindTask) and task.extension == first.extension:
                continue
        else:
            task = family.make_solid(names, GIVEN if names.random() < 0.6 else None)
        if taken.isdisjoint(map(base_name, task.files)):
            return task
    return None


def next_request(names: Names, request: str) -> str:
    """A request after another one: "One more thing: ..."."""
    opener = names.pick(NEXT_OPENERS)
    if request.startswith("Hi"):
        request = capitalize(request[4:])
    if opener.endswith(": "):
        first = request.split(" ", 1)[0]
        if first.isalpha() and first != "I" and first[1:].islower():
            request = request[0].lower() + request[1:]
        return opener + request
    return opener + capitalize(request) if opener else request
