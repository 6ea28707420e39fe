"""Events made in a worker thread: whoever reads them may leave, and then nothing goes on behind."""

import threading
from collections.abc import Iterator

import pytest

from localnpm.agent.events import Event, PromptProgress
from localnpm.agent.permissions import Approve, Decline, decline_all
from localnpm.agent.prepared import Prepared, Risk
from localnpm.cli.stream import aside, stream
from localnpm.engine.cancel import Cancel
from localnpm.engine.messages import ToolCall
from localnpm.engine.turns import Progress

ASKED = Prepared(ToolCall("write_file", {}), Risk.CHANGE, "Write it")


def test_leaving_before_the_end_cancels_and_waits_for_the_worker_also_where_it_asks() -> None:
    cancel, ended = Cancel(), threading.Event()

    def start(*, approve: Approve, progress: Progress) -> Iterator[Event]:
        yield PromptProgress(0, 1)
        assert isinstance(approve(ASKED), Decline)
        assert cancel.is_set()
        ended.set()

    events = stream(start, decline_all, cancel)
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert ended.is_set()


def test_an_error_of_who_answers_a_question_waits_for_the_worker_too() -> None:
    ended = threading.Event()

    def ask(prepared: Prepared) -> None:
        raise BrokenPipeError

    def start(*, approve: Approve, progress: Progress) -> Iterator[Event]:
        approve(ASKED)
        ended.set()
        yield PromptProgress(1, 1)

    with pytest.raises(BrokenPipeError):
        list(stream(start, ask, Cancel()))  # type: ignore[arg-type]
    assert ended.is_set()


def test_what_came_to_its_end_is_not_cancelled() -> None:
    cancel = Cancel()
    assert aside(lambda: 7, cancel) == 7
    assert not cancel.is_set()
