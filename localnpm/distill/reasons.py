"""What a failure and the user's words about it teach: a script of the kind, or of the failed run, put right.

A small model does one thing at a time, so it is told a complaint sentence by sentence. It often hands a script back as
it is, or puts back what the sentence before had put right; what it leaves undone stands in the script in the user's own
words at least. Not covered: the prompts (scripts.py), when a reason is learned from (learning/retry.py, policies.py).
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from localnpm.distill.choose import can_score, likeliest, most_agreed
from localnpm.distill.compact import compact, way
from localnpm.distill.doubt import doubtful
from localnpm.distill.judged import seen
from localnpm.distill.scripts import DRAW, STEP_CHARACTERS, cleaned, revise_script, steps_of, title_of, write_script
from localnpm.engine.cancel import Cancel
from localnpm.engine.turns import ChatModel
from localnpm.errors import ScriptError
from localnpm.memory.procedure_records import Draft, Role, Version
from localnpm.memory.records import Trajectory
from localnpm.plain import one_line

SAMPLES = 4
"""Revisions that are drawn where the first changes nothing."""
FEWEST_WORDS = 3
"""A sentence of fewer words ("No.", "Not there.") is told with the next one."""

_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")
_PIECE = re.compile(r"\w+|[^\w\s]")
_WORD = re.compile(r"\w+")
_EMPTY = frozenset(
    _WORD.findall("a all and at bad false good incorrect is it no nope not ok right so still that this was wrong")
)
_ANSWERS = re.compile(
    r"(?:then |finally |and )?(?:say|tell|answer|report|confirm|mention|reply|respond|inform|state|let the user)\b",
    re.IGNORECASE,
)


def draft_from_reason(
    chat: ChatModel,
    trajectory: Trajectory,
    reason: str,
    base: Version | None,
    *,
    said: Sequence[str] = (),
    cancel: Cancel | None = None,
) -> Draft:
    """What a failed attempt and the user's words teach: the script in use, or one written from the failure, put right.

    Args:
        chat: the model that writes.
        trajectory: the failed attempt.
        reason: what the user said of it.
        base: the version in use for its kind, or the one that was tried; None where there is none.
        said: further words of the user's, such as the session's requests.
        cancel: stops the writing.

    Raises:
        ScriptError: the model wrote no procedure, or the reason has no word in it.
        CancelledError: `cancel` was set.
        ModelError: the model failed, or the attempt does not fit its context.
    """
    told, failed = _told(chat, reason), compact(trajectory)
    script, before, left = "", "", told
    if base is not None and base.script:
        before = base.script
        script, left = _revised(chat, before, failed, told, cancel)
    if len(left) == len(told):
        # No script, or what was in the prompt says it already and did not help: say it in the failed run's own terms.
        before = write_script(chat, failed, cancel=cancel)
        script, left = _revised(chat, before, failed, told, cancel)
    script = _with_the_rest(chat, before, script, trajectory, left, cancel)
    lineage: tuple[tuple[int, Role], ...] = ((trajectory.attempt.id, "failure"), (trajectory.attempt.id, "reason"))
    words = (trajectory.request, reason, *said)
    kept = base.script if base is not None else ""
    return Draft(
        script=script,
        example="",
        source="reason",
        way=way(trajectory),
        lineage=lineage,
        doubtful=doubtful(script, (*words, kept), seen([trajectory])),
        parent_id=base.id if base is not None else None,
    )


def put_right(chat: ChatModel, script: str, failure: Trajectory, reason: str, *, cancel: Cancel | None = None) -> str:
    """A script after a run that failed with it and what the user said of that.

    Raises:
        ScriptError: the reason says nothing.
        CancelledError: `cancel` was set.
        ModelError: the model failed, or the attempt does not fit its context.
    """
    revised, left = _revised(chat, script, compact(failure), _told(chat, reason), cancel)
    return _with_the_rest(chat, script, revised, failure, left, cancel)


def sentences(reason: str) -> list[str]:
    """A complaint's sentences, each in one line; one of very few words goes with its neighbour."""
    found: list[str] = []
    for sentence in _SENTENCE.split(reason.strip()):
        if found and (len(found[-1].split()) < FEWEST_WORDS or len(sentence.split()) < FEWEST_WORDS):
            found[-1] = f"{found[-1]} {sentence}"
        else:
            found.append(sentence)
    return [sentence.strip() for sentence in found if sentence.strip()]


def with_words(script: str, words: str) -> str:
    """A script with the user's own words as a step: the last one, but before the one that says what to answer.

    A script that has the words already, or as many steps as a script may have, is left as it is.
    """
    step = one_line(words, STEP_CHARACTERS)
    steps = list(steps_of(script))
    if step in steps:
        return script
    steps.insert(len(steps) - bool(_ANSWERS.match(steps[-1])) if steps else 0, step)
    try:
        return cleaned("\n".join([title_of(script), *(f"{number}. {text}" for number, text in enumerate(steps, 1))]))
    except ScriptError:
        return script


def _told(chat: ChatModel, reason: str) -> list[str]:
    """What there is to tell the model, one thing after the other; a larger one is told everything at once."""
    told = sentences(reason) if chat.protocol == 1 else [reason]
    told = [each for each in told if set(_WORD.findall(each.lower())) - _EMPTY]
    if not told:
        raise ScriptError(f"{one_line(reason, 80)!r} says that it was wrong, and not how it should have been")
    return told


def _with_the_rest(
    chat: ChatModel, before: str, script: str, failure: Trajectory, left: Sequence[str], cancel: Cancel | None
) -> str:
    """The script with what changed nothing in it at first: drawn, else in the user's own words."""
    for sentence in left:
        script = _drawn(chat, before, script, failure, sentence, cancel) or with_words(script, sentence)
    return script


def _keeps(before: str, script: str, revised: str) -> bool:
    """Whether a revision leaves what earlier ones have put in; a small model puts back what it was before."""
    pieces, now, then = (Counter(_PIECE.findall(text)) for text in (before, script, revised))
    return not (now - pieces) - then


def _revised(
    chat: ChatModel, script: str, failed: str, told: Sequence[str], cancel: Cancel | None
) -> tuple[str, list[str]]:
    """The script put right sentence by sentence, and the sentences that changed nothing, or undid an earlier one."""
    before, left = script, []
    for sentence in told:
        try:
            revised = revise_script(chat, script, failed=failed, complaint=sentence, cancel=cancel)
        except ScriptError:
            revised = script
        if revised == script or not _keeps(before, script, revised):
            left.append(sentence)
        else:
            script = revised
    return script, left


def _drawn(
    chat: ChatModel, before: str, script: str, failure: Trajectory, complaint: str, cancel: Cancel | None
) -> str:
    """A revision that is drawn, since the likeliest changes nothing; empty where those that are drawn do not either.

    Of those that differ the one is taken in whose light the failed run is least likely, or, of a larger model's, that
    the others agree with most.
    """
    changed = []
    for seed in range(1, SAMPLES + 1):
        sampling = replace(DRAW, seed=seed)
        try:
            other = revise_script(
                chat, script, failed=compact(failure), complaint=complaint, sampling=sampling, cancel=cancel
            )
        except ScriptError:
            continue
        if other != script and _keeps(before, script, other):
            changed.append(other)
    if not changed:
        return ""
    if can_score(chat):
        return likeliest(chat, changed, [failure], unlikely=True, cancel=cancel)
    return most_agreed(changed)
