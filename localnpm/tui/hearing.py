"""What the agent's thread tells the app: kept as the status, and shown in the chat, one after another.

It comes in faster than it can be drawn, so it waits in an inbox; what has come is taken all at once, and pieces of one
text together. Nothing of the agent is imported before the first paint: what names an event imports it when one arrives.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from threading import get_ident
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from textual import work
from textual.app import App
from textual.message import Message
from textual.reactive import reactive

from localnpm.plain import visible
from localnpm.tui.messages import (
    AgentReady,
    Asked,
    Happened,
    JobEnded,
    JobStarted,
    Judged,
    Learns,
    Loading,
    ModeSet,
    TakenBack,
    Told,
    Unusable,
)
from localnpm.tui.status import Status

if TYPE_CHECKING:
    from localnpm.agent.options import Options
    from localnpm.tui.screens.chat import ChatScreen

FROM_AGENT = (
    AgentReady,
    Asked,
    Happened,
    JobEnded,
    JobStarted,
    Judged,
    Learns,
    Loading,
    ModeSet,
    TakenBack,
    Told,
    Unusable,
)
DRAW_SECONDS = 0.06
"""From one drawing of what streams in to the next, at least."""
SHARE = 3
"""Of the time, one part in so many is spent on drawing: the others are for keys, and for the model."""
LATEST_SECONDS = 0.25
"""However long drawing takes, what has come is drawn so soon after."""
TYPING_SECONDS = 0.4
"""So soon after a key another one is expected; what streams in waits, as one layout of the chat delays a key's echo."""
HELD_SECONDS = 5.0
"""However long somebody types without a pause, what has come is drawn so soon after, right behind a key's echo."""

YIELD_SECONDS = 0.002
"""So long the agent's thread rests after each thing it tells while somebody types: Python runs one thread at a time."""


class Inbox:
    """Messages from any thread for the app's loop, in their order. It wakes the loop once for all that wait."""

    def __init__(self) -> None:
        self._waiting: deque[Message] = deque()
        self._some = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = False

    def put(self, message: Message) -> None:
        """Leave a message; from any thread."""
        self._waiting.append(message)
        if self._loop is not None and not self._woken:
            self._woken = True
            with contextlib.suppress(RuntimeError):
                # The loop has ended: nobody reads any more.
                self._loop.call_soon_threadsafe(self._some.set)

    async def take(self) -> list[Message]:
        """All that wait, at least one; in the app's loop."""
        self._loop = asyncio.get_running_loop()
        while True:
            # Before looking: what is put from here on wakes again.
            self._woken = False
            self._some.clear()
            if self._waiting:
                return self.rest()
            await self._some.wait()

    def rest(self) -> list[Message]:
        """All that wait now; in the app's loop."""
        return [self._waiting.popleft() for _ in range(len(self._waiting))]


def together(messages: Iterable[Message]) -> Iterator[Message]:
    """The same, with neighbouring pieces of one text as one piece, and of neighbouring progress the last."""
    from localnpm.agent import events

    held: Happened | None = None
    for message in messages:
        if isinstance(message, Happened) and held is not None and held.job == message.job:
            match held.event, message.event:
                case events.Token(before), events.Token(after):
                    held = Happened(message.job, events.Token(before + after))
                    continue
                case events.Thought(before), events.Thought(after):
                    held = Happened(message.job, events.Thought(before + after))
                    continue
                case events.PromptProgress(), events.PromptProgress():
                    held = message
                    continue
        if held is not None:
            yield held
        held = message if isinstance(message, Happened) else None
        if held is None:
            yield message
    if held is not None:
        yield held


