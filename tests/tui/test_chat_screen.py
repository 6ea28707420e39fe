"""The conversation on the screen: streams, stops, what waits, what is folded, and the commands that act on it."""

import asyncio
import gc
from time import monotonic, process_time

import psutil
import pytest
from textual.events import Key
from textual.widgets import Collapsible

from localnpm.agent.scripted import answer, call
from localnpm.evals.random_gguf import Shape, write_random_model
from localnpm.tui.widgets.approval import Approval
from localnpm.tui.widgets.said import Said
from localnpm.tui.widgets.transcript import BLOCK, KEPT

pytestmark = pytest.mark.anyio

STOP_SECONDS = 0.25
GROWTH_MEGABYTES = 20
LIST = call("list_files", path=".")
WRITE = call("write_file", path="new.md", content="hello\n")


def exchange(app, place=-1):
    return app.chat.transcript.exchanges[place]


def requests(app):
    return [shown.request for shown in app.chat.transcript.exchanges]


def ended(app):
    shown = app.chat.transcript.exchanges
    return bool(shown) and all(one.ended for one in shown) and not app.backend.busy


async def ask(app, pilot, until, *texts):
    for text in texts:
        await app.chat.ask(text)
    await until(pilot, lambda: ended(app))


async def test_what_is_shown_at_the_end_is_the_answer_whole(place, running, until):
    text = "# Files\n\n" + "\n".join(f"- file {number}" for number in range(30))
    place.play(LIST, answer(text, thought="looking\naround"))
    app = place.scripted()
    async with running(app) as pilot:
        await ask(app, pilot, until, "what is there?")
        said = exchange(app).query(Said)
        assert [one.source for one in said] == [text]
        assert exchange(app).result.answer == text
        assert all(folded.collapsed for folded in exchange(app).query(Collapsible))
        assert "looking\naround" in str(exchange(app).query_one(".thought").render())


async def test_text_that_comes_in_no_piece_before_the_answer_is_shown(place, running, until):
    place.play("")
    app = place.scripted()
    async with running(app) as pilot:
        await ask(app, pilot, until, "say nothing")
        from localnpm.agent.events import Answer

        await exchange(app).show(Answer("all at once"))
        assert exchange(app).query_one(Said).source == "all at once"


async def test_requests_wait_in_their_order_and_say_so(place, running, until, plain):
    place.play("one", "two", "three")
    place.model.go.clear()
    app = place.scripted()
    async with running(app) as pilot:
        for text in ("first", "second", "third"):
            await app.chat.ask(text)
        await until(pilot, lambda: place.model.begun.is_set())
        await until(pilot, lambda: app.status.waiting == 2)
        assert "2 waiting" in app.status.words()
        assert [one.waiting for one in app.chat.transcript.exchanges] == [False, True, True]
        assert "waiting" in plain(exchange(app))
        place.model.go.set()
        await until(pilot, lambda: ended(app))
        assert [one.answer for one in app.chat.transcript.exchanges] == ["one", "two", "three"]
        assert app.status.waiting == 0


async def test_what_waits_can_be_taken_back_by_key_and_by_command(place, running, until):
    place.play("one")
    place.model.go.clear()
    app = place.scripted()
    async with running(app) as pilot:
        for text in ("first", "second", "third", "fourth"):
            await app.chat.ask(text)
        await until(pilot, lambda: place.model.begun.is_set() and app.status.waiting == 3)
        exchange(app, 1).focus()
        await until(pilot, lambda: exchange(app, 1).has_focus)
        await pilot.press("delete")
        await until(pilot, lambda: requests(app) == ["first", "third", "fourth"])
        assert app.chat.composer.text == "second"
        app.chat.composer.write("/cancel")
        await pilot.press("enter")
        await until(pilot, lambda: requests(app) == ["first", "third"])
        assert app.chat.composer.text == "fourth"
        exchange(app, 1).focus()
        await until(pilot, lambda: exchange(app, 1).has_focus)
        await pilot.press("escape")
        await until(pilot, lambda: requests(app) == ["first"])
        assert app.backend.busy
        place.model.go.set()
        await until(pilot, lambda: ended(app))


