"""The log as it is written and read back: exact texts, order, what a next prompt tells."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localnpm.errors import NotFoundError
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database

LogAttempt = Callable[..., int]


def start(log: AttemptLog, request: str = "a task", *, session_id: int | None = None) -> int:
    session_id = session_id or log.start_session("/work", request)
    return log.start_attempt(
        session_id, request, workspace="/work", model="m", model_fingerprint="f", system="s", sampling={"seed": 3}
    )


def test_an_attempt_is_running_from_its_first_row_on(log: AttemptLog) -> None:
    attempt = log.attempt(start(log))
    assert (attempt.status, attempt.answer, attempt.finished_at) == ("running", None, None)
    assert (attempt.system, attempt.sampling, attempt.channel) == ("s", {"seed": 3}, "none")


def test_a_step_is_there_before_its_result(log: AttemptLog) -> None:
    attempt_id = start(log)
    log.start_step(attempt_id, turn=0, text="<call>", tool="read_file", arguments={"path": "a"})
    (step,) = log.steps(attempt_id)
    assert (step.tool, step.arguments, step.result, step.finished_at) == ("read_file", {"path": "a"}, None, None)


def test_steps_are_numbered_in_the_order_of_their_start(log: AttemptLog) -> None:
    attempt_id = start(log)
    steps = [log.start_step(attempt_id, turn=0, text="", tool="t", arguments={}) for _ in range(3)]
    log.finish_step(steps[2], "third")
    log.finish_step(steps[0], "first", error="NotFound")
    assert [(step.position, step.result, step.error) for step in log.steps(attempt_id)] == [
        (0, "first", "NotFound"),
        (1, None, None),
        (2, "third", None),
    ]


def test_an_answering_turn_is_finished_when_it_is_logged(log: AttemptLog) -> None:
    attempt_id = start(log)
    log.start_step(attempt_id, turn=0, text="The answer.", thought="hm")
    (step,) = log.steps(attempt_id)
    assert (step.tool, step.text, step.thought, step.finished_at is None) == (None, "The answer.", "hm", False)


def test_turns_hold_the_steps_that_one_assistant_turn_made(log: AttemptLog) -> None:
    attempt_id = start(log)
    log.start_step(attempt_id, turn=1, text="two calls", tool="a", arguments={})
    log.start_step(attempt_id, turn=1, text="", tool="b", arguments={})
    log.start_step(attempt_id, turn=2, text="answer")
    turns = log.trajectory(attempt_id).turns
    assert [(turn.text, [step.tool for step in turn.steps]) for turn in turns] == [
        ("two calls", ["a", "b"]),
        ("answer", [None]),
    ]


def test_arguments_that_the_user_changed_replace_the_models(log: AttemptLog) -> None:
    step = log.start_step(start(log), turn=0, text="{a: 1}", tool="t", arguments={"a": 1})
    log.change_arguments(step, {"a": 2})
    (logged,) = log.steps(1)
    assert (logged.arguments, logged.text) == ({"a": 2}, "{a: 1}")


def test_the_end_of_an_attempt_is_logged(log: AttemptLog) -> None:
    attempt_id = start(log)
    log.finish_attempt(attempt_id, "failed", error="disk full", surroundings=True, prompt_tokens=50, generated_tokens=7)
    attempt = log.attempt(attempt_id)
    assert (attempt.status, attempt.error, attempt.surroundings) == ("failed", "disk full", True)
    assert (attempt.prompt_tokens, attempt.generated_tokens, attempt.finished_at is None) == (50, 7, False)


texts = st.text(st.characters(codec="utf-8"), max_size=200)


@given(request=texts, text=texts, result=texts, answer=texts.filter(bool))
def test_every_text_comes_back_exactly(request: str, text: str, result: str, answer: str) -> None:
    with Database.open(None) as database:
        log = AttemptLog(database)
        attempt_id = start(log, request)
        log.finish_step(log.start_step(attempt_id, turn=0, text=text, tool="t", arguments={text: result}), result)
        log.finish_attempt(attempt_id, "done", answer)
        (step,) = log.steps(attempt_id)
        attempt = log.attempt(attempt_id)
        assert (attempt.request, attempt.answer) == (request, answer)
        assert (step.text, step.result, step.arguments) == (text, result, {text: result})


def test_arguments_with_lone_surrogates_come_back_exactly(log: AttemptLog) -> None:
    attempt_id = start(log)
    log.start_step(attempt_id, turn=0, text="", tool="t", arguments={"path": "\udcff.txt"})
    assert log.steps(attempt_id)[0].arguments == {"path": "\udcff.txt"}


def test_what_cannot_be_stored_in_a_text_is_replaced(log: AttemptLog) -> None:
    assert log.attempt(start(log, "a\udcffb")).request == "a\ufffdb"


@pytest.mark.parametrize(
    "use",
    [
        lambda log: log.attempt(5),
        lambda log: log.trajectory(5),
        lambda log: start(log, session_id=5),
        lambda log: log.start_step(5, turn=0, text=""),
        lambda log: log.finish_step(5, ""),
        lambda log: log.change_arguments(5, {}),
        lambda log: log.finish_attempt(5, "done"),
        lambda log: log.set_undone(5, True),
        lambda log: log.add_verdict(5, "user", True),
    ],
)
def test_an_id_that_is_not_there_is_an_error(log: AttemptLog, use: Callable[[AttemptLog], object]) -> None:
    with pytest.raises(NotFoundError):
        use(log)


def test_attempts_are_listed_newest_first(log: AttemptLog, log_attempt: LogAttempt) -> None:
    ids = [log_attempt() for _ in range(4)]
    assert [attempt.id for attempt in log.attempts(limit=3)] == ids[:0:-1]


def test_attempts_can_be_listed_by_outcome(log: AttemptLog, log_attempt: LogAttempt) -> None:
    good, bad, unjudged = (log_attempt() for _ in range(3))
    log.add_verdict(good, "user", True)
    log.add_verdict(bad, "check", False)
    assert [attempt.id for attempt in log.attempts(judged="success")] == [good]
    assert [attempt.id for attempt in log.attempts(judged="failure")] == [bad]
    assert [attempt.id for attempt in log.attempts(judged="none")] == [unjudged]


def test_attempts_can_be_listed_by_session(log: AttemptLog, log_attempt: LogAttempt) -> None:
    first = log_attempt()
    log_attempt()
    assert [attempt.id for attempt in log.attempts(session_id=log.attempt(first).session_id)] == [first]


def test_the_last_attempt_is_one_that_has_ended(log: AttemptLog, log_attempt: LogAttempt) -> None:
    assert log.last_attempt() is None
    ended = log_attempt()
    start(log)
    last = log.last_attempt()
    assert last is not None
    assert last.id == ended


def told(log: AttemptLog, session_id: int) -> list[str]:
    return [trajectory.request for trajectory in log.conversation(session_id)]


def test_a_conversation_tells_ended_attempts_in_order(log: AttemptLog, log_attempt: LogAttempt) -> None:
    session_id = log.start_session("/work")
    for request in ("first", "second"):
        log_attempt(request, session_id=session_id)
    start(log, "still running", session_id=session_id)
    log_attempt("in another session")
    assert told(log, session_id) == ["first", "second"]
    assert [turn.steps[0].result for turn in log.conversation(session_id)[0].turns] == ["Added it.", None]


def test_a_conversation_leaves_undone_attempts_out_until_they_are_redone(
    log: AttemptLog, log_attempt: LogAttempt
) -> None:
    session_id = log.start_session("/work")
    attempt_id = log_attempt("a task", session_id=session_id)
    log.set_undone(attempt_id, True)
    assert told(log, session_id) == []
    log.set_undone(attempt_id, False)
    assert told(log, session_id) == ["a task"]


def test_a_conversation_tells_a_retry_in_place_of_what_it_replaced(log: AttemptLog, log_attempt: LogAttempt) -> None:
    session_id = log.start_session("/work")
    failed = log_attempt("file it", session_id=session_id, answer="wrong")
    log_attempt("file it", session_id=session_id, answer="right", retry_of=failed)
    assert [trajectory.answer for trajectory in log.conversation(session_id)] == ["right"]


def ended(log: AttemptLog, request: str, *, session_id: int | None = None, status: str = "done") -> int:
    """An attempt with one call that has ended so."""
    attempt_id = start(log, request, session_id=session_id)
    step = log.start_step(attempt_id, turn=0, text="<call>", tool="read_file", arguments={"path": "a"})
    log.finish_step(step, "a long file")
    log.finish_attempt(attempt_id, status, f"answer to {request}")
    return attempt_id


def test_a_compacted_session_tells_its_next_prompt_no_calls_of_what_was_before(log: AttemptLog) -> None:
    session_id = log.start_session("/work")
    ended(log, "one", session_id=session_id)
    ended(log, "two", session_id=session_id)
    assert log.compact(session_id) == 2
    ended(log, "three", session_id=session_id)
    told = log.conversation(session_id)
    assert [one.attempt.answer for one in told] == ["answer to one", "answer to two", "answer to three"]
    assert [len(one.steps) for one in told] == [0, 0, 1]


def test_compacting_loses_nothing_of_the_log(log: AttemptLog) -> None:
    session_id = log.start_session("/work")
    attempt_id = ended(log, "one", session_id=session_id)
    log.compact(session_id)
    assert len(log.steps(attempt_id)) == 1
    assert [len(one.steps) for one in log.transcript(session_id)] == [1]


def test_a_session_that_is_not_there_cannot_be_compacted(log: AttemptLog) -> None:
    with pytest.raises(NotFoundError):
        log.compact(77)


def test_the_newest_interrupted_attempt_of_a_workspace_is_found_until_somebody_decides(log: AttemptLog) -> None:
    ended(log, "older", status="interrupted")
    newer = ended(log, "newer", status="interrupted")
    ended(log, "whole")
    found = log.interrupted("/work")
    assert found is not None
    assert found.id == newer
    assert log.interrupted("/elsewhere") is None


def test_an_interrupted_attempt_that_was_undone_or_tried_again_is_not_offered(log: AttemptLog) -> None:
    undone = ended(log, "undone", status="interrupted")
    log.set_undone(undone, True)
    again = ended(log, "again", status="interrupted")
    session_id = log.attempt(again).session_id
    log.start_attempt(
        session_id, "again", workspace="/work", model="m", model_fingerprint="f", system="s", sampling={},
        retry_of=again,
    )  # fmt: skip
    assert log.interrupted("/work") is None


def test_a_dismissed_attempt_is_cancelled_and_not_offered_again(log: AttemptLog) -> None:
    attempt_id = ended(log, "cut off", status="interrupted")
    log.dismiss(attempt_id)
    assert log.attempt(attempt_id).status == "cancelled"
    assert log.interrupted("/work") is None


def test_only_what_was_interrupted_is_dismissed(log: AttemptLog) -> None:
    attempt_id = ended(log, "whole")
    log.dismiss(attempt_id)
    assert log.attempt(attempt_id).status == "done"
    with pytest.raises(NotFoundError):
        log.dismiss(77)


def test_a_transcript_is_read_in_blocks_from_its_end(log: AttemptLog) -> None:
    session_id = log.start_session("/work")
    made = [ended(log, str(number), session_id=session_id) for number in range(5)]
    ended(log, "of another session")
    start(log, "still running", session_id=session_id)
    last = log.transcript(session_id, limit=2)
    assert [one.attempt.id for one in last] == made[3:]
    assert [one.attempt.id for one in log.transcript(session_id, before=made[3], limit=2)] == made[1:3]
    assert log.transcript(session_id, before=made[0]) == ()


def test_a_transcript_shows_what_was_undone_too(log: AttemptLog) -> None:
    session_id = log.start_session("/work")
    attempt_id = ended(log, "undone", session_id=session_id)
    log.set_undone(attempt_id, True)
    assert [one.attempt.id for one in log.transcript(session_id)] == [attempt_id]


def test_requests_of_a_workspace_come_oldest_first_the_same_in_a_row_once(log: AttemptLog) -> None:
    for request in ("one", "two", "two", "one"):
        ended(log, request)
    assert log.requests("/work") == ("one", "two", "one")
    assert log.requests("/work", limit=3) == ("two", "one")
    assert log.requests("/elsewhere") == ()
