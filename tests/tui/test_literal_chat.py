"""What a model says and does with text made to deceive: cards, questions and notices show it as it is written."""

import pytest

from localnpm.agent.scripted import call
from localnpm.tui.messages import Told
from localnpm.tui.widgets.approval import Approval
from localnpm.tui.widgets.folded import Folded

pytestmark = pytest.mark.anyio

EVIL = "[bold]x[/bold] \x1b[2J\u202egpj"
SHOWN = "[bold]x[/bold] \\x1b[2J\\u202egpj"
LONG = "x" * 10_000


@pytest.mark.parametrize("size", [(60, 20), (120, 34)])
async def test_a_name_and_a_content_made_to_deceive_are_shown_literally_and_the_answers_stay_in_view(
    place, running, until, shown, plain, size
):
    place.play(call("write_file", path=f"{EVIL}.md", content=f"{EVIL}\n{LONG}\n"), f"{EVIL} done")
    app = place.scripted()
    async with running(app, size=size) as pilot:
        await app.chat.ask(EVIL)
        await until(pilot, lambda: app.screen.query(Approval) and app.screen.query_one(Approval).has_focus)
        approval = app.screen.query_one(Approval)
        assert SHOWN in plain(approval)
        assert "n decline" in shown(app)
        await pilot.press("y")
        await until(pilot, lambda: app.chat.last_answer and app.status.activity == "ready")
        for card in app.screen.query(Folded):
            card.collapsed = False
        await pilot.pause()
        text = plain(app.chat)
        assert SHOWN in text
        assert "\x1b" not in text
        assert "\u202e" not in text
        app.post_message(Told(EVIL))
        await until(pilot, lambda: any(SHOWN in str(toast.render()) for toast in app.screen.query("Toast")))
