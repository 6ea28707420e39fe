"""The last line: what the agent is doing, speed, context, permission mode, steering."""

from textual.widgets import Static

from localnpm.tui.literal import literal
from localnpm.tui.status import Status


class StatusBar(Static):
    """Shows the app's `Status` on one line."""

    def on_mount(self) -> None:
        """Follow the app's status."""
        self.watch(self.app, "status", self._show)

    def _show(self, status: Status) -> None:
        self.update(literal(status.words()), layout=False)
