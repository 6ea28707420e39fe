"""Where the user types: several lines, Enter sends, history, completion."""

from textual import events as keys
from textual.message import Message
from textual.widgets import TextArea


class Composer(TextArea):
    """A text area that sends on Enter; Ctrl+J and Shift+Enter break the line."""

    class Sent(Message):
        """The user has sent a text."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    async def _on_key(self, event: keys.Key) -> None:
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            self.send()
        elif event.key in ("ctrl+j", "shift+enter"):
            event.stop()
            event.prevent_default()
            self.insert("\n")
        else:
            await super()._on_key(event)

    def send(self) -> None:
        """Send what is there, if anything, and empty the area."""
        text = self.text.strip()
        if text:
            self.clear()
            self.post_message(self.Sent(text))
