"""Documents in which the user corrects the assistant: done one way, wanted another way, put right."""

from collections.abc import Mapping

from corpus_about import About
from corpus_conversation import Conversation, Message
from corpus_work import next_request, second_task
from localnpm.evals.habits.families import FAMILIES
from localnpm.evals.habits.families.compare_files import CompareFiles
from localnpm.evals.habits.families.tidy_name import TidyName
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.profile import Profile, other_variant, wording
from localnpm.evals.habits.request import capitalize
from localnpm.evals.habits.runs import Run, expert_run
from localnpm.evals.habits.task import Task
from localnpm.evals.habits.transcript import SYSTEM
from localnpm.evals.habits.workspace import Call, Step, Workspace

COMPLAINTS = (
    "{sentence}.",
    "{sentence}.",
    "No. {sentence}.",
    "Not quite. {sentence}.",
    "Thanks, but {clause}.",
    "That is not how I like it. {sentence}.",
    "{sentence}. Can you fix that?",
    "Hm, {clause}.",
    "Almost. {sentence}.",
    "{sentence}. Please correct it.",
    "Wait. {sentence}.",
)
APOLOGIES = (
    "Sorry about that. ",
    "Right. ",
    "Fixed. ",
    "Understood. ",
    "Sorry, my mistake. ",
    "Of course. ",
    "Corrected. ",
    "",
)

_STAND_ALONE = ("Please", "Just", "You", "No", "There")
"""A complaint that begins so takes no opener."""


def correction(names: Names, about: About) -> list[Message]:
    """A task in a variant that the user does not want, the complaint, the repair; sometimes a second task."""
    random = names.random
    family = names.pick(FAMILIES)
    task = family.make_solid(names)
    profile = Profile(random)
    habit, wanted = _wrong_variant(names, task, profile)
    better = Profile(random, {**profile, habit: wanted})
    about.family, about.habit, about.variant = family.name, habit, wanted
    workspace = task.workspace()
    second = second_task(task, names, same_family=True) if random() < 0.3 else None
    if second:
        about.two = True
        workspace.add(second.workspace())
    before = workspace.snapshot()
    conversation = Conversation(SYSTEM)
    conversation.user(task.request)
    conversation.run(expert_run(task, profile, workspace))
    for known, variant in profile.items():
        better.setdefault(known, variant)
    conversation.user(complaint(names, habit, wanted))
    goal = task.end_state(before, better)
    repairs = _repairs(task, wanted, workspace, goal)
    steps = [Step(tool, arguments, workspace.call(tool, arguments)) for tool, arguments in repairs]
    answer = expert_run(task, better).answer
    if not task.informs:
        answer = _apologize(names, answer)
    conversation.run(Run(steps, answer))
    about.repaired = _stripped(workspace.files) == _stripped(goal)
    if second:
        conversation.user(next_request(names, second.request))
        conversation.run(expert_run(second, better, workspace))
    return conversation.messages


def complaint(names: Names, habit: str, variant: str) -> str:
    """What a user says who wanted this variant."""
    sentence = wording(names.random, "correction", habit, variant, names.split)
    first = sentence.split(" ", 1)[0]
    if sentence.endswith(("please", "too")) or first in _STAND_ALONE or " " not in sentence:
        return f"{sentence}."
    is_plain_word = first != "I" and first.isalpha() and first[1:].islower()
    clause = sentence[0].lower() + sentence[1:] if is_plain_word else sentence
    return names.say(COMPLAINTS, sentence=sentence, clause=clause)


def _wrong_variant(names: Names, task: Task, profile: Profile) -> tuple[str, str]:
    """A habit in which the profile is wrong, and the variant that the user wants."""
    habit = names.pick(task.habits)
    if habit in ("removal", "cleanup") and profile[habit] == "delete":
        profile[habit] = "trash"  # what was deleted unread could not be brought back
    return habit, other_variant(names.random, habit, profile[habit])


def _apologize(names: Names, answer: str) -> str:
    opener = names.pick(APOLOGIES)
    if opener and answer.startswith(("Done: ", "Done. ")):
        answer = answer[len("Done: ") :]
    return opener + capitalize(answer)


def _stripped(files: Mapping[str, str]) -> dict[str, str]:
    return {path: text.rstrip() for path, text in files.items()}


def _repairs(task: Task, wanted: str, workspace: Workspace, goal: Mapping[str, str]) -> list[Call]:
    if isinstance(task, CompareFiles) and wanted == "difference":
        return [("calculate", {"expression": task.subtraction})]
    calls = repair(workspace.files, goal)
    if isinstance(task, TidyName) and wanted == "date":  # the file with the date has not been read yet
        calls.insert(0, ("read_file", {"path": calls[0][1]["source"]}))
    return calls


def repair(have: Mapping[str, str], goal: Mapping[str, str]) -> list[Call]:
    """Tool calls that turn the files `have` into `goal`."""
    calls: list[Call] = []
    surplus = [path for path in have if path not in goal]
    for path, text in goal.items():
        if path in have:
            if have[path] != text:
                calls.append(_change(path, have[path], text))
            continue
        moved = next((other for other in surplus if have[other] == text), None)
        if moved:
            surplus.remove(moved)
            calls.append(("move_file", {"source": moved, "destination": path}))
            continue
        twin = next((other for other in have if text and text == have[other] == goal.get(other)), None)
        if twin:
            calls.append(("copy_file", {"source": twin, "destination": path}))
        else:
            calls.append(("write_file", {"path": path, "content": text}))
    calls += [("delete_file", {"path": path}) for path in surplus]
    return calls


def _change(path: str, old: str, new: str) -> Call:
    """The smallest call that makes the new text of the old one: append, edit or write."""
    if old.endswith("\n") and new.startswith(old) and "\n" in new[len(old) :]:
        return "append_file", {"path": path, "content": new[len(old) :].rstrip("\n")}
    before, after = _changed_lines(old.split("\n"), new.split("\n"))
    is_unique = before and old.count(before) == 1
    if is_unique and len(before) < 0.8 * len(old) and old.replace(before, after) == new:
        return "edit_file", {"path": path, "old_text": before, "new_text": after}
    return "write_file", {"path": path, "content": new}


def _changed_lines(old: list[str], new: list[str]) -> tuple[str, str]:
    """The texts between the lines that both have at the start and those that both have at the end."""
    shorter = min(len(old), len(new))
    start = 0
    while start < shorter and old[start] == new[start]:
        start += 1
    end = 0
    while end < shorter - start and old[-1 - end] == new[-1 - end]:
        end += 1
    before = "\n".join(old[start : len(old) - end])
    after = "\n".join(new[start : len(new) - end])
    only_deletes = start == len(new) - end and end > 0
    return (f"{before}\n" if only_deletes else before), after
