"""Printing an attempt's events in a plain terminal: the answer on stdout, everything else on stderr.

Text from models, tools and files is made harmless first (plain.py). Without a terminal nothing is drawn over.
"""

import sys

import click

from localnpm.agent import events
from localnpm.plain import visible


def recalled_line(event: events.Recalled) -> str:
    """What was recalled, why, and through which channel, in one line."""
    if not event.items:
        return f"memory: {event.channel}: {event.why}"
    best, *others = event.items
    record = f"{best.wins} of {best.uses} worked" if best.uses else "not judged yet"
    gain = f", uplift {best.uplift:+.2f}" if best.uplift is not None else ""
    more = f" and {len(others)} more" if others else ""
    strength = f" at {event.coefficient:g}" if event.coefficient else ""
    how = f"as {event.channel}{strength}" if event.channel != "none" else f"not used: {event.why}"
    return f"recalled {best.name}{more} (similarity {best.similarity:.2f}, {record}{gain}), {how}"


class Printer:
    """Prints events as they come. With `stream` the text appears while it is generated.

    `undo` is what takes an attempt back, with `{attempt}` for its id; empty where nothing will, as after a private run.
    `forgo` is what the user types to do without memory.
    """

    def __init__(self, *, stream: bool, undo: str, forgo: str = "--no-memory") -> None:
        self.stream = stream
        self.undo = undo
        self.forgo = forgo
        self.status_shown = False
        self.open_line = False

    def show(self, event: events.Event) -> None:
        """Print one event."""
        match event:
            case events.Recalled():
                self._recalled(event)
            case events.Learned(text):
                self._note(text, colour="green")
            case events.PromptProgress(done, total) if total:
                self._status(f"reading prompt {100 * done // total}%")
            case events.ContextDropped(exchanges):
                self._note(f"the context is full: the {exchanges} oldest exchange(s) were left out")
            case events.Token(text) if self.stream:
                self._clear()
                click.echo(visible(text), nl=False)
                self.open_line = not text.endswith("\n")
            case events.Thought():
                self._status("thinking")
            case events.ToolCalled(name=name, summary=summary):
                self._note(f"• {summary or name}")
            case events.ToolResult(ok=False, result=result):
                self._note(f"  {result.splitlines()[0]}", colour="red")
            case events.Answer(text):
                self._clear()
                if not self.stream:
                    click.echo(visible(text))
                self._end_line()
            case events.Verdict(source, success, reason):
                self._note(f"{source}: {'good' if success else 'bad'}{f' ({reason})' if reason else ''}")
            case events.Result():
                self._end(event)
            case _:
                pass

    def _recalled(self, event: events.Recalled) -> None:
        if event.problem:
            self._note(f"memory cannot be used: {event.problem}", colour="yellow")
        used = event.channel != "none"
        if used or event.items:
            self._note(recalled_line(event) + (f" · without it: {self.forgo}" if used else ""))

    def _end(self, result: events.Result) -> None:
        self._clear()
        self._end_line()
        if result.status != "done":
            click.secho(f"{result.status}: {visible(result.error)}", fg="red", err=True)
        changed = ", ".join(visible(path) for path in result.changed)
        undo = f"; {self.undo.format(attempt=result.attempt_id)} takes it back" if self.undo else ""
        click.secho(
            f"attempt {result.attempt_id} · {result.steps} steps · {result.tokens_per_second:g} tok/s"
            + (f" · changed {changed}{undo}" if changed else ""),
            dim=True,
            err=True,
        )

    def _status(self, text: str) -> None:
        """A line that the next one overwrites; only where there is a terminal."""
        if sys.stderr.isatty() and not self.open_line:
            click.echo(f"\r\x1b[2K{text}", nl=False, err=True)
            self.status_shown = True

    def _clear(self) -> None:
        if self.status_shown:
            click.echo("\r\x1b[2K", nl=False, err=True)
            self.status_shown = False

    def _end_line(self) -> None:
        if self.open_line:
            click.echo()
            self.open_line = False

    def _note(self, text: str, colour: str | None = None) -> None:
        self._clear()
        self._end_line()
        click.secho(visible(text), fg=colour, dim=colour is None, err=True)
