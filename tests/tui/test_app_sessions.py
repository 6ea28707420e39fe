"""The app around the conversation: sessions resumed, private ones, learning while idle, errors, leaving."""

import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest
from textual.events import AppBlur
from textual.widgets import Static

from localnpm.agent.events import Token
from localnpm.agent.scripted import call
from localnpm.config import AppSettings, LearningSettings
from localnpm.errors import LocalnpmError
from localnpm.memory.verdicts import ledger
from localnpm.tui import draft
from localnpm.tui.app import LocalnpmApp
from localnpm.tui.messages import Judged
from localnpm.tui.screens.page import Page
from localnpm.tui.widgets.interrupted import Interrupted
from localnpm.tui.widgets.transcript import BLOCK

pytestmark = pytest.mark.anyio

WRITE = call("write_file", path="new.md", content="hello\n")


def requests(app):
    return [shown.request for shown in app.chat.transcript.exchanges]


def ended(app):
    shown = app.chat.transcript.exchanges
    return bool(shown) and all(one.ended for one in shown) and not app.backend.busy


def fill(place, count, status="done"):
    """A session of so many attempts, each with a call, in the log; its id and theirs."""
    with place.log() as log:
        session = log.start_session(place.root.resolve(), "an old talk")
        made = []
        for number in range(count):
            made.append(
                log.start_attempt(
                    session, f"request {number}", workspace=place.root.resolve(), model="m", model_fingerprint="",
                    system="", sampling={},
                )
            )  # fmt: skip
            step = log.start_step(made[-1], turn=0, text="<call>", tool="list_files", arguments={"path": "."})
            log.finish_step(step, "todo.md")
            log.finish_attempt(made[-1], status, f"answer {number}")
    return session, made


async def test_a_long_session_shows_its_end_at_once_and_more_at_the_top(place, running, until):
    session, _ = fill(place, 200)
    place.opening.clear()
    app = place.scripted(session_id=session)
    async with running(app, ready=False) as pilot:
        await until(pilot, lambda: len(requests(app)) == BLOCK)
        assert requests(app)[-1] == "request 199"
        assert app.status.activity == "loading"
        app.chat.transcript.scroll_home(animate=False)
        await until(pilot, lambda: requests(app)[0] == f"request {200 - 2 * BLOCK}")
        place.opening.set()
        place.play("answer 200")
        await until(pilot, lambda: app.status.activity == "ready")
        await app.chat.ask("go on")
        await until(pilot, lambda: app.chat.last_answer == "answer 200" and ended(app))
        assert any(message.content == "request 0" for message in place.model.seen[-1])


async def test_text_that_was_found_further_back_is_shown(place, running, until):
    session, _ = fill(place, 40)
    app = place.scripted(session_id=session)
    async with running(app) as pilot:
        await until(pilot, lambda: len(requests(app)) == BLOCK)
        app.chat.composer.write("/find answer 5")
        await pilot.press("enter")
        await until(pilot, lambda: "request 5" in requests(app))
        await until(pilot, lambda: app.chat.transcript._found.request == "request 5")


async def test_a_private_conversation_leaves_no_row_and_ends(place, running, until):
    place.play("kept", "not kept", "kept too")
    app = place.scripted()
    async with running(app) as pilot:
        await app.chat.ask("first")
        await until(pilot, lambda: ended(app))
        for private, request in ((True, "secret"), (False, "third")):
            app.chat.composer.write("/private")
            await pilot.press("enter")
            await until(pilot, lambda wanted=private: app.status.private is wanted and app.status.activity == "ready")
            assert requests(app) == []
            await app.chat.ask(request)
            await until(pilot, lambda: ended(app))
        with place.log() as log:
            assert [one.request for one in log.attempts()] == ["third", "first"]


async def test_what_is_sent_while_the_agent_is_opened_anew_is_carried_out(place, running, until):
    place.play("done")
    app = place.scripted()
    async with running(app) as pilot:
        app.reopen(replace(app.options, read_only=True))
        await app.chat.ask("in between")
        await until(pilot, lambda: app.chat.last_answer == "done" and ended(app))
        assert app.status.mode == "read-only"


