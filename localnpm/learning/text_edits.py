"""The smallest calls that make one text of another: append_file, edit_file with a text that occurs once, write_file."""

from collections.abc import Iterator

from localnpm.engine.messages import ToolCall
from localnpm.learning.line_changes import line_changes

MOST_EDITS = 8
MOST_CONTEXT = 4
WORTH = 0.8
"""Edits that name more than this share of a file say no more than writing it anew."""


def text_calls(path: str, old: str, new: str) -> tuple[ToolCall, ...]:
    """The calls, in order, that make the file `path` with the text `old` hold the text `new`, which is another one."""
    return (
        _append(path, old, new) or _edits(path, old, new) or (ToolCall("write_file", {"path": path, "content": new}),)
    )


def _append(path: str, old: str, new: str) -> tuple[ToolCall, ...]:
    start = old if not old or old.endswith("\n") else old + "\n"
    added = new[len(start) :]
    if not old or not new.startswith(start) or not added.endswith("\n") or not added.strip():
        return ()
    content = added[:-1] if not added.endswith("\n\n") else added
    return (ToolCall("append_file", {"path": path, "content": content}),)


def _edits(path: str, old: str, new: str) -> tuple[ToolCall, ...]:
    lines, wanted = old.split("\n"), new.split("\n")
    changes = line_changes(lines, wanted)
    if changes is None or len(changes) > MOST_EDITS:
        return ()
    calls: list[ToolCall] = []
    shift = named = 0
    for start, end, first, last in changes:
        replacement = wanted[first:last]
        text = "\n".join(lines)
        wordings = _wordings(lines, start + shift, end + shift, replacement)
        before, after = next((pair for pair in wordings if pair[0] and text.count(pair[0]) == 1), ("", ""))
        if not before:
            return ()
        calls.append(ToolCall("edit_file", {"path": path, "old_text": before, "new_text": after}))
        named += len(before)
        lines[start + shift : end + shift] = replacement
        # What was replaced once must be what is meant, line ends included.
        if text.replace(before, after) != "\n".join(lines):
            return ()
        shift += len(replacement) - (end - start)
    return tuple(calls) if named < WORTH * len(old) else ()


def _wordings(lines: list[str], start: int, end: int, replacement: list[str]) -> Iterator[tuple[str, str]]:
    """What to replace by what, for lines `start` to `end`, with ever more lines around them."""
    if not replacement:
        gone = "\n".join(lines[start:end])
        if end < len(lines):
            yield gone + "\n", ""
        if start > 0:
            yield "\n" + gone, ""
    for context in range(2 * MOST_CONTEXT + 1):
        above, below = (context + 1) // 2, context // 2
        first, last = max(0, start - above), min(len(lines), end + below)
        before = lines[first:start] + lines[start:end] + lines[end:last]
        yield "\n".join(before), "\n".join([*lines[first:start], *replacement, *lines[end:last]])
