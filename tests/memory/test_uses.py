"""What is recorded of recalled procedures, and the statistics that come of it."""

import time
from collections.abc import Callable

import pytest

from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.memory.forget import forget_attempts, forget_procedures
from localnpm.memory.procedure_records import Use
from localnpm.memory.uses import all_statistics, of_attempt, of_procedure, record, statistics, utilities

LogAttempt = Callable[..., int]


@pytest.fixture
def database() -> Database:
    """An empty memory in this process's memory, with two procedures, the first of which has two versions."""
    database = Database.open(None)
    with database.transaction() as connection:
        connection.executemany(
            "INSERT INTO procedures(id, name, title, origin, created_at, updated_at) "
            "VALUES (?, ?, '', 'learned', '', '')",
            [(1, "one"), (2, "two")],
        )
        connection.executemany(
            "INSERT INTO procedure_versions(id, procedure_id, number, status, source, script, example, created_at) "
            "VALUES (?, 1, ?, 'retired', 'built', '', '', '')",
            [(11, 1), (12, 2)],
        )
    return database


def use(attempt_id: int, channel: str = "script", **fields: object) -> Use:
    given = {"procedure_id": 1, "version_id": 11, "vector_id": None, "place": 0, "similarity": 0.8, "probability": 0.5}
    return Use(attempt_id=attempt_id, channel=channel, **(given | fields))  # type: ignore[arg-type]


def judged(
    database: Database,
    log_attempt: LogAttempt,
    success: bool,
    channel: str = "script",
    source: str = "user",
    **fields: object,
) -> int:
    """An attempt with one use and a verdict."""
    attempt_id = log_attempt()
    record(database, [use(attempt_id, channel, **fields)])
    AttemptLog(database).add_verdict(attempt_id, source, success)  # type: ignore[arg-type]
    return attempt_id


def test_what_was_forgotten_meanwhile_is_left_out_and_the_rest_recorded(
    database: Database, log_attempt: LogAttempt
) -> None:
    gone, attempt_id = log_attempt(), log_attempt()
    forget_attempts(database, [gone])
    forget_procedures(database, [2])
    record(database, [use(gone), use(attempt_id), use(attempt_id, procedure_id=2, version_id=None, place=1)])
    assert of_attempt(database, gone) == ()
    assert of_attempt(database, attempt_id) == (use(attempt_id),)


def test_a_version_or_vector_forgotten_meanwhile_is_not_named(database: Database, log_attempt: LogAttempt) -> None:
    attempt_id = log_attempt()
    record(database, [use(attempt_id, version_id=99, vector_id=99)])
    assert of_attempt(database, attempt_id) == (use(attempt_id, version_id=None),)


def test_uses_come_back_as_they_were_recorded(database: Database, log_attempt: LogAttempt) -> None:
    attempt_id = log_attempt()
    uses = (use(attempt_id, reason="much alike"), use(attempt_id, "none", procedure_id=2, version_id=None, place=1))
    record(database, uses)
    assert of_attempt(database, attempt_id) == uses
    assert of_procedure(database, 2) == uses[1:]


@pytest.mark.parametrize("probability", [0.0, 1.5])
def test_a_probability_that_is_none_is_refused(database: Database, probability: float) -> None:
    with pytest.raises(ValueError, match="probability"):
        record(database, [use(1, probability=probability)])


def test_wins_and_uses_tell_those_with_memory_from_those_without(database: Database, log_attempt: LogAttempt) -> None:
    for success, channel in [(True, "script"), (False, "both"), (True, "vector"), (False, "none"), (True, "none")]:
        judged(database, log_attempt, success, channel)
    found = statistics(database, 1)
    assert (found.wins, found.uses, found.without_wins, found.without_uses) == (2, 3, 1, 2)
    assert found.by_channel["both"].uses == 1


def test_attempts_that_nobody_judged_are_not_counted(database: Database, log_attempt: LogAttempt) -> None:
    record(database, [use(log_attempt())])
    assert statistics(database, 1).uses == 0


