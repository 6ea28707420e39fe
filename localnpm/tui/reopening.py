"""What is chosen for the next start, such as another model, used at once if the user wants that."""

from typing import TYPE_CHECKING

from localnpm.tui.widgets.dialogs import Confirm

if TYPE_CHECKING:
    from localnpm.tui.app import LocalnpmApp


async def offer_reopening(app: "LocalnpmApp", chosen: str) -> None:
    """Ask whether to load anew now; in a worker. `chosen` says what would take effect."""
    stops = " What runs is stopped, what waits is taken back." if app.backend.busy else ""
    if await app.push_screen_wait(Confirm(f"{chosen}\n\nUse it now? The model is loaded anew.{stops}")):
        app.chat.stop_all()
        if app.options.private:
            # Its conversation is kept nowhere but in what is being closed.
            await app.chat.begin()
        app.reopen(app.options)
    else:
        app.notify("It takes effect at the next start.", markup=False)
