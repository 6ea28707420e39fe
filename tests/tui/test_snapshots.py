"""What each screen and each main state look like, at 80x24 and 120x34, as text in snapshots/.

`make snapshots` writes the files anew; look at the difference before you commit it. Text is compared, so that fonts and
colours are not; that nothing is told by colour alone is thereby shown. Data and model are made for it; what a clock or
this machine puts in (paths, times, speeds) is blotted out.
"""

import os
import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from localnpm.agent.events import Learned, Recalled, RecalledItem
from localnpm.agent.scripted import answer, call
from localnpm.catalogue import CATALOGUE
from localnpm.distill.gguf import to_bytes
from localnpm.distill.vector_file import compose
from localnpm.doctor.finding import Finding
from localnpm.memory.procedure_records import Draft
from localnpm.memory.procedures import Procedures
from localnpm.memory.vector_store import VectorStore
from localnpm.tui.screens.first_run import Surroundings
from localnpm.tui.screens.models import ModelRow
from localnpm.tui.screens.procedure import ProcedureScreen
from localnpm.tui.screens.trajectory import TrajectoryScreen
from localnpm.tui.screens.vector import VectorScreen
from localnpm.tui.widgets.approval import Approval

pytestmark = pytest.mark.anyio

SNAPSHOTS = Path(__file__).parent / "snapshots"
SIZES = ((80, 24), (120, 34))
UPDATE = "LOCALNPM_UPDATE_SNAPSHOTS"
APPEND = call("append_file", path="todo.md", content="- [ ] buy milk")
SCRIPT = "Add a todo\n1. Append - [ ] <todo> to todo.md."


@pytest.fixture
def matches(request, place, shown):
    """`await matches(pilot, "name")`: in each size, the screen is as the file of that name says."""

    async def compare(pilot, name: str) -> None:
        differing = []
        for width, height in SIZES:
            await pilot.resize_terminal(width, height)
            file = SNAPSHOTS / f"{name}-{width}x{height}.txt"
            wanted = file.read_text("utf-8") if file.exists() and not os.environ.get(UPDATE) else None
            text = await settled(pilot, lambda: same_everywhere(shown(pilot.app), place) + "\n", wanted)
            if os.environ.get(UPDATE):
                SNAPSHOTS.mkdir(exist_ok=True)
                file.write_text(text, "utf-8")
            elif text != wanted:
                differing.append(f"{file.name} differs; now it is:\n{text}")
        assert not differing, "\n".join([*differing, "If it is meant to be so: make snapshots"])

    return compare


async def settled(pilot, look, wanted: str | None) -> str:
    """What is seen when it is what is wanted, or when it has not changed for a while."""
    text, unchanged = look(), 0
    while text != wanted and unchanged < 15:
        await pilot.pause(0.1)
        before, text = text, look()
        unchanged = unchanged + 1 if text == before else 0
    return text


def same_everywhere(text: str, place) -> str:
    """Without what a clock or this machine puts in. A path may be cut off where its column ends."""
    text = re.sub(re.escape(str(place.root.parents[2])) + r"/\S*", "<path>", text)
    for pattern in (
        r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?",
        r"\d+(\.\d+)? tok/s",
        r"\d+(\.\d+)? s\b",
    ):
        text = re.sub(pattern, lambda match: "~" * len(match.group(0)), text)
    return text


def idle(app) -> bool:
    shown = app.chat.transcript.exchanges
    return not app.backend.busy and app.status.activity == "ready" and all(one.ended for one in shown)


def fill(place) -> None:
    """Two attempts that changed nothing, and a procedure."""
    with place.log() as log:
        session = log.start_session(place.root.resolve(), "Todos")
        for request, reply in (("What is on my todo list?", "One thing: buy bread."), ("Thanks", "You are welcome.")):
            made = log.start_attempt(
                session, request, workspace=place.root.resolve(), model="m", model_fingerprint="", system="",
                sampling={},
            )  # fmt: skip
            log.finish_attempt(made, "done", reply)
    with place.database() as database:
        Procedures(database).add("Add a todo", [('Add "buy eggs" to my todo list', None)], Draft(SCRIPT, "", "edited"))


