"""The verdict ledger: entries stay, and the latest of the highest rank decides."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.memory.verdicts import CONFIDENCE, Source, ledger, outcomes

LogAttempt = Callable[..., int]
RANKS: list[set[Source]] = [
    {"user"},
    {"check"},
    {"environment"},
    {"correction"},
    {"judge"},
    {"undone", "declined", "edited", "kept"},
]


def test_an_attempt_that_nobody_judged_has_no_outcome(log: AttemptLog, log_attempt: LogAttempt) -> None:
    assert log.outcome(log_attempt()) is None


def test_later_words_of_the_user_replace_the_outcome_and_keep_the_entry(
    log: AttemptLog, log_attempt: LogAttempt
) -> None:
    attempt_id = log_attempt()
    log.add_verdict(attempt_id, "user", True)
    log.add_verdict(attempt_id, "user", False, reason="I file by month")
    outcome = log.outcome(attempt_id)
    assert outcome is not None
    assert (outcome.success, outcome.reason) == (False, "I file by month")
    assert [verdict.success for verdict in ledger(log.database, attempt_id)] == [True, False]


def test_the_user_outranks_a_later_check(log: AttemptLog, log_attempt: LogAttempt) -> None:
    attempt_id = log_attempt()
    log.add_verdict(attempt_id, "user", False)
    log.add_verdict(attempt_id, "check", True)
    outcome = log.outcome(attempt_id)
    assert outcome is not None
    assert (outcome.source, outcome.success) == ("user", False)


def test_weak_evidence_is_trusted_as_far_as_it_goes(log: AttemptLog, log_attempt: LogAttempt) -> None:
    attempt_id = log_attempt()
    log.add_verdict(attempt_id, "kept", True)
    outcome = log.outcome(attempt_id)
    assert outcome is not None
    assert outcome.confidence == 0.3


@pytest.mark.parametrize("confidence", [0.0, -0.1, 1.1])
def test_a_confidence_that_is_none_is_refused(log: AttemptLog, log_attempt: LogAttempt, confidence: float) -> None:
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        log.add_verdict(log_attempt(), "judge", True, confidence)


entries = st.lists(st.tuples(st.sampled_from(sorted(CONFIDENCE)), st.booleans()), max_size=8)


@given(entries, entries)
def test_the_outcome_is_the_latest_entry_of_the_highest_rank(
    first: list[tuple[Source, bool]], second: list[tuple[Source, bool]]
) -> None:
    with Database.open(None) as database:
        log = AttemptLog(database)
        session_id = log.start_session("/work")
        expected: dict[int, tuple[Source, bool]] = {}
        for judged in (first, second):
            attempt_id = log.start_attempt(
                session_id, "r", workspace="", model="", model_fingerprint="", system="", sampling={}
            )
            for source, success in judged:
                log.add_verdict(attempt_id, source, success)
            for rank in RANKS:
                of_rank = [entry for entry in judged if entry[0] in rank]
                if of_rank:
                    expected[attempt_id] = of_rank[-1]
                    break
            assert [(entry.source, entry.success) for entry in ledger(database, attempt_id)] == judged
        found = outcomes(database, [1, 2, 3])
        assert {key: (outcome.source, outcome.success) for key, outcome in found.items()} == expected


STALENESS = [
    ([("user", True), ("user", True)], False),
    ([("user", True), ("undone", False)], False),
    ([("undone", False), ("user", True), "learned", ("user", True)], False),
    ([("undone", False), "learned", ("user", False)], False),
    ([("user", True), "learned", ("user", False)], True),
    ([("undone", False), "learned", ("user", True)], True),
    (["learned", ("user", False)], True),
    (["learned", ("user", True)], False),
]


@pytest.mark.parametrize(("entries", "stale"), STALENESS)
def test_what_was_learned_is_stale_once_the_outcome_is_another_one(
    log: AttemptLog, log_attempt: LogAttempt, entries: list[tuple[Source, bool] | str], stale: bool
) -> None:
    attempt_id = log_attempt()
    with log.database.transaction() as connection:
        connection.execute("INSERT INTO procedures VALUES (1, 'p', 'p', 'active', '', 'learned', '', '')")
        connection.execute(
            "INSERT INTO procedure_versions(id, procedure_id, number, status, source, script, example, created_at) "
            "VALUES (1, 1, 1, 'active', 'built', '', '', '')"
        )
        connection.execute("INSERT INTO lineage VALUES (1, ?, 'script')", (attempt_id,))
    for entry in entries:
        if entry == "learned":
            with log.database.transaction() as connection:
                connection.execute("UPDATE procedure_versions SET stale = 0")
        else:
            log.add_verdict(attempt_id, entry[0], entry[1])  # type: ignore[arg-type]
    assert log.database.query("SELECT stale FROM procedure_versions")[0]["stale"] == stale
