"""Settings: each with its value, where that comes from, and what it means; Enter changes it in config.toml."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual import work

from localnpm import config
from localnpm.config_file import keys_in_file, set_value
from localnpm.home import Home
from localnpm.tui.screens.lists import ListPage
from localnpm.tui.widgets.dialogs import AskText


@dataclass(frozen=True)
class SettingRow:
    """A setting as it is now."""

    key: config.Key
    value: str
    source: str


class SettingsScreen(ListPage[SettingRow]):
    """All settings."""

    heading = "Settings (Enter changes one; most take effect at the next start)"
    columns = ("setting", "value", "from", "meaning")

    def find(self, text: str, wanted: str, limit: int) -> Sequence[SettingRow]:
        """Those whose name or meaning holds the text."""
        return [row for row in rows(self.app.home) if text.lower() in f"{row.key.name} {row.key.meaning}".lower()][
            :limit
        ]

    def cells(self, row: SettingRow) -> Sequence[str]:
        """One line a setting."""
        return (row.key.name, row.value, row.source, row.key.meaning)

    def identity(self, row: SettingRow) -> str:
        """Its name."""
        return row.key.name

    @work
    async def open(self, row: SettingRow) -> None:  # type: ignore[override]
        """Ask for another value."""
        question = f"{row.key.name}: {row.key.meaning}. Allowed: {row.key.describe_allowed()}"
        value = await self.app.push_screen_wait(AskText(question, value=row.value))
        if value is not None and value != row.value:
            self.perform(lambda: change(self.app.home, row.key, value))


def rows(home: Home) -> list[SettingRow]:
    """Every setting with its value and where it comes from.

    Raises:
        ConfigError: the file cannot be read.
    """
    settings, written = config.load(home), keys_in_file(home)
    shown = []
    for key in config.KEYS.values():
        value = config.get(settings, key.name)
        source = "environment" if key.from_environment else "file" if key.name in written else "default"
        text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        shown.append(SettingRow(key, text, source))
    return shown


def change(home: Home, key: config.Key, value: str) -> str:
    """Write one setting; what to tell the user.

    Raises:
        ConfigError: the value is not allowed, or the file cannot be written.
    """
    set_value(home, key.name, key.parse(value, "settings"))
    return f"{key.name} = {value}"
