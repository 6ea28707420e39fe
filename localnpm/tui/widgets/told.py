"""An attempt of the log as widgets: calls that unfold, the answer, how it ended."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual.widget import Widget
from textual.widgets import Static

from localnpm.agent.by_hand import MARK
from localnpm.plain import json_text, one_line
from localnpm.tui.literal import literal
from localnpm.tui.widgets.folded import Folded

if TYPE_CHECKING:
    from localnpm.memory.records import LoggedTurn, Step, Trajectory

LINE_CHARACTERS = 160


def logged(told: "Trajectory") -> Iterator[Widget]:
    """All that an attempt said and did."""
    from localnpm.tui.widgets.said import Said
    from localnpm.tui.widgets.verdict_bar import VerdictBar

    attempt = told.attempt
    for turn in told.turns:
        yield from turn_widgets(turn, unfolded=attempt.request.startswith(MARK))
    if attempt.answer:
        yield Said(attempt.answer)
    elif told.turns and (unfinished := told.turns[-1].text) and told.turns[-1].steps[0].tool is None:
        yield Said(unfinished)
    if attempt.error:
        told_error = attempt.error if attempt.error == attempt.status else f"{attempt.status}: {attempt.error}"
        yield Static(literal(told_error), classes="failed")
    undone = " · undone" if attempt.undone_at else ""
    yield Static(literal(f"attempt {attempt.id} · {attempt.status}{undone}"), classes="note")
    if not attempt.request.startswith(MARK):
        yield VerdictBar(attempt.id, from_log=True)


def turn_widgets(turn: "LoggedTurn", *, unfolded: bool = False) -> Iterator[Widget]:
    """A turn's thought and calls."""
    if turn.thought:
        yield Folded(literal("thought", "dim"), Static(literal(turn.thought)))
    for step in turn.steps:
        if step.tool is not None or step.result is not None:
            yield _call(step, unfolded)


def _call(step: "Step", unfolded: bool) -> Widget:
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
    return Folded(line, *inside, classes="card -failed" if failed else "card", collapsed=not unfolded)
