"""What stands around the figures of a run: what was run on what, and the success of each condition as bars."""

from collections.abc import Sequence
from typing import Protocol

from localnpm.distill.plots import Bar, Bars
from localnpm.evals.results import Results
from localnpm.evals.statistics import Estimate
from localnpm.plain import visible


class Summarized(Protocol):
    """A condition's success."""

    @property
    def condition(self) -> str:
        """Its name."""

    @property
    def success(self) -> Estimate:
        """The mean, with its interval."""


def heading(results: Results) -> str:
    """Environment, seed, feedback, the model's name and fingerprint, the machine, the versions: three lines."""
    header = results.header
    identity = header["identity"]
    said = [f"{identity['environment']}, seed {identity['seed']}"]
    said += [f"feedback: {identity['feedback']}"] if identity.get("feedback", "reasons") != "reasons" else []
    said += [f"wrong verdicts: {identity['wrong_verdicts']:.0%}"] if identity.get("wrong_verdicts") else []
    said += [f"learned by {str(identity['learned_by'])[:12]}"] if identity.get("learned_by") else []
    versions = ", ".join(f"{name} {version}" for name, version in header.get("versions", {}).items())
    lines = [
        f"{', '.join(said)}; {header['model']} ({str(identity['model'])[:12]})",
        str(header["machine"]),
        versions,
    ]
    return "\n".join(visible(line) for line in lines if line)


def bars(summaries: Sequence[Summarized], title: str) -> Bars:
    """The success of each condition, with its interval."""
    found = [Bar(each.condition, each.success.mean, each.success.low, each.success.high) for each in summaries]
    return Bars(title, found, "success")
