"""Looks and keys as the settings have them, and the theme that the user picks in the palette written back to them."""

import os
from typing import TYPE_CHECKING

from textual.theme import Theme

from localnpm.config import AppSettings
from localnpm.errors import LocalnpmError
from localnpm.plain import visible

if TYPE_CHECKING:
    from localnpm.tui.app import LocalnpmApp

KEY = "app.theme"


def apply(app: "LocalnpmApp", looks: AppSettings) -> None:
    """Take over what the settings say; what cannot be used is told, and the rest holds."""
    app.looks = looks
    if looks.theme in app.available_themes:
        app.theme = looks.theme
    elif looks.theme:
        app.notify(
            visible(f"There is no theme {looks.theme!r}; Ctrl+P, Theme lists them."), severity="warning", markup=False
        )
    if not looks.animation:
        app.animation_level = "none"
    keys = {}
    if looks.keys.strip():
        from localnpm.tui import keymap

        keys = keymap.parse(looks.keys)
        app.run_worker(lambda: _check_keys(app, looks.keys), thread=True, exit_on_error=False, group="keys")
    app.set_keymap(keys)


def remember_theme(app: "LocalnpmApp") -> None:
    """From now on a theme that the user picks is written into the settings."""
    known = [app.theme]

    def changed(theme: Theme) -> None:
        if theme.name not in (known[0], app.looks.theme) and not app.options.private:
            app.run_worker(lambda: _write(app, theme.name), thread=True, exit_on_error=False, group="theme")
        known[0] = theme.name

    app.theme_changed_signal.subscribe(app, changed)


def _write(app: "LocalnpmApp", name: str) -> None:
    from localnpm.config import KEYS
    from localnpm.config_file import set_value

    told = ""
    try:
        set_value(app.home, KEY, name)
    except LocalnpmError as error:
        told = str(error)
    if os.environ.get(KEYS[KEY].variable):
        told = f"{KEYS[KEY].variable} is set in the environment; the next start has the theme that it names."
    if told:
        app.call_from_thread(app.notify, visible(told), severity="warning", markup=False)


def _check_keys(app: "LocalnpmApp", text: str) -> None:
    from localnpm.tui import keymap

    found = keymap.problems(text)
    if found:
        told = "\n".join(["The setting app.keys:", *found])
        app.call_from_thread(app.notify, visible(told), severity="warning", timeout=20, markup=False)
