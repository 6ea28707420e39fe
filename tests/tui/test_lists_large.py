"""10,000 attempts and 2,000 procedures: every page opens within twice the time of an empty one, searching included."""

from time import monotonic

import pytest
from textual.widgets import DataTable, Input

from localnpm.memory.database import Database
from localnpm.tui.screens.attempts import AttemptsScreen
from localnpm.tui.screens.learning import LearningScreen
from localnpm.tui.screens.lists import BLOCK, PAUSE_SECONDS
from localnpm.tui.screens.procedure import ProcedureScreen
from localnpm.tui.screens.procedures import ProceduresScreen
from localnpm.tui.screens.sessions import SessionsScreen
from localnpm.tui.screens.trajectory import TrajectoryScreen
from localnpm.tui.screens.vectors import VectorsScreen

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ATTEMPTS, PROCEDURES, SESSIONS = 10_000, 2_000, 1_000
TWICE = 2.0
ROUNDS = 5
MOMENT = "2026-11-20T10:00:00+00:00"


def fill(database, attempts, procedures, sessions):
    """As months of use would."""
    with database.transaction() as connection:
        insert = connection.executemany
        rows = [(n, f"session {n} about bills", "/home/me/notes", MOMENT, MOMENT) for n in range(1, sessions + 1)]
        insert("INSERT INTO sessions(id, title, workspace, created_at, updated_at) VALUES (?, ?, ?, ?, ?)", rows)
        insert(
            "INSERT INTO attempts(id, session_id, request, status, process, workspace, model, model_fingerprint, "
            "system, sampling, answer, started_at, finished_at) "
            "VALUES (?, ?, ?, 'done', '', '/home/me/notes', 'bundled', 'f', 'You are', '{}', ?, ?, ?)",
            [
                (n, n % sessions + 1, f"file bill {n} under word{n % 97}", f"Filed bill {n}.", MOMENT, MOMENT)
                for n in range(1, attempts + 1)
            ],
        )
        insert(
            "INSERT INTO steps(attempt_id, position, turn, text, tool, arguments, result, started_at) "
            'VALUES (?, 0, 1, \'I move it\', \'move_file\', \'{"source": "a", "destination": "b"}\', ?, ?)',
            [(n, f"Moved bill {n} " + "words " * 40, MOMENT) for n in range(1, attempts + 1)],
        )
        insert(
            "INSERT INTO verdicts(attempt_id, source, success, confidence, reason, created_at) "
            "VALUES (?, 'user', ?, 1, 'because', ?)",
            [(n, n % 3 > 0, MOMENT) for n in range(1, attempts + 1, 2)],
        )
        insert(
            "INSERT INTO procedures(id, name, title, status, origin, created_at, updated_at) "
            "VALUES (?, ?, ?, ?, 'learned', ?, ?)",
            [
                (n, f"file-bill-{n}", f"File bill {n}", "active" if n % 5 else "candidate", MOMENT, MOMENT)
                for n in range(1, procedures + 1)
            ],
        )
        versions = [
            (n, number, "active" if number == 3 else "retired", f"File bill {n}\n1. Look.\n2. Move it, take {number}.")
            for n in range(1, procedures + 1)
            for number in (1, 2, 3)
        ]
        insert(
            "INSERT INTO procedure_versions(procedure_id, number, status, source, script, example, created_at) "
            "VALUES (?, ?, ?, 'built', ?, 'example', '2026-11-20T10:00:00+00:00')",
            versions,
        )
        connection.execute("INSERT INTO lineage SELECT id, 1 + id % ?, 'script' FROM procedure_versions", (attempts,))
        insert(
            "INSERT INTO recall_keys(procedure_id, text) VALUES (?, ?)",
            [(n, f"file bill {n} under word{n % 97}") for n in range(1, procedures + 1)],
        )
        insert(
            "INSERT INTO uses(attempt_id, procedure_id, version_id, place, similarity, channel, probability, counts) "
            "VALUES (?, ?, ?, 0, 0.9, ?, 0.5, 1)",
            [
                (n, n % procedures + 1, n % procedures * 3 + 3, "none" if n % 4 else "script")
                for n in range(1, attempts)
            ],
        )
        insert(
            "INSERT INTO vectors(name, procedure_id, status, origin, model, model_fingerprint, gguf, coefficient, "
            "first_layer, last_layer, created_at, calibration) "
            "VALUES (?, ?, 'active', 'distilled', 'bundled', 'f', x'00', 0.2, 2, 4, ?, ?)",
            [(f"file-bill-{n}", n, MOMENT, f'{{"random": {[0.5] * 20}}}') for n in range(1, procedures + 1)],
        )
        insert(
            "INSERT INTO passes(cause, policy, status, model_fingerprint, process, last_attempt, last_verdict, "
            "started_at, finished_at, summary) VALUES ('due', 'adjustment', 'published', 'f', '', ?, ?, ?, ?, ?)",
            [(n * 50, n * 20, MOMENT, MOMENT, '{"attempts": 10, "procedures": []}') for n in range(1, 200)],
        )


async def opening(app, pilot, until, screen):
    """Seconds until a page shows its data, the fastest of a few times."""
    fastest = float("inf")
    for _ in range(ROUNDS):
        page = screen()
        begun = monotonic()
        await app.push_screen(page)
        while not page.shown:
            await pilot.pause(0.001)
        fastest = min(fastest, monotonic() - begun)
        app.pop_screen()
        await until(pilot, lambda: app.screen is app.chat)
    return fastest


PAGES = {
    "attempts": AttemptsScreen,
    "attempts searched": lambda: AttemptsScreen("bill word7"),
    "sessions": SessionsScreen,
    "sessions searched": lambda: SessionsScreen("bill word7"),
    "procedures": ProceduresScreen,
    "procedures searched": lambda: ProceduresScreen("bill word7"),
    "procedure": lambda: ProcedureScreen(1),
    "trajectory": lambda: TrajectoryScreen(1),
    "vectors": VectorsScreen,
    "learning": LearningScreen,
}


async def test_every_page_opens_within_twice_the_time_of_an_empty_one(place, running, until):
    times = {}
    for name, size in (("empty", (1, 1, 1)), ("full", (ATTEMPTS, PROCEDURES, SESSIONS))):
        place.home.memory.unlink()
        with Database.open(place.home.memory) as database:
            fill(database, *size)
        app = place.scripted()
        async with running(app) as pilot:
            times[name] = {page: await opening(app, pilot, until, screen) for page, screen in PAGES.items()}
    slow = {
        page: f"{times['empty'][page]:.3f} s empty, {seconds:.3f} s full"
        for page, seconds in times["full"].items()
        if seconds > TWICE * times["empty"][page]
    }
    assert not slow


async def test_searching_and_going_on_reads_blocks_of_rows(place, running, until):
    with place.database() as database:
        fill(database, ATTEMPTS, PROCEDURES, SESSIONS)
    app = place.scripted()
    async with running(app) as pilot:
        page = AttemptsScreen()
        await app.push_screen(page)
        table = page.query_one(DataTable)
        await until(pilot, lambda: table.row_count == BLOCK)
        await pilot.press("end")
        await until(pilot, lambda: table.row_count == 2 * BLOCK)
        assert page.current.attempt.id == ATTEMPTS - BLOCK + 1
        before = page.shown
        await pilot.press("slash", *"word7")
        await until(pilot, lambda: page.shown > before)
        await until(pilot, lambda: "word7" in str(table.get_row_at(0)[-1]))
        assert page.query_one(Input).value == "word7"
        assert PAUSE_SECONDS < 1
