"""Settings: each with its value, where that comes from, and what it means; Enter changes it in config.toml."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Input, Static

from localnpm import config
from localnpm.config_file import keys_in_file, set_value, unset_value
from localnpm.config_key import Key
from localnpm.errors import ConfigError, LocalnpmError
from localnpm.home import Home
from localnpm.plain import visible
from localnpm.tui.literal import literal
from localnpm.tui.reopening import offer_reopening
from localnpm.tui.screens.lists import ListPage
from localnpm.tui.widgets.dialogs import Choose, Dialog

AT_ONCE = "app."
"""Settings under this take effect at once."""


@dataclass(frozen=True)
class SettingRow:
    """A setting as it is now."""

    key: Key
    value: str
    source: str


class SettingsScreen(ListPage[SettingRow]):
    """All settings."""

    HELP = """
    Every setting: its value, and whether that is the default, from your config.toml, or from the environment, which
    goes before the file. Enter changes one, d brings its default back; / searches in names and meanings. Those of the
    app take effect at once, the others when the model is loaded anew.
    """

    heading = "Settings: Enter changes one, d brings its default back"
    columns = ("setting", "value", "from")
    filters = (("changed", "changed"),)

    BINDINGS: ClassVar[list[BindingType]] = [Binding("d", "default", "Default", id="settings.default")]

    def body(self) -> ComposeResult:
        """The list, and what the setting under the cursor means."""
        yield from super().body()
        yield Static(id="about", classes="note")

    def find(self, text: str, wanted: str, limit: int) -> Sequence[SettingRow]:
        """Those whose name or meaning holds the text."""
        found = [row for row in rows(self.app.home) if wanted != "changed" or row.source != "default"]
        return [row for row in found if text.lower() in f"{row.key.name} {row.key.meaning}".lower()][:limit]

    def cells(self, row: SettingRow) -> Sequence[str]:
        """One line a setting."""
        return (row.key.name, row.value, row.source)

    def identity(self, row: SettingRow) -> str:
        """Its name."""
        return row.key.name

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Say all about the setting."""
        row = self.current
        self.query_one("#about", Static).update(literal(_about(row.key) if row else ""))

    def open(self, row: SettingRow) -> None:
        """Ask for another value."""
        if row.key.name == "model":
            from localnpm.tui.screens.models import ModelsScreen

            self.app.push_screen(ModelsScreen())
        else:
            self._ask(row)

    @work(exit_on_error=False, group="ask")
    async def _ask(self, row: SettingRow) -> None:
        choices = self._choices(row.key)
        if choices:
            named = [(value, f"{value or 'none'}{'  (as it is)' if value == row.value else ''}") for value in choices]
            value = await self.app.push_screen_wait(Choose(_about(row.key), named))
        else:
            value = await self.app.push_screen_wait(AskSetting(row.key, row.value))
        if value is not None and value != row.value:
            await self._change(row.key, value)

    @work(exit_on_error=False, group="ask")
    async def action_default(self) -> None:
        """What holds where nothing is said."""
        row = self.current
        if row is not None and row.source != "default":
            await self._change(row.key, None)

    def _choices(self, key: Key) -> Sequence[str]:
        if key.name == "app.theme":
            return ("", *sorted(self.app.available_themes))
        return key.allowed or (("true", "false") if key.kind is bool else ())

    async def _change(self, key: Key, value: str | None) -> None:
        """Write it, and let it take effect where that can be at once. None: the default."""
        try:
            settings = await asyncio.to_thread(change, self.app.home, key, value)
        except LocalnpmError as error:
            self.notify(visible(str(error)), severity="error", timeout=15, markup=False)
            return
        self.reload()
        told = f"{key.name} is {shown(config.get(settings, key.name)) or 'not set'}"
        if key.from_environment:
            self.notify(
                visible(f"{told}: {key.variable} is set in the environment and goes before the file."), markup=False
            )
        elif key.name.startswith(AT_ONCE):
            self.app.apply(settings.app)
            self.notify(visible(f"{told}."), markup=False)
        else:
            await offer_reopening(self.app, visible(f"{told} from now on."))


class AskSetting(Dialog[str]):
    """A value as text; one that is not allowed is explained, and can be put right."""

    def __init__(self, key: Key, value: str) -> None:
        super().__init__(_about(key))
        self._key = key
        self._value = value

    def answers(self) -> ComposeResult:
        """The line, and what is wrong with it."""
        yield Input(value=self._value)
        yield Static(id="wrong", classes="failed")
        yield Static(literal("Enter writes it, Escape leaves it as it is"), classes="note")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer with a value that is allowed."""
        event.stop()
        try:
            parsed(self._key, event.value)
        except ConfigError as error:
            self.query_one("#wrong", Static).update(literal(str(error)))
        else:
            self.dismiss(event.value)


def rows(home: Home) -> list[SettingRow]:
    """Every setting with its value and where it comes from.

    Raises:
        ConfigError: the file cannot be read.
    """
    settings, written = config.load(home), keys_in_file(home)
    found = []
    for key in config.KEYS.values():
        source = "environment" if key.from_environment else "file" if key.name in written else "default"
        found.append(SettingRow(key, shown(config.get(settings, key.name)), source))
    return found


def shown(value: Any) -> str:
    """A value as it is written in the file and typed by users; empty for none."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def parsed(key: Key, value: str) -> Any:
    """A value from what the user typed; None where an optional one is left empty.

    Raises:
        ConfigError: it is not allowed.
    """
    return None if key.optional and not value.strip() else key.parse(value.strip(), "settings")


def change(home: Home, key: Key, value: str | None) -> config.Settings:
    """Write one setting, or take it out of the file (None); the settings that are in force then.

    Raises:
        ConfigError: the value is not allowed, or the file cannot be written.
    """
    wanted = None if value is None else parsed(key, value)
    if wanted is None:
        unset_value(home, key.name)
    else:
        set_value(home, key.name, wanted)
    return config.load(home)


def _about(key: Key) -> str:
    default = shown(key.default) or "not set"
    return f"{key.name}: {key.meaning}. Allowed: {key.describe_allowed()}. Default: {default}."
