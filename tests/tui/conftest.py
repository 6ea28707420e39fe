"""The app as a user has it, driven by Pilot: over the bundled model, or over a model that plays prepared turns.

Everything but the scripted model is real: home, workspace, log, learner, the agent's thread. `running` opens an app and
fails the test when anything went wrong inside a screen or a handler, unless the test says that it expects that.
"""

import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

import pytest
from textual import events as keys
from textual.css.query import NoMatches
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.widgets import Static

from localnpm.agent.options import Options
from localnpm.agent.scripted import ScriptedModel
from localnpm.agent.workbench import Workbench
from localnpm.cli.context import Context
from localnpm.cli.workbench import open_learner
from localnpm.config import AppSettings, LearningSettings, MemorySettings, Settings
from localnpm.engine.messages import Message, ToolSchema
from localnpm.engine.turns import Turn, TurnPart
from localnpm.home import Home, bundled_embedder
from localnpm.learning.learner import Learner, embedder_opener
from localnpm.learning.opened import Opened
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.tui.app import LocalnpmApp

SECONDS = 20.0
Running = Callable[..., AbstractAsyncContextManager[Pilot[None]]]


@pytest.fixture
def anyio_backend() -> str:
    """Textual runs on asyncio."""
    return "asyncio"


async def wait_until(pilot: Pilot[Any], condition: Callable[[], object], seconds: float = SECONDS) -> None:
    """Let the app work until the condition holds; what it raises while widgets come and go counts as not yet."""
    end = monotonic() + seconds
    while True:
        await pilot.pause()
        with suppress(NoMatches, StopIteration):
            if condition():
                return
        if monotonic() > end:
            raise AssertionError(f"not within {seconds:g} s; the screen says:\n{screen_text(pilot.app)}")
        await pilot.pause(0.01)


def screen_text(app: Any) -> str:
    """What the screen shows now, as lines of plain text."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


@pytest.fixture(scope="session")
def until() -> Callable[..., Any]:
    """`await until(pilot, condition, seconds=20)`."""
    return wait_until


@pytest.fixture(scope="session")
def shown() -> Callable[[Any], str]:
    """`shown(app)`: what the screen shows now."""
    return screen_text


@pytest.fixture(scope="session")
def burst() -> Callable[[Any, str], None]:
    """`burst(app, "text\\n")`: keys as a terminal hands them over when they come all at once, with no pause between."""

    def type_at_once(app: Any, text: str) -> None:
        for character in text:
            if character == "\n":
                app.post_message(keys.Key("enter", "\r"))
            else:
                app.post_message(keys.Key(_character_to_key(character), character))

    return type_at_once


class HeldModel(ScriptedModel):
    """A scripted model whose turns begin only when `go` is set; a cancel ends the wait, as it ends reading a prompt."""

    def __init__(self, *turns: Turn | str, **given: Any) -> None:
        super().__init__(*turns, **given)
        self.go = threading.Event()
        self.begun = threading.Event()
        self.go.set()

    def turn(self, messages: Sequence[Message], tools: Sequence[ToolSchema], **given: Any) -> Iterator[TurnPart]:
        """As the scripted model's, later."""
        self.begun.set()
        cancel = given.get("cancel")
        while not self.go.wait(0.005):
            if cancel is not None and cancel.is_set():
                yield Turn("", stop_reason="cancelled")
                return
        yield from super().turn(messages, tools, **given)


@dataclass
class Place:
    """A home and a workspace of one test, and the app over them."""

    home: Home
    root: Path
    settings: Settings
    model: HeldModel = field(default_factory=HeldModel)
    random: Random = field(default_factory=lambda: Random(1))
    opening: threading.Event = field(default_factory=threading.Event)
    """Cleared, the agent is not yet open: as long as a large model loads."""
    asked_for: list[Options] = field(default_factory=list)
    """The options of each opening."""

    def play(self, *turns: Turn | str) -> None:
        """More turns for the scripted model."""
        self.model.turns += ScriptedModel(*turns).turns

    def database(self) -> Database:
        """memory.db, opened anew as by another process; close it."""
        return Database.open(self.home.memory)

    @contextmanager
    def log(self) -> Iterator[AttemptLog]:
        """The log, read for a moment."""
        with self.database() as database:
            yield AttemptLog(database)

    @contextmanager
    def _open_scripted(self, options: Options) -> Iterator[Opened]:
        self.opening.wait(SECONDS)
        self.asked_for.append(options)
        database = Database.open(None if options.private else self.home.memory)
        with database, Workbench(self.home, self.settings, options, self.model, database) as bench:
            yield Opened(bench, Learner(bench, embedder_opener(self.settings), random=self.random))

    def scripted(self, **given: Any) -> LocalnpmApp:
        """The app over the scripted model; recall is off unless `memory` says otherwise."""
        session_id = given.pop("session_id", None)
        looks = given.pop("looks", AppSettings(animation=False))
        options = Options(**{"workspace": self.root, "terminal": True, "memory": "none", **given})
        return LocalnpmApp(self.home, options, self.database, self._open_scripted, session_id=session_id, looks=looks)

    def real(self, **given: Any) -> LocalnpmApp:
        """The app as `localnpm` opens it: the bundled model, or `model`, a path; recall on."""
        session_id = given.pop("session_id", None)
        model = given.pop("model", None)
        context = Context(self.home, overrides={"model": str(model)} if model else {})
        options = Options(**{"workspace": self.root, "terminal": True, **given})

        @contextmanager
        def open_agent(options: Options) -> Iterator[Opened]:
            self.opening.wait(SECONDS)
            self.asked_for.append(options)
            with open_learner(Context(self.home, overrides=context.overrides), options, quiet=True) as opened:
                yield opened

        looks = AppSettings(animation=False)
        return LocalnpmApp(self.home, options, context.open_database, open_agent, session_id=session_id, looks=looks)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A home that was used before, so that no welcome is shown, and a workspace with a todo list."""
    home = Home(tmp_path / "home")
    home.prepare()
    Database.open(home.memory).close()
    root = tmp_path / "work"
    root.mkdir()
    (root / "todo.md").write_text("# Todo\n- [ ] buy bread\n")
    settings = Settings(
        memory=MemorySettings(embedder=str(bundled_embedder()), holdout=0.0), learning=LearningSettings(every=0)
    )
    made = Place(home, root, settings)
    made.opening.set()
    return made


@pytest.fixture
def running() -> Running:
    """`async with running(app) as pilot`: the app, ready for requests; at its end nothing may have gone wrong."""

    @asynccontextmanager
    async def run(
        app: LocalnpmApp,
        *,
        size: tuple[int, int] = (100, 32),
        ready: bool = True,
        expect_reports: bool = False,
    ) -> AsyncIterator[Pilot[None]]:
        async with app.run_test(size=size, notifications=True) as pilot:
            # What was typed before is kept until then.
            await wait_until(pilot, lambda: app._up)
            if ready:
                await wait_until(pilot, lambda: app.status.activity == "ready")
            yield pilot
            if not expect_reports:
                assert [repr(error) for error in app.reported] == []

    return run


@pytest.fixture(scope="session")
def plain() -> Callable[[Any], str]:
    """The words of a widget and all in it, whether they are scrolled into view or not."""

    def words(widget: Any) -> str:
        return "\n".join(str(static.render()) for static in widget.query(Static))

    return words
