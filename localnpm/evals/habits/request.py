"""How a clause becomes what somebody types: openers, thanks, quotes, capitals."""

import re

from localnpm.evals.habits.names import Names
from localnpm.evals.habits.phrases import Wordings
from localnpm.evals.habits.shares import Uniform

THANKS = " Thanks!"

_VOWEL = re.compile("[aeio]", re.IGNORECASE)


def with_article(word: str) -> str:
    """`offer` -> `an offer`."""
    return f"an {word}" if _VOWEL.match(word) else f"a {word}"


def capitalize(sentence: str) -> str:
    """A sentence with a capital, unless it starts with a path, a number or a key."""
    first = sentence.split(" ", 1)[0]
    if "/" in first or "." in first[:-1] or "_" in first or not first[0].isalpha():
        return sentence
    return sentence[0].upper() + sentence[1:]


def polite(random: Uniform, clause: str) -> str:
    """A bare imperative clause (lower case, no final dot) as a request."""
    chance = random()
    if chance < 0.30:
        return f"{capitalize(clause)}."
    if chance < 0.42:
        return capitalize(clause) if random() < 0.5 else clause
    if chance < 0.56:
        return f"Please {clause}."
    if chance < 0.63:
        return f"{capitalize(clause)}, please."
    if chance < 0.73:
        return f"Can you {clause}?"
    if chance < 0.81:
        return f"Could you {clause}?"
    if chance < 0.86:
        return f"Could you please {clause}?"
    if chance < 0.89:
        return f"I would like you to {clause}."
    if chance < 0.94:
        return f"{capitalize(clause)}.{THANKS}"
    if chance < 0.97:
        return f"Hi, please {clause}."
    return f"I need you to {clause}."


def typed_quotes(random: Uniform, text: str) -> str:
    """Quotes as people type them: mostly double, else single or curly."""
    if text.count('"') != 2:
        return text
    chance = random()
    if chance < 0.3 and "'" not in text:
        return text.replace('"', "'")
    if chance < 0.38:
        return text.replace('"', "\u201c", 1).replace('"', "\u201d", 1)
    return text


def typed(names: Names, wordings: Wordings, **slots: str) -> str:
    """A request in one of the wordings."""
    random = names.random
    if random() < 0.6:
        return typed_quotes(random, polite(random, names.say(wordings.clauses, **slots)))
    text = typed_quotes(random, capitalize(names.say(wordings.sentences, **slots)))
    chance = random()
    if chance < 0.06:
        return f"Hi! {text}"
    if chance < 0.12 and text[-1] in ".?!":
        return text + THANKS
    return text


def extend(request: str, sentence: str) -> str:
    """The request and one more sentence."""
    request = request.removesuffix(THANKS)
    if request[-1] not in '.?!"':
        request += "."
    return f"{request} {sentence}"
