"""The pages beside the chat, over what a memory has: in view on small screens, literal, and what they can do."""

import numpy as np
import pytest
from textual.widgets import DataTable, Input, OptionList, Static, TextArea

from localnpm.agent.scripted import call
from localnpm.distill.gguf import to_bytes
from localnpm.distill.vector_file import compose
from localnpm.memory.passes import Passes
from localnpm.memory.procedure_records import Draft
from localnpm.memory.procedures import Procedures
from localnpm.memory.vector_store import VectorStore
from localnpm.tui.screens.attempts import AttemptsScreen
from localnpm.tui.screens.learning import LearningScreen
from localnpm.tui.screens.procedure import ProcedureScreen
from localnpm.tui.screens.procedures import ProceduresScreen
from localnpm.tui.screens.sessions import SessionsScreen
from localnpm.tui.screens.trajectory import TrajectoryScreen
from localnpm.tui.screens.trial import TrialScreen, scales_of
from localnpm.tui.screens.vector import VectorScreen
from localnpm.tui.screens.vectors import VectorsScreen
from localnpm.tui.widgets.dialogs import AskText, Choose, Confirm, EditText
from localnpm.tui.widgets.key_line import KeyLine

pytestmark = pytest.mark.anyio

EVIL = "[red]bold[/red] \x1b[2J\u202egpj.exe " + "x" * 10_000
SIZES = [(60, 20), (80, 24), (120, 34)]
PAGES = {
    "attempts": AttemptsScreen,
    "trajectory": lambda: TrajectoryScreen(1),
    "sessions": SessionsScreen,
    "procedures": ProceduresScreen,
    "procedure": lambda: ProcedureScreen(1),
    "vectors": VectorsScreen,
    "vector": lambda: VectorScreen(1),
    "learning": LearningScreen,
}


def remember(place, words="Add an item"):
    """An attempt that was judged, a procedure with a doubtful version, a vector that was measured, a pass."""
    with place.database() as database, place.log() as log:
        session = log.start_session(place.root.resolve(), words)
        attempt = log.start_attempt(
            session, words, workspace=place.root.resolve(), model="scripted", model_fingerprint="f", system=words,
            sampling={},
        )  # fmt: skip
        step = log.start_step(attempt, turn=1, text=words, tool="read_file", arguments={"path": words})
        log.finish_step(step, words)
        log.finish_attempt(attempt, "done", answer=words)
        log.add_verdict(attempt, "user", False, reason=words)
        passes = Passes(database)
        begun = passes.begin("command", "adjustment", "f")
        store = Procedures(database)
        with passes.publishing(begun.id, backups=0):
            made = store.add(words, [(words, attempt)], Draft(f"{words}\n1. Old.", words, "built"))
            old = store.versions(made.id)[-1]
            doubtful = Draft(
                f"{words}\n1. New.", "", "adjusted", doubtful=("1. New.",), parent_id=old.id,
                lineage=((attempt, "failure"),),
            )  # fmt: skip
            store.add_version(made.id, doubtful, status_reason="waits")
            said = [{"id": made.id, "name": made.name, "title": words, "said": ["wrote a script", "control vector"]}]
            passes.finish(begun.id, {"attempts": 1, "procedures": said, "skipped": [], "vectors_owed": [7]})
        rows = np.random.default_rng(1).normal(size=(5, 8)).astype(np.float32)
        file = compose(rows, np.ones(5, np.float32), 0.2, (1, 3), model_hint="llama", provenance={})
        VectorStore(database).add(
            "add", to_bytes(file), procedure_id=made.id, status="quarantined", status_reason="random does as well",
            origin="distilled", model=words[:100], model_fingerprint="f", coefficient=0.2, layers=(1, 3), pairs=4,
            calibration={
                "kl": 0.31, "gain": 1.5, "margins": [0.5, -0.25], "random": [0.1, 0.2], "agreement": 0.4,
                "calls": [1.0, 0.5], "trials": [{"coefficient": 0.1, "layers": [1, 3], "kl": 0.12, "gain": 1.0}],
            },
        )  # fmt: skip
    return attempt


async def opened(app, pilot, until, page):
    await app.push_screen(page)
    await until(pilot, lambda: page.shown)
    await pilot.pause()
    return page


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("size", SIZES)
async def test_keys_and_heading_are_in_view_whatever_the_size(place, running, until, shown, size, name):
    remember(place)
    app = place.scripted()
    async with running(app, size=size, ready=False) as pilot:
        page = await opened(app, pilot, until, PAGES[name]())
        line = page.query_one(KeyLine)
        assert line.region.bottom <= size[1]
        text = shown(app)
        for active in app.screen.active_bindings.values():
            if active.node is page and active.binding.show:
                assert active.binding.description in text
        assert str(page.query_one(".heading", Static).render()) in text
        assert "Something went wrong" not in text
        if page.query(DataTable):
            assert page.query_one(DataTable).region.height >= 8


