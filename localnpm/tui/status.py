"""What the status bar says, as one value that the app keeps and every widget may watch."""

from dataclasses import dataclass
from typing import Literal

from localnpm.units import count

Activity = Literal["loading", "ready", "reading", "generating", "asking", "learning", "unusable"]


@dataclass(frozen=True)
class Status:
    """The state of the agent for the user. Counts are tokens.

    `progress` is the share of the prompt that is read, or of the pass that is done; `waiting` counts requests;
    `watching`: what the user does by hand in this folder is being recorded.
    """

    activity: Activity = "loading"
    progress: float = 0.0
    tokens_per_second: float = 0.0
    used: int = 0
    context: int = 0
    mode: str = ""
    steering: float = 0.0
    waiting: int = 0
    private: bool = False
    watching: bool = False

    def words(self) -> str:
        """The line that the footer shows."""
        parts = [self._doing()]
        if self.tokens_per_second:
            parts.append(f"{self.tokens_per_second:.1f} tok/s")
        if self.context:
            parts.append(f"ctx {count(self.used)}/{count(self.context)}")
        if self.mode:
            parts.append(self.mode)
        if self.steering:
            parts.append(f"steering {self.steering:g}")
        if self.waiting:
            parts.append(f"{self.waiting} waiting")
        if self.watching:
            parts.append("watching")
        if self.private:
            parts.append("private")
        return " · ".join([*parts, "offline"])

    def _doing(self) -> str:
        match self.activity:
            case "loading":
                return "loading model"
            case "reading":
                return f"reading prompt {self.progress:.0%}"
            case "learning":
                return f"learning {self.progress:.0%}, Esc puts it off"
            case other:
                return other