async def test_escape_stops_a_task_and_what_was_done_stays(place, running, until, plain):
    place.play(LIST, "never said")
    app = place.scripted()
    async with running(app) as pilot:
        await app.chat.ask("look")
        await until(pilot, lambda: exchange(app).query(Collapsible))
        place.model.go.clear()
        place.model.begun.clear()
        place.play("never said either")
        await until(pilot, lambda: ended(app))
        await app.chat.ask("look again")
        await until(pilot, lambda: place.model.begun.is_set())
        begun = monotonic()
        await pilot.press("escape")
        await until(pilot, lambda: ended(app))
        assert monotonic() - begun < 5 * STOP_SECONDS
        assert exchange(app).result.status == "cancelled"
        assert "cancelled" in plain(exchange(app))
        place.model.go.set()


async def test_escape_while_a_question_is_open_stops_and_gives_the_focus_back(place, running, until):
    place.play(WRITE, "Sorry.")
    app = place.scripted()
    async with running(app) as pilot:
        app.chat.composer.write("half a thought")
        await app.chat.ask("write it")
        await until(pilot, lambda: app.chat.query(Approval))
        assert app.status.activity == "asking"
        await pilot.press("escape")
        await until(pilot, lambda: ended(app))
        await until(pilot, lambda: app.chat.composer.draft.has_focus)
        assert not app.chat.query(Approval)
        assert app.chat.composer.text == "half a thought"
        assert not (place.root / "new.md").exists()
        await pilot.press("!")
        assert app.chat.composer.text == "half a thought!"


async def test_a_new_conversation_stops_the_old_one_and_leaves_nothing_waiting(place, running, until):
    place.play("one")
    place.model.go.clear()
    app = place.scripted()
    async with running(app) as pilot:
        await app.chat.ask("first")
        await app.chat.ask("second")
        await until(pilot, lambda: place.model.begun.is_set())
        app.chat.composer.write("/new")
        await pilot.press("enter")
        await until(pilot, lambda: not app.backend.busy and not requests(app))
        place.model.go.set()
        place.model.turns.clear()
        place.play("two")
        await ask(app, pilot, until, "in the new one")
        with place.log() as log:
            assert [(one.session_id, one.status) for one in log.attempts()] == [(2, "done"), (1, "cancelled")]


async def test_commands_on_the_conversation(place, running, until):
    place.play(LIST, "first answer", "second answer", "third answer")
    app = place.scripted()
    async with running(app) as pilot:

        async def enter(text):
            app.chat.composer.write(text)
            await pilot.press("enter")
            await pilot.pause()

        await ask(app, pilot, until, "one", "two")
        await enter("/copy")
        await until(pilot, lambda: app.clipboard == "second answer")
        await enter("/find first answer")
        await until(pilot, lambda: app.chat.transcript._found is exchange(app, 0))
        await enter("/export talk.md")
        await until(pilot, lambda: (place.root / "talk.md").exists())
        assert "second answer" in (place.root / "talk.md").read_text()
        await enter("/mode read-only")
        await until(pilot, lambda: "read-only" in app.status.words())
        await enter("/compact")
        await until(pilot, lambda: not app.backend.busy)
        await enter("/clear")
        await until(pilot, lambda: not requests(app))
        await ask(app, pilot, until, "three")
        seen = [message.content for message in place.model.seen[-1]]
        assert "first answer" in seen
        assert not any("todo.md" in text for text in seen)


async def test_asking_again_takes_the_last_attempt_back(place, running, until):
    place.play(WRITE, "first", "second")
    app = place.scripted(allow=frozenset({"write"}))
    async with running(app) as pilot:
        await ask(app, pilot, until, "write it")
        assert (place.root / "new.md").exists()
        app.chat.composer.write("/again")
        await pilot.press("enter")
        await until(pilot, lambda: app.chat.last_answer == "second")
        await until(pilot, lambda: ended(app))
        assert requests(app) == ["write it"]
        assert not (place.root / "new.md").exists()
        assert [message.content for message in place.model.seen[-1]].count("write it") == 1


async def test_an_earlier_request_can_be_changed_and_the_talk_goes_on_from_there(place, running, until):
    place.play("one", "two", "other")
    app = place.scripted()
    async with running(app) as pilot:
        await ask(app, pilot, until, "first", "second")
        app.chat.composer.write(f"/edit {exchange(app, 0).attempt_id}")
        await pilot.press("enter")
        await until(pilot, lambda: app.chat.composer.text == "first")
        await pilot.press(*"!!", "enter")
        await until(pilot, lambda: app.chat.last_answer == "other")
        await until(pilot, lambda: ended(app))
        assert requests(app) == ["first!!"]
        assert "one" not in [message.content for message in place.model.seen[-1]]


