"""Settings: seen with where they come from, changed by choice or by text, wrong values explained."""

import pytest
from textual.widgets import Input, OptionList, Static

from localnpm import config
from localnpm.tui.screens.settings import AskSetting, SettingsScreen, change, rows
from localnpm.tui.widgets.dialogs import Choose, Confirm

pytestmark = pytest.mark.anyio


def row(home, name):
    return next(row for row in rows(home) if row.key.name == name)


async def opened(app, pilot, until, name):
    """The settings, with the cursor on one of that name."""
    screen = SettingsScreen(name)
    await app.push_screen(screen)
    await until(pilot, lambda: screen.shown and screen.current and screen.current.key.name == name)
    return screen


def test_a_setting_says_where_it_comes_from(place, monkeypatch):
    assert row(place.home, "agent.steps").source == "default"
    change(place.home, config.KEYS["agent.steps"], "12")
    assert (row(place.home, "agent.steps").value, row(place.home, "agent.steps").source) == ("12", "file")
    monkeypatch.setenv("LOCALNPM_AGENT_STEPS", "9")
    assert (row(place.home, "agent.steps").value, row(place.home, "agent.steps").source) == ("9", "environment")


def test_the_default_comes_back_and_the_rest_of_the_file_stays(place):
    change(place.home, config.KEYS["agent.steps"], "12")
    change(place.home, config.KEYS["agent.tokens"], "99")
    settings = change(place.home, config.KEYS["agent.steps"], None)
    assert (settings.agent.steps, settings.agent.tokens) == (30, 99)


async def test_a_choice_is_made_from_a_list_and_takes_effect_at_once(place, running, until):
    app = place.scripted()
    async with running(app) as pilot:
        await opened(app, pilot, until, "app.bell")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        assert [option.id for option in app.screen.query_one(OptionList).options] == ["true", "false"]
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.looks.bell is False)
        assert row(place.home, "app.bell").value == "false"


async def test_a_wrong_value_is_explained_and_can_be_put_right(place, running, until):
    app = place.scripted()
    async with running(app) as pilot:
        await opened(app, pilot, until, "agent.steps")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, AskSetting))
        app.screen.query_one(Input).value = "many"
        await pilot.press("enter")
        assert "a whole number from 1 to 1000" in str(app.screen.query_one("#wrong", Static).render())
        app.screen.query_one(Input).value = "12"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        assert row(place.home, "agent.steps").value == "12"


async def test_what_needs_the_model_anew_is_used_at_once_if_the_user_wants(place, running, until):
    app = place.scripted()
    async with running(app) as pilot:
        await opened(app, pilot, until, "agent.steps")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, AskSetting))
        app.screen.query_one(Input).value = "12"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: len(place.asked_for) == 2)
