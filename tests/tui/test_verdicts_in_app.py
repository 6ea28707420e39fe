"""Verdicts: one key or a click, perhaps a reason, changed later; undo and try again; what was learned, linked."""

import pytest
from textual.widgets import Button, TextArea

from localnpm.agent import events
from localnpm.agent.scripted import call
from localnpm.memory.procedure_records import Draft
from localnpm.memory.procedures import Procedures
from localnpm.tui.screens.attempts import AttemptsScreen
from localnpm.tui.screens.procedure import ProcedureScreen
from localnpm.tui.widgets.dialogs import AskText, Choose, Confirm, EditText
from localnpm.tui.widgets.learned_card import LearnedCard
from localnpm.tui.widgets.verdict_bar import VerdictBar

pytestmark = pytest.mark.anyio

ADD = call("append_file", path="todo.md", content="- [ ] milk\n")
BETTER = call("append_file", path="todo.md", content="- [ ] buy milk\n")
FIRST = "Add an item to the todo list\n1. Append it with append_file as '- [ ] <item>' to todo.md."
SCRIPT = "Add an item to the todo list\n1. Append it with append_file as '- [ ] buy <item>' to todo.md."


async def ask(app, pilot, until, text):
    await app.chat.ask(text)
    await until(pilot, lambda: app.chat.transcript.exchanges[-1].ended)
    return app.chat.transcript.exchanges[-1]


async def dialog(app, pilot, until, kind):
    await until(pilot, lambda: isinstance(app.screen, kind) and app.screen.is_mounted)


def ledger(place):
    with place.log() as log:
        return [tuple(row) for row in log.database.query("SELECT source, success, reason FROM verdicts ORDER BY id")]


async def test_one_key_says_good(place, running, until):
    place.play("yes")
    app = place.scripted()
    async with running(app) as pilot:
        exchange = await ask(app, pilot, until, "is it so?")
        await pilot.press("f2")
        await until(pilot, lambda: exchange.query_one(VerdictBar).success is True)
        assert "✓ good" in str(exchange.query_one(VerdictBar).render())
    assert ledger(place) == [("user", 1, "")]


async def test_a_bad_one_is_written_at_once_and_its_reason_offers_to_try_again(place, running, until):
    place.play("no")
    app = place.scripted()
    async with running(app) as pilot:
        exchange = await ask(app, pilot, until, "is it so?")
        await pilot.press("f3")
        await dialog(app, pilot, until, AskText)
        assert ledger(place) == [("user", 0, "")]
        await pilot.press(*"too short", "enter")
        await dialog(app, pilot, until, Confirm)
        await pilot.press("n")
        await until(pilot, lambda: app.screen is app.chat)
        assert exchange.query_one(VerdictBar).reason == "too short"
    assert ledger(place)[-1] == ("user", 0, "too short")


async def test_a_click_judges_and_another_one_changes_it(place, running, until):
    place.play("no")
    app = place.scripted()
    async with running(app) as pilot:
        exchange = await ask(app, pilot, until, "is it so?")
        bar = exchange.query_one(VerdictBar)
        await pilot.click(bar, offset=(1, 0))
        await until(pilot, lambda: bar.success is True)
        await pilot.click(bar, offset=(9, 0))
        await dialog(app, pilot, until, AskText)
        await pilot.press("escape")
        await until(pilot, lambda: bar.success is False)
    assert [row[1] for row in ledger(place)] == [1, 0]


async def test_a_verdict_is_written_while_the_agent_works_on_something_else(place, running, until):
    place.play("one", "two")
    app = place.scripted()
    async with running(app) as pilot:
        await ask(app, pilot, until, "first")
        place.model.go.clear()
        place.model.begun.clear()
        await app.chat.ask("second")
        await until(pilot, lambda: place.model.begun.is_set())
        await app.chat.transcript.exchanges[0].query_one(VerdictBar).run_action("judge(True)")
        await until(pilot, lambda: ledger(place))
        place.model.go.set()
        await until(pilot, lambda: not app.backend.busy)
    assert ledger(place) == [("user", 1, "")]


async def test_a_reason_is_learned_from_by_trying_again_and_the_next_verdict_puts_it_to_use(
    place, running, until, plain
):
    place.play(ADD, "added", FIRST, SCRIPT, BETTER, "added")
    app = place.scripted()
    async with running(app) as pilot:
        app.backend.submit("mode", lambda agent, **_: setattr(agent.bench.permissions, "mode", "auto") or iter(()))
        await ask(app, pilot, until, "add milk to the todo list")
        await pilot.press("f3")
        await dialog(app, pilot, until, AskText)
        await pilot.press(*"say buy", "enter")
        await dialog(app, pilot, until, Confirm)
        await pilot.press("y")
        await until(pilot, lambda: len(app.chat.transcript.exchanges) == 2)
        again = app.chat.transcript.exchanges[1]
        await until(pilot, lambda: again.ended)
        assert (place.root / "todo.md").read_text().endswith("- [ ] buy milk\n"), plain(again)
        assert "Was it right this time?" in again.query_one(LearnedCard).learned.text
        await pilot.press("f2")
        await until(pilot, lambda: len(again.query(LearnedCard)) == 2)
        card = again.query(LearnedCard).last()
        assert card.learned.text == "Learned: Add an item to the todo list (add-an-item-to-the-todo-list)"
    with place.database() as database:
        assert Procedures(database).get(1).status == "active"


