"""Eight things that people do with the app, from the first key to the last, with a real model and a real memory."""

import numpy as np
import pytest
from textual.events import Key
from textual.keys import _character_to_key
from textual.widgets import Input

from localnpm.distill import gguf
from localnpm.engine.fingerprint import fingerprint
from localnpm.evals.random_gguf import Shape, write_random_model
from localnpm.header import read_header
from localnpm.home import Home, bundled_model
from localnpm.memory.procedure_records import Draft
from localnpm.memory.procedures import Procedures
from localnpm.memory.sessions import sessions
from localnpm.memory.vector_store import VectorStore
from localnpm.tui.screens.first_run import FirstRunScreen
from localnpm.tui.screens.procedure import ProcedureScreen
from localnpm.tui.screens.procedures import ProceduresScreen
from localnpm.tui.screens.sessions import SessionsScreen
from localnpm.tui.screens.vector import VectorScreen
from localnpm.tui.screens.vectors import VectorsScreen
from localnpm.tui.widgets.approval import Approval

pytestmark = pytest.mark.anyio

ADD_MILK = 'Add "buy milk" to my todo list'
ADD_ANA = 'Add "call Ana" to my todo list'


def idle(app):
    shown = app.chat.transcript.exchanges
    return app.status.activity == "ready" and not app.backend.busy and shown and all(one.ended for one in shown)


async def type_in(pilot, text):
    """Text and Enter, as keys, as fast as a terminal hands them over."""
    for character in text:
        pilot.app.post_message(Key(_character_to_key(character), character))
    pilot.app.post_message(Key("enter", "\r"))
    await pilot.pause()


async def say_yes(app, pilot, until):
    """Allow what is asked, once."""
    await until(pilot, lambda: app.screen.query(Approval) and app.screen.query_one(Approval).has_focus)
    await pilot.press("y")
    await until(pilot, lambda: not app.screen.query(Approval))


def todo(place):
    return (place.root / "todo.md").read_text()


async def test_the_first_run_welcomes_and_the_first_thing_to_try_is_answered(place, running, until, tmp_path):
    place.home = Home(tmp_path / "fresh")
    app = place.real()
    async with running(app) as pilot:
        assert isinstance(app.screen, FirstRunScreen)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is app.chat)
        await pilot.press("enter")
        await until(pilot, lambda: idle(app), seconds=60)
        assert "files" in app.chat.last_answer
        assert todo(place) == "# Todo\n- [ ] buy bread\n"
    again = place.real()
    async with running(again):
        assert again.screen is again.chat


async def test_the_first_file_task_shows_its_change_and_does_it_when_allowed(place, running, until, plain):
    app = place.real()
    async with running(app) as pilot:
        await type_in(pilot, ADD_MILK)
        await until(pilot, lambda: app.screen.query(Approval))
        assert "buy milk" not in todo(place)
        await say_yes(app, pilot, until)
        await until(pilot, lambda: idle(app), seconds=60)
        assert "buy milk" in todo(place)
        assert "changed todo.md" in plain(app.chat.transcript)


@pytest.mark.slow
async def test_a_long_prompt_that_is_being_read_is_stopped_and_what_was_typed_stays(place, running, until, tmp_path):
    model = tmp_path / "random.gguf"
    write_random_model(model, Shape("llama", 6, 1024, 16, 4, 2048, 320, 4096), quantized=True)
    app = place.real(model=model, memory="none")
    async with running(app, ready=False) as pilot:
        await until(pilot, lambda: app.status.activity == "ready", seconds=60)
        await app.chat.ask("Read all of my notes, please.")
        app.chat.composer.write("next")
        await until(pilot, lambda: app.status.activity == "reading" and app.status.progress > 0)
        app.post_message(Key("escape", None))
        await until(pilot, lambda: idle(app), seconds=60)
        assert app.chat.transcript.exchanges[-1].result.status == "cancelled"
        assert app.chat.composer.text == "next"


@pytest.mark.slow
async def test_a_change_is_taken_back_after_a_restart(place, running, until):
    before = todo(place)
    app = place.real(allow=frozenset({"write"}))
    async with running(app) as pilot:
        await type_in(pilot, ADD_MILK)
        await until(pilot, lambda: idle(app), seconds=60)
        assert todo(place) != before
    again = place.real()
    async with running(again) as pilot:
        await type_in(pilot, "/undo")
        await until(pilot, lambda: todo(place) == before)


