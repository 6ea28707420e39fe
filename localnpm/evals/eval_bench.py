"""The real agent over worlds in memory: what the learner and the evaluations drive in place of a workbench.

Everything is the program's own (loop, log, prompt texts) but the tools, which are the world's. Each attempt begins with
an empty key-value cache and in a session of its own, so that nothing comes to it but by memory.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

from localnpm.agent import events
from localnpm.agent.agent import Agent
from localnpm.agent.attempt import PLAIN, Task, Terms
from localnpm.agent.options import Options
from localnpm.agent.permissions import Approve, Permissions, decline_all
from localnpm.agent.prepared import Prepared, Risk
from localnpm.agent.prompts import FILES, Surroundings, system_text
from localnpm.agent.tools import Toolbox
from localnpm.agent.undo import UndoReport
from localnpm.config import AgentSettings, Settings
from localnpm.engine.cancel import Cancel
from localnpm.engine.llama_chat import LlamaChat
from localnpm.engine.messages import ToolCall, ToolSchema
from localnpm.engine.sampling import Sampling
from localnpm.engine.turns import ChatModel, Progress
from localnpm.errors import WorkspaceError
from localnpm.evals.environment import World
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database

WORKSPACE = Path("/evaluation")
"""What the log calls the place; nothing is there."""

SURROUNDINGS = Surroundings(date(2026, 1, 5), "Linux x86_64")


class CallTools:
    """Tools that carry a call out at once and ask nobody: `call` gives the result that the model reads."""

    def __init__(self, schemas: tuple[ToolSchema, ...], call: Callable[[ToolCall], str]) -> None:
        self._schemas = schemas
        self._call = call

    def schemas(self) -> tuple[ToolSchema, ...]:
        """See `Toolbox.schemas`."""
        return self._schemas

    def prepare(self, call: ToolCall) -> Prepared:
        """See `Toolbox.prepare`; the world itself says what is wrong with a call."""
        return Prepared(call, Risk.READ, call.name)

    def perform(self, prepared: Prepared, step_id: int | None) -> str:
        """See `Toolbox.perform`."""
        return self._call(prepared.call)


class FromEmptyCache:
    """An agent whose model has read nothing before an attempt."""

    def __init__(self, agent: Agent, forget: Callable[[], None]) -> None:
        self._agent = agent
        self._forget = forget

    def run(
        self,
        task: Task,
        *,
        approve: Approve = decline_all,
        cancel: Cancel | None = None,
        progress: Progress | None = None,
    ) -> Iterator[events.Event]:
        """See `Agent.run`."""
        self._forget()
        return self._agent.run(task, approve=approve, cancel=cancel, progress=progress)


class EvalBench:
    """A model, a log and one world after another. One attempt at a time.

    `sampling` is how the next attempts are drawn.
    """

    def __init__(
        self,
        model: ChatModel,
        database: Database,
        settings: Settings,
        *,
        opening: str,
        limits: AgentSettings,
        options: Options | None = None,
    ) -> None:
        self.model = model
        self.database = database
        self.log = AttemptLog(database)
        self.settings = replace(settings, agent=limits)
        self.options = options or Options()
        self.opening = opening
        self.sampling = model.sampling
        agent = Agent(model, self._open_tools, self.log, Permissions(WORKSPACE, mode="auto"), limits)
        self.agent = FromEmptyCache(agent, self.forget_cache)
        self._world: World | None = None

    @property
    def world(self) -> World:
        """Where the attempts happen.

        Raises:
            WorkspaceError: none was entered.
        """
        if self._world is None:
            raise WorkspaceError("no world was entered; call `enter` before a task is run")
        return self._world

    def enter(self, world: World) -> int:
        """Attempts happen in this world from now on, in a new session, whose id is returned."""
        self._world = world
        return self.new_session("")

    def drawn(self, seed: int, temperature: float | None = None) -> Sampling:
        """The model's sampling with this seed, and with this temperature where one is given."""
        own = self.model.sampling
        return replace(own, seed=seed, temperature=own.temperature if temperature is None else temperature)

    def new_session(self, title: str) -> int:
        """Start a conversation."""
        return self.log.start_session(WORKSPACE, title)

    def task(self, request: str, session_id: int, terms: Terms = PLAIN) -> Task:
        """What one attempt is given, as the workbench would; a larger model is told a fixed day."""
        guided = self.model.protocol != 1 and self.opening == FILES
        system = system_text(
            self.opening,
            script=terms.script,
            example=terms.example,
            surroundings=SURROUNDINGS if guided else None,
            extra=self.options.system,
        )
        drawn = terms.sampling or self.sampling
        return Task(request, session_id, system, drawn, terms.steering, terms.retry_of, terms.channel, terms.practice)

    def undo(self, attempt_id: int) -> UndoReport:
        """Put the world back as it was before its attempts."""
        self.world.restore()
        self.log.set_undone(attempt_id, True)
        return UndoReport(attempt_id, str(WORKSPACE), (), ())

    def forget_cache(self) -> None:
        """Let the next prompt be read from its start."""
        if isinstance(self.model, LlamaChat):
            self.model.model.forget_cache()

    def _open_tools(self, attempt_id: int, cancel: Cancel) -> Toolbox:
        return self.world.toolbox()


def result_of(stream: Iterator[events.Event]) -> events.Result:
    """The last event of an attempt."""
    last: events.Event | None = None
    for event in stream:
        last = event if isinstance(event, events.Result) else last
    assert isinstance(last, events.Result)
    return last