async def test_where_the_model_makes_no_procedure_of_the_reason_the_user_writes_it(place, running, until, plain):
    place.play("added", "no idea", "none")
    app = place.scripted()
    async with running(app) as pilot:
        await ask(app, pilot, until, "add milk to the todo list")
        await app.chat.carry_out(_command("retry"), "say buy")
        await dialog(app, pilot, until, Choose)
        failed = app.chat.transcript.exchanges[-1]
        assert "Nothing was undone" in plain(failed)
        assert "/watch" in plain(failed)
        await pilot.press("enter")
        await dialog(app, pilot, until, EditText)
        area = app.screen.query_one(TextArea)
        assert area.text == "add milk to the todo list\n1. "
        area.load_text(SCRIPT)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: app.chat.query(LearnedCard))
    with place.database() as database:
        made = Procedures(database).get(1)
        assert (made.origin, made.status, made.active.script) == ("written", "active", SCRIPT)
        assert Procedures(database).keys(1) == ("add milk to the todo list",)


def _command(name):
    from localnpm.tui.commands import BY_NAME

    return BY_NAME[name]


async def test_what_was_learned_can_be_opened_accepted_edited_and_disabled(place, running, until):
    place.play("yes")
    with place.database() as database:
        doubtful = Draft(SCRIPT, "", "reason", doubtful=("1. Append it",))
        made = Procedures(database).add("Add", (), doubtful, status="candidate", version_status="candidate")
    app = place.scripted()
    async with running(app) as pilot:
        exchange = await ask(app, pilot, until, "is it so?")
        await exchange.show(events.Learned("Waits for your word: Add (add)", made.id, 1))
        card = exchange.query_one(LearnedCard)
        await until(pilot, lambda: card.query_one("#accept").display)
        card.query_one("#accept", Button).press()
        await until(pilot, lambda: not card.query_one("#accept").display)
        assert Procedures(app.database).get(made.id).status == "active"
        card.query_one("#switch", Button).press()
        await until(pilot, lambda: str(card.query_one("#switch", Button).label) == "enable")
        assert Procedures(app.database).get(made.id).status == "disabled"
        card.query_one("#edit", Button).press()
        await dialog(app, pilot, until, EditText)
        app.screen.query_one(TextArea).load_text("Add\n1. Other words.")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: Procedures(app.database).newest(made.id).script == "Add\n1. Other words.")
        card.query_one("#open", Button).press()
        await until(pilot, lambda: isinstance(app.screen, ProcedureScreen))


async def test_a_verdict_is_changed_in_the_list_of_attempts(place, running, until):
    place.play("yes")
    app = place.scripted()
    async with running(app) as pilot:
        exchange = await ask(app, pilot, until, "is it so?")
        page = AttemptsScreen()
        await app.push_screen(page)
        await until(pilot, lambda: page.current)
        for key, judged in (("g", "good"), ("b", "bad")):
            await pilot.press(key)
            await dialog(app, pilot, until, AskText)
            await pilot.press("enter")
            await until(pilot, lambda judged=judged: page.current.judged == judged)
        assert exchange.query_one(VerdictBar).success is False
    assert [row[1] for row in ledger(place)] == [1, 0]


async def test_undo_and_redo_are_a_click_away(place, running, until):
    place.play(ADD, "added")
    app = place.scripted()
    async with running(app) as pilot:
        app.backend.submit("mode", lambda agent, **_: setattr(agent.bench.permissions, "mode", "auto") or iter(()))
        exchange = await ask(app, pilot, until, "add milk")
        bar = exchange.query_one(VerdictBar)
        for undone in (True, False):
            await bar.run_action("reverse")
            await until(pilot, lambda undone=undone: exchange.has_class("-undone") is undone)
            assert ("milk" in (place.root / "todo.md").read_text()) is not undone


async def test_in_private_a_verdict_leaves_no_trace(place, running, until):
    place.play("yes")
    app = place.scripted(private=True)
    async with running(app) as pilot:
        exchange = await ask(app, pilot, until, "is it so?")
        await pilot.press("f2")
        await until(pilot, lambda: exchange.query_one(VerdictBar).success is True)
    assert ledger(place) == []


async def test_what_is_still_under_way_is_not_judged(place, running, until):
    place.play("yes")
    place.model.go.clear()
    app = place.scripted()
    async with running(app) as pilot:
        await app.chat.ask("is it so?")
        await until(pilot, lambda: place.model.begun.is_set() and app.chat.last_attempt)
        await pilot.press("f3")
        await until(pilot, lambda: any("still under way" in note.message for note in app._notifications))
        assert ledger(place) == []
        place.model.go.set()
        await until(pilot, lambda: app.chat.transcript.exchanges[-1].ended)