@pytest.mark.slow
async def test_what_was_wrong_is_said_once_and_the_next_such_task_is_done_right(
    place, running, until, plain, monkeypatch
):
    monkeypatch.setenv("LOCALNPM_MEMORY_HOLDOUT", "0")
    app = place.real(allow=frozenset({"write"}))
    async with running(app) as pilot:
        await type_in(pilot, ADD_MILK)
        await until(pilot, lambda: idle(app), seconds=60)
        await type_in(pilot, "/bad put TODO: in front")
        await until(pilot, lambda: app.screen is not app.chat)
        await pilot.press("y")
        await until(pilot, lambda: len(app.chat.transcript.exchanges) == 2 and idle(app), seconds=60)
        assert "TODO: buy milk" in todo(place)
        assert "buy milk" not in todo(place).replace("TODO: buy milk", "")
        await type_in(pilot, ADD_ANA)
        await until(pilot, lambda: len(app.chat.transcript.exchanges) == 3 and idle(app), seconds=60)
        assert "TODO: call Ana" in todo(place)
        assert "similarity" in plain(app.chat.transcript.exchanges[-1])


@pytest.mark.slow
async def test_a_conversation_is_found_by_a_word_and_gone_on_with(place, running, until):
    app = place.real()
    async with running(app) as pilot:
        await type_in(pilot, "What can you do?")
        await until(pilot, lambda: idle(app), seconds=60)
        answer = app.chat.last_answer
        await type_in(pilot, "/new")
    again = place.real()
    async with running(again) as pilot:
        await type_in(pilot, "/sessions can")
        await until(pilot, lambda: isinstance(again.screen, SessionsScreen) and again.screen.shown)
        await pilot.press("enter")
        await until(pilot, lambda: again.screen is again.chat and again.chat.transcript.exchanges)
        assert again.chat.transcript.exchanges[0].answer == answer
        await type_in(pilot, "Thank you")
        await until(pilot, lambda: len(again.chat.transcript.exchanges) == 2 and idle(again))
    with place.database() as database:
        assert [session.attempts for session in sessions(database, limit=9)] == [2]


async def test_a_procedure_is_edited_and_disabled(place, running, until):
    with place.database() as database:
        draft = Draft("Add a todo\n1. Append <todo> to todo.md.", "", "edited")
        made = Procedures(database).add("Add a todo", [(ADD_MILK, None)], draft)
    app = place.real()
    async with running(app) as pilot:
        await type_in(pilot, "/procedures")
        await until(pilot, lambda: isinstance(app.screen, ProceduresScreen) and app.screen.current)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ProcedureScreen) and app.screen.shown)
        await pilot.press("e")
        await until(pilot, lambda: app.screen.query("#script"))
        app.screen.query_one("#script").load_text("Add a todo\n1. Append * <todo> to todo.md.")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "* <todo>" in script(place, made.id))
        await until(pilot, lambda: isinstance(app.screen, ProcedureScreen))
        await pilot.press("d")
        await until(pilot, lambda: status(place, made.id) == "disabled")


@pytest.mark.slow
async def test_a_vector_is_exported_and_its_file_steers_the_next_task(place, running, until):
    header = read_header(bundled_model())
    rows = np.random.default_rng(0).standard_normal((header.n_layer - 1, header.n_embd)).astype(np.float32)
    made = gguf.compose(rows, np.full(header.n_layer - 1, 500, np.float32), 0.1, (2, 4), model_hint="qwen3")
    with place.database() as database:
        VectorStore(database).add(
            "tidy", gguf.to_bytes(made), status="active", origin="trained", model="apprentice",
            model_fingerprint=fingerprint(bundled_model()), coefficient=0.1, layers=(2, 4), pairs=7,
        )  # fmt: skip
    app = place.real()
    async with running(app) as pilot:
        await type_in(pilot, "/vectors")
        await until(pilot, lambda: isinstance(app.screen, VectorsScreen) and app.screen.current)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, VectorScreen) and app.screen.shown)
        await pilot.press("x")
        await until(pilot, lambda: app.screen.query(Input))
        await pilot.press("enter")
        await until(pilot, lambda: (place.root / "tidy.gguf").exists())
        await until(pilot, lambda: isinstance(app.screen, VectorScreen))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: app.screen is app.chat)
        await type_in(pilot, f"/steer {place.root / 'tidy.gguf'}:0.25")
        await type_in(pilot, "What can you do?")
        await until(pilot, lambda: idle(app), seconds=60)
        assert app.status.steering == 0.25


def script(place, procedure_id):
    with place.database() as database:
        return Procedures(database).get(procedure_id).active.script


def status(place, procedure_id):
    with place.database() as database:
        return Procedures(database).get(procedure_id).status
