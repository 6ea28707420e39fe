"""The welcome: shown once, honest, with things to try; and that nothing slow is imported before the first paint."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from localnpm.catalogue import CATALOGUE, largest_fitting
from localnpm.home import PACKAGE, Home
from localnpm.tui.screens.first_run import TODO, FirstRunScreen, Surroundings, told

pytestmark = pytest.mark.anyio

SLOW = ("torch", "llama_cpp", "sentence_transformers", "huggingface_hub", "sqlite_utils", "numpy", "markdown_it")
AT_FIRST_PAINT = f"""
import sys
from contextlib import contextmanager
from pathlib import Path
from localnpm.agent.options import Options
from localnpm.cli.app import open_app
from localnpm.cli.context import Context
from localnpm.home import Home
from localnpm.tui.app import LocalnpmApp

app = LocalnpmApp(Home(Path(sys.argv[1])), Options(), None, None)
app.backend.start = lambda: app.exit(None, 0, ",".join(name for name in {SLOW!r} if name in sys.modules))
app.run(headless=True)
"""


@pytest.fixture
def fresh(place, tmp_path: Path):
    place.home = Home(tmp_path / "fresh")
    return place


def test_nothing_slow_is_imported_before_the_first_paint(tmp_path: Path):
    ended = subprocess.run(
        [sys.executable, "-c", AT_FIRST_PAINT, str(tmp_path / "home")],
        env=os.environ | {"PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout.strip(), ended.stderr.strip()) == (0, "", "")


async def test_the_welcome_comes_once(fresh, running):
    app = fresh.scripted()
    async with running(app):
        assert isinstance(app.screen, FirstRunScreen)
    again = fresh.scripted()
    async with running(again):
        assert again.screen is again.chat


async def test_what_is_typed_at_the_welcome_begins_and_is_not_lost(fresh, running, until, burst):
    app = fresh.scripted()
    async with running(app) as pilot:
        burst(app, "make")
        await until(pilot, lambda: app.screen is app.chat)
        await until(pilot, lambda: app.chat.composer.text == "make")


async def test_a_try_is_put_where_it_can_be_sent(fresh, running, until):
    app = fresh.scripted()
    async with running(app) as pilot:
        await pilot.press("tab", "enter")
        await until(pilot, lambda: app.screen is app.chat)
        assert app.chat.composer.text == TODO
        assert app.options.workspace == fresh.root


async def test_without_a_todo_list_the_try_is_made_in_a_folder_of_samples(fresh, running, until):
    (fresh.root / "todo.md").unlink()
    app = fresh.scripted()
    async with running(app) as pilot:
        await pilot.press("tab", "enter")
        await until(pilot, lambda: app.screen is app.chat)
        await until(pilot, lambda: len(fresh.asked_for) == 2)
        assert (fresh.asked_for[-1].workspace / "todo.md").exists()
        assert list(fresh.root.iterdir()) == []


@pytest.mark.parametrize("size", [(60, 20), (80, 24)])
async def test_every_thing_to_try_is_whole_on_a_small_screen(fresh, running, size):
    app = fresh.scripted()
    async with running(app, size=size):
        for button in app.screen.query("Button"):
            assert button.region.right <= size[0]
            assert len(str(button.label)) <= button.region.width


def test_a_larger_model_is_named_with_its_size_and_its_reason():
    lines = " ".join(told(Surroundings("apprentice", (), CATALOGUE[2], 4_000_000_000)))
    assert "qwen3-4b" in lines
    assert "2.45 GB" in lines
    assert "4 GB of memory are free" in lines


@pytest.mark.parametrize(
    ("memory", "name"), [(500_000_000, None), (2_000_000_000, "qwen2.5-1.5b"), (10**10, "qwen3-8b")]
)
def test_the_largest_model_that_fits_is_chosen(memory, name):
    entry = largest_fitting(memory)
    assert (entry and entry.name) == name
