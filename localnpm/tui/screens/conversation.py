"""A conversation on the screen: requests are queued here, and what the agent tells of them is shown under each.

What the user does to it, by key, by command or by click, is chat.py's.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual import work
from textual.screen import Screen

from localnpm.plain import visible
from localnpm.tui import jobs
from localnpm.tui.guarded import Guarded
from localnpm.tui.messages import Asked, Happened, JobEnded, JobStarted, Judged, TakenBack
from localnpm.tui.widgets.composer import Composer
from localnpm.tui.widgets.transcript import Older, Transcript

if TYPE_CHECKING:
    from localnpm.agent import events
    from localnpm.learning.opened import Opened
    from localnpm.memory.attempts import AttemptLog
    from localnpm.memory.records import Trajectory
    from localnpm.tui.app import LocalnpmApp
    from localnpm.tui.backend import Start
    from localnpm.tui.widgets.approval import Approval
    from localnpm.tui.widgets.exchange import Exchange

LONG_SECONDS = 10.0
"""A task of more seconds rings when it ends, if the terminal is not looked at."""


class Conversation(Guarded, Screen[None]):
    """One session with the agent; the widgets are composed by the chat."""

    app: "LocalnpmApp"

    def __init__(self, session_id: int | None = None) -> None:
        super().__init__()
        self.thread = jobs.Thread(session_id)
        self.last_attempt = 0
        self.last_answer = ""
        self.editing: int | None = None
        self._exchanges: dict[int, Exchange] = {}

    @property
    def session_id(self) -> int | None:
        """The session of this conversation; None until it has begun."""
        return self.thread.session_id

    @property
    def transcript(self) -> Transcript:
        """The conversation so far."""
        return self.query_one(Transcript)

    @property
    def composer(self) -> Composer:
        """Where the user types."""
        return self.query_one(Composer)

    @property
    def unsent(self) -> str:
        """What was typed and has not begun: requests that wait, and what is in the composer."""
        waiting = [exchange.request for exchange in self._exchanges.values() if exchange.waiting]
        return "\n\n".join([*waiting, self.composer.text]).strip()

    async def recalled(self, event: "events.Recalled") -> None:
        """Memory has something for the task."""
        raise NotImplementedError

    def read_files(self) -> Any:
        """Files may have come or gone."""
        raise NotImplementedError

    async def ask(self, request: str, *, instead_of: int | None = None) -> None:
        """Queue a request; it is carried out after those before it.

        `instead_of` is an attempt that is taken back first, with all that came after it.
        """
        start = jobs.request(self.thread, request, self.app.post_message, instead_of=instead_of)
        await self.queue(request, start)

    async def queue(self, request: str, start: "Start[Opened]") -> None:
        """Queue an attempt, shown as an exchange under these words."""
        from localnpm.tui.widgets.exchange import Exchange

        exchange = Exchange(request)
        waits = self.app.backend.busy or not self.app.usable
        await self.transcript.add(exchange)
        if waits:
            await exchange.wait()
        self._exchanges[self.app.backend.submit("task", start)] = exchange
        self._count()

    async def begin(self) -> None:
        """Start a conversation of its own; what runs for the old one is stopped, what waits is taken back."""
        stopped = self.stop_all()
        self.thread = jobs.Thread()
        self.editing = None
        self.last_attempt = 0
        self.last_answer = ""
        await self.transcript.remove_children()
        self.transcript.follow(self._older(self.thread))
        if stopped:
            self.notify("What ran was stopped; it is in its own session.", markup=False)

    def stop_all(self) -> bool:
        """Stop what runs for this conversation and take back what waits; whether anything ran."""
        numbers, ran = list(self._exchanges), False
        self._exchanges.clear()
        for number in numbers:
            if not self.app.backend.withdraw(number):
                ran = self.app.backend.cancel() or ran
        self._count()
        return ran

    async def resume(self, session_id: int) -> None:
        """Go on with a session; its transcript is shown again, the newest part at once."""
        await self.begin()
        self.thread = jobs.Thread(session_id)
        self.transcript.follow(self._older(self.thread))
        await self.transcript.load()
        shown = [exchange for exchange in self.transcript.exchanges if not exchange.by_hand]
        if shown:
            self.last_attempt, self.last_answer = shown[-1].attempt_id, shown[-1].answer

    def _older(self, thread: jobs.Thread) -> Older:
        async def older(before: int | None, limit: int) -> "tuple[Trajectory, ...]":
            session_id = thread.session_id
            if session_id is None or self.app.options.private:
                return ()
            return await asyncio.to_thread(lambda: self._log().transcript(session_id, before=before, limit=limit))

        return older

    def _log(self) -> "AttemptLog":
        from localnpm.memory.attempts import AttemptLog

        return AttemptLog(self.app.database)

    def errand(self, what: str, task: "Callable[[Opened], str]", *, lasting: bool = False) -> None:
        """Do something short with the open agent, in its turn, and tell what it returns or raises."""
        self.app.backend.submit(what, jobs.errand(task, self.app.post_message), lasting=lasting)

    async def take(self, message: JobStarted | Happened | Asked | JobEnded) -> None:
        """Show what the agent's thread tells of a job of this screen."""
        from localnpm.agent.permissions import STOPPED, Decline
        from localnpm.tui.widgets.approval import Approval

        exchange = self._exchanges.get(message.job)
        if exchange is None:
            if isinstance(message, JobEnded) and message.error:
                self.notify(visible(message.error), title=message.what, severity="error", timeout=15, markup=False)
            elif isinstance(message, Asked):
                message.question.decided.put(Decline(STOPPED))
            return
        match message:
            case JobStarted():
                await exchange.begin()
                self._count()
            case Happened(event=event):
                await self._note(event, exchange)
                await exchange.show(event)
            case Asked(question=question):
                await exchange.mount(Approval(question))
                self.app.remind("a change waits for your answer")
                if self.app.screen is not self:
                    self.notify("A change waits for your answer in the chat.", timeout=15)
            case JobEnded(error=error):
                await self._end(message.job, exchange, error)

    async def _end(self, number: int, exchange: "Exchange", error: str) -> None:
        from localnpm.tui.widgets.approval import Approval

        del self._exchanges[number]
        approvals = exchange.query(Approval)
        if any(approval.has_focus for approval in approvals):
            self.composer.focus()
        await approvals.remove()
        await exchange.end(error)
        if self.transcript.is_vertical_scroll_end:
            await self.transcript.prune()
        self._count()
        if exchange.result is None or exchange.result.changed:
            self.read_files()
        if exchange.result is not None and exchange.result.seconds > LONG_SECONDS:
            self.app.remind("a task has ended")

    async def _note(self, event: "events.Event", exchange: "Exchange") -> None:
        from localnpm.agent import events

        match event:
            case events.AttemptStarted(attempt_id=attempt_id) if not exchange.by_hand:
                self.last_attempt = attempt_id
            case events.Recalled():
                await self.recalled(event)
            case events.Answer(text):
                self.last_answer = text
            case _:
                pass

    async def taken_back(self, message: TakenBack) -> None:
        """What was taken back is shown no more."""
        await self.transcript.drop_from(message.attempt_id)

    async def judged(self, message: Judged) -> None:
        """Show a verdict where its attempt is, and offer to try again."""
        from localnpm.agent import events

        judgement = message.judgement
        exchange = self.transcript.of_attempt(judgement.attempt_id)
        if exchange is not None:
            await exchange.show(events.Verdict("user", judgement.success, judgement.reason))
            for learned in judgement.learned:
                await exchange.show(learned)
        else:
            self.notify(f"Attempt {judgement.attempt_id} is judged {'good' if judgement.success else 'bad'}.")
        if message.offer:
            self._offer_retry(judgement.attempt_id)

    @work
    async def _offer_retry(self, attempt_id: int) -> None:
        from localnpm.tui.actions.verdicts import try_again
        from localnpm.tui.widgets.dialogs import Confirm

        question = f"Undo attempt {attempt_id} and try again with what you said?"
        if await self.app.push_screen_wait(Confirm(question)):
            await try_again(self.app.chat, attempt_id)

    async def on_approval_decided(self, message: "Approval.Decided") -> None:
        """The question goes, what was typed is there as it was."""
        from localnpm.tui.widgets.approval import Approval

        await self.query(Approval).remove()
        (message.focused or self.composer).focus()

    async def on_exchange_withdrawn(self, message: "Exchange.Withdrawn") -> None:
        """A request that waits is taken back; its words can be typed on."""
        await self.withdraw(message.exchange)

    async def withdraw(self, exchange: "Exchange | None" = None) -> bool:
        """Take back a request that has not begun, the newest if none is named; False when there is none."""
        waiting = [(number, other) for number, other in self._exchanges.items() if other.waiting]
        for number, other in reversed(waiting):
            if (exchange is None or other is exchange) and self.app.backend.withdraw(number):
                del self._exchanges[number]
                await other.remove()
                self._give_back(other.request)
                self.composer.focus()
                self._count()
                return True
        return False

    def _give_back(self, text: str) -> None:
        """Put a text where it can be changed; the history has it where something else is being typed."""
        if not self.composer.text.strip():
            self.composer.write(text)

    def _count(self) -> None:
        self.app.tell_status(waiting=sum(exchange.waiting for exchange in self._exchanges.values()))
