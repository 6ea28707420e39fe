"""What a tool call would change: one `Change` for each path, and the unified diff that the user is asked about.

Covers values and their text. Who computes them: edits.py; who makes them durable: journal.py.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from localnpm.memory.changes import ABSENT, ChangeKind, FileState

__all__ = ["ABSENT", "Change", "ChangeKind", "FileState", "diff_of"]

CONTEXT_LINES = 3
MAX_DIFF_BYTES = 2 << 20
MAX_MATCHED_LINES = 4000


@dataclass(frozen=True)
class Change:
    """One path's change. Paths are POSIX, relative to the workspace, their folders' symlinks resolved.

    `path` is what is changed, `destination` a move's or copy's new path. `before` and `after` are of the path whose
    content changes: of a copy that is the destination; of a move both are what is moved. `after.content` holds what a
    `write` writes. A symlink's target is its content.
    """

    kind: ChangeKind
    path: str
    destination: str | None
    before: FileState
    after: FileState

    @property
    def target(self) -> str:
        """The path at which something new is found afterwards, or nothing any more."""
        return self.destination if self.destination is not None else self.path

    @property
    def touched(self) -> tuple[str, ...]:
        """The paths that the change makes different: two for a move."""
        return (self.path, self.target) if self.kind == "move" else (self.target,)


def diff_of(changes: Iterable[Change]) -> str:
    """The changes as a unified diff, in git's form for what is not text. Control characters in it stay."""
    return "".join(_part(change) for change in changes)


def _part(change: Change) -> str:
    match change.kind:
        case "create_directory":
            return f"new directory {change.path}\n"
        case "move" | "copy":
            word = "rename" if change.kind == "move" else "copy"
            return f"{word} from {change.path}\n{word} to {change.target}\n"
        case _:
            return _content_part(change.path, change.before, change.after)


def _content_part(path: str, before: FileState, after: FileState) -> str:
    head = (
        f"--- {'/dev/null' if before.kind == 'absent' else 'a/' + path}\n"
        f"+++ {'/dev/null' if after.kind == 'absent' else 'b/' + path}\n"
    )
    if before.kind == "directory" or after.kind == "directory":
        return f"{'deleted' if after.kind == 'absent' else 'new'} directory {path}\n"
    old, new = _lines(before), _lines(after)
    if old is None or new is None:
        return head + f"Binary or large files differ: {path}\n"
    return head + "".join(_hunks(old, new))


def _lines(state: FileState) -> list[str] | None:
    """A state's text as lines with their ends; None when it is not text, or too much to show."""
    if state.kind == "absent":
        return []
    if state.content is None or len(state.content) > MAX_DIFF_BYTES:
        return None
    try:
        text = state.content.decode()
    except UnicodeDecodeError:
        return None
    if "\0" in text:
        return None
    # str.splitlines also splits at form feeds and the like, which no diff does.
    lines = [line + "\n" for line in text.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def _hunks(old: Sequence[str], new: Sequence[str]) -> Iterable[str]:
    """Hunks with three lines of context. What both have at their head and tail is cut off before lines are matched."""
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    start = max(0, head - CONTEXT_LINES)
    kept = max(0, tail - CONTEXT_LINES)
    old, new = old[start : len(old) - kept], new[start : len(new) - kept]
    for group in _groups(old, new, head - start, tail - kept):
        old_from, old_to = group[0][1], group[-1][2]
        new_from, new_to = group[0][3], group[-1][4]
        yield f"@@ -{_span(start + old_from, old_to - old_from)} +{_span(start + new_from, new_to - new_from)} @@\n"
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                yield from (_line(" ", line) for line in old[i1:i2])
            else:
                yield from (_line("-", line) for line in old[i1:i2])
                yield from (_line("+", line) for line in new[j1:j2])


def _groups(
    old: Sequence[str], new: Sequence[str], head: int, tail: int
) -> Iterable[list[tuple[str, int, int, int, int]]]:
    if max(len(old), len(new)) <= MAX_MATCHED_LINES:
        return SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(CONTEXT_LINES)
    # Matching takes time quadratic in the lines; of much that differs, all goes and all comes.
    return [
        [
            ("equal", 0, head, 0, head),
            ("replace", head, len(old) - tail, head, len(new) - tail),
            ("equal", len(old) - tail, len(old), len(new) - tail, len(new)),
        ]
    ]


def _span(start: int, length: int) -> str:
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"


def _line(sign: str, line: str) -> str:
    return sign + line if line.endswith("\n") else f"{sign}{line}\n\\ No newline at end of file\n"
