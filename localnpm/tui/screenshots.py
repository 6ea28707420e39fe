"""The README's pictures, made by driving the app with the bundled model: `make screenshots`, or this module.

A todo list, a request whose change is asked about, a verdict with a reason, the retry, a task that recalls what was
learned, the Learning screen. The SVGs lie beside this file, in the package's folder in the repository, so that the
README can show them; they are no part of an installation.
"""

import asyncio
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from textual.pilot import Pilot

from localnpm import config
from localnpm.agent.options import Options
from localnpm.cli.context import Context
from localnpm.cli.workbench import open_learner
from localnpm.config import AppSettings
from localnpm.home import Home
from localnpm.learning.opened import Opened
from localnpm.memory.database import Database
from localnpm.tui.app import LocalnpmApp
from localnpm.tui.screens.learning import LearningScreen
from localnpm.tui.widgets.approval import Approval

FOLDER = Path(__file__).parent / "pictures"
SIZE = (110, 32)
PATIENCE = 120.0
"""Seconds after which something that does not happen is an error."""
REASON = "put TODO: in front"


async def take(folder: Path) -> None:
    """Write chat.svg, recall.svg and learning.svg into a folder.

    Raises:
        TimeoutError: the app or the model did not do what is to be shown.
    """
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="localnpm-pictures-") as temporary:
        app = _app(Path(temporary))
        async with app.run_test(size=SIZE) as pilot:
            await _until(pilot, lambda: app.status.activity == "ready")
            await app.chat.ask('Add "buy milk" to my todo list')
            await _until(pilot, lambda: app.screen.query(Approval) and app.screen.query_one(Approval).has_focus)
            _save(app, folder / "chat.svg")
            await pilot.press("t")
            await _until(pilot, lambda: _idle(app, 1))
            app.chat.composer.write(f"/bad {REASON}")
            await pilot.press("enter")
            await _until(pilot, lambda: app.screen is not app.chat)
            await pilot.press("y")
            await _allow(app, pilot, 2)
            await app.chat.ask('Add "call Ana" to my todo list')
            await _allow(app, pilot, 3)
            _save(app, folder / "recall.svg")
            app.chat.composer.write("/good")
            await pilot.press("enter")
            await _until(pilot, lambda: _idle(app, 3))
            screen = LearningScreen()
            await app.push_screen(screen)
            await _until(pilot, lambda: screen.shown)
            await pilot.pause(1.0)
            _save(app, folder / "learning.svg")


def _app(folder: Path) -> LocalnpmApp:
    home, workspace = Home(folder / "home"), folder / "notes"
    workspace.mkdir()
    (workspace / "todo.md").write_text("# Todo\n- [ ] buy bread\n", "utf-8")
    home.prepare()
    Database.open(home.memory).close()
    context = Context(home, overrides={"memory.holdout": "0", "learning.every": "0"})

    @contextmanager
    def open_agent(options: Options) -> Iterator[Opened]:
        with open_learner(context, options, quiet=True) as opened:
            yield opened

    options = Options(workspace=workspace, terminal=True)
    looks = AppSettings(animation=False, theme=config.load(home).app.theme)
    return LocalnpmApp(home, options, context.open_database, open_agent, looks=looks)


def _idle(app: LocalnpmApp, count: int) -> bool:
    shown = app.chat.transcript.exchanges
    return len(shown) == count and all(one.ended for one in shown) and not app.backend.busy


async def _allow(app: LocalnpmApp, pilot: Pilot[None], count: int) -> None:
    """Say yes to whatever is asked until so many requests are done."""
    while not _idle(app, count):
        await _until(pilot, lambda: _idle(app, count) or _asks(app))
        if _asks(app):
            await pilot.press("t")
            await _until(pilot, lambda: not app.screen.query(Approval))


def _asks(app: LocalnpmApp) -> bool:
    return any(approval.has_focus for approval in app.screen.query(Approval))


async def _until(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    end = monotonic() + PATIENCE
    while not condition():
        if monotonic() > end:
            raise TimeoutError("the app does not do what is to be shown; what it shows: " + str(pilot.app.screen))
        await pilot.pause(0.05)


def _save(app: LocalnpmApp, file: Path) -> None:
    app.clear_notifications()
    file.write_text(app.export_screenshot(title="localnpm", simplify=True), "utf-8")


if __name__ == "__main__":
    asyncio.run(take(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER))
