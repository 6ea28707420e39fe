"""What can be done with one attempt, in the list and where it is shown whole: judge, undo, make again, forget."""

import asyncio
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType

from localnpm.memory.attempts import AttemptLog
from localnpm.tui.actions import verdicts
from localnpm.tui.reversing import Way, reverse
from localnpm.tui.screens.forgetting import consent, told
from localnpm.tui.screens.page import Data, Page
from localnpm.tui.widgets.dialogs import AskText


class AttemptPage(Page[Data]):
    """A page that knows which attempt is meant."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("g", "judge(True)", "Good", id="attempt.good"),
        Binding("b", "judge(False)", "Bad", id="attempt.bad"),
        Binding("u", "reverse('undo')", "Undo", id="attempt.undo"),
        Binding("r", "reverse('redo')", "Redo", id="attempt.redo"),
        Binding("delete", "forget", "Forget", id="attempt.forget"),
    ]

    @property
    def attempt_id(self) -> int | None:
        """The attempt that is meant."""
        raise NotImplementedError

    def action_reverse(self, way: Way) -> None:
        """Take its changes back, or make them again."""
        attempt_id = self.attempt_id
        if attempt_id is not None:
            self.perform(lambda: reverse(self.app, way, attempt_id))

    @work
    async def action_judge(self, success: bool) -> None:
        """Give a verdict, or another one; a bad one with a reason can be tried again in the chat."""
        attempt_id = self.attempt_id
        if attempt_id is None:
            return
        question = f"Attempt {attempt_id} was {'good' if success else 'bad'}. Why?"
        reason = await self.app.push_screen_wait(AskText(question, "a reason, or nothing"))
        if reason is not None:
            log, here = AttemptLog(self.app.database), str(self.app.options.workspace.resolve())
            offer = (await asyncio.to_thread(log.attempt, attempt_id)).workspace == here
            await verdicts.judge(self.app.chat, attempt_id, success, reason.strip(), offer=offer, logged=True)
            self.reload()

    @work
    async def action_forget(self) -> None:
        """Take it out of the memory for good."""
        from localnpm.memory.forget import backups_with, forget_attempts

        attempt_id = self.attempt_id
        if attempt_id is None:
            return
        question = f"Forget attempt {attempt_id} for good, with all that was learned from it? Files stay as they are."
        chosen = await consent(self.app, question, lambda: backups_with(self.app.database, [attempt_id]))
        if chosen is not None:
            self.perform(lambda: told(forget_attempts(self.app.database, [attempt_id], backups=chosen)))
