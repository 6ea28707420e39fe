"""Keys: every action has one and a name; what a line of the settings means, what is wrong with it, that it holds."""

from importlib import import_module
from pkgutil import iter_modules

import pytest
from textual.binding import Binding

from localnpm.config import AppSettings
from localnpm.tui import keymap
from localnpm.tui.commands import COMMANDS

pytestmark = pytest.mark.anyio


def test_a_line_names_actions_and_keys():
    assert keymap.parse("chat.good=f6, chat.bad = f7") == {"chat.good": "f6", "chat.bad": "f7"}


def test_the_known_actions_have_their_keys():
    known = keymap.actions()
    assert known["chat.good"].keys == ("f2",)
    assert known["page.leave"].keys == ("escape",)
    assert known["app.help"].keys == ("f1",)


def of_localnpm(package):
    """Every class of the screens or the widgets."""
    for found in iter_modules(import_module(package).__path__):
        for thing in vars(import_module(f"{package}.{found.name}")).values():
            if isinstance(thing, type) and thing.__module__ == f"{package}.{found.name}":
                yield thing


@pytest.mark.parametrize("package", ["localnpm.tui.screens"])
def test_every_action_of_a_screen_has_a_key(package):
    without = []
    for thing in of_localnpm(package):
        bindings = [one for kind in thing.__mro__ for one in vars(kind).get("BINDINGS", ())]
        bound = {one.action.partition("(")[0] for one in bindings if isinstance(one, Binding)}
        actions = {name.removeprefix("action_") for name in vars(thing) if name.startswith("action_")}
        without += [f"{thing.__name__}.{name}" for name in actions - bound]
    assert without == []


@pytest.mark.parametrize("package", ["localnpm.tui.screens", "localnpm.tui.widgets"])
def test_every_key_that_is_shown_can_be_mapped_to_another(package):
    nameless = []
    for thing in of_localnpm(package):
        for one in vars(thing).get("BINDINGS", ()):
            if not isinstance(one, Binding) or (one.show and not one.id):
                nameless.append(f"{thing.__name__}: {one}")
    assert nameless == []


def test_nothing_is_wrong_with_free_keys():
    assert keymap.problems("chat.good=f6,chat.bad=ctrl+g") == []


def test_two_keys_that_are_exchanged_do_not_meet():
    assert keymap.problems("chat.good=f3,chat.bad=f2") == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("chat.bda=f7", "did you mean chat.bad?"),
        ("chat.good=f4", "chat.memory (Memory) has that key too"),
        ("chat.good=g", "that key is for typing"),
        ("chat.good=hyper+g", "there is no key 'hyper+g'"),
        ("chat.good", "is not ID=KEY"),
        ("learning.stop=l", "learning.learn (Learn now) has that key too"),
    ],
)
def test_what_is_wrong_is_told(line, told):
    assert any(told in problem for problem in keymap.problems(line)), keymap.problems(line)


def test_a_key_may_mean_one_thing_in_the_chat_and_another_on_a_page():
    assert keymap.problems("chat.good=f5") == []


async def test_another_key_does_it_and_the_old_one_no_longer(place, running, until):
    app = place.scripted(looks=AppSettings(animation=False, keys="chat.memory=f8"))
    async with running(app) as pilot:
        before = app.chat.query_one("MemoryPanel").display
        await pilot.press("f4")
        assert app.chat.query_one("MemoryPanel").display is before
        await pilot.press("f8")
        await until(pilot, lambda: app.chat.query_one("MemoryPanel").display is not before)


async def test_keys_that_meet_are_told_in_the_app(place, running, until):
    app = place.scripted(looks=AppSettings(animation=False, keys="chat.good=f4"))
    async with running(app) as pilot:
        told = "has that key too"
        await until(pilot, lambda: any(told in str(toast.render()) for toast in app.screen.query("Toast")))


async def test_the_palette_has_every_command(place, running):
    app = place.scripted()
    async with running(app):
        titles = {command.title for command in app.get_system_commands(app.screen)}
        assert {f"/{command.name}" for command in COMMANDS} <= titles
        assert "Theme" in titles


async def test_a_theme_that_is_picked_is_there_the_next_time(place, running, until):
    app = place.scripted()
    async with running(app) as pilot:
        app.theme = "nord"
        await until(pilot, lambda: place.home.config.exists() and 'theme = "nord"' in place.home.config.read_text())


async def test_f1_shows_the_keys_of_what_has_the_focus_and_hides_them_again(place, running, until):
    app = place.scripted()
    async with running(app) as pilot:
        await pilot.press("f1")
        await until(pilot, lambda: app.screen.query("HelpPanel"))
        await pilot.press("f1")
        await until(pilot, lambda: not app.screen.query("HelpPanel"))
