"""Where the user types: what Enter, Tab and the arrows do, and that keys in a burst are acted on in their order."""

import pytest

pytestmark = pytest.mark.anyio


@pytest.fixture
def app(place):
    """One whose agent never opens: what is typed is all that counts."""
    place.opening.clear()
    yield place.scripted()
    place.opening.set()


def waiting(app):
    """The requests that were sent."""
    return [exchange.request for exchange in app.chat.transcript.exchanges]


async def test_text_and_enter_in_one_burst_are_sent_in_order(app, place, running, until, burst):
    async with running(app, ready=False) as pilot:
        burst(app, "first\nsecond one\nthird\nrest")
        await until(pilot, lambda: app.chat.composer.text == "rest")
        await until(pilot, lambda: len(waiting(app)) == 3)
        assert waiting(app) == ["first", "second one", "third"]
        place.opening.set()


async def test_keys_that_come_before_anything_is_drawn_are_kept(app, place, running, until, burst):
    async with running(app, ready=False) as pilot:
        # Keys as a terminal has them while the app starts: before the chat exists.
        app._early = []
        app._up = False
        burst(app, "typed ahead\nand more")
        await pilot.pause()
        assert app.chat.composer.text == ""
        await app.begin_typing()
        await until(pilot, lambda: app.chat.composer.text == "and more")
        await until(pilot, lambda: waiting(app) == ["typed ahead"])
        place.opening.set()


async def test_keys_that_mean_something_else_here_than_in_an_editor(app, place, running, until, burst):
    async with running(app, ready=False) as pilot:
        composer = app.chat.composer
        composer.write("one")
        await pilot.press("ctrl+j", "t", "w", "o")
        assert composer.text == "one\ntwo"
        composer.write("/hel")
        await until(pilot, lambda: composer.query_one("OptionList").display)
        await pilot.press("tab")
        assert composer.text == "/help"
        composer.write("/cancel")
        await pilot.press("enter")
        await until(pilot, lambda: composer.text == "")
        place.opening.set()


async def test_enter_completes_a_file_half_typed_and_sends_one_typed_whole(app, place, running, until):
    async with running(app, ready=False) as pilot:
        composer = app.chat.composer
        composer.files = ("todo.md", "my notes.md")
        composer.write("read @no")
        await pilot.press("enter")
        assert composer.text == 'read "my notes.md" '
        composer.write("read @todo.md")
        await pilot.press("enter")
        await until(pilot, lambda: waiting(app) == ["read todo.md"])
        place.opening.set()


async def test_arrows_walk_through_what_was_sent_and_come_back_to_what_is_typed(app, place, running, until):
    async with running(app, ready=False) as pilot:
        composer = app.chat.composer
        composer.files = ("todo.md",)
        composer.history.load(["older", "read @todo.md"])
        composer.write("half typed")
        for key, text in [
            ("up", "read @todo.md"),
            ("up", "older"),
            ("up", "older"),
            ("down", "read @todo.md"),
            ("down", "half typed"),
        ]:
            await pilot.press(key)
            await pilot.pause()
            assert composer.text == text
        place.opening.set()


async def test_escape_closes_the_completions_before_it_stops_anything(app, place, running, until):
    async with running(app, ready=False) as pilot:
        composer = app.chat.composer
        await app.chat.ask("waits")
        composer.write("/un")
        await until(pilot, lambda: composer.query_one("OptionList").display)
        await pilot.press("escape")
        assert not composer.query_one("OptionList").display
        assert waiting(app) == ["waits"]
        assert composer.text == "/un"
        place.opening.set()


async def test_a_pasted_text_of_many_lines_is_not_sent_by_its_line_breaks(app, place, running, until):
    from textual.events import Paste

    async with running(app, ready=False) as pilot:
        app.post_message(Paste("one\ntwo\nthree"))
        await until(pilot, lambda: app.chat.composer.text == "one\ntwo\nthree")
        assert waiting(app) == []
        place.opening.set()
