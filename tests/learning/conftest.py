"""A learner over a real workspace, log and embedder, with a model that plays prepared turns."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from localnpm.agent.events import Event, Learned, Recalled, Result
from localnpm.agent.options import Options
from localnpm.agent.scripted import ScriptedModel
from localnpm.agent.workbench import Workbench
from localnpm.config import MemorySettings, Settings
from localnpm.engine.turns import Turn
from localnpm.home import Home, bundled_embedder
from localnpm.learning.learner import Learner
from localnpm.memory.database import Database
from localnpm.memory.embedding import Embedder, open_embedder
from localnpm.memory.procedure_records import Draft, Procedure
from localnpm.memory.procedures import Procedures

ADD_MILK = 'Add "buy milk" to my todo list'
SURE = Settings(memory=MemorySettings(holdout=0.0))


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    """The bundled one."""
    return open_embedder(bundled_embedder())


@dataclass
class Desk:
    """A learner, and what it works on."""

    learner: Learner
    bench: Workbench
    model: ScriptedModel
    root: Path

    @property
    def database(self) -> Database:
        """The log."""
        return self.bench.database

    @property
    def procedures(self) -> Procedures:
        """What was learned."""
        return Procedures(self.learner.learned_in)

    def play(self, *turns: Turn | str, request: str = ADD_MILK, session: int | None = None) -> list[Event]:
        """The events of a request that the model answers by these turns; in a session of its own by default."""
        self._prepare(turns)
        return list(self.learner.run(request, session or self.bench.new_session(request)))

    def retry(self, attempt_id: int, *turns: Turn | str) -> list[Event]:
        """The events of a retry; the first turns write and revise the script."""
        self._prepare(turns)
        return list(self.learner.retry(attempt_id))

    def teach(self, script: str, *requests: str, example: str = "") -> Procedure:
        """A procedure that is in use."""
        draft = Draft(script, example, "built")
        return self.procedures.add(script.split("\n")[0], [(request, None) for request in requests], draft)

    @staticmethod
    def recalled(seen: list[Event]) -> Recalled:
        """The one event about memory."""
        (found,) = [event for event in seen if isinstance(event, Recalled)]
        return found

    @staticmethod
    def result(seen: list[Event]) -> Result:
        """The last event."""
        assert isinstance(seen[-1], Result)
        return seen[-1]

    @staticmethod
    def learned(seen: list[Event]) -> list[str]:
        """What was said to be learned."""
        return [event.text for event in seen if isinstance(event, Learned)]

    def prompt(self, turn: int = -1) -> str:
        """The system text of a turn."""
        return self.model.seen[turn][0].content

    def _prepare(self, turns: tuple[Turn | str, ...]) -> None:
        self.model.turns += ScriptedModel(*turns).turns


OpenDesk = Callable[..., Desk]


@pytest.fixture
def open_desk(tmp_path: Path, embedder: Embedder) -> Iterator[OpenDesk]:
    """Open a desk; `settings`, `memory`, and the options of a run may be given."""
    home = Home(tmp_path / "home")
    home.prepare()
    root = tmp_path / "work"
    root.mkdir()
    (root / "todo.md").write_text("# Todo\n")
    opened: list[Workbench] = []

    def open_one(
        *, settings: Settings = SURE, protocol: int = 1, embedding: object = None, lent: Database | None = None, **given
    ) -> Desk:
        database = Database.open(None if given.get("private") else home.memory)
        options = Options(**{"workspace": root, "allow": frozenset({"write"}), **given})
        model = ScriptedModel(protocol=protocol)
        bench = Workbench(home, settings, options, model, database)
        opened.append(bench)
        learner = Learner(bench, embedding or embedder, random=Random(1), memory=lent)
        return Desk(learner, bench, model, root)

    yield open_one
    for bench in opened:
        bench.close()
        bench.database.close()


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    """One with nothing learned, and no task withheld for measuring."""
    return open_desk()
