"""The agent's thread: jobs in their turn, stopping while it is busy, asked or idle, and that no thread is left."""

import queue
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from localnpm.agent.events import PromptProgress, Token
from localnpm.agent.permissions import Allow, Decline
from localnpm.agent.prepared import Prepared, Risk
from localnpm.engine.messages import ToolCall
from localnpm.errors import LocalnpmError, ModelError
from localnpm.tui.backend import Backend, Idle
from localnpm.tui.messages import (
    AgentReady,
    Asked,
    Happened,
    JobEnded,
    JobStarted,
    Loading,
    Unusable,
)

SECONDS = 10.0


@dataclass
class Told:
    """What a backend has posted, in order."""

    messages: list = field(default_factory=list)
    news: "queue.Queue" = field(default_factory=queue.Queue)

    def post(self, message):
        self.messages.append(message)
        self.news.put(message)

    def wait(self, kind, **wanted):
        """The next message of a kind with these attributes."""
        while True:
            message = self.news.get(timeout=SECONDS)
            if isinstance(message, kind) and all(getattr(message, key) == value for key, value in wanted.items()):
                return message

    def of(self, kind):
        return [message for message in self.messages if isinstance(message, kind)]


@contextmanager
def agent():
    """An agent with nothing to it."""
    yield "agent"


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def start(told):
    """A started backend; it is stopped at the end, and its thread must be gone."""
    begun = []

    def start_one(open_agent=agent, **given):
        backend = Backend(open_agent, told.post, **given)
        begun.append(backend)
        backend.start()
        return backend

    yield start_one
    for backend in begun:
        backend.stop()
        assert not backend.alive


def says(*texts):
    def job(agent, *, approve, cancel, progress):
        yield from (Token(text) for text in texts)

    return job


def holds(begun, *, asks=False):
    """A job that goes on until it is cancelled."""

    def job(agent, *, approve, cancel, progress):
        begun.set()
        if asks:
            yield Token(str(approve(PREPARED)))
        cancel.wait(SECONDS)
        yield Token("cancelled")

    return job


PREPARED = Prepared(ToolCall("write_file", {}), Risk.CHANGE, "write a file")


def test_it_says_that_it_loads_and_then_that_it_is_ready(start, told):
    start(greet=lambda opened: AgentReady(opened, 2048, "ask"))
    ready = told.wait(AgentReady)
    assert isinstance(told.messages[0], Loading)
    assert (ready.model, ready.context, ready.mode) == ("agent", 2048, "ask")


def test_jobs_are_carried_out_in_the_order_in_which_they_were_submitted(start, told):
    backend = start()
    numbers = [backend.submit("task", says(text)) for text in "abc"]
    told.wait(JobEnded, job=numbers[-1])
    assert [message.event.text for message in told.of(Happened)] == ["a", "b", "c"]


def test_jobs_wait_for_an_agent_that_is_still_loading(start, told):
    loaded = threading.Event()

    @contextmanager
    def slow():
        loaded.wait(SECONDS)
        yield "agent"

    backend = start(slow)
    number = backend.submit("task", says("a"))
    assert backend.busy
    loaded.set()
    told.wait(JobEnded, job=number, error="")


def test_progress_is_an_event_of_the_job(start, told):
    def job(agent, *, approve, cancel, progress):
        progress(1, 4)
        yield Token("done")

    number = start().submit("task", job)
    assert told.wait(Happened, job=number).event == PromptProgress(1, 4)


@pytest.mark.parametrize(
    ("failure", "words"), [(LocalnpmError("no such file; name another"), "no such file; name another"),
                           (KeyError("x"), "KeyError: 'x'")]
)  # fmt: skip
def test_what_a_job_raises_is_told_and_the_next_is_carried_out(start, told, failure, words):
    def job(agent, *, approve, cancel, progress):
        yield Token("begun")
        raise failure

    backend = start()
    first, second = backend.submit("task", job), backend.submit("task", says("b"))
    assert told.wait(JobEnded, job=first).error == words
    assert told.wait(JobEnded, job=second).error == ""


def test_cancel_stops_the_job_that_runs_and_only_that(start, told):
    backend, begun = start(), threading.Event()
    first, second = backend.submit("task", holds(begun)), backend.submit("task", says("b"))
    begun.wait(SECONDS)
    assert backend.cancel()
    told.wait(JobEnded, job=second)
    assert [message.event.text for message in told.of(Happened)] == ["cancelled", "b"]
    assert not backend.cancel()
    assert first < second


def test_cancel_while_a_question_is_open_declines_it(start, told):
    backend = start()
    number = backend.submit("task", holds(threading.Event(), asks=True))
    told.wait(Asked)
    backend.cancel()
    assert told.wait(Happened, job=number).event.text == str(Decline("the user stopped"))


