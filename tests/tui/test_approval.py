"""A change waits for the user: six answers by key and by click, nothing typed decides, nothing typed is lost."""

import json

import pytest
from textual.geometry import Size
from textual.widgets import Button, Input, TextArea

from localnpm.agent.permissions import STOPPED
from localnpm.agent.scripted import call
from localnpm.config import AppSettings
from localnpm.tui.widgets.approval import Approval, ArgumentsEditor
from localnpm.tui.widgets.dialogs import AskText
from localnpm.tui.widgets.diff import DiffView

pytestmark = pytest.mark.anyio

WRITE = call("write_file", path="new.md", content="hello\n")
OTHER = call("write_file", path="other.md", content="again\n")


async def asked(app, pilot, until, request="do it"):
    """The question, as soon as it is there."""
    await app.chat.ask(request)
    await until(pilot, lambda: app.screen.query(Approval))
    return app.screen.query_one(Approval)


async def listening(pilot, until, approval):
    await until(pilot, lambda: approval.has_focus)


async def ended(app, pilot, until, count=1):
    shown = app.chat.transcript
    await until(pilot, lambda: len(shown.exchanges) == count and all(one.ended for one in shown.exchanges))


def said_to_model(place):
    return [message.content for message in place.model.seen[-1] if message.role == "tool"]


@pytest.mark.parametrize(
    ("key", "questions"), [("y", 2), ("t", 1), ("s", 1), ("a", 1)], ids=["once", "task", "session", "always"]
)
async def test_a_key_allows_as_far_as_it_says(place, running, until, key, questions):
    place.play(WRITE, OTHER, "done")
    app = place.scripted()
    async with running(app) as pilot:
        await asked(app, pilot, until)
        count = 0
        while not app.chat.transcript.exchanges[0].ended:
            approval = app.screen.query_one(Approval)
            await listening(pilot, until, approval)
            await pilot.press(key)
            count += 1
            await until(pilot, lambda approval=approval: not approval.is_attached)
            await until(pilot, lambda: app.screen.query(Approval) or app.chat.transcript.exchanges[0].ended)
        assert count == questions
        assert (place.root / "new.md").read_text() == "hello\n"
        assert (place.root / "other.md").read_text() == "again\n"


async def test_always_here_holds_at_the_next_start(place, running, until):
    place.play(WRITE, "done")
    app = place.scripted()
    async with running(app) as pilot:
        approval = await asked(app, pilot, until)
        await listening(pilot, until, approval)
        await pilot.press("a")
        await ended(app, pilot, until)
    assert place.home.config.read_text().count('\nallow = "write"') == 1


async def test_an_answer_is_shown_with_the_key_that_the_user_gave_it(place, running, until, shown):
    place.play(WRITE, "done")
    app = place.scripted(looks=AppSettings(animation=False, keys="approval.allow-once=f6"))
    async with running(app) as pilot:
        approval = await asked(app, pilot, until)
        await listening(pilot, until, approval)
        assert "f6 allow once" in shown(app)
        assert "f6 t s a e n answer" in shown(app)
        await pilot.press("f6")
        await ended(app, pilot, until)
    assert (place.root / "new.md").exists()


async def test_a_click_answers_at_once(place, running, until):
    place.play(WRITE, "done")
    app = place.scripted()
    async with running(app) as pilot:
        approval = await asked(app, pilot, until)
        button = approval.query_one("#answer-y")
        await until(pilot, lambda: app.screen.find_widget(button).visible_region.area)
        await pilot.click(button)
        await ended(app, pilot, until)
        assert (place.root / "new.md").exists()


async def test_what_is_being_typed_goes_on_into_the_composer_and_decides_nothing(place, running, until):
    place.play(WRITE, "done")
    app = place.scripted()
    async with running(app) as pilot:
        await pilot.press(*"so ")
        approval = await asked(app, pilot, until)
        await pilot.press(*"yes")
        assert app.chat.composer.text == "so yes"
        assert approval.question.decided.empty()
        await listening(pilot, until, approval)
        await pilot.press("y")
        await ended(app, pilot, until)
        assert app.chat.composer.text == "so yes"
        assert app.chat.composer.draft.has_focus


async def test_the_reason_of_a_refusal_reaches_the_model_and_the_evidence(place, running, until):
    place.play(WRITE, "I see")
    app = place.scripted()
    async with running(app) as pilot:
        approval = await asked(app, pilot, until)
        await listening(pilot, until, approval)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, AskText))
        await pilot.press(*"wrong file", "enter")
        await ended(app, pilot, until)
        assert said_to_model(place) == ["Error: the user declined: wrong file"]
        assert app.chat.composer.draft.has_focus
    assert not (place.root / "new.md").exists()
    with place.log() as log:
        rows = log.database.query("SELECT source, success, reason FROM verdicts")
        assert [tuple(row) for row in rows] == [("declined", 0, "wrong file")]


async def test_escape_leaves_the_question_about_the_reason_and_the_change_still_waits(place, running, until):
    place.play(WRITE, "done")
    app = place.scripted()
    async with running(app) as pilot:
        approval = await asked(app, pilot, until)
        await listening(pilot, until, approval)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, AskText))
        await pilot.press("escape")
        await until(pilot, lambda: approval.has_focus)
        assert approval.question.decided.empty()
        app.backend.cancel()
        await ended(app, pilot, until)


