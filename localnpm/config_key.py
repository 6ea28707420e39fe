"""One setting as users name it: its type and bounds, and values of it read from text and checked."""

import os
from dataclasses import dataclass
from typing import Any

from localnpm.errors import ConfigError


@dataclass(frozen=True)
class Key:
    """One setting as a user names it: `engine.context`."""

    name: str
    kind: type
    optional: bool
    default: Any
    meaning: str
    allowed: tuple[str, ...]
    least: float | None
    most: float | None

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return "LOCALNPM_" + self.name.replace(".", "_").upper()

    @property
    def from_environment(self) -> bool:
        """Whether the environment sets it now."""
        return bool(os.environ.get(self.variable))

    def describe_allowed(self) -> str:
        """The values that are accepted, in words."""
        if self.allowed:
            return "one of " + ", ".join(self.allowed)
        if self.kind is bool:
            return "true or false"
        if self.kind is str:
            return "text"
        what = "a whole number" if self.kind is int else "a number"
        return f"{what} from {self.least} to {self.most}"

    def check(self, value: Any, where: str) -> Any:
        """The value with its right type.

        Raises:
            ConfigError: naming the place, the key, the value and what is allowed.
        """
        good: bool
        if self.kind is float:
            good = isinstance(value, int | float) and not isinstance(value, bool)
            value = float(value) if good else value
        else:
            good = isinstance(value, self.kind) and not (self.kind is int and isinstance(value, bool))
        if good and self.kind in (int, float):
            good = (self.least is None or value >= self.least) and (self.most is None or value <= self.most)
        if good and self.allowed:
            good = value in self.allowed
        if not good:
            raise ConfigError(f"{where}: {self.name} is {value!r}; allowed is {self.describe_allowed()}")
        return value

    def parse(self, text: str, where: str) -> Any:
        """The value from text, as environment variables and `-o` give it.

        Raises:
            ConfigError: as `check` does.
        """
        value: Any = text
        if self.kind is bool:
            value = {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
        elif self.kind in (int, float):
            try:
                value = self.kind(text)
            except ValueError:
                value = text
        return self.check(value, where)
