"""What the agent's thread does with control vectors for the screens: try one at several scales, take in a file."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from localnpm.agent import events
from localnpm.agent.permissions import Approve
from localnpm.engine.cancel import Cancel
from localnpm.engine.turns import Progress
from localnpm.errors import LocalnpmError, SteeringError
from localnpm.tui.messages import Told

if TYPE_CHECKING:
    from localnpm.distill.trial import Trial
    from localnpm.engine.llama_chat import LlamaChat
    from localnpm.learning.opened import Opened
    from localnpm.tui.screens.chat import ChatScreen

MAX_TOKENS = 96


def try_vector(
    chat: "ChatScreen",
    name: str,
    prompt: str,
    scales: Sequence[float],
    tell: Callable[["Trial"], object],
    end: Callable[[str], object],
) -> int:
    """Answer a prompt once at each scale of a vector; nothing is logged and no tool acts. Returns the job's number.

    `tell` and `end` are called in the agent's thread: with each outcome, and at the end with what went wrong, if
    anything did.
    """

    def start(agent: "Opened", *, approve: Approve, cancel: Cancel, progress: Progress) -> Iterator[events.Event]:
        from localnpm.agent.prompts import system_text
        from localnpm.distill import steer, trial
        from localnpm.engine.messages import Message
        from localnpm.memory.vector_store import VectorStore

        messages = [Message("system", system_text()), Message("user", prompt)]
        try:
            model = _steerable(agent)
            file = steer.open_vector(name, VectorStore(agent.learner.learned_in), model.model)
            for one in trial.try_scales(model, file, messages, scales, max_tokens=MAX_TOKENS, cancel=cancel):
                tell(one)
        except LocalnpmError as error:
            end(str(error))
        else:
            end("stopped" if cancel.is_set() else "")
        return iter(())

    return chat.app.backend.submit("trying a vector", start)


def take_in(chat: "ChatScreen", file: Path, then: Callable[[], object]) -> None:
    """Take in a vector's file, checked against the model; `then` is called when it is there."""

    def start(agent: "Opened", *, approve: Approve, cancel: Cancel, progress: Progress) -> Iterator[events.Event]:
        from localnpm.agent.prompts import system_text
        from localnpm.distill import gguf, intake
        from localnpm.memory.vector_store import VectorStore

        model, vectors = _steerable(agent), VectorStore(agent.learner.learned_in)
        read = gguf.read(file)
        name = intake.free_name(None, file, vectors, model.fingerprint)
        taken = intake.take_in(read, model, system=system_text(), bound=agent.bench.settings.learning.kl)
        stored = intake.store(taken, vectors, model, name, file)
        chat.app.post_message(Told(f"{stored.name} is {stored.status}: {stored.status_reason}"))
        then()
        return iter(())

    chat.app.backend.submit("importing a vector", start)


def _steerable(agent: "Opened") -> "LlamaChat":
    from localnpm.engine.llama_chat import LlamaChat

    model = agent.bench.model
    if not isinstance(model, LlamaChat):
        raise SteeringError(f"the model {model.name} cannot be steered")
    return model
