"""`/watch` in the app: what is done by hand is shown while it is recorded, and asked about at its end."""

import pytest
from textual.widgets import OptionList

from localnpm.tui.widgets.dialogs import Choose
from localnpm.tui.widgets.watching import Watching

pytestmark = pytest.mark.anyio


async def say(app, pilot, text):
    """Type a line and send it."""
    app.chat.composer.write(text)
    await pilot.press("enter")


async def test_what_is_done_by_hand_is_shown_while_it_is_recorded_and_learned_when_the_user_says_so(
    place, running, until, plain
):
    app = place.scripted()
    async with running(app) as pilot:
        await say(app, pilot, "/watch start put milk on my list")
        await until(pilot, lambda: "nothing has changed yet" in plain(app.chat.query_one(Watching)))
        assert "watching" in app.status.words()
        (place.root / "todo.md").write_text("# Todo\n- [ ] buy bread\n- [ ] milk\n")
        await until(pilot, lambda: "append_file" in plain(app.chat.query_one(Watching)))
        await say(app, pilot, "/watch stop")
        await until(pilot, lambda: isinstance(app.screen, Choose) and app.screen.query_one(OptionList).has_focus)
        assert "append_file" in plain(app.screen)
        await pilot.press("enter")
        await until(pilot, lambda: not app.chat.query(Watching) and not app.status.watching)
    with place.log() as log:
        assert [attempt.request for attempt in log.attempts(judged="success")] == ["put milk on my list"]


async def test_a_demonstration_goes_on_at_the_next_start_and_can_be_given_up(place, running, until, plain):
    app = place.scripted()
    async with running(app) as pilot:
        await say(app, pilot, "/watch start tidy up")
        await until(pilot, lambda: app.chat.query(Watching))
    app = place.scripted()
    async with running(app) as pilot:
        await until(pilot, lambda: "tidy up" in plain(app.chat.query_one(Watching)))
        await pilot.click("#watch-cancel")
        await until(pilot, lambda: not app.chat.query(Watching))
    with place.log() as log:
        assert log.attempts() == ()


async def test_in_private_nothing_is_watched(place, running, until):
    app = place.scripted(private=True)
    async with running(app) as pilot:
        await say(app, pilot, "/watch start tidy up")
        await until(pilot, lambda: any("private" in str(toast.render()) for toast in app.screen.query("Toast")))
        assert not app.chat.query(Watching)
