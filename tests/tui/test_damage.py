"""A memory with damaged rows: the pages say so, and nothing typed, answered or judged is lost."""

import pytest
from textual.widgets import Input

from localnpm.memory.passes import Passes
from localnpm.memory.procedure_records import Draft
from localnpm.memory.procedures import Procedures
from localnpm.tui.commands import BY_NAME

pytestmark = pytest.mark.anyio

PAGES = ("attempts", "sessions", "procedures", "learning")


def damage(place):
    """Of another folder an attempt and a session, a procedure and a pass, whose times are none."""
    with place.log() as log:
        session = log.start_session(place.root.resolve(), "Old")
        attempt = log.start_attempt(
            session, "Old", workspace=place.root.resolve(), model="m", model_fingerprint="", system="", sampling={}
        )
        log.finish_attempt(attempt, "done", "Yes.")
    with place.database() as database:
        Procedures(database).add("Old", [("Old", None)], Draft("Old\n1. Do it.", "", "edited"))
        begun = Passes(database).begin("command", "adjustment", "f")
        Passes(database).finish(begun.id, {})
        with database.transaction() as connection:
            connection.execute("UPDATE attempts SET started_at = 'no time', workspace = '/elsewhere'")
            connection.execute("UPDATE sessions SET updated_at = 'no time', workspace = '/elsewhere'")
            connection.execute("UPDATE procedures SET created_at = 'no time'")
            connection.execute("UPDATE passes SET started_at = 'no time'")


async def test_pages_over_damaged_rows_say_so_and_nothing_typed_is_lost(place, running, until):
    damage(place)
    place.play("The answer.")
    app = place.scripted()
    async with running(app, expect_reports=True) as pilot:
        app.chat.composer.write("half a thought")
        for name in PAGES:
            before = len(app.reported)
            await app.chat.carry_out(BY_NAME[name])
            await until(pilot, lambda before=before: len(app.reported) > before)
            if app.screen.query(Input):
                await pilot.press("slash", *"milk")
                assert app.screen.query_one("#search", Input).value == "milk"
            await pilot.press("escape")
            await until(pilot, lambda: app.screen is app.chat)
        assert {type(error) for error in app.reported} == {ValueError}
        assert app.chat.composer.text == "half a thought"
        await app.chat.ask("Are you there?")
        await until(pilot, lambda: app.chat.last_answer == "The answer." and app.status.activity == "ready")
        await pilot.press("f2")
        with place.database() as database:
            await until(pilot, lambda: [row[0] for row in database.query("SELECT success FROM verdicts")] == [1])
        assert app.chat.composer.text == "half a thought"