async def test_a_request_that_cannot_be_taken_back_stays_on_the_screen(place, running, until, plain):
    place.play(WRITE, "first")
    app = place.scripted(allow=frozenset({"write"}))
    async with running(app) as pilot:
        await ask(app, pilot, until, "write it")
        (place.root / "new.md").write_text("changed by hand\n")
        app.chat.composer.write("/again")
        await pilot.press("enter")
        await until(pilot, lambda: len(requests(app)) == 2)
        await until(pilot, lambda: ended(app))
        assert requests(app) == ["write it", "write it"]
        assert "new.md" in plain(exchange(app))
        assert (place.root / "new.md").read_text() == "changed by hand\n"


async def test_ones_own_command_is_run_and_shown_unfolded(place, running, until, plain):
    app = place.scripted()
    async with running(app) as pilot:
        app.chat.composer.write("!cat todo.md > copy.md; echo printed")
        await pilot.press("enter")
        await until(pilot, lambda: requests(app) and ended(app))
        assert "printed" in plain(exchange(app))
        assert not exchange(app).query_one(Collapsible).collapsed
        assert (place.root / "copy.md").exists()
        assert app.chat.last_attempt == 0
        app.chat.composer.write("/undo")
        await pilot.press("enter")
        await until(pilot, lambda: not (place.root / "copy.md").exists())


async def talk(app, place, pilot, until, first, last):
    """Ask so many requests, all at once, and wait for their answers; how many widgets the transcript has then."""
    place.play(*(f"answer {number}" for number in range(first, last)))
    for number in range(first, last):
        await app.chat.ask(f"request {number}")
    await until(pilot, lambda: ended(app), seconds=120)
    return len(list(app.chat.transcript.walk_children()))


@pytest.mark.slow
async def test_the_screen_holds_only_so_much_and_shows_the_rest_again_on_request(place, running, until):
    app = place.scripted()
    async with running(app) as pilot:
        await talk(app, place, pilot, until, 0, KEPT + BLOCK + 2)
        assert requests(app) == [f"request {number}" for number in range(BLOCK + 2, KEPT + BLOCK + 2)]
        app.chat.transcript.scroll_home(animate=False)
        await until(pilot, lambda: requests(app)[0] == "request 2")
        assert requests(app) == [f"request {number}" for number in range(2, KEPT + BLOCK + 2)]


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_over_two_hundred_exchanges_neither_widgets_nor_memory_grow(place, running, until):
    app = place.scripted()
    counts, resident = [], []
    async with running(app) as pilot:
        for first in range(0, 12 * KEPT, KEPT):
            counts.append(await talk(app, place, pilot, until, first, first + KEPT))
            # What the test's model keeps of each prompt is not the app's.
            place.model.seen.clear()
            gc.collect()
            resident.append(psutil.Process().memory_info().rss / 2**20)
        print(f"after every {KEPT} exchanges: widgets {counts}, megabytes {[round(size) for size in resident]}")
    assert len(set(counts)) == 1
    assert resident[-1] - resident[2] < GROWTH_MEGABYTES


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_escape_stops_reading_a_long_prompt_within_a_quarter_of_a_second(place, running, until, tmp_path):
    model = tmp_path / "random.gguf"
    write_random_model(model, Shape("llama", 6, 1024, 16, 4, 2048, 320, 16384), quantized=True)
    app = place.real(model=model, memory="none")
    async with running(app, ready=False) as pilot:
        await until(pilot, lambda: app.status.activity == "ready", seconds=90)
        app.chat.composer.write("next thought")
        seconds, computing = [], []
        for _ in range(4):
            await app.chat.ask("a long request, " * 180)
            await until(pilot, lambda: app.status.progress > 0 or ended(app), seconds=180)
            assert app.status.activity == "reading"
            begun, computed = monotonic(), process_time()
            app.post_message(Key("escape", None))
            while app.backend.busy:
                await asyncio.sleep(0.002)
            seconds.append(monotonic() - begun)
            computing.append(process_time() - computed)
            await until(pilot, lambda: ended(app))
            assert exchange(app).result.status == "cancelled"
        assert app.chat.composer.text == "next thought"
        print(
            "seconds to stop:",
            [round(one, 3) for one in seconds],
            "of computing:",
            [round(one, 3) for one in computing],
        )
        # Other work on the machine may delay one of them by the clock; none takes more computing than that.
        assert min(seconds) < STOP_SECONDS
        assert max(min(pair) for pair in zip(seconds, computing, strict=True)) < STOP_SECONDS