def test_an_answer_reaches_the_job_that_asked(start, told):
    backend = start()

    def job(agent, *, approve, cancel, progress):
        yield Token(str(approve(PREPARED)))

    backend.submit("task", job)
    told.wait(Asked).question.decided.put(Allow("task"))
    assert told.wait(Happened).event.text == str(Allow("task"))


def test_a_job_that_waits_can_be_withdrawn_and_one_that_runs_cannot(start, told):
    backend, begun = start(), threading.Event()
    first, second = backend.submit("task", holds(begun)), backend.submit("task", says("b"))
    begun.wait(SECONDS)
    assert backend.withdraw(second)
    assert not backend.withdraw(second)
    assert not backend.withdraw(first)
    backend.cancel()
    third = backend.submit("task", says("c"))
    told.wait(JobEnded, job=third)
    assert second not in [message.job for message in told.of(JobStarted)]


@pytest.mark.parametrize("asks", [False, True])
def test_stopping_while_it_is_busy_or_asks_leaves_no_thread(start, told, asks):
    backend, begun = start(), threading.Event()
    backend.submit("task", holds(begun, asks=asks))
    told.wait(Asked) if asks else begun.wait(SECONDS)
    backend.stop()
    assert not backend.alive


def test_stopping_while_it_loads_waits_no_longer_than_it_was_told(told):
    loaded = threading.Event()

    @contextmanager
    def slow():
        loaded.wait(SECONDS)
        yield "agent"

    backend = Backend(slow, told.post)
    backend.start()
    backend.stop(0.01)
    loaded.set()
    backend.stop()
    assert not backend.alive


def test_stopping_closes_the_agent(start, told):
    closed = threading.Event()

    @contextmanager
    def closing():
        yield "agent"
        closed.set()

    backend = start(closing)
    told.wait(AgentReady)
    backend.stop()
    assert closed.is_set()


def test_what_waits_when_it_is_stopped_is_told_not_to_have_begun(start, told):
    backend, begun = start(), threading.Event()
    backend.submit("task", holds(begun))
    second = backend.submit("task", says("b"))
    begun.wait(SECONDS)
    backend.stop()
    assert "not begun" in told.wait(JobEnded, job=second).error


def test_a_verdict_that_waits_is_written_before_it_stops(start, told):
    backend, begun = start(), threading.Event()
    backend.submit("task", holds(begun))
    verdict = backend.submit("verdict", says("written"), lasting=True)
    begun.wait(SECONDS)
    backend.stop()
    assert told.wait(JobEnded, job=verdict).error == ""
    assert told.of(Happened)[-1].event.text == "written"


def test_an_agent_that_cannot_be_opened_ends_what_waits_and_what_comes(start, told):
    refused = threading.Event()

    @contextmanager
    def broken():
        refused.wait(SECONDS)
        raise ModelError("model.gguf: no such file; choose another")
        yield

    backend = start(broken)
    first = backend.submit("task", says("a"))
    refused.set()
    assert "no such file" in told.wait(Unusable).message
    assert "no such file" in told.wait(JobEnded, job=first).error
    second = backend.submit("task", says("b"))
    assert "no such file" in told.wait(JobEnded, job=second).error


def test_numbers_go_on_in_the_next_backend(start, told):
    first = start().submit("task", says("a"))
    assert start().submit("task", says("b")) > first


def idle(start, *, due=lambda agent: True, seconds=0.005):
    return Idle("learning", lambda agent: seconds, due, start)


def test_when_nothing_is_asked_for_and_it_is_due_it_learns(start, told):
    left = [1]
    start(idle=idle(says("learned"), due=lambda agent: bool(left) and bool(left.pop())))
    assert told.wait(Happened).event.text == "learned"
    assert told.wait(JobEnded).what == "learning"


def test_learning_gives_way_at_once_to_what_is_asked(start, told):
    begun = threading.Event()
    backend = start(idle=idle(holds(begun)))
    assert begun.wait(SECONDS)
    number = backend.submit("task", says("a"))
    told.wait(JobEnded, job=number)
    assert [message.event.text for message in told.of(Happened)][:2] == ["cancelled", "a"]


def test_learning_that_fails_is_told_once_and_not_tried_again(start, told):
    def job(agent, *, approve, cancel, progress):
        raise LocalnpmError("another process learns")

    due = threading.Semaphore(2)
    backend = start(idle=idle(job, due=lambda agent: due.acquire(blocking=False)))
    assert told.wait(JobEnded, what="learning").error == "another process learns"
    number = backend.submit("task", says("a"))
    told.wait(JobEnded, job=number)
    assert len([message for message in told.of(JobEnded) if message.what == "learning"]) == 1


def test_nothing_is_learned_while_it_is_not_due(start, told):
    asked = threading.Semaphore(0)

    def due(agent):
        asked.release()
        return False

    start(idle=idle(says("learned"), due=due))
    assert asked.acquire(timeout=SECONDS)
    assert asked.acquire(timeout=SECONDS)
    assert told.of(JobStarted) == []
