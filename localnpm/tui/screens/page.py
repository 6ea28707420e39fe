"""What the screens beside the chat have in common: read in a thread, show in the app, Escape goes back."""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Generic, Literal, TypeVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Static
from textual.worker import get_current_worker

from localnpm.errors import LocalnpmError
from localnpm.plain import visible
from localnpm.tui.guarded import Guarded
from localnpm.tui.literal import literal
from localnpm.tui.widgets.key_line import KeyLine
from localnpm.tui.widgets.status_bar import StatusBar

if TYPE_CHECKING:
    from localnpm.tui.app import LocalnpmApp

Data = TypeVar("Data")


class Page(Guarded, Screen[None], Generic[Data]):
    """A screen over data that `read` gets, slowly perhaps, and `show` puts into the widgets of `body`.

    What goes wrong while reading is told on the screen; whatever the user typed elsewhere stays. `shown` counts how
    often data was shown.
    """

    app: "LocalnpmApp"

    heading: ClassVar[str] = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="page.leave"),
        Binding("f5", "reload", "Read again", id="page.reload"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.shown = 0

    def compose(self) -> ComposeResult:
        """Heading, body, what went wrong, keys, status."""
        yield Static(literal(self.heading), classes="heading")
        yield from self.body()
        yield Static(id="page-error", classes="failed")
        yield KeyLine()
        yield StatusBar()

    def body(self) -> ComposeResult:
        """The page's own widgets."""
        raise NotImplementedError

    def read(self) -> Data:
        """Get what is shown; called in a thread, where `self.app.database` may be used.

        Raises:
            LocalnpmError: its message is shown.
        """
        raise NotImplementedError

    def show(self, data: Data) -> None:
        """Put the data into the widgets; called in the app's thread."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Read at once."""
        self.fail("")
        self.reload()

    def reload(self) -> None:
        """Read and show again; a reading that is under way is dropped."""
        self._reload()

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _reload(self) -> None:
        worker = get_current_worker()
        try:
            data = self.read()
        except LocalnpmError as error:
            self.call_later(self.fail, str(error))
            return
        # A thread cannot be ended: what it found too late is not shown over what was found since.
        if not worker.is_cancelled:
            self.call_later(self._show, data)

    def _show(self, data: Data) -> None:
        if self.is_mounted:
            self.fail("")
            self.show(data)
            self.shown += 1

    def perform(self, task: Callable[[], str]) -> None:
        """Do something slow in a thread, tell what it returns, and read again; what it raises is told too."""
        self._perform(task)

    @work(thread=True, exit_on_error=False, group="perform")
    def _perform(self, task: Callable[[], str]) -> None:
        severity: Literal["information", "error"] = "information"
        try:
            told = task()
        except LocalnpmError as error:
            told, severity = str(error), "error"
        if told:
            self.app.call_later(self.app.notify, visible(told), severity=severity, timeout=10, markup=False)
        self.call_later(self.reload)

    def fail(self, message: str) -> None:
        """Say on the page what went wrong; empty: nothing."""
        line = self.query_one("#page-error", Static)
        line.update(literal(message))
        line.display = bool(message)

    def action_leave(self) -> None:
        """Back to where the user came from."""
        self.dismiss()

    def action_reload(self) -> None:
        """F5."""
        self.reload()
