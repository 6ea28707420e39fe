"""The loop: one attempt, from a request to an answer, as a stream of events.

A turn of the model, its calls carried out one by one, and again, until a turn has no call. The log is written ahead:
the attempt's row before the first token, each step's row before its tool acts, so that any instant is a safe one to be
killed at. Recall, verdicts and learning are others' business.
"""

import time
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial

from localnpm.agent import events
from localnpm.agent.attempt import Attempt, OpenTools, Stopped, Task
from localnpm.agent.conversation import cut_result, invalid_call_messages, past_messages
from localnpm.agent.permissions import Approve, Decline, Edit, Permissions, decline_all
from localnpm.agent.prepared import Prepared
from localnpm.config import AgentSettings
from localnpm.engine.cancel import Cancel
from localnpm.engine.messages import Message, ToolCall
from localnpm.engine.turns import ChatModel, Dropped, Mused, Progress, Said, Turn
from localnpm.errors import LocalnpmError
from localnpm.memory.attempts import AttemptLog

Stream = Generator[events.Event, None, None]


@dataclass(frozen=True)
class Agent:
    """Carries out requests with a model and tools, one attempt at a time; `run` may be called from any thread."""

    model: ChatModel
    open_tools: OpenTools
    log: AttemptLog
    permissions: Permissions
    limits: AgentSettings

    def run(
        self,
        task: Task,
        *,
        approve: Approve = decline_all,
        cancel: Cancel | None = None,
        progress: Progress | None = None,
    ) -> Iterator[events.Event]:
        """Carry out one request. The last event is a `Result`; failures of the model end in one too.

        `progress` is called while a prompt is read; the stream itself stands still then.

        Raises:
            MemoryFileError: the log cannot be written; nothing is done that could not be logged.
        """
        history = past_messages(self.log.conversation(task.session_id), self.model.said)
        workspace = str(self.permissions.workspace)
        attempt_id = self.log.start_attempt(
            task.session_id,
            task.request,
            workspace=workspace,
            model=self.model.name,
            model_fingerprint=self.model.fingerprint,
            system=task.system,
            sampling=asdict(task.sampling),
            channel=task.channel,
            retry_of=task.retry_of,
            practice=task.practice,
        )
        messages = [Message("system", task.system), *history, Message("user", task.request)]
        attempt = Attempt(attempt_id, task, self.open_tools, messages, approve, cancel or Cancel(), progress)
        self.permissions.start_task()
        status: events.Status = "cancelled"
        answer, error = "", "cancelled"
        try:
            yield events.AttemptStarted(
                attempt_id, task.session_id, task.request, workspace, self.model.name, task.sampling.seed
            )
            answer = yield from self._work(attempt)
            status, error = "done", ""
        except Stopped as stop:
            status, error = stop.status, str(stop)
        except LocalnpmError as failure:
            status, error = "failed", str(failure)
        finally:
            # Also reached when the front end closes the stream or the user presses Ctrl-C.
            self.log.finish_attempt(
                attempt_id,
                status,
                answer or None,
                error=error or None,
                surroundings=status != "done" or attempt.hampered,
                prompt_tokens=attempt.prompt_tokens,
                generated_tokens=attempt.generated_tokens,
            )
        yield attempt.result(status, answer, error, self.log.changed_paths(attempt_id))

    def _work(self, attempt: Attempt) -> Generator[events.Event, None, str]:
        """Turn after turn until one has no call; returns the answer."""
        while True:
            turn = yield from self._turn(attempt)
            if turn.calls:
                yield from self._carry_out(attempt, turn)
            elif not turn.invalid:
                self._log_turn(attempt, turn)
                if turn.stop_reason in ("length", "context"):
                    raise Stopped("failed", f"the answer was cut off after {attempt.generated_tokens} tokens")
                yield events.Answer(turn.text)
                return turn.text
            for reason in turn.invalid:
                attempt.check(self.limits, ToolCall(reason, {}))
                result = f"Error: invalid tool call: {reason}"
                step = self._log_turn(attempt, turn)
                self.log.finish_step(step, result, error=result.removeprefix("Error: "))
                yield events.ToolResult(step, "", result, ok=False)
                attempt.messages += invalid_call_messages(turn.raw, result)

    def _turn(self, attempt: Attempt) -> Generator[events.Event, None, Turn]:
        """One turn of the model, streamed; returns it when it was not cancelled."""
        room = self.limits.tokens - attempt.generated_tokens
        if room <= 0:
            raise Stopped("failed", f"stopped after {self.limits.tokens} generated tokens (setting agent.tokens)")
        task = attempt.task
        for part in self.model.turn(
            attempt.messages,
            attempt.tools.schemas(),
            sampling=task.sampling,
            max_tokens=room,
            steering=task.steering,
            cancel=attempt.cancel,
            progress=partial(attempt.read, self.limits),
        ):
            attempt.watch(self.limits)
            match part:
                case Dropped():
                    yield events.ContextDropped(part.exchanges)
                case Said():
                    yield events.Token(part.text)
                case Mused():
                    yield events.Thought(part.text)
                case Turn():
                    attempt.turns += 1
                    attempt.prompt_tokens += part.usage.prompt_tokens
                    attempt.generated_tokens += part.usage.generated_tokens
                    attempt.context_tokens = part.usage.prompt_tokens + part.usage.generated_tokens
                    attempt.generate_seconds += part.usage.generate_seconds
                    if part.stop_reason == "cancelled":
                        self._log_turn(attempt, part)
                        attempt.check(self.limits)
                    return part
        raise AssertionError("a model's turn ends with a Turn")

    def _carry_out(self, attempt: Attempt, turn: Turn) -> Stream:
        """The turn's calls, in order: log, ask, act, log, tell."""
        done: list[ToolCall] = []
        answers: list[Message] = []
        for position, call in enumerate(turn.calls):
            attempt.check(self.limits, call)
            prepared = attempt.tools.prepare(call)
            step = self._log_turn(attempt, turn if position == 0 else replace(turn, raw="", thought=""), call=call)
            yield events.ToolCalled(step, call.name, call.arguments, prepared.summary, prepared.diff)
            prepared, refusal = self._ask(attempt, prepared, step)
            result = refusal or prepared.result or attempt.tools.perform(prepared, step)
            result = cut_result(result, self.model.context // 4, self.model.count)
            ok = not result.startswith("Error: ")
            self.log.finish_step(step, result, error=None if ok else result.removeprefix("Error: "))
            attempt.note(result)
            yield events.ToolResult(step, call.name, result, ok)
            done.append(prepared.call)
            answers.append(Message("tool", result, tool_call_id=call.id, name=call.name))
        attempt.messages += [Message("assistant", turn.text, tool_calls=tuple(done)), *answers]

    def _ask(self, attempt: Attempt, prepared: Prepared, step: int) -> tuple[Prepared, str]:
        """The call as it may be performed, perhaps edited by the user, and the refusal's text if it may not."""
        if prepared.result is not None:
            return prepared, ""
        asked = time.monotonic()
        decision = self.permissions.decide(prepared, attempt.approve)
        attempt.waited += time.monotonic() - asked
        match decision:
            case Decline():
                return prepared, f"Error: the user declined: {decision.reason}"
            case Edit():
                edited = replace(prepared.call, arguments=decision.arguments)
                self.log.change_arguments(step, edited.arguments)
                return attempt.tools.prepare(edited), ""
        return prepared, ""

    def _log_turn(self, attempt: Attempt, turn: Turn, call: ToolCall | None = None) -> int:
        """Write the turn, or one call of it, before anything comes of it; returns the step's id."""
        return self.log.start_step(
            attempt.id,
            turn=attempt.turns,
            text=turn.raw,
            thought=turn.thought,
            tool=call.name if call else None,
            arguments=call.arguments if call else None,
            generated_tokens=turn.usage.generated_tokens,
        )
