"""Sessions: conversations found by their words, resumed with their whole transcript, exported, deleted for good."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType

from localnpm.errors import LocalnpmError
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.export import session_markdown
from localnpm.memory.sessions import Session, search_sessions, sessions
from localnpm.tui.screens.forgetting import consent, told
from localnpm.tui.screens.lists import ListPage
from localnpm.tui.widgets.dialogs import AskText


class SessionsScreen(ListPage[Session]):
    """All conversations."""

    HELP = """
    Every conversation, the one used last first; / searches in all that was said. Enter goes on with one where it was
    left, e saves it as Markdown, Delete takes it out of the memory for good. Files stay as they are.
    """

    heading = "Sessions: Enter goes on with one"
    columns = ("id", "last used", "attempts", "title", "workspace")
    wide_only = frozenset({"attempts", "workspace"})
    nothing = "No sessions yet: each conversation in the chat is one."

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "export", "Export", id="sessions.export"),
        Binding("delete", "delete", "Delete", id="sessions.delete"),
    ]

    def find(self, text: str, wanted: str, limit: int) -> Sequence[Session]:
        """By search in titles and all that was said, or those used last."""
        if text:
            return search_sessions(self.app.database, text, limit=limit)
        return sessions(self.app.database, limit=limit)

    def cells(self, row: Session) -> Sequence[str]:
        """One line a session."""
        when = f"{row.updated_at.astimezone():%Y-%m-%d %H:%M}"
        return (str(row.id), when, str(row.attempts), row.title, row.workspace)

    def identity(self, row: Session) -> str:
        """Its id."""
        return str(row.id)

    def open(self, row: Session) -> None:
        """Go on with it in the chat."""
        chat = self.app.chat
        self.dismiss()
        self.app.call_later(chat.resume, row.id)

    @work
    async def action_export(self) -> None:
        """Save it as Markdown."""
        row = self.current
        if row is None:
            return
        name = await self.app.push_screen_wait(AskText("Save as Markdown to:", value=f"session-{row.id}.md"))
        if name:
            session_id, file = row.id, self.app.options.workspace / Path(name).expanduser()
            self.perform(lambda: export(AttemptLog(self.app.database), session_id, file))

    @work
    async def action_delete(self) -> None:
        """Take it out of the memory for good."""
        from localnpm.memory.forget import backups_with, forget_session

        row = self.current
        if row is None:
            return
        session_id, chat = row.id, self.app.chat
        question = f"Delete session {session_id} with its {row.attempts} attempt(s) for good? Files stay as they are."
        chosen = await consent(self.app, question, lambda: backups_with(self.app.database, session_ids=[session_id]))
        if chosen is None:
            return
        if chat.session_id == session_id:
            await chat.begin()
        self.perform(lambda: told(forget_session(self.app.database, session_id, backups=chosen)))


def export(log: AttemptLog, session_id: int, file: Path) -> str:
    """Write a session as Markdown; what to tell the user.

    Raises:
        LocalnpmError: the file is there already, or cannot be written.
    """
    try:
        with file.open("x", encoding="utf-8", errors="backslashreplace") as opened:
            opened.write(session_markdown(log, session_id))
    except OSError as error:
        raise LocalnpmError(f"{file} cannot be written: {error.strerror}. Choose another name.") from error
    return f"Saved {file}"