def test_the_outcome_is_the_ledgers_and_not_every_entry(database: Database, log_attempt: LogAttempt) -> None:
    attempt_id = judged(database, log_attempt, False, source="edited")
    AttemptLog(database).add_verdict(attempt_id, "user", True)
    found = statistics(database, 1)
    assert (found.wins, found.uses) == (1, 1)


@pytest.mark.parametrize("column", ["practice = 1", "retry_of = 1", "surroundings = 1"])
def test_practice_retries_and_failures_of_the_surroundings_are_in_no_statistic(
    database: Database, log_attempt: LogAttempt, column: str
) -> None:
    log_attempt()
    judged(database, log_attempt, False)
    with database.transaction() as connection:
        connection.execute(f"UPDATE attempts SET {column} WHERE id = 2")
    assert statistics(database, 1).uses == 0


def test_a_version_has_its_own_uses_and_shares_those_without_memory(
    database: Database, log_attempt: LogAttempt
) -> None:
    judged(database, log_attempt, True, version_id=11)
    judged(database, log_attempt, False, version_id=12)
    judged(database, log_attempt, False, "none", version_id=11)
    newer = statistics(database, 1, version_id=12)
    assert (newer.wins, newer.uses, newer.without_uses) == (0, 1, 1)


def test_uses_that_chance_had_no_part_in_are_left_out_of_the_uplift(
    database: Database, log_attempt: LogAttempt
) -> None:
    for channel in ("script", "none"):
        for _ in range(3):
            judged(database, log_attempt, channel == "script", channel)
    before = statistics(database, 1)
    judged(database, log_attempt, False, counts=False)
    after = statistics(database, 1)
    assert (before.uplift, after.uplift, after.uses) == (1.0, 1.0, 4)


def test_the_overall_tallies_are_those_of_all_procedures(database: Database, log_attempt: LogAttempt) -> None:
    judged(database, log_attempt, True)
    judged(database, log_attempt, False, procedure_id=2, version_id=None)
    assert statistics(database, 2).overall["script"].uses == 2


def test_a_procedure_that_works_ranks_above_an_unused_one_and_that_above_one_that_fails(
    database: Database, log_attempt: LogAttempt
) -> None:
    for _ in range(4):
        judged(database, log_attempt, True)
        judged(database, log_attempt, False, procedure_id=2, version_id=None)
    found = utilities(all_statistics(database), (1, 2, 3))
    assert 0.9 <= found[2] < found[3] < found[1] <= 1.1


def test_the_statistics_of_2000_procedures_over_10000_attempts_are_read_at_once(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO sessions(id, title, workspace, created_at, updated_at) VALUES (1, '', '', '', '')"
        )
        connection.executemany(
            "INSERT INTO attempts(id, session_id, request, process, workspace, model, model_fingerprint, system, "
            "sampling, started_at) VALUES (?, 1, 'a task', '', '', '', '', '', '{}', '')",
            [(number,) for number in range(10_000)],
        )
        connection.executemany(
            "INSERT INTO verdicts(attempt_id, source, success, confidence, created_at) VALUES (?, 'user', ?, 1, '')",
            [(number, number % 3 > 0) for number in range(10_000)],
        )
        connection.executemany(
            "INSERT INTO procedures(id, name, title, origin, created_at, updated_at) "
            "VALUES (?, ?, '', 'learned', '', '')",
            [(number, f"p{number}") for number in range(3, 2001)],
        )
    record(
        database, [use(n, ("script", "none")[n % 2], procedure_id=1 + n % 2000, version_id=None) for n in range(10_000)]
    )
    begun = time.process_time()
    found = all_statistics(database)
    utilities(found, range(1, 2001))
    taken = time.process_time() - begun
    assert len(found.procedures) == 2000
    # Some 0.3 s where it was written; a query a procedure takes minutes.
    assert taken < 2
