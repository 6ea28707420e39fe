"""Sorting attempts to kinds: what is alike comes together, and what was looked at once is not looked at again."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from localnpm.agent.scripted import ScriptedModel
from localnpm.config import MemorySettings
from localnpm.distill import judged
from localnpm.distill.kinship import Kinship
from localnpm.distill.sorting import Sorting, sort
from localnpm.engine.llama_chat import LlamaChat
from localnpm.engine.turns import ChatModel
from localnpm.home import bundled_embedder
from localnpm.memory.asked import Asked
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.memory.embedding import open_embedder
from localnpm.memory.forget import forget_attempts
from localnpm.memory.procedure_records import Draft
from localnpm.memory.procedures import Procedures
from localnpm.memory.recall import Recall
from localnpm.memory.records import Trajectory

LOOSE = MemorySettings(threshold=-1.0)
"""Every request is like every other one, so that the model has to tell what is alike."""
EMBEDDER = open_embedder(bundled_embedder())


class Counting:
    """A model that counts what it is asked."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def score(self, *args: Any, **how: Any) -> Any:
        """A text's likelihood."""
        self.asked += 1
        return self._model.score(*args, **how)

    def generate(self, *args: Any, **how: Any) -> Any:
        """A text."""
        self.asked += 1
        return self._model.generate(*args, **how)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty memory."""
    with Database.open(tmp_path / "home" / "memory.db") as opened:
        yield opened


@pytest.fixture
def counting(apprentice: LlamaChat) -> LlamaChat:
    """The bundled model, counted."""
    return LlamaChat(Counting(apprentice.model))  # type: ignore[arg-type]


def keep(database: Database, runs: Sequence[Trajectory], *, retry_of: int | None = None) -> list[int]:
    """Log runs as failures."""
    log, made = AttemptLog(database), []
    for run in runs:
        attempt = log.start_attempt(
            log.start_session("/w"), run.request, workspace="/w", model="m", model_fingerprint="f",
            system=run.attempt.system, sampling={}, retry_of=retry_of,
        )  # fmt: skip
        for turn, step in enumerate(run.steps):
            kept = log.start_step(attempt, turn=turn, text=step.text, tool=step.tool, arguments=step.arguments)
            log.finish_step(kept, step.result or "")
        log.finish_attempt(attempt, "done", run.answer)
        log.add_verdict(attempt, "user", False)
        made.append(attempt)
    return made


def sorted_by(database: Database, chat: ChatModel, fresh: Sequence[int]) -> Sorting:
    """What a new process would find."""
    kinship = Kinship(Recall(database, EMBEDDER, LOOSE), chat)
    return sort(database, kinship, judged.entries(database), frozenset(fresh))


def asked_by(database: Database, chat: LlamaChat, fresh: Sequence[int]) -> int:
    """How often the model is asked to sort."""
    before = chat.model.asked  # type: ignore[attr-defined]
    sorted_by(database, chat, fresh)
    return int(chat.model.asked - before)  # type: ignore[attr-defined]


@pytest.fixture
def passed_over(database: Database, practice: Any) -> list[int]:
    """Failures of no known kind, beside a procedure of another one."""
    draft = Draft("Log an expense\n1. Append it.", "", "built", way=("append_file",))
    Procedures(database).add("Log an expense", [("Log 3 for tea", None)], draft)
    return keep(database, practice("add_todo", 3).wrong)


def test_what_was_passed_over_is_not_scored_again_without_a_new_attempt(
    database: Database, counting: LlamaChat, passed_over: list[int]
) -> None:
    assert asked_by(database, counting, passed_over) >= len(passed_over)
    assert asked_by(database, counting, []) == 0
    assert asked_by(database, counting, passed_over) == 0


def test_a_new_attempt_is_scored_alone(
    database: Database, counting: LlamaChat, passed_over: list[int], practice: Any
) -> None:
    asked_by(database, counting, passed_over)
    new = keep(database, practice("add_todo", 4).wrong[3:])
    # Once against the known procedure, once against the title of those that it may be one kind with.
    assert 1 <= asked_by(database, counting, new) <= 2


def test_with_another_procedure_everything_is_scored_against_that_one(
    database: Database, counting: LlamaChat, passed_over: list[int]
) -> None:
    asked_by(database, counting, passed_over)
    draft = Draft("Write a note\n1. Append it.", "", "built", way=("append_file",))
    Procedures(database).add("Write a note", [("Note that tea is out", None)], draft)
    assert asked_by(database, counting, []) == len(passed_over)


def test_what_is_forgotten_leaves_no_answer_behind(database: Database, passed_over: list[int]) -> None:
    asked = Asked(database)
    asked.put(True, "title", "run")
    asked.save()
    assert Asked(database).get("title", "run") is True
    forget_attempts(database, passed_over[:1])
    assert Asked(database).get("title", "run") is None


def test_a_retry_brings_the_attempt_that_was_passed_over_with_it(database: Database, practice: Any) -> None:
    run = practice("add_todo", 1)
    (first,) = keep(database, run.wrong)
    (again,) = keep(database, run.right, retry_of=first)
    assert sorted_by(database, ScriptedModel(), [again]).new == ((first, again),)
    assert sorted_by(database, ScriptedModel(), []).new == ()


def test_a_pass_that_began_before_something_was_forgotten_keeps_no_answer(
    database: Database, passed_over: list[int]
) -> None:
    asked = Asked(database)
    asked.put(True, "title", "run")
    forget_attempts(database, passed_over[:1])
    asked.save()
    assert Asked(database).get("title", "run") is None