@pytest.mark.parametrize("name", PAGES)
async def test_nothing_that_is_shown_is_interpreted(place, running, until, shown, name):
    remember(place, EVIL)
    app = place.scripted()
    async with running(app, size=(120, 34), ready=False) as pilot:
        page = await opened(app, pilot, until, PAGES[name]())
        text = shown(app)
        assert "\x1b" not in text
        assert "\u202e" not in text
        if name != "learning":
            assert "[red]bold[/red] \\x1b[2J\\u202egpj.exe" in text or name == "vectors"
        assert not page.query_one("#page-error").display


async def test_attempts_are_searched_filtered_opened_and_forgotten(place, running, until, plain):
    remember(place)
    app = place.scripted()
    async with running(app, ready=False) as pilot:
        page = await opened(app, pilot, until, AttemptsScreen())
        table = page.query_one(DataTable)
        await pilot.press("slash", *"nowhere")
        await until(pilot, lambda: table.row_count == 0)
        assert "Nothing matches." in plain(page)
        page.query_one(Input).value = "item"
        await until(pilot, lambda: table.row_count == 1)
        page.query_one("#filter").value = "success"
        await until(pilot, lambda: table.row_count == 0)
        page.query_one("#filter").value = "failure"
        await until(pilot, lambda: table.row_count == 1)
        table.focus()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TrajectoryScreen) and app.screen.shown)
        assert "bad, by user: Add an item" in plain(app.screen)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is page)
        place.home.root.joinpath("backups").mkdir(exist_ok=True)
        app.database.backup(place.home.root / "backups" / "by-hand.db")
        await pilot.press("delete")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        assert app.screen.query_one(OptionList).option_count == 3
        await pilot.press("enter")
        await until(pilot, lambda: table.row_count == 0)
        with place.log() as log:
            assert log.attempts() == ()


async def test_a_search_puts_the_cursor_on_its_first_match(place, running, until):
    with place.log() as log:
        for title in ("Beta one", "Alpha", "Beta two"):
            log.start_session(place.root.resolve(), title)
    app = place.scripted()
    async with running(app, ready=False) as pilot:
        page = await opened(app, pilot, until, SessionsScreen())
        table = page.query_one(DataTable)
        table.move_cursor(row=2)
        page.query_one(Input).value = "Beta"
        await until(pilot, lambda: table.row_count == 2)
        assert table.cursor_row == 0


async def test_an_attempt_is_undone_and_made_again_from_the_list(place, running, until):
    place.play(call("append_file", path="todo.md", content="- [ ] milk\n"), "done")
    app = place.scripted()
    async with running(app) as pilot:
        app.backend.submit("mode", lambda agent, **_: setattr(agent.bench.permissions, "mode", "auto") or iter(()))
        await app.chat.ask("add milk")
        await until(pilot, lambda: app.chat.transcript.exchanges[-1].ended)
        page = await opened(app, pilot, until, AttemptsScreen())
        for key, state, there in (("u", "undone", False), ("r", "done", True)):
            await pilot.press(key)
            await until(pilot, lambda state=state: page.current.state == state)
            assert ("milk" in (place.root / "todo.md").read_text()) is there


async def test_a_session_is_found_exported_resumed_and_deleted_for_good(place, running, until, plain):
    remember(place)
    app = place.scripted()
    async with running(app) as pilot:
        page = await opened(app, pilot, until, SessionsScreen("item"))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, AskText))
        await pilot.press("enter")
        await until(pilot, lambda: (place.root / "session-1.md").exists())
        await until(pilot, lambda: app.screen is page)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is app.chat and app.chat.transcript.exchanges)
        assert app.chat.session_id == 1
        page = await opened(app, pilot, until, SessionsScreen())
        await pilot.press("delete")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: page.query_one(DataTable).row_count == 0)
        assert app.chat.session_id is None
        assert not app.chat.transcript.exchanges


async def test_a_procedure_tells_its_versions_and_the_one_that_waits_is_accepted(place, running, until, plain):
    remember(place)
    app = place.scripted()
    async with running(app, ready=False) as pilot:
        page = await opened(app, pilot, until, ProcedureScreen(1))
        text = plain(page)
        for words in ("-1. Old.", "+1. New.", "Example:\nAdd an item", "Rests on what was read in files alone"):
            assert words in text
        before = page.shown
        await pilot.press("a")
        await until(pilot, lambda: page.shown > before)
        with place.database() as database:
            assert [version.status for version in Procedures(database).versions(1)] == ["retired", "active"]
        before = page.shown
        await pilot.press("a")
        await until(pilot, lambda: any("no version that waits" in note.message for note in app._notifications))


async def test_a_procedure_is_edited_disabled_and_forgotten(place, running, until):
    remember(place)
    app = place.scripted()
    async with running(app, ready=False) as pilot:
        page = await opened(app, pilot, until, ProcedureScreen(1))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, EditText))
        assert app.screen.query_one(TextArea).text == "Add an item\n1. Old."
        app.screen.query_one(TextArea).load_text("Add an item\n1. Mine.")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: Procedures(app.database).get(1).active.script == "Add an item\n1. Mine.")
        assert Procedures(app.database).get(1).active.example == "Add an item"
        await until(pilot, lambda: app.screen is page)
        await pilot.press("d")
        await until(pilot, lambda: Procedures(app.database).get(1).status == "disabled")
        await pilot.press("delete")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: app.screen is app.chat)
        assert Procedures(app.database).all() == ()


