"""Which of several scripts for the same thing to take: what the others agree with most, or what makes runs likeliest.

A script under which a success is likely says what the success did, and one under which a failure is unlikely says that
it should have been otherwise. Reading the runs once for each script costs a small model little; for a larger one, whose
scripts are better anyway, agreement has to do. Not covered: writing the scripts (build.py), kinds (kinship.py).
"""

import re
from collections import Counter
from collections.abc import Sequence

from localnpm.distill.replay import replay, with_script, without_memory
from localnpm.engine.cancel import Cancel
from localnpm.engine.llama_chat import LlamaChat
from localnpm.engine.turns import ChatModel
from localnpm.errors import CancelledError
from localnpm.memory.records import Trajectory

_PIECE = re.compile(r"\w+|[^\w\s]")


def can_score(chat: ChatModel) -> bool:
    """Whether runs are read again to choose: on the bundled model, which is small."""
    return chat.protocol == 1 and isinstance(chat, LlamaChat)


def likeliest(
    chat: ChatModel,
    scripts: Sequence[str],
    runs: Sequence[Trajectory],
    *,
    unlikely: bool = False,
    cancel: Cancel | None = None,
) -> str:
    """The script in whose light the model would most likely have done what was done; the first of equals.

    Args:
        chat: the model.
        scripts: at least one.
        runs: what was done, at least one attempt.
        unlikely: the script in whose light it is least likely instead.
        cancel: stops the reading.

    Raises:
        CancelledError: `cancel` was set.
        ModelError: the model failed.
    """
    different = list(dict.fromkeys(scripts))
    if len(different) == 1 or not isinstance(chat, LlamaChat):
        return different[0]
    scores = []
    for script in different:
        if cancel is not None and cancel.is_set():
            raise CancelledError("stopped while scripts were being compared")
        total = sum(log_probability(chat, script, run) for run in runs)
        scores.append(-total if unlikely else total)
    return different[scores.index(max(scores))]


def support(chat: LlamaChat, script: str, runs: Sequence[Trajectory], *, cancel: Cancel | None = None) -> float:
    """How much likelier a script makes the calls of successes: the mean of log p with it less log p without, in nats.

    Below 0 the script tells of something else than what was done: a task that was misread, or other files.

    Args:
        chat: the model.
        script: what is to be in the prompt.
        runs: what was done, at least one attempt.
        cancel: stops the reading.

    Raises:
        CancelledError: `cancel` was set.
        ModelError: the model failed.
    """
    total = 0.0
    for run in runs:
        if cancel is not None and cancel.is_set():
            raise CancelledError("stopped while a script was held against its successes")
        total += log_probability(chat, script, run, calls_only=True) - log_probability(chat, "", run, calls_only=True)
    return total / len(runs)


def log_probability(chat: LlamaChat, script: str, run: Trajectory, *, calls_only: bool = False) -> float:
    """log p of the assistant's turns of a run with a script in the prompt, natural logarithm.

    Args:
        chat: the model.
        script: put into the prompt; empty: none.
        run: what was done.
        calls_only: leave the answer out, unless it is all that there was.

    Raises:
        ModelError: the model failed.
    """
    system = with_script(without_memory(run.attempt.system), script)
    scored: list[float] = []
    for part in replay(chat, run, system):
        start = part.spans[0][0]
        scores = chat.model.score(part.tokens, start)
        scored += [float(scores[first - start : end - start].sum()) for first, end in part.spans]
    turns = run.turns
    if calls_only and len(scored) == len(turns) > 1 and not any(step.tool for step in turns[-1].steps):
        scored.pop()
    return sum(scored)


def most_agreed(scripts: Sequence[str], weights: Sequence[float] = ()) -> str:
    """The script that is most like the others, by the words and signs that they share; the first of equals.

    Args:
        scripts: at least one.
        weights: how much each counts; all the same when left out.
    """
    pieces = [Counter(_PIECE.findall(script.lower())) for script in scripts]
    counts = list(weights) or [1.0] * len(scripts)
    scores = [sum(count * _alike(mine, other) for other, count in zip(pieces, counts, strict=True)) for mine in pieces]
    return scripts[scores.index(max(scores))]


def _alike(first: Counter[str], second: Counter[str]) -> float:
    """Shared pieces over all pieces, 0 to 1."""
    return (first & second).total() / max(1, (first | second).total())
