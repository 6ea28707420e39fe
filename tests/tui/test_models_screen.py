"""Models: the one in use is marked, another is used at once; one is pulled from a hub on loopback, and stopped."""

import threading

import pytest

from localnpm import config
from localnpm.tui.pulling import Pulling
from localnpm.tui.screens.models import ModelsScreen
from localnpm.tui.widgets.dialogs import AskText, Confirm

pytestmark = pytest.mark.anyio

WANTED = "maker/Small-GGUF/small-q8_0.gguf"


@pytest.fixture
def content(hub, tmp_path, write_gguf):
    data = write_gguf(tmp_path / "source/small-q8_0.gguf", values=500_000).read_bytes()
    hub.files[WANTED] = data
    return data


async def opened(app, pilot, until):
    screen = ModelsScreen()
    await app.push_screen(screen)
    await until(pilot, lambda: screen.shown and screen.current)
    return screen


async def test_the_model_in_use_is_marked_and_the_catalogue_follows(place, running, until):
    app = place.scripted()
    async with running(app) as pilot:
        screen = await opened(app, pilot, until)
        assert screen.current.used
        assert screen.current.name == "apprentice"
        assert sum(row.entry is not None for row in screen._rows) == 9


async def test_a_model_is_pulled_by_its_path_and_then_used_at_once(place, running, until, hub, content):
    app = place.scripted()
    async with running(app) as pilot:
        screen = await opened(app, pilot, until)
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, AskText))
        app.screen._input.value = WANTED
        await pilot.press("enter")
        await until(pilot, lambda: any(row.name == "small-q8_0" for row in screen._rows))
        assert (place.home.models / WANTED).read_bytes() == content
        place_of = [row.name for row in screen._rows].index("small-q8_0")
        screen.query_one("DataTable").move_cursor(row=place_of)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: len(place.asked_for) == 2)
        assert config.load(place.home).model.endswith("small-q8_0.gguf")


def test_a_pull_that_is_stopped_keeps_what_came_and_the_next_one_goes_on(place, hub, content):
    ended = threading.Event()
    pulling = Pulling(WANTED, place.home, lambda pull: ended.set())
    pulling.stop()
    pulling.start()
    assert ended.wait(30)
    assert (pulling.path, pulling.problem) == (None, "stopped; pulling it again goes on where it was")
    again = threading.Event()
    second = Pulling(WANTED, place.home, lambda pull: again.set())
    second.start()
    assert again.wait(30)
    assert second.path.read_bytes() == content


def test_a_pull_that_fails_says_why(place, hub):
    ended = threading.Event()
    pulling = Pulling("nobody/Nothing-GGUF/x.gguf", place.home, lambda pull: ended.set())
    pulling.start()
    assert ended.wait(30)
    assert "no repository" in pulling.problem