async def test_a_vector_tells_what_was_measured_and_why_it_is_quarantined(place, running, until, plain):
    remember(place)
    app = place.scripted()
    async with running(app, size=(100, 60), ready=False) as pilot:
        page = await opened(app, pilot, until, VectorScreen(1))
        await until(pilot, lambda: "KL from the model" in plain(page))
        text = plain(page)
        for words in (
            "quarantined: random does as well", "moves tokens by 0.31 nats", "Norm by layer", "layer 5",
            "Margin in held-out runs", "held-out run 2", "random directions, 95%", "c 0.1, layers 1-3",
            "valid calls: 100% without it, 50% with it",
        ):  # fmt: skip
            assert words in text
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, AskText))
        await pilot.press("enter")
        await until(pilot, lambda: (place.root / "add.gguf").exists())


async def test_a_vector_that_cannot_be_tried_says_why(place, running, until, plain):
    remember(place)
    app = place.scripted()
    async with running(app) as pilot:
        page = TrialScreen("add", "list the files", (0.0, 1.0))
        await app.push_screen(page)
        await until(pilot, lambda: page.ended)
        assert "cannot be steered" in plain(page)


async def test_a_vector_is_tried_on_the_model_side_by_side(place, running, until, plain):
    app = place.real()
    async with running(app) as pilot:
        made = []

        def add(agent, **_):
            model = agent.bench.model
            info = model.model.info
            rows = np.random.default_rng(1).normal(size=(info.n_layer - 1, info.n_embd)).astype(np.float32)
            norms = np.ones(info.n_layer - 1, np.float32)
            file = compose(rows, norms, 0.1, (1, 2), model_hint=info.architecture, provenance={})
            made.append(
                VectorStore(agent.bench.database).add(
                    "noise", to_bytes(file), status="candidate", origin="trained", model=model.name,
                    model_fingerprint=model.fingerprint, coefficient=0.1, layers=(1, 2),
                )
            )  # fmt: skip
            return iter(())

        app.backend.submit("add", add)
        await until(pilot, lambda: made)
        await opened(app, pilot, until, VectorScreen(made[0].id))
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, AskText))
        await pilot.press(*"What is 2 + 2?", "enter")
        await until(pilot, lambda: isinstance(app.screen, AskText) and "scales" in plain(app.screen))
        app.screen.query_one(Input).value = "0, 1"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TrialScreen))
        page = app.screen
        await until(pilot, lambda: page.ended, 60)
        text = plain(page)
        assert "0 x = +0 · KL 0 nats" in text
        assert "1 x = +0.1 · KL" in text
        assert "..." not in [str(one.render()) for one in page.query("Static")]


async def test_a_vector_file_is_taken_in_by_a_key_and_checked_against_the_model(place, running, until):
    app = place.real()
    async with running(app) as pilot:
        model = []

        def write(agent, **_):
            info = agent.bench.model.model.info
            rows = np.random.default_rng(1).normal(size=(info.n_layer - 1, info.n_embd)).astype(np.float32)
            norms = np.ones(info.n_layer - 1, np.float32)
            file = compose(rows, norms, 0.1, (1, 2), model_hint=info.architecture, provenance={})
            (place.root / "brief.gguf").write_bytes(to_bytes(file))
            model.append(info)
            return iter(())

        app.backend.submit("write", write)
        await until(pilot, lambda: model)
        page = await opened(app, pilot, until, VectorsScreen())
        await pilot.press("i")
        await until(pilot, lambda: isinstance(app.screen, AskText))
        await pilot.press(*"brief.gguf", "enter")
        await until(pilot, lambda: app.screen is page and page.current and page.current.name == "brief", 60)
        assert page.current.status == "quarantined"


def test_scales_are_numbers_between_commas():
    assert scales_of("-1, 0, 1.5,1.5") == (-1.0, 0.0, 1.5)
    for wrong in ("", "a", "1;2", "nan", "1e9", "1,2,3,4,5,6,7"):
        assert scales_of(wrong) == ()


async def test_learning_tells_what_passes_did_in_words_and_takes_one_back(place, running, until, plain):
    remember(place)
    app = place.scripted()
    async with running(app, ready=False) as pilot:
        page = await opened(app, pilot, until, LearningScreen())
        await until(pilot, lambda: "Success among" in plain(page))
        text = plain(page)
        for words in (
            "0 of 1 judged tasks went well.", "1 newly judged attempt.", "Add an item (add-an-item): wrote a script",
            "1 control vector had to wait for the next pass.", "0 judged attempt(s) wait",
        ):  # fmt: skip
            assert words in text
        assert "{" not in text
        await pilot.press("delete")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: Passes(app.database).latest(1)[0].status == "reverted")
        await until(pilot, lambda: "reverted" in str(page.query("Folded").first().title))
