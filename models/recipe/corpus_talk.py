"""Documents in which there is nothing to do: questions that the model can't answer, and small talk.

What is said is in `corpus_talk/`, a line each.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from corpus_about import About
from corpus_conversation import Conversation, Message
from localnpm.evals.habits.families import FAMILIES
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.profile import Profile
from localnpm.evals.habits.runs import expert_run, remember
from localnpm.evals.habits.transcript import SYSTEM, system_prompt

_FOLDER = Path(__file__).with_suffix("")


class Topic(NamedTuple):
    """A topic of small talk: what users say, and what the assistant says then."""

    user: tuple[str, ...]
    assistant: tuple[str, ...]


def _lines(name: str) -> list[str]:
    return (_FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()


def _topics() -> Iterator[tuple[str, Topic]]:
    """Topics by name, from lines under `# TOPIC: user` and `# TOPIC: assistant`."""
    sections: dict[str, list[str]] = {}
    section: list[str] = []
    for line in _lines("small_talk"):
        if line.startswith("# "):
            section = sections.setdefault(line[2:], [])
        elif line:
            section.append(line)
    for heading in sections:
        topic, _, speaker = heading.partition(": ")
        if speaker == "user":
            yield topic, Topic(tuple(sections[heading]), tuple(sections[f"{topic}: assistant"]))


LANDS = _lines("lands")
OFF_TOPIC_QUESTIONS = _lines("off_topic_questions")
OFF_TOPIC_ANSWERS = _lines("off_topic_answers")
TOPICS = dict(_topics())
SMALL_TALK = tuple(TOPICS.values())


def off_topic(names: Names, about: About) -> list[Message]:
    """A question about anything else: the answer is honest that this model does not know."""
    conversation = _after_a_task(names) if names.random() < 0.15 else _fresh(names)
    conversation.user(off_topic_question(names))
    conversation.assistant(names.pick(OFF_TOPIC_ANSWERS))
    return conversation.messages


def small_talk(names: Names, about: About) -> list[Message]:
    """Hello, thanks, what can you do; sometimes after a task, sometimes two in a row."""
    random = names.random
    if random() < 0.3:
        conversation = _after_a_task(names)
        topic = TOPICS["thanks" if random() < 0.8 else "goodbye"]
    else:
        conversation = _fresh(names)
        topic = names.pick(SMALL_TALK)
    _talk(conversation, names, topic)
    if random() < 0.25:
        _talk(conversation, names, names.pick(SMALL_TALK))
    return conversation.messages


def off_topic_question(names: Names) -> str:
    """A question that has nothing to do with the workspace."""
    question = names.pick(OFF_TOPIC_QUESTIONS)
    if "{" in question:
        question = question.format(
            land=names.pick(LANDS),
            city=names.city(),
            city2=names.city(),
            a=names.word("modifier"),
            noun=names.word("noun"),
            noun2=names.word("noun"),
            goods=names.goods(),
            goods2=names.goods(),
            n=names.integer(2, 999),
            m=names.integer(2, 99),
            year=names.integer(1900, 2025),
            person=names.person(),
            time=names.time(),
            company=names.company(),
            pseudo=names.made_up(),
        )
    chance = names.random()
    if chance < 0.1:
        return question[0].lower() + question[1:].rstrip(".?")
    if chance < 0.16:
        return f"Hi! {question}"
    if chance < 0.2 and question.endswith("."):
        return question.rstrip(".") + ", please."
    return question


def _talk(conversation: Conversation, names: Names, topic: Topic) -> None:
    conversation.user(names.pick(topic.user))
    conversation.assistant(names.pick(topic.assistant))


def _after_a_task(names: Names) -> Conversation:
    family = names.pick(FAMILIES)
    task = family.make_solid(names)
    conversation = Conversation(SYSTEM)
    conversation.user(task.request)
    conversation.run(expert_run(task, Profile(names.random)))
    return conversation


def _fresh(names: Names) -> Conversation:
    """Nothing said yet. Talk happens with memory in the prompt, too."""
    if names.random() >= 0.2:
        return Conversation(SYSTEM)
    family = names.pick(FAMILIES)
    _, script, example = remember(family, names, Profile(names.random))
    has_script = names.random() < 0.8
    has_example = names.random() < 0.35
    return Conversation(system_prompt(script if has_script else None, example if has_example else None))
