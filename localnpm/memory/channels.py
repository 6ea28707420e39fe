"""Which channel a task gets: none, script, vector or both, by Thompson sampling over what each is believed to do.

The probabilities are worked out (posterior.py) and drawn from, so that the logged probability is exactly the one with
which the channel was chosen: the uplift rests on it. Not covered: what may be recalled at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Literal

from localnpm.memory.posterior import beliefs, best_of
from localnpm.memory.records import Channel
from localnpm.memory.uses import Statistics

Wanted = Literal["none", "script", "vector", "both", "auto"]

REASON_USES = 5
"""Judged uses for which a script learned from a reason is used as it is."""

_INSTEAD: Mapping[Channel, tuple[Channel, ...]] = {"both": ("script", "vector"), "vector": (), "script": (), "none": ()}


@dataclass(frozen=True)
class Choice:
    """A channel, how probable its choice was, why it was chosen, and whether chance had a part in it (`counts`)."""

    channel: Channel
    probability: float
    why: str
    counts: bool = True


def choose(
    statistics: Statistics,
    *,
    available: frozenset[Channel],
    wanted: Wanted = "auto",
    holdout: float = 0.05,
    random: Random,
    from_reason: bool = False,
) -> Choice:
    """The channel for one task, deterministic given the state of `random`.

    Args:
        statistics: of the version that would be used.
        available: the channels that can be used; `none` always can.
        wanted: what the user asks for; anything but `auto` is obeyed where it is available.
        holdout: the share of tasks kept without memory, 0 to 1, so that its use stays measured.
        from_reason: the version was learned from a reason; it is used as it is until it has `REASON_USES` judged uses.
    """
    available = available | {"none"}
    if wanted != "auto":
        return _obeyed(wanted, available)
    if available == {"none"}:
        return Choice("none", 1.0, "nothing learned can be used for this task", counts=False)
    if from_reason and "script" in available and statistics.uses < REASON_USES:
        return Choice("script", 1.0, "learned from what you said, so it is used as it is at first", counts=False)
    shares = probabilities(statistics, available, holdout)
    channel = random.choices(list(shares), weights=list(shares.values()))[0]
    # `none` is drawn for either reason, with shares that are known.
    held_out = channel == "none" and random.random() * shares["none"] < holdout
    return Choice(channel, shares[channel], _why(statistics, channel, held_out, shares))


def probabilities(statistics: Statistics, available: frozenset[Channel], holdout: float) -> dict[Channel, float]:
    """The probability with which `auto` chooses each channel; they sum to 1."""
    sampled = best_of(beliefs(statistics, available | {"none"}))
    return {channel: (1 - holdout) * share + holdout * (channel == "none") for channel, share in sampled.items()}


def _obeyed(wanted: Channel, available: frozenset[Channel]) -> Choice:
    fitting = [channel for channel in (wanted, *_INSTEAD[wanted]) if channel in available]
    channel = fitting[0] if fitting else "none"
    if channel == wanted:
        why = "memory is switched off for this task" if wanted == "none" else f"you asked for {wanted}"
    else:
        why = f"you asked for {wanted}, of which there is {'nothing' if channel == 'none' else f'only the {channel}'}"
    return Choice(channel, 1.0, why, counts=False)


def _why(statistics: Statistics, channel: Channel, held_out: bool, shares: dict[Channel, float]) -> str:
    if held_out:
        return "kept without memory this once, to measure what memory is worth"
    tally = statistics.by_channel[channel]
    record = f"{tally.wins} of {tally.uses} judged tasks went well" if tally.uses else "not judged yet"
    name = "without memory" if channel == "none" else f"by {channel}"
    if shares[channel] == max(shares.values()):
        return f"{name}: {record}, the most promising"
    return f"{name}: {record}; tried to learn more of it"