async def test_escape_stops_the_task_and_declines(place, running, until):
    place.play(WRITE, "done")
    app = place.scripted()
    async with running(app) as pilot:
        approval = await asked(app, pilot, until)
        await listening(pilot, until, approval)
        await pilot.press("escape")
        await ended(app, pilot, until)
        assert approval.question.decided.empty()
        assert app.chat.transcript.exchanges[0].result.status == "cancelled"
        assert not app.screen.query(Approval)
    assert not (place.root / "new.md").exists()
    with place.log() as log:
        assert STOPPED in log.steps(1)[0].result


async def test_wrong_arguments_stay_in_the_editor_until_they_are_right(place, running, until, plain):
    place.play(WRITE, "done")
    app = place.scripted()
    async with running(app) as pilot:
        approval = await asked(app, pilot, until)
        await listening(pilot, until, approval)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, ArgumentsEditor))
        area = app.screen.query_one(TextArea)
        assert json.loads(area.text) == {"path": "new.md", "content": "hello\n"}
        for wrong, told in (('{"path": ', "not JSON"), ('["new.md"]', "must be a JSON object")):
            area.load_text(wrong)
            await pilot.press("ctrl+s")
            await until(pilot, lambda told=told: told in plain(app.screen))
        area.load_text('{"path": "better.md", "content": "hi\\n"}')
        await pilot.press("ctrl+s")
        await ended(app, pilot, until)
    assert (place.root / "better.md").read_text() == "hi\n"
    assert not (place.root / "new.md").exists()


async def test_several_changes_are_one_list_above_the_diff(place, running, until, shown):
    place.play(call("write_file", path="a/b/new.md", content="hello\n"), "done")
    app = place.scripted()
    async with running(app, size=(100, 40)) as pilot:
        await asked(app, pilot, until)
        text = shown(app)
        assert "3 changes:" in text
        for line in ("create directory a", "create directory a/b", "write a/b/new.md", "+hello"):
            assert line in text
        assert "mode: ask" in text
        assert "/undo takes it back" in text
        app.backend.cancel()
        await ended(app, pilot, until)


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 34)])
async def test_all_answers_are_in_view_below_a_diff_of_any_length(place, running, until, size):
    place.play(call("write_file", path="long.md", content="word " * 2000 + "\n" + "line\n" * 20000), "done")
    app = place.scripted()
    async with running(app, size=size) as pilot:
        approval = await asked(app, pilot, until)
        await listening(pilot, until, approval)
        await until(pilot, lambda: app.screen.find_widget(approval.query_one("#answer-n")).visible_region.area)
        for button in approval.query(Button):
            assert app.screen.find_widget(button).visible_region.size == button.region.size
            assert button.region.width >= len(str(button.label)), str(button.label)
        view = approval.query_one(DiffView)
        assert view.rows > 20000
        await pilot.press("end")
        await until(pilot, lambda: view.scroll_y == view.max_scroll_y > 20000)
        app.backend.cancel()
        await ended(app, pilot, until)


async def test_a_diff_is_literal_and_folds_its_lines(running, place, shown):
    view = DiffView("+[bold]x[/bold]\x1b[31m\u202eevil\n-" + "a" * 150)
    view._fold(100)
    assert view.rows == 3
    assert view.get_content_height(Size(50, 10), Size(50, 10), 50) == 1 + 4
    app = place.scripted()
    async with running(app, ready=False) as pilot:
        await app.chat.mount(view, before=0)
        await pilot.pause()
        assert "+[bold]x[/bold]\\x1b[31m\\u202eevil" in shown(app)


async def test_what_cannot_be_undone_says_so(place, running, until, plain):
    place.play(call("run_command", command="true"), "done")
    app = place.scripted(allow=frozenset({"run:never"}))
    async with running(app) as pilot:
        approval = await asked(app, pilot, until)
        undoable = approval.question.prepared.undoable
        assert ("/undo takes it back" if undoable else "This cannot be undone") in plain(approval)
        assert approval.question.prepared.note in plain(approval)
        app.backend.cancel()
        await ended(app, pilot, until)


async def test_a_question_asked_while_another_page_is_looked_at_is_deaf_when_it_comes_into_view(place, running, until):
    from localnpm.tui.commands import BY_NAME

    place.play(WRITE, "done")
    place.model.go.clear()
    app = place.scripted()
    async with running(app) as pilot:
        await app.chat.ask("do it")
        await app.chat.carry_out(BY_NAME["attempts"])
        place.model.go.set()
        await until(pilot, lambda: app.chat.query(Approval))
        approval = app.chat.query_one(Approval)
        await until(pilot, lambda: app.screen.query(Input))
        app.pop_screen()
        await until(pilot, lambda: app.screen is app.chat)
        if not approval.has_focus:
            approval.action_allow("once")
        assert approval.question.decided.empty()
        await listening(pilot, until, approval)
        app.backend.cancel()
        await ended(app, pilot, until)