class Broken(Page[str]):
    """A page in which everything goes wrong."""

    heading = "Broken"

    def body(self):
        yield Static(id="here")

    def read(self):
        raise ZeroDivisionError("while reading")

    def show(self, data):
        """Never reached."""

    def key_x(self):
        raise KeyError("in a handler")


class Drawn(Static):
    """Cannot be drawn."""

    def render(self):
        raise ValueError("while drawing")


async def test_errors_in_a_page_are_told_and_nothing_typed_is_lost(place, running, until, burst):
    place.play("one")
    app = place.scripted()
    async with running(app, expect_reports=True) as pilot:
        app.chat.composer.write("half a thought")
        await app.push_screen(Broken())
        await until(pilot, lambda: [type(error) for error in app.reported] == [ZeroDivisionError])
        await pilot.press("x")
        await until(pilot, lambda: [type(error) for error in app.reported] == [ZeroDivisionError, KeyError])
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.chat)
        assert app.chat.composer.text == "half a thought"
        app.chat.composer.focus()
        await until(pilot, lambda: app.chat.composer.draft.has_focus)
        burst(app, "!\n")
        await until(pilot, lambda: app.chat.last_answer == "one" and ended(app))
        assert requests(app) == ["half a thought!"]
        log = (place.home.logs / "app.log").read_text()
        assert "while reading" in log
        assert "in a handler" in log


async def test_an_error_while_an_event_is_shown_loses_neither_answer_nor_verdict(place, running, until):
    place.play("one", "two")
    app = place.scripted()
    async with running(app, expect_reports=True) as pilot:
        await app.chat.ask("first")
        await until(pilot, lambda: ended(app))
        app.chat.composer.write("half a thought")
        # Neither can be shown: one is no judgement, the other no text.
        app.post_message(Judged(None, offer=False))
        exchange = app.chat.transcript.exchanges[0]
        exchange.call_later(exchange.show, Token(7))
        exchange.call_later(exchange.end, "")
        await until(pilot, lambda: len(app.reported) == 2)
        from localnpm.tui.actions.verdicts import judge

        await judge(app.chat, 1, True, "well done", offer=False)
        await app.chat.ask("second")
        await until(pilot, lambda: app.chat.last_answer == "two" and ended(app))
        assert app.chat.composer.text == "half a thought"
    with place.log() as log:
        assert [entry.reason for entry in ledger(log.database, 1)] == ["well done"]
        assert [one.answer for one in log.attempts()] == ["two", "one"]


async def test_an_app_that_cannot_draw_any_more_ends_and_keeps_what_was_typed(place):
    app = place.scripted()
    with pytest.raises(ValueError, match="while drawing"):
        async with app.run_test() as pilot:
            while app._early is not None:
                await pilot.pause()
            app.chat.composer.write("half a thought")
            while app.is_running:
                await app.chat.mount(Drawn())
                await pilot.pause()
    assert draft.take(place.home) == "half a thought"


async def test_what_was_typed_and_not_sent_is_there_the_next_time(place, running, until):
    place.opening.clear()
    app = place.scripted()
    async with running(app, ready=False) as pilot:
        await until(pilot, lambda: app._early is None)
        await app.chat.ask("waits")
        app.chat.composer.write("half a thought")
        await pilot.press("ctrl+q")
        place.opening.set()
    again = place.scripted()
    async with running(again) as pilot:
        await until(pilot, lambda: again.chat.composer.text == "waits\n\nhalf a thought")
    assert draft.take(place.home) == ""


async def test_leaving_while_a_task_runs_stops_it_and_leaves_no_thread(place, running, until):
    place.play("never said")
    place.model.go.clear()
    app = place.scripted()
    async with running(app) as pilot:
        await app.chat.ask("first")
        await until(pilot, lambda: place.model.begun.is_set())
        await pilot.press("ctrl+q")
    assert not app.backend.alive
    assert "agent" not in [thread.name for thread in threading.enumerate()]
    with place.log() as log:
        assert [one.status for one in log.attempts()] == ["cancelled"]


async def test_an_agent_that_cannot_be_opened_is_told_and_requests_are_not_lost(place, running, until, shown):
    @contextmanager
    def broken(options):
        raise LocalnpmError("big.gguf: no such file; choose another model")
        yield

    app = LocalnpmApp(place.home, place.scripted().options, place.database, broken)
    async with running(app, ready=False) as pilot:
        await until(pilot, lambda: app.status.activity == "unusable")
        await app.chat.ask("first")
        await until(pilot, lambda: ended(app))
        assert "no such file" in shown(app)
        assert requests(app) == ["first"]


