"""What the model is asked in order to learn: to write a script, to revise one, to name a request's key terms.

The prompts are those that the bundled model was trained on; a larger model is told in one line more what form the
answer has. What comes back is cleaned and checked, and asked for once more, with a draw, when it is no procedure.
Not covered: from which attempts (build.py), and whether what was written may be trusted (doubt.py).
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from localnpm.engine.cancel import Cancel
from localnpm.engine.messages import Message
from localnpm.engine.sampling import GREEDY, Sampling
from localnpm.engine.turns import ChatModel, Turn
from localnpm.errors import CancelledError, ScriptError
from localnpm.plain import one_line

SYSTEM_SCRIPT = "You turn finished tasks into procedures."
SYSTEM_REVISE = "You correct procedures."
SYSTEM_KEY_TERMS = "You list the key terms of a task."

GUIDANCE_SCRIPT = (
    "Answer with a title line, then numbered steps, and nothing else. Put what differs from task to task in angle "
    "brackets, such as <file>; keep word for word what stays the same."
)
GUIDANCE_REVISE = "Answer with the whole procedure, changed only where the complaint or the good run asks for it."
GUIDANCE_KEY_TERMS = "Answer with two to five terms, separated by commas, and nothing else."

SCRIPT_TOKENS = 400
KEY_TERM_TOKENS = 60
THOUGHT_TOKENS = 3000
"""Room for what a larger model may think before it answers."""
TITLE_CHARACTERS = 120
STEP_CHARACTERS = 400
MOST_STEPS = 20
MOST_TERMS = 5
TERM_CHARACTERS = 80

DRAW = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.02)
"""How further scripts are drawn, to choose among."""
RETRY = Sampling(temperature=1.0, top_k=40, top_p=0.95, min_p=0.05, seed=1)
"""How a second answer is drawn, when the first was none."""

_STEP = re.compile(r"(?:step\s*)?(\d{1,3})\s*[.):]\s*(\S.*)", re.IGNORECASE)
_FENCE = re.compile(r"```[a-z]*\n(.*?)\n?```", re.DOTALL)
_HEADING = re.compile(r"^(?:#+\s*|\*\*|(?:title|procedure|script)\s*:\s*)+", re.IGNORECASE)

Answer = TypeVar("Answer")


def write_script(chat: ChatModel, example: str, *, sampling: Sampling = GREEDY, cancel: Cancel | None = None) -> str:
    """The script of a task that was done: a title line, then numbered steps.

    Args:
        chat: the model that writes.
        example: the compact trajectory.
        sampling: how the first answer is drawn.
        cancel: stops the writing.

    Raises:
        ScriptError: twice the answer was no script.
        CancelledError: `cancel` was set.
        ModelError: the model failed, or the trajectory does not fit its context.
    """
    return _ask(chat, SYSTEM_SCRIPT, GUIDANCE_SCRIPT, example, SCRIPT_TOKENS, cleaned, sampling, cancel)


def script_prompt(chat: ChatModel, example: str) -> list[Message]:
    """What `write_script` asks, for those who want to know how likely an answer is."""
    return _messages(chat, SYSTEM_SCRIPT, GUIDANCE_SCRIPT, example)


def revise_script(
    chat: ChatModel,
    script: str,
    *,
    failed: str = "",
    complaint: str = "",
    good: str = "",
    sampling: Sampling = GREEDY,
    cancel: Cancel | None = None,
) -> str:
    """The script put right, after a run that failed and what the user said of it, or after a run that was good.

    Args:
        chat: the model that writes.
        script: the script that is to be put right.
        failed: the failed run's compact trajectory; goes with `complaint`.
        complaint: the user's words.
        good: a compact trajectory of a success; taken where there is no complaint.
        sampling: how the first answer is drawn.
        cancel: stops the writing.

    Raises:
        ScriptError: twice the answer was no script.
        CancelledError: `cancel` was set.
        ModelError: the model failed, or what it should read does not fit its context.
        ValueError: there is neither a complaint nor a good run.
    """
    if not complaint and not good:
        raise ValueError("a script is revised after a complaint or after a good run; there is neither")
    material = f"# Procedure\n{script}\n\n"
    if complaint:
        material += f"# Failed run\n{failed}\n\n# Complaint\n{complaint}"
    else:
        material += f"# Good run\n{good}"
    return _ask(chat, SYSTEM_REVISE, GUIDANCE_REVISE, material, SCRIPT_TOKENS, cleaned, sampling, cancel)


def key_terms(chat: ChatModel, request: str, *, cancel: Cancel | None = None) -> str:
    """Two to five terms of a request, separated by commas (Mem^p's AveFact key, arXiv 2508.06433).

    Raises:
        ScriptError: twice the answer had no term.
        CancelledError: `cancel` was set.
        ModelError: the model failed.
    """
    return _ask(chat, SYSTEM_KEY_TERMS, GUIDANCE_KEY_TERMS, request, KEY_TERM_TOKENS, _terms, GREEDY, cancel)


def cleaned(text: str) -> str:
    """A model's answer as a script: one title line, then steps numbered from 1, without whatever stood around them.

    Raises:
        ScriptError: there is no title, no step, or more of either than a procedure has.
    """
    fenced = _FENCE.search(text)
    lines = [line.strip() for line in (fenced[1] if fenced else text).splitlines() if line.strip()]
    numbers = [index for index, line in enumerate(lines) if _STEP.fullmatch(line)]
    if not numbers or numbers[0] == 0:
        raise ScriptError(f"the model wrote no procedure, with a title and numbered steps: {one_line(text, 80)!r}")
    title = _HEADING.sub("", lines[numbers[0] - 1]).rstrip("*: ").strip()
    steps = []
    for line in lines[numbers[0] :]:
        step = _STEP.fullmatch(line)
        if step is not None:
            steps.append(step[2].strip())
        elif steps and line[0] not in "#`":
            # A step that goes on in the next line.
            steps[-1] += f" {line}"
    if not title or len(title) > TITLE_CHARACTERS:
        raise ScriptError(f"the model wrote a procedure whose title cannot be used: {one_line(title, 80)!r}")
    if len(steps) > MOST_STEPS or any(len(step) > STEP_CHARACTERS for step in steps):
        raise ScriptError(
            f"the model wrote a procedure of {len(steps)} steps, the longest of {max(map(len, steps))} characters; "
            f"at most {MOST_STEPS} steps of {STEP_CHARACTERS} are kept"
        )
    return "\n".join([title, *(f"{number}. {step}" for number, step in enumerate(steps, 1))])


def title_of(script: str) -> str:
    """The first line of a script."""
    return script.split("\n", 1)[0]


def steps_of(script: str) -> tuple[str, ...]:
    """The steps of a script, without their numbers."""
    found = (_STEP.fullmatch(line.strip()) for line in script.splitlines()[1:])
    return tuple(step[2] for step in found if step is not None)


def _terms(text: str) -> str:
    lines = text.strip().splitlines()
    terms = dict.fromkeys(term.strip(" .\"'*-") for term in lines[0].split(",")) if lines else {}
    kept = [term for term in terms if 0 < len(term) <= TERM_CHARACTERS][:MOST_TERMS]
    if not kept:
        raise ScriptError(f"the model named no key terms: {one_line(text, 80)!r}")
    return ", ".join(kept)


def _ask(
    chat: ChatModel,
    system: str,
    guidance: str,
    material: str,
    max_tokens: int,
    read: Callable[[str], Answer],
    sampling: Sampling,
    cancel: Cancel | None,
) -> Answer:
    """The model's answer as `read` reads it; drawn once more when it cannot be read."""
    messages = _messages(chat, system, guidance, material)
    if chat.protocol != 1:
        max_tokens += THOUGHT_TOKENS
    try:
        return read(_said(chat, messages, max_tokens, sampling, cancel))
    except ScriptError:
        return read(_said(chat, messages, max_tokens, replace(RETRY, seed=sampling.seed + 1), cancel))


def _messages(chat: ChatModel, system: str, guidance: str, material: str) -> list[Message]:
    if chat.protocol != 1:
        system += f"\n{guidance}"
    return [Message("system", system), Message("user", material)]


def _said(chat: ChatModel, messages: list[Message], max_tokens: int, sampling: Sampling, cancel: Cancel | None) -> str:
    turn: Turn | None = None
    for part in chat.turn(messages, (), sampling=sampling, max_tokens=max_tokens, cancel=cancel):
        if isinstance(part, Turn):
            turn = part
    assert turn is not None, "a model's turn ends with a Turn"
    if turn.stop_reason == "cancelled" or (cancel is not None and cancel.is_set()):
        raise CancelledError("stopped while a procedure was being written")
    if turn.stop_reason in ("length", "context"):
        raise ScriptError(f"the model's procedure was cut off after {turn.usage.generated_tokens} tokens")
    return turn.text
