"""Where the user types: several lines, Enter sends, arrows walk through what was sent, Tab completes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events as keys
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import TextArea

from localnpm.tui.commands import BY_NAME
from localnpm.tui.completion import Choice, choices, mentions
from localnpm.tui.guarded import Guarded
from localnpm.tui.history import History
from localnpm.tui.literal import literal

if TYPE_CHECKING:
    from textual.widgets import OptionList


class Composer(Guarded, Vertical):
    """A text area with a list of completions above it, shown while there are any."""

    class Sent(Message):
        """The user has sent a text."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self) -> None:
        super().__init__()
        self.history = History()
        self.files: Sequence[str] = ()
        self._choices: tuple[Choice, ...] = ()
        self._recalled: str | None = None

    def compose(self) -> ComposeResult:
        """The text; the completions above it come with `furnish`."""
        yield Draft(placeholder="Ask, or type / for commands, @ for a file")

    async def furnish(self) -> None:
        """Make room for completions; nothing may be typed before it."""
        from textual.widgets import OptionList

        offered = OptionList(markup=False)
        offered.display = False
        offered.can_focus = False
        await self.mount(offered, before=0)

    @property
    def draft(self) -> "Draft":
        """The text area."""
        return self.query_one(Draft)

    @property
    def text(self) -> str:
        """What is typed and not yet sent."""
        return self.draft.text

    def write(self, text: str) -> None:
        """Put a text there, in place of what is typed, with the cursor at its end."""
        self.draft.load_text(text)
        self.draft.move_cursor(self.draft.document.end)

    def focus(self, scroll_visible: bool = True) -> "Composer":
        """Type here."""
        self.draft.focus(scroll_visible)
        return self

    @property
    def _offered(self) -> "OptionList":
        from textual.widgets import OptionList

        return self.query_one(OptionList)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Offer what fits the text before the cursor."""
        event.stop()
        # In a text that was sent before, the arrows walk on through the history.
        self._offer(() if self.text == self._recalled else self._fitting())

    def _fitting(self) -> tuple[Choice, ...]:
        row, column = self.draft.cursor_location
        before = self.draft.document.get_line(row)[:column]
        return choices(before, self.files) if row == 0 or "@" in before else ()

    def on_option_list_option_selected(self, event: "OptionList.OptionSelected") -> None:
        """A completion was clicked."""
        event.stop()
        self._offered.highlighted = event.option_index
        self.complete()
        self.focus()

    def send(self) -> None:
        """Send what is typed, if anything, and empty the area."""
        text = self.text.strip()
        if text:
            self.history.add(text)
            self.draft.clear()
            self._offer(())
            self.post_message(self.Sent(mentions(text, self.files)))

    def enter(self) -> None:
        """Send; a command or a file half typed is completed first, and a command sent if nothing may follow it."""
        fitting = self._fitting()
        typed = self.text
        command = typed.startswith("/") and " " not in typed and typed[1:] not in BY_NAME
        started = bool(fitting) and fitting[0].length > 1
        if started and (command or (not typed.startswith("/") and not self._is_whole_file())):
            if fitting != self._choices:
                self._offer(fitting)
            self.complete()
            if not command or self.text.endswith(" "):
                return
        self.send()

    def _is_whole_file(self) -> bool:
        row, column = self.draft.cursor_location
        word = self.draft.document.get_line(row)[:column].rpartition("@")[2]
        return word.strip('"') in self.files

    def complete(self) -> bool:
        """Put the chosen completion in place; False when there is none."""
        place = self._offered.highlighted
        if not self._choices or place is None:
            return False
        choice = self._choices[place]
        row, column = self.draft.cursor_location
        self.draft.replace(choice.text, (row, column - choice.length), (row, column))
        return True

    def choose(self, step: int) -> bool:
        """Move among the completions; False when there are none."""
        if not self._choices:
            return False
        self._offered.highlighted = ((self._offered.highlighted or 0) + step) % len(self._choices)
        return True

    def dismiss_choices(self) -> bool:
        """Close the completions; False when none are open."""
        was_open = bool(self._choices)
        self._offer(())
        return was_open

    def recall(self, *, back: bool) -> bool:
        """Show the text that was sent before this one, or after it; False when there is none."""
        text = self.history.back(self.text) if back else self.history.forward()
        if text is None:
            return False
        self._recalled = text
        self.write(text)
        self._offer(())
        return True

    def _offer(self, offered: tuple[Choice, ...]) -> None:
        if not offered and not self._choices:
            return
        from textual.widgets.option_list import Option

        self._choices = offered
        self._offered.clear_options()
        for choice in offered:
            line = literal(choice.text.strip())
            if choice.note:
                line = Content.assemble(line, "  ", literal(choice.note, "dim"))
            self._offered.add_option(Option(line))
        if offered:
            self._offered.highlighted = 0
        self._offered.display = bool(offered)


class Draft(Guarded, TextArea):
    """The text area itself: the keys that mean something else here than in an editor.

    Keys that come in one burst are acted on in their order: Textual runs bindings elsewhere, while the letters before
    them may still wait in this widget's own queue, so the bindings of this widget are carried out here.
    """

    HELP = """
    Say what you want done. Enter sends, Ctrl+J begins a new line; / lists commands, @ mentions a file, ! runs a command
    of your own. Up and Down bring back what you asked before. Escape stops what runs.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "send", "Send", id="composer.send"),
        Binding("ctrl+j,shift+enter,alt+enter", "newline", "New line", show=False, id="composer.newline"),
        Binding("tab", "complete", "Complete", show=False, id="composer.complete"),
        Binding("up", "up", "Up or older", show=False),
        Binding("down", "down", "Down or newer", show=False),
        Binding("ctrl+up", "older", "Older", show=False, id="composer.older"),
        Binding("ctrl+down", "newer", "Newer", show=False, id="composer.newer"),
    ]

    @property
    def composer(self) -> Composer:
        """The composer around it."""
        assert isinstance(self.parent, Composer)
        return self.parent

    def action_send(self) -> None:
        """Enter: send, or complete what is half typed."""
        self.composer.enter()

    def action_newline(self) -> None:
        """Break the line."""
        self.insert("\n")

    def action_complete(self) -> None:
        """Tab: the chosen completion, or on to the next widget."""
        if not self.composer.complete():
            self.screen.focus_next()

    def action_up(self) -> None:
        """Among the completions, within the text, or back in the history."""
        if self.composer.choose(-1):
            return
        if self.cursor_at_first_line and self.composer.recall(back=True):
            return
        self.action_cursor_up()

    def action_down(self) -> None:
        """Among the completions, within the text, or forward in the history."""
        if self.composer.choose(1):
            return
        if self.cursor_at_last_line and self.composer.recall(back=False):
            return
        self.action_cursor_down()

    def action_older(self) -> None:
        """Back in the history, wherever the cursor is."""
        self.composer.recall(back=True)

    def action_newer(self) -> None:
        """Forward in the history, wherever the cursor is."""
        self.composer.recall(back=False)

    async def _on_key(self, event: keys.Key) -> None:
        # Escape closes the completions before it stops the agent; TextArea would move the focus.
        if event.key == "escape":
            if self.composer.dismiss_choices():
                event.stop()
            event.prevent_default()
            return
        if not event.is_printable:
            active = self.screen.active_bindings.get(event.key)
            if active is not None and active.node is self and active.enabled:
                event.stop()
                event.prevent_default()
                await self.run_action(active.binding.action)
                return
        await super()._on_key(event)
