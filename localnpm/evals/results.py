"""What was measured, as JSON lines: a header, each practice attempt, each scored episode, the end.

Every line is on the disk before the next episode begins, so that a run that was killed goes on where it was.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from localnpm.errors import ConfigError

Line = dict[str, Any]
"""One line; `type` is `header`, `practice`, `pass`, `episode` or `end`."""

Task = tuple[int, str, int]
"""User, kind, number: what is paired across conditions."""


@dataclass(frozen=True)
class Row:
    """One scored episode.

    Attributes:
        why: `ok`, or what the verifier found wrong.
        tokens: generated ones; `prompt_tokens` counts those that were read, the reused ones too.
        recall: `right`, `wrong`, `abstained`, or empty where recall was not asked.
        steered: whether a control vector was on.
    """

    condition: str
    user: int
    kind: str
    number: int
    success: bool
    why: str
    steps: int
    tokens: int
    prompt_tokens: int
    seconds: float
    labels: Mapping[str, str] = field(default_factory=dict)
    recall: str = ""
    recalled: str = ""
    similarity: float = 0.0
    steered: bool = False
    script: str = ""

    @property
    def task(self) -> Task:
        """What is paired across conditions."""
        return self.user, self.kind, self.number

    @property
    def cluster(self) -> tuple[int, str]:
        """Tasks of one cluster share what was learned."""
        return self.user, self.kind

    def line(self) -> Line:
        """The row as a line."""
        return {"type": "episode", **asdict(self)}

    @classmethod
    def of(cls, line: Line) -> "Row":
        """The row of a line."""
        return cls(**{name: value for name, value in line.items() if name != "type"})


class Results:
    """The lines of one run, in a file."""

    def __init__(self, path: Path, lines: Iterable[Line]) -> None:
        self.path = path
        self.lines = list(lines)

    @classmethod
    def read(cls, path: Path) -> "Results":
        """What a run has written.

        Raises:
            ConfigError: the file cannot be read, or is no such file.
        """
        results = cls(path, _lines(path))
        if not results.lines or results.lines[0].get("type") != "header":
            raise ConfigError(f"{path}: not the results of an evaluation; its first line should be a header")
        return results

    @classmethod
    def begin(cls, path: Path, header: Line) -> "Results":
        """Start a file, or go on with the one that is there.

        Raises:
            ConfigError: the file holds a run with other settings, or cannot be written.
        """
        header = {"type": "header", **header}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = _lines(path) if path.exists() else []
            if lines:
                _check_same(path, lines[0], header)
            results = cls(path, lines)
            # Written anew: a line that a kill has cut in two would spoil the one after it.
            path.write_text("".join(map(_text, lines)), "utf-8")
            if not lines:
                results.add(header)
        except OSError as error:
            raise ConfigError(f"{path}: cannot be written ({error.strerror}); choose another file with --out") from None
        return results

    def add(self, line: Line) -> None:
        """Write a line."""
        self.lines.append(line)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(_text(line))

    @property
    def header(self) -> Line:
        """The first line."""
        return self.lines[0]

    @property
    def finished(self) -> bool:
        """Whether the run came to its end."""
        return any(line["type"] == "end" for line in self.lines)

    def rows(self) -> list[Row]:
        """The scored episodes, in an order that does not depend on who was first."""
        found = {(line["condition"], *Row.of(line).task): Row.of(line) for line in self._of("episode")}
        return [found[key] for key in sorted(found)]

    def practice(self) -> list[Line]:
        """The practice attempts; of one that was repeated after a kill, the last."""
        found = {(line["user"], line["kind"], line["number"], line["retry"]): line for line in self._of("practice")}
        return [found[key] for key in sorted(found)]

    def passes(self) -> list[Line]:
        """What each user's distillation did."""
        return list({line["user"]: line for line in self._of("pass")}.values())

    def _of(self, kind: str) -> Iterator[Line]:
        return (line for line in self.lines if line["type"] == kind)


def _check_same(path: Path, old: Line, new: Line) -> None:
    before, after = old.get("identity", {}), new["identity"]
    differing = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    if differing:
        raise ConfigError(
            f"{path}: holds a run with another {', '.join(differing)}; give another file with --out, or remove this one"
        )


def _lines(path: Path) -> list[Line]:
    """The lines that can be read; the last one may have been cut by a kill."""
    try:
        texts = path.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    lines = []
    for number, text in enumerate(texts, 1):
        try:
            if text:
                line = json.loads(text)
                lines.append(line if isinstance(line, dict) and "type" in line else json.loads("-"))
        except json.JSONDecodeError:
            if number < len(texts):
                raise ConfigError(f"{path}, line {number}: not the results of an evaluation") from None
    return lines


def _text(line: Line) -> str:
    return json.dumps(line, ensure_ascii=False) + "\n"
