"""The last line: what the agent is doing, speed, context, permission mode, steering."""

from textual.widgets import Static

from localnpm.tui.literal import literal
from localnpm.tui.status import Status


class StatusBar(Static):
    """Shows the app's `Status` on one line."""

    def __init__(self) -> None:
        super().__init__(literal(Status().words()))
        self._status = Status()

    def on_mount(self) -> None:
        """Follow the app's status."""
        self.watch(self.app, "status", self._show)

    def _show(self, status: Status) -> None:
        self._status = status
        self.update(literal(status.words(self.content_size.width)), layout=False)

    def on_resize(self) -> None:
        """As much of it as there is room for."""
        self._show(self._status)
