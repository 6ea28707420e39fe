"""Steering by hand on the bundled model: in place of recall's vectors, in the log, and off again."""

import numpy as np
import pytest

from localnpm.agent.options import Options
from localnpm.agent.workbench import Workbench
from localnpm.config import MemorySettings, Settings
from localnpm.distill.gguf import compose, to_bytes
from localnpm.engine.llama_chat import LlamaChat
from localnpm.errors import ConfigError, NotFoundError
from localnpm.home import Home, bundled_model
from localnpm.learning.learner import Learner
from localnpm.memory.database import Database
from localnpm.memory.procedure_records import Draft
from localnpm.memory.procedures import Procedures
from localnpm.memory.uses import of_attempt
from localnpm.memory.vector_store import VectorStore

REQUEST = 'Add "buy milk" to my todo list'


@pytest.fixture(scope="module")
def chat():
    with LlamaChat.open(bundled_model()) as opened:
        yield opened


@pytest.fixture
def open_learner(chat, tmp_path, embedder):
    """A learner on the bundled model, with a vector of no great strength, `mine`; `steer` is what the run was told."""
    home = Home(tmp_path / "home")
    home.prepare()
    (tmp_path / "work").mkdir()
    (tmp_path / "work/todo.md").write_text("# Todo\n")
    with Database.open(home.memory) as database:
        shape = chat.model.info.n_layer - 1, chat.model.info.n_embd
        rows = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
        file = compose(rows, np.ones(shape[0], np.float32), 0.01, (1, shape[0]), model_hint="llama")
        VectorStore(database).add(
            "mine", to_bytes(file), status="quarantined", origin="trained", model=chat.name,
            model_fingerprint=chat.fingerprint, coefficient=0.01, layers=(1, shape[0]),
        )  # fmt: skip

        def opened(*steer: str) -> Learner:
            options = Options(workspace=tmp_path / "work", allow=frozenset({"write"}), steer=steer)
            settings = Settings(memory=MemorySettings(holdout=0.0))
            bench = Workbench(home, settings, options, chat, database)
            return Learner(bench, embedder)

        yield opened


def play(learner):
    bench = learner.bench
    seen = list(learner.run(REQUEST, bench.new_session(REQUEST)))
    recalled = next(event for event in seen if event.type == "recalled")
    return recalled, bench.log.attempt(seen[-1].attempt_id)


def test_a_vector_named_by_the_user_steers_even_if_no_gate_has_passed_it(open_learner):
    recalled, attempt = play(open_learner("mine:0.02@2-3"))
    assert (recalled.channel, recalled.coefficient, attempt.channel) == ("vector", 0.02, "vector")
    assert "mine:0.02@2-3, as you asked" in recalled.why


def test_a_recalled_script_goes_along_and_counts_for_no_statistic(open_learner):
    learner = open_learner("mine")
    learner.memory = "script"
    Procedures(learner.learned_in).add("Add a todo", [(REQUEST, None)], Draft("Add a todo\n1. Add it.", "", "built"))
    recalled, attempt = play(learner)
    assert (recalled.channel, attempt.channel) == ("both", "both")
    assert [(use.channel, use.counts) for use in of_attempt(learner.learned_in, attempt.id)] == [("script", False)]


def test_it_is_switched_on_and_off_for_what_comes_next(open_learner):
    learner = open_learner()
    learner.steer(["mine:0.01"])
    assert play(learner)[0].channel == "vector"
    learner.steer([])
    assert play(learner)[0].channel == "none"


def test_names_that_are_none_are_errors_before_anything_is_done(open_learner):
    with pytest.raises(NotFoundError, match="nobodys"):
        open_learner("nobodys:0.6")
    with pytest.raises(ConfigError, match="x:y"):
        open_learner("x:y")
