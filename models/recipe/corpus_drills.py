"""Documents that practise one small skill many times: a name in another style, the higher of two numbers, exact copies.

A word with a capital is other tokens than the same word without (`Hedge` is `H ed ge`, `hedge` is `he d ge`), so that
renaming is spelling, and a whole task shows it once. A drill shows it ten times in as many tokens.
"""

from collections.abc import Callable, Sequence

from corpus_about import About
from corpus_conversation import Conversation, Message
from localnpm.evals.habits.arithmetic import format_number
from localnpm.evals.habits.names import Names, slug
from localnpm.evals.habits.paths import kebab, pascal, snake
from localnpm.evals.habits.shares import Shares

SYSTEM_STYLE = "You write names in another style."
SYSTEM_HIGHER = "You compare numbers."
SYSTEM_COPY = "You repeat names exactly."

Style = Callable[[Sequence[str]], str]

STYLES: tuple[tuple[tuple[str, ...], Style], ...] = (
    (("lower case, hyphens", "all in lower case, with hyphens", "<word>-<word>, in lower case"), kebab),
    (("lower case, underscores", "<word>_<word>, all in lower case", "all in lower case, with _"), snake),
    (("each word with a capital, no spaces", "<Word><Word>", "<Word><Word>, each word with a capital"), pascal),
    (("in capitals", "all in capitals"), lambda words: " ".join(words).upper()),
    (("in lower case", "all in lower case"), lambda words: " ".join(words).lower()),
)
WAYS_TO_WRITE = (
    lambda words: " ".join(words),
    lambda words: " ".join(words).capitalize(),
    lambda words: " ".join(words).title(),
    lambda words: " ".join(words).upper(),
    lambda words: " ".join(word.capitalize() if index % 2 else word.upper() for index, word in enumerate(words)),
    snake,
    kebab,
    pascal,
)
ENDINGS = ("txt", "md", "csv", "json", "log", "pdf", "xml", "toml", "yaml")


def drill(names: Names, about: About) -> list[Message]:
    """One drill."""
    return DRILLS.draw(names.random)(names)


def restyle(names: Names) -> list[Message]:
    """Names of several words in one style, from whatever style they come in."""
    wordings, style = names.pick(STYLES)
    questions, answers = [], []
    ending = names.pick(ENDINGS) if names.random() < 0.4 else ""
    for _ in range(names.integer(4, 12)):
        words = _words(names)
        written = names.pick(WAYS_TO_WRITE[:5])(words)
        questions.append(f"{written}.{ending}" if ending else written)
        answers.append(f"{style(words)}.{ending}" if ending else style(words))
    return _listed(SYSTEM_STYLE, f"{names.pick(wordings).capitalize()}:", questions, answers)


def companies(names: Names) -> list[Message]:
    """Companies as folder names."""
    given = [names.company() for _ in range(names.integer(4, 10))]
    heading = names.pick(("Client folders, lower case, hyphens:", "As folder names, all in lower case, with hyphens:"))
    return _listed(SYSTEM_STYLE, heading, given, [slug(company) for company in given])


def higher(names: Names) -> list[Message]:
    """Two files with a number each: which is higher, sometimes by how much."""
    by_how_much = names.random() < 0.3
    questions, answers = [], []
    while len(questions) < 8:
        first, second = _number(names), _number(names)
        if float(first) == float(second):
            continue
        one, two = (f"{names.file_stem(names.topic())}.md" for _ in range(2))
        questions.append(f"{one}: {first}, {two}: {second}")
        won = one if float(first) > float(second) else two
        gap = format_number(abs(float(first) - float(second)))
        answers.append(f"{won}, by {gap}" if by_how_much and _is_easy(first, second) else won)
    return _listed(
        SYSTEM_HIGHER, names.pick(("Which is higher?", "The file with the higher number:")), questions, answers
    )


def copies(names: Names) -> list[Message]:
    """Names in quotes, in paths, in sentences: the names again, nothing else."""
    questions, answers = [], []
    for _ in range(names.integer(5, 12)):
        name = names.pick(WAYS_TO_WRITE)(_words(names))
        questions.append(
            names.say(
                ("“{name}”", '"{name}"', "'{name}'", "{folder}/{name}", "the file {name}", "{name}", "({name})"),
                name=name,
                folder=names.folder(),
            )
        )
        answers.append(name)
    return _listed(SYSTEM_COPY, names.pick(("The names alone:", "Only the names:", "Names:")), questions, answers)


DRILLS: Shares[Callable[[Names], list[Message]]] = Shares(
    (0.5, restyle), (0.62, companies), (0.8, higher), (1.0, copies)
)


def _words(names: Names) -> list[str]:
    """One to four words, among them numbers and words that say that a file is old or new."""
    words = names.topic() if names.random() < 0.8 else [names.made_up()]
    if names.random() < 0.25:
        words.append(names.pick(("old", "new", "draft", "final", "copy", str(names.integer(1, 99)))))
    return words


def _number(names: Names) -> str:
    return names.amount() if names.random() < 0.6 else str(names.integer(2, 900))


def _is_easy(first: str, second: str) -> bool:
    """Whole numbers: their difference needs no calculator."""
    return first.isdigit() and second.isdigit()


def _listed(system: str, heading: str, questions: Sequence[str], answers: Sequence[str]) -> list[Message]:
    conversation = Conversation(system)
    conversation.user("\n".join([heading, *questions]))
    conversation.assistant("\n".join(answers))
    return conversation.messages
