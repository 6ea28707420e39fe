"""An attempt of the log as widgets: calls that unfold, the answer, how it ended."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual.widget import Widget
from textual.widgets import Markdown, Static

from localnpm.plain import json_text, one_line, visible
from localnpm.tui.literal import literal
from localnpm.tui.widgets.folded import Folded

if TYPE_CHECKING:
    from localnpm.memory.records import LoggedTurn, Step, Trajectory

LINE_CHARACTERS = 160


def logged(told: "Trajectory") -> Iterator[Widget]:
    """All that an attempt said and did."""
    for turn in told.turns:
        yield from turn_widgets(turn)
    attempt = told.attempt
    if attempt.answer:
        yield Markdown(visible(attempt.answer), classes="said", open_links=False)
    if attempt.error:
        yield Static(literal(f"{attempt.status}: {attempt.error}"), classes="failed")
    undone = " · undone" if attempt.undone_at else ""
    yield Static(literal(f"attempt {attempt.id} · {attempt.status}{undone}"), classes="note")


def turn_widgets(turn: "LoggedTurn") -> Iterator[Widget]:
    """A turn's thought and calls."""
    if turn.thought:
        yield Folded(literal("thought", "dim"), Static(literal(turn.thought)))
    for step in turn.steps:
        if step.tool is not None or step.result is not None:
            yield _call(step)


def _call(step: "Step") -> Widget:
    name = step.tool or "a call that could not be read"
    failed = step.error is not None
    result = "(none: it was interrupted)" if step.result is None else step.result
    arguments = one_line(json_text(dict(step.arguments or {}), indent=None), LINE_CHARACTERS)
    inside = [Static(literal(result))]
    if step.tool is None:
        inside.insert(0, Static(literal(step.text, "dim")))
    elif step.arguments:
        inside.insert(0, Static(literal(json_text(dict(step.arguments)), "dim")))
    line = literal(f"{'✗' if failed else '✓'} {name}  {arguments}")
    return Folded(line, *inside, classes="card -failed" if failed else "card")
