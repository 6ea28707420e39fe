"""The panel beside the chat: what was recalled and how it has done, strength and off for the next task, the pass."""

import pytest
from textual.widgets import Button, Checkbox

from localnpm.agent.events import Recalled, RecalledItem
from localnpm.config import AppSettings, load
from localnpm.memory.procedure_records import Draft
from localnpm.memory.procedures import Procedures
from localnpm.memory.vector_store import VectorStore
from localnpm.tui.messages import Learns
from localnpm.tui.widgets.memory_panel import MemoryPanel
from localnpm.tui.widgets.slider import Slider

pytestmark = pytest.mark.anyio


def item(**changed):
    known = {
        "procedure_id": 1, "version_id": 1, "vector_id": None, "name": "add", "title": "Add [red]items[/red]\x1b[2J",
        "similarity": 0.873, "wins": 3, "uses": 4, "uplift": 0.25, "interval": (-0.1, 0.5), "reason": "the same words",
    }  # fmt: skip
    return RecalledItem(**{**known, **changed})


def learned(place, **vector):
    with place.database() as database:
        made = Procedures(database).add("Add", [("add milk", None)], Draft("Add\n1. Append it.", "", "built"))
        if vector:
            VectorStore(database).add(
                "add", b"GGUF", procedure_id=made.id, status="active", origin="distilled", model="scripted",
                model_fingerprint="scripted", layers=(1, 3), **vector,
            )  # fmt: skip


async def test_what_was_recalled_is_shown_with_how_it_has_done(place, running, until, plain):
    app = place.scripted()
    async with running(app, size=(120, 34)) as pilot:
        panel = app.chat.query_one(MemoryPanel)
        assert panel.display
        await panel.show(Recalled("script", (item(), item(uplift=None, interval=None)), 0.0, "the best so far"))
        await pilot.pause()
        text = plain(panel)
        for words in (
            "channel: script", "the best so far", "Add [red]items[/red]\\x1b[2J", "similarity 0.87, 3 of 4 went well",
            "uplift +0.25 (-0.10 to +0.50)", "uplift not known yet", "the same words",
        ):  # fmt: skip
            assert words in text


async def test_closed_it_stays_closed_at_the_next_start(place, running, until):
    app = place.scripted()
    async with running(app, size=(120, 34)) as pilot:
        panel = app.chat.query_one(MemoryPanel)
        await pilot.press("f4")
        assert not panel.display
        await until(pilot, lambda: load(place.home).app.memory_panel is False)
    app = place.scripted(looks=load(place.home).app)
    async with running(app, size=(120, 34)) as pilot:
        panel = app.chat.query_one(MemoryPanel)
        assert not panel.display
        await pilot.press("f4")
        await until(pilot, lambda: load(place.home).app.memory_panel is True)
        assert panel.display


async def test_a_small_screen_is_the_chats_until_the_panel_is_asked_for(place, running, until):
    app = place.scripted(looks=AppSettings(animation=False, memory_panel=True))
    async with running(app, size=(60, 20)) as pilot:
        panel = app.chat.query_one(MemoryPanel)
        assert not panel.display
        await pilot.press("f4")
        await until(pilot, lambda: panel.region.width == 60)
        assert panel.region.height <= 8
        assert app.chat.transcript.region.width == 60


async def test_the_strength_is_set_for_the_next_task_by_keys_and_by_mouse(place, running, until, plain):
    learned(place, coefficient=0.2)
    app = place.scripted()
    async with running(app, size=(120, 34)) as pilot:
        panel = app.chat.query_one(MemoryPanel)
        await panel.show(Recalled("script", (item(),), 0.0, "why"))
        await until(pilot, lambda: panel.query(Slider))
        assert "calibrated +0.2" in plain(panel)
        slider = panel.query_one(Slider)
        chosen = []
        slider.focus()
        await until(pilot, lambda: slider.has_focus)
        await pilot.press("right", "right")
        assert slider.value == pytest.approx(0.24)
        await pilot.press("home")
        assert slider.value == pytest.approx(-0.4)
        await pilot.click(slider, offset=(slider.size.width - 8, 0))
        assert slider.value == pytest.approx(0.4)
        # The scripted model cannot be steered, and that is told: the strength has reached the agent.
        app.backend.submit("look", lambda agent, **_: chosen.append(agent) or iter(()))
        await until(pilot, lambda: any("cannot be steered" in note.message for note in app._notifications))


async def test_memory_is_left_out_of_the_next_task_alone(place, running, until):
    learned(place)
    place.play("one", "two", "three")
    app = place.scripted(memory="script")
    async with running(app, size=(120, 34)) as pilot:
        panel = app.chat.query_one(MemoryPanel)
        box = panel.query_one("#next", Checkbox)
        channels = []
        for _ in range(3):
            if len(channels) == 1:
                box.toggle()
                await until(pilot, lambda: not app.backend.busy and box.value is False)
            await app.chat.ask("add milk")
            await until(pilot, lambda: app.chat.transcript.exchanges[-1].ended and not app.backend.busy)
            with place.log() as log:
                channels.append(log.last_attempt().channel)
        assert channels == ["script", "none", "script"]
        assert box.value is True


async def test_a_recalled_procedure_opens(place, running, until):
    from localnpm.tui.screens.procedure import ProcedureScreen

    learned(place)
    app = place.scripted()
    async with running(app, size=(120, 34)) as pilot:
        panel = app.chat.query_one(MemoryPanel)
        await panel.show(Recalled("script", (item(),), 0.0, "why"))
        panel.query_one("#items Button", Button).press()
        await until(pilot, lambda: isinstance(app.screen, ProcedureScreen) and app.screen.shown)


async def test_a_pass_shows_how_far_it_is_and_can_be_put_off(place, running, until, plain):
    stopped = []

    def learning(agent, *, approve, cancel, progress):
        app.post_message(Learns("Add an item", 1, 4))
        while not cancel.is_set():
            place.opening.wait(0.01)
        stopped.append(True)
        return iter(())

    app = place.scripted()
    async with running(app, size=(120, 34)) as pilot:
        panel = app.chat.query_one(MemoryPanel)
        assert not panel.query_one("#pass").display
        app.backend.submit("learning", learning)
        await until(pilot, lambda: panel.query_one("#pass").display)
        await until(pilot, lambda: "learning: Add an item" in plain(panel))
        assert app.status.progress == 0.25
        panel.query_one("#pass-stop", Button).press()
        await until(pilot, lambda: not panel.query_one("#pass").display)
        assert stopped == [True]


async def test_the_panel_has_its_own_width_from_the_start(place, running, until):
    app = place.scripted()
    async with running(app, size=(120, 34)) as pilot:
        await until(pilot, lambda: app.chat.query_one("MemoryPanel").region.width == 36)