class Hearing(App[None]):
    """The part of the app that hears the agent. `status` is what is known of it."""

    options: "Options"
    status: reactive[Status] = reactive(Status())

    def __init__(self) -> None:
        super().__init__()
        self._inbox = Inbox()
        self._typed_at = -TYPING_SECONDS
        self._echoed = asyncio.Event()
        self._at_rest = asyncio.Event()

    @property
    def chat(self) -> "ChatScreen":
        """The screen of the conversation, which is always there."""
        raise NotImplementedError

    def report(self, error: BaseException) -> None:
        """Tell of an error inside the app; all else goes on."""
        raise NotImplementedError

    @property
    def usable(self) -> bool:
        """Whether the agent has been opened, or it is known that it cannot be."""
        return self.status.activity != "loading"

    def tell_status(self, **changed: Any) -> None:
        """Change fields of the status."""
        self.status = replace(self.status, **changed)

    def post_message(self, message: Message) -> bool:
        """What comes from the agent waits for `take_in`: in the app's own queue, keys would wait behind it."""
        if isinstance(message, FROM_AGENT):
            self._inbox.put(message)
            if monotonic() - self._typed_at < TYPING_SECONDS and get_ident() != self._thread_id:
                sleep(YIELD_SECONDS)
            return True
        return super().post_message(message)

    def typed(self) -> None:
        """A letter has come. Its echo does not wait for what streams in."""
        self._typed_at = monotonic()
        self._at_rest.clear()
        self.call_after_refresh(self._echoed.set)

    def has_typed(self) -> None:
        """A key that is no letter has come, such as Enter: what it leads to is shown at once."""
        self._typed_at = -TYPING_SECONDS
        self._at_rest.set()

    @work(exit_on_error=False)
    async def take_in(self) -> None:
        """Show what the agent's thread tells, for as long as the app runs."""
        while True:
            messages = await self._inbox.take()
            await self._let_type()
            messages += self._inbox.rest()
            begun = monotonic()
            # However much it is, it is laid out once.
            with self.batch_update():
                for message in together(messages):
                    await self._try(message)
            took = monotonic() - begun
            await asyncio.sleep(min(max(DRAW_SECONDS - took, took * (SHARE - 1)), LATEST_SECONDS))

    async def _let_type(self) -> None:
        """Wait for a pause in typing, or else for the echo of a key."""
        begun = monotonic()
        while (quiet := monotonic() - self._typed_at) < TYPING_SECONDS:
            if monotonic() - begun > HELD_SECONDS:
                self._echoed.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._echoed.wait(), LATEST_SECONDS)
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._at_rest.wait(), TYPING_SECONDS - quiet)

    async def _try(self, message: Message) -> None:
        try:
            await self._hear(message)
        except Exception as error:  # noqa: BLE001 - what comes after it is to be shown all the same
            self.report(error)

    async def _hear(self, message: Message) -> None:
        match message:
            case Loading():
                self.tell_status(activity="loading")
            case AgentReady():
                self._opened(message)
            case Unusable(message=told):
                self.tell_status(activity="unusable")
                self.notify(
                    visible(told), title="The agent cannot be opened", severity="error", timeout=60, markup=False
                )
            case ModeSet(mode=mode):
                self.tell_status(mode=mode)
            case Learns(done=done, total=total):
                self.tell_status(activity="learning", progress=done / max(total, 1))
                self.chat.learns(message)
            case Told(text=text, severity=severity):
                self.notify(visible(text), severity=severity, timeout=10, markup=False)
            case TakenBack():
                await self.chat.taken_back(message)
            case Judged():
                await self.chat.judged(message)
            case JobStarted() | Happened() | Asked() | JobEnded():
                self._note(message)
                await self.chat.take(message)
                if isinstance(message, JobEnded) and self.status.activity != "unusable":
                    self.tell_status(activity="ready", progress=0.0)

    def _opened(self, message: AgentReady) -> None:
        self.tell_status(
            activity="ready",
            private=self.options.private,
            context=message.context,
            mode=message.mode,
            used=0,
            steering=0.0,
        )
        self.chat.ready()

    def _note(self, message: JobStarted | Happened | Asked | JobEnded) -> None:
        """Keep the status."""
        from localnpm.agent import events

        match message:
            case JobStarted(what="task"):
                self.tell_status(activity="reading", progress=0.0, steering=0.0)
            case Asked():
                self.tell_status(activity="asking")
            case Happened(event=events.PromptProgress(done, total)) if total:
                self.tell_status(activity="reading", progress=done / total)
            case Happened(event=events.Token() | events.Thought()) if self.status.activity != "generating":
                self.tell_status(activity="generating")
            case Happened(event=events.ToolResult()):
                self.tell_status(activity="reading", progress=0.0)
            case Happened(event=events.Recalled(coefficient=coefficient)):
                self.tell_status(steering=coefficient)
            case Happened(event=events.Result(tokens_per_second=speed, context_tokens=used)) if used:
                self.tell_status(tokens_per_second=speed, used=used)
            case _:
                pass