async def test_when_nothing_is_asked_for_it_learns_what_is_due(place, running, until):
    place.settings = replace(place.settings, learning=LearningSettings(every=1, idle_seconds=1))
    place.play("one", *["List files\n1. Call list_files."] * 20)
    app = place.scripted()
    async with running(app) as pilot:
        await app.chat.ask("first")
        await until(pilot, lambda: ended(app))
        seen = []
        app.watch(app, "status", lambda status: seen.append(status.activity))
        app.chat.composer.write("/good")
        await pilot.press("enter")
        await until(pilot, lambda: "learning" in seen)
        await until(pilot, lambda: app.status.activity == "ready" and not app.backend.busy)
        with place.log() as log:
            assert [row["cause"] for row in log.database.query("SELECT cause FROM passes")] == ["idle"]
        place.model.turns.clear()
        place.play("two")
        await app.chat.ask("second")
        await until(pilot, lambda: app.chat.last_answer == "two" and ended(app))


async def test_what_was_cut_off_is_offered_without_taking_the_keys(place, running, until):
    fill(place, 1, status="interrupted")
    place.play("done again")
    app = place.scripted()
    async with running(app) as pilot:
        await until(pilot, lambda: app.chat.query(Interrupted))
        await pilot.press(*"rud")
        assert app.chat.composer.text == "rud"
        app.chat.query_one(Interrupted).focus()
        await until(pilot, lambda: app.chat.query_one(Interrupted).has_focus)
        await pilot.press("r")
        await until(pilot, lambda: app.chat.last_answer == "done again" and ended(app))
        assert requests(app) == ["request 0"]
        with place.log() as log:
            assert log.interrupted(place.root.resolve()) is None


@pytest.mark.parametrize("size", [(60, 20), (120, 34)])
async def test_what_can_be_done_about_what_was_cut_off_is_all_in_view(place, running, until, shown, size):
    fill(place, 1, status="interrupted")
    app = place.scripted()
    async with running(app, size=size) as pilot:
        await until(pilot, lambda: app.chat.query(Interrupted) and "d dismiss" in shown(app))
        assert app.chat.query_one(Interrupted).region.height <= 8
        for words in ("r resume", "u undo", "take back what it did", "leave everything as it is", "r u d answer"):
            assert words in shown(app)


async def test_what_was_cut_off_can_be_left_as_it_is(place, running, until):
    fill(place, 1, status="interrupted")
    app = place.scripted()
    async with running(app) as pilot:
        await until(pilot, lambda: app.chat.query(Interrupted))
        await pilot.click("#way-dismiss")
        await until(pilot, lambda: not app.chat.query(Interrupted))
    with place.log() as log:
        assert log.interrupted(place.root.resolve()) is None


@pytest.mark.parametrize(("bell", "rings"), [(True, 1), (False, 0)])
async def test_it_rings_when_it_asks_while_the_terminal_is_not_looked_at(place, running, until, bell, rings):
    place.play(WRITE, "Done.")
    app = place.scripted(looks=AppSettings(animation=False, bell=bell))
    written = []
    async with running(app) as pilot:
        app._driver.write = written.append
        app.post_message(AppBlur())
        await until(pilot, lambda: not app.app_focus)
        await app.chat.ask("write it")
        await until(pilot, lambda: app.status.activity == "asking")
        await pilot.press("escape")
        await until(pilot, lambda: ended(app))
    assert sum("\x1b]9;localnpm: a change waits for your answer\x07" in text for text in written) == rings


async def test_the_answer_is_the_one_of_the_log_with_the_bundled_model(place, running, until):
    app = place.real()
    async with running(app) as pilot:
        await app.chat.ask("Which files are there?")
        await until(pilot, lambda: ended(app), seconds=60)
        (exchange,) = app.chat.transcript.exchanges
        assert exchange.result.status == "done"
        assert exchange.answer
        assert app.status.used > 0
        with place.log() as log:
            assert log.attempts()[0].answer == exchange.answer == exchange.query("Said").last().source.strip()
