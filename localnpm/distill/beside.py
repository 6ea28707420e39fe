"""How strongly a vector acts beside the script: calibrated a second time, with the script in the prompt.

A vector makes up for a script that is not there; on top of one the same push is mostly needless, and can undo what the
script has put right. So, on held-out turns behind the script: the strength under which most turns come out as they did
that do not with the script alone, and of several the one that makes them likelier, if it loses none of the others and
keeps the bound on KL. Where no strength does, 0: the vector stays out when the script is given. A gain in likelihood
alone is not enough: it grows with any force (calibrate.py).

Turns are looked at in two rounds, so that most kinds cost one reading behind the script: at first only what the script
leaves wrong, and the others only under strengths that have put something right.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from localnpm.distill.calibrate import PROBE_TOKENS
from localnpm.distill.contrast import log_softmax
from localnpm.distill.directions import rows_at, steering_of
from localnpm.distill.replay import Replay
from localnpm.distill.runs import stopped
from localnpm.engine.arrays import Float32Array
from localnpm.engine.cancel import Cancel
from localnpm.engine.model import Model

SHARES = (0.25, 0.5, 1.0)
"""Of the coefficient without the script: what is tried beside it, with 0."""
MEASURED = "beside_script"
"""The key of a vector's calibration that holds what was measured here."""

Held = tuple[Float32Array, Replay]
"""Directions float32 [n_layer - 1, n_embd] from the other runs, and the held-out run behind the script."""


@dataclass(frozen=True)
class Beside:
    """What a vector does on top of one script.

    Attributes:
        coefficient: at which it acts there; 0: not at all.
        turns: how many held-out turns were looked at.
        plain, steered: how many of them come out as they did with the script alone, and with the vector too.
        kl: 95th percentile of KL(both || script alone), in nats; 0 where the vector stays out.
        script: names the script, see `named`.
    """

    coefficient: float
    turns: int
    plain: int
    steered: int
    kl: float
    script: str

    def as_dict(self) -> dict[str, Any]:
        """As a vector's calibration holds it."""
        return asdict(self)

    @property
    def told(self) -> str:
        """What it comes to, for the user."""
        if self.coefficient:
            return (
                f"beside the script the vector acts at {self.coefficient:.2g}: {self.steered} of {self.turns} held-out "
                f"turns come out right, with the script alone {self.plain}"
            )
        return (
            "the vector is left out beside the script, which does as well alone "
            f"({self.plain} of {self.turns} held-out turns come out right)"
        )


def named(script: str) -> str:
    """A short digest that tells scripts apart, and nothing of what they say."""
    return hashlib.sha256(script.strip().encode()).hexdigest()[:16] if script.strip() else ""


def read(calibration: Mapping[str, Any]) -> Beside | None:
    """What a stored vector's calibration says of it; None for one that was never looked at beside a script.

    A memory may come from elsewhere: what is not of the form says nothing.
    """
    known = calibration.get(MEASURED)
    if not isinstance(known, dict):
        return None
    try:
        return Beside(
            float(known["coefficient"]),
            int(known["turns"]),
            int(known["plain"]),
            int(known["steered"]),
            float(known["kl"]),
            str(known["script"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def calibrate_beside(
    model: Model,
    held: Sequence[Held],
    norms: Float32Array,
    coefficient: float,
    layers: tuple[int, int],
    script: str,
    *,
    bound: float,
    cancel: Cancel | None = None,
) -> Beside | None:
    """The strength beside a script; None if it was stopped.

    Args:
        norms: float32 [n_layer - 1].
        coefficient, layers: as calibrated without the script.
        bound: nats.
    """
    tried = [share * coefficient for share in SHARES]
    turns = [_Turn(rows, run, span) for rows, run in held for span in run.spans]
    for turn in turns:
        if stopped(cancel):
            return None
        turn.look(model)
        if not turn.right:
            turn.steer(model, norms, tried, layers)
    plain = sum(turn.right for turn in turns)
    hopeful = [c for c in tried if any(turn.right_under.get(c) for turn in turns)]
    for turn in turns:
        if stopped(cancel):
            return None
        if turn.right and hopeful:
            turn.steer(model, norms, hopeful, layers)
            hopeful = [c for c in hopeful if turn.right_under[c]]
    best = Beside(0.0, len(turns), plain, plain, 0.0, named(script))
    most = (plain, 0.0)
    for c in hopeful:
        kl = float(np.percentile(np.concatenate([turn.kl[c] for turn in turns]), 95))
        found = (sum(turn.right_under[c] for turn in turns), sum(turn.gain[c] for turn in turns))
        if kl <= bound and found[0] > plain and found > most:
            most, best = found, Beside(c, len(turns), plain, found[0], kl, named(script))
    return best


class _Turn:
    """One held-out turn behind the script, and what each strength makes of it."""

    def __init__(self, rows: Float32Array, run: Replay, span: tuple[int, int]) -> None:
        self._rows = rows
        first, end = span[0], min(span[1], span[0] + PROBE_TOKENS)
        self._tokens = run.tokens[: end - 1]
        self._positions = range(first - 1, end - 1)
        self._targets = list(run.tokens[first:end])
        self._plain: Float32Array | None = None
        self.right = False
        self.right_under: dict[float, bool] = {}
        self.gain: dict[float, float] = {}
        self.kl: dict[float, Float32Array] = {}

    def look(self, model: Model) -> None:
        """With the script alone."""
        self._plain = log_softmax(model.logits(self._tokens, self._positions))
        self.right = bool((self._plain.argmax(axis=1) == self._targets).all())

    def steer(self, model: Model, norms: Float32Array, coefficients: Sequence[float], layers: tuple[int, int]) -> None:
        """With the vector too, at each of some strengths."""
        assert self._plain is not None
        at = np.arange(len(self._targets))
        for c in coefficients:
            steering = steering_of(rows_at(self._rows, norms, c, layers))
            steered = log_softmax(model.logits(self._tokens, self._positions, steering=steering))
            self.right_under[c] = bool((steered.argmax(axis=1) == self._targets).all())
            self.gain[c] = float((steered - self._plain)[at, self._targets].sum())
            self.kl[c] = (np.exp(steered) * (steered - self._plain)).sum(axis=1)