async def test_an_empty_chat(place, running, until, matches):
    app = place.scripted()
    async with running(app, size=SIZES[0]) as pilot:
        await until(pilot, lambda: idle(app))
        await matches(pilot, "empty-chat")


async def test_a_chat_while_the_model_is_loaded(place, running, matches):
    place.opening.clear()
    app = place.scripted()
    async with running(app, size=SIZES[0], ready=False) as pilot:
        await pilot.pause()
        await matches(pilot, "loading")
        place.opening.set()


async def test_an_answer_with_a_thought_and_a_call(place, running, until, matches):
    place.play(call("read_file", path="todo.md"), answer("You want to **buy bread**.", thought="It is a list."))
    app = place.scripted()
    async with running(app, size=SIZES[0]) as pilot:
        await app.chat.ask("What is on my todo list?")
        await until(pilot, lambda: idle(app) and app.chat.last_answer)
        await pilot.pause(0.2)
        await matches(pilot, "answer")


async def test_a_change_that_is_asked_about(place, running, until, matches):
    place.play(APPEND, "Done.")
    app = place.scripted()
    async with running(app, size=SIZES[0]) as pilot:
        await app.chat.ask('Add "buy milk" to my todo list')
        await until(pilot, lambda: app.screen.query(Approval) and app.screen.query_one(Approval).has_focus)
        await pilot.pause()
        await matches(pilot, "asking")


async def test_a_request_whose_prompt_is_read_while_another_waits(place, running, until, matches):
    place.play("one", "two")
    place.model.go.clear()
    app = place.scripted()
    async with running(app, size=SIZES[0]) as pilot:
        await app.chat.ask("The first")
        await until(pilot, lambda: app.status.activity == "reading")
        await app.chat.ask("The second")
        await until(pilot, lambda: app.status.waiting == 1)
        await matches(pilot, "reading-and-waiting")
        place.model.go.set()


async def test_an_agent_that_cannot_be_opened(place, running, until, matches):
    app = place.real(model="nowhere")
    async with running(app, size=SIZES[0], ready=False) as pilot:
        await until(pilot, lambda: app.status.activity == "unusable")
        await until(pilot, lambda: app.screen.query("Toast"))
        await matches(pilot, "unusable")


async def test_what_was_recalled_and_what_was_learned(place, running, until, matches):
    place.play("Done.")
    app = place.scripted()
    async with running(app, size=SIZES[0]) as pilot:
        await app.chat.ask('Add "buy milk" to my todo list')
        await until(pilot, lambda: idle(app) and app.chat.last_answer)
        item = RecalledItem(1, 1, None, "add-a-todo", "Add a todo", 0.91, 3, 4, 0.25, (0.05, 0.45), "near")
        recalled = Recalled("script", (item,), 0.0, "one procedure is near enough")
        exchange = app.chat.transcript.exchanges[-1]
        await exchange.show(recalled)
        await exchange.show(Learned("add-a-todo: todos begin with a box", 1))
        await pilot.pause(0.2)
        await matches(pilot, "recalled-and-learned")


PAGES = {
    "attempts": "AttemptsScreen",
    "sessions": "SessionsScreen",
    "procedures": "ProceduresScreen",
    "vectors": "VectorsScreen",
    "learning": "LearningScreen",
    "settings": "SettingsScreen",
    "help": "HelpScreen",
}


@pytest.mark.parametrize("filled", [False, True], ids=["empty", "filled"])
async def test_the_pages(place, running, until, matches, filled):
    if filled:
        fill(place)
    app = place.scripted()
    async with running(app, size=SIZES[0]) as pilot:
        for page in PAGES if filled else list(PAGES)[:5]:
            screen = await open_still(app, pilot, until, page, PAGES[page])
            await matches(pilot, f"{page}-{'filled' if filled else 'empty'}")
            screen.dismiss()


