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

    def words(self, width: int = 0) -> str:
        """The line that the footer shows. Where it has no more than `width` columns, figures go before what matters."""
        parts = [part for part in self._parts() if part[1]]
        for name in ("speed", "offline", "context", "waiting", "steering", "watching", ""):
            told = " · ".join(words for _, words in parts)
            if not width or len(told) <= width:
                break
            parts = [part for part in parts if part[0] != name]
        return " · ".join(words for _, words in parts)

    def _parts(self) -> tuple[tuple[str, str], ...]:
        return (
            ("doing", self._doing()),
            ("speed", f"{self.tokens_per_second:.1f} tok/s" if self.tokens_per_second else ""),
            ("context", f"ctx {count(self.used)}/{count(self.context)}" if self.context else ""),
            ("mode", self.mode),
            ("steering", f"steering {self.steering:g}" if self.steering else ""),
            ("waiting", f"{self.waiting} waiting" if self.waiting else ""),
            ("watching", "watching" if self.watching else ""),
            ("private", "private" if self.private else ""),
            ("offline", "offline"),
        )

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
