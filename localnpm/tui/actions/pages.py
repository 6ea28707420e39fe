"""Opening the screens beside the chat, and leaving the app."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localnpm.tui.screens.chat import ChatScreen


async def sessions(chat: "ChatScreen", words: str) -> None:
    """`/sessions [TEXT]`: find a conversation and go on with it."""
    await _open(chat, "sessions", "SessionsScreen", words)


async def attempts(chat: "ChatScreen", words: str) -> None:
    """`/attempts [TEXT]`."""
    await _open(chat, "attempts", "AttemptsScreen", words)


async def procedures(chat: "ChatScreen", words: str) -> None:
    """`/procedures [TEXT]`."""
    await _open(chat, "procedures", "ProceduresScreen", words)


async def vectors(chat: "ChatScreen", words: str) -> None:
    """`/vectors`."""
    await _open(chat, "vectors", "VectorsScreen")


async def learning(chat: "ChatScreen", words: str) -> None:
    """`/learning`."""
    await _open(chat, "learning", "LearningScreen")


async def models(chat: "ChatScreen", words: str) -> None:
    """`/model`."""
    await _open(chat, "models", "ModelsScreen")


async def settings(chat: "ChatScreen", words: str) -> None:
    """`/settings`."""
    await _open(chat, "settings", "SettingsScreen")


async def doctor(chat: "ChatScreen", words: str) -> None:
    """`/doctor`."""
    await _open(chat, "doctor", "DoctorScreen")


async def help(chat: "ChatScreen", words: str) -> None:
    """`/help`."""
    await _open(chat, "help", "HelpScreen")


async def quit(chat: "ChatScreen", words: str) -> None:
    """`/quit`."""
    chat.app.leave()


async def _open(chat: "ChatScreen", module: str, name: str, *arguments: Any) -> None:
    """Push a screen whose file is imported now."""
    screen = getattr(import_module(f"localnpm.tui.screens.{module}"), name)
    await chat.app.push_screen(screen(*arguments))