async def test_what_opens_whole(place, running, until, matches):
    fill(place)
    with place.log() as log:
        attempt = log.start_attempt(
            1, "File the bill", workspace=place.root.resolve(), model="m", model_fingerprint="", system="You file.",
            sampling={},
        )  # fmt: skip
        step = log.start_step(attempt, turn=1, text="", tool="read_file", arguments={"path": "todo.md"})
        log.finish_step(step, "# Todo")
        log.finish_attempt(attempt, "failed", error="there is no bill")
        log.add_verdict(attempt, "user", False, reason="it was in the inbox")
    with place.database() as database:
        store = Procedures(database)
        old = store.versions(1)[-1]
        store.add_version(1, Draft(f"{SCRIPT}\n2. Say so.", "", "adjusted", parent_id=old.id), status_reason="waits")
        rows = np.full((5, 8), 0.5, np.float32)
        file = compose(rows, np.ones(5, np.float32), 0.2, (1, 3), model_hint="llama", provenance={})
        VectorStore(database).add(
            "brief", to_bytes(file), procedure_id=1, status="quarantined", status_reason="random does as well",
            origin="distilled", model="m", model_fingerprint="f", coefficient=0.2, layers=(1, 3), pairs=4,
            calibration={"kl": 0.31, "gain": 1.5, "margins": [0.5, -0.25], "random": [0.1, 0.2], "agreement": 0.4},
        )  # fmt: skip
    app = place.scripted()
    async with running(app, size=SIZES[0]) as pilot:
        await until(pilot, lambda: idle(app))
        for screen in (TrajectoryScreen(attempt), ProcedureScreen(1), VectorScreen(1)):
            await app.push_screen(screen)
            await until(pilot, lambda screen=screen: screen.shown)
            await matches(pilot, type(screen).__name__.removesuffix("Screen").lower())
            screen.dismiss()


async def open_still(app, pilot, until, module, name):
    """A page that looks at this machine, once it has looked."""
    screen = getattr(import_module(f"localnpm.tui.screens.{module}"), name)()
    await app.push_screen(screen)
    await until(pilot, lambda: screen.shown, seconds=60)
    return screen


async def test_the_first_run(place, running, until, matches):
    app = place.scripted()
    async with running(app, size=SIZES[0]) as pilot:
        screen = await open_still(app, pilot, until, "first_run", "FirstRunScreen")
        screen.show(Surroundings("apprentice-q8_0", ("qwen3-0.6b (639 MB, ollama)",), CATALOGUE[2], 4_000_000_000))
        await pilot.pause()
        await matches(pilot, "first-run")


async def test_the_models(place, running, until, matches):
    app = place.scripted()
    async with running(app, size=SIZES[0]) as pilot:
        screen = await open_still(app, pilot, until, "models", "ModelsScreen")
        here = ModelRow("apprentice", "8.5 MB", "qwen3 Q8_0", "37.9 MB: fits", "models/apprentice.gguf", used=True)
        entry = CATALOGUE[0]
        there = ModelRow(f"{entry.name} ↓", "~638 MB", entry.parameters, "~1.6 GB: fits", entry.purpose, entry=entry)
        screen.show((here, there))
        await pilot.pause()
        await matches(pilot, "models")


@pytest.mark.slow
async def test_the_doctor(place, running, until, matches):
    app = place.scripted()
    async with running(app, size=SIZES[0]) as pilot:
        screen = await open_still(app, pilot, until, "doctor", "DoctorScreen")
        await screen.query_one("#findings").remove_children()
        screen.show(Finding("python", "ok", "CPython 3.11"))
        screen.show(Finding("memory", "warning", "1 GB free", "close something"))
        screen.show(Finding("jail", "problem", "there is no bubblewrap", "install it"))
        screen.query_one("#looking").update("1 problem(s), 1 warning(s), 1 in order")
        await pilot.pause()
        await matches(pilot, "doctor")
