"""What a front end works with once everything is open."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localnpm.agent.workbench import Workbench
    from localnpm.learning.learner import Learner


@dataclass(frozen=True)
class Opened:
    """A workbench, and what recalls and learns around it."""

    bench: "Workbench"
    learner: "Learner"
