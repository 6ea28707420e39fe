"""Trying a vector at several scales, and taking one in, with the bundled model."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from localnpm.distill import gguf, intake, trial
from localnpm.distill.prompt_pairs import in_chat
from localnpm.distill.vector_file import VectorFile
from localnpm.engine.llama_chat import LlamaChat
from localnpm.engine.messages import Message
from localnpm.engine.steering import NO_STEERING, Steering, SteeringPart
from localnpm.errors import ConfigError, SteeringError
from localnpm.home import bundled_model
from localnpm.memory.database import Database
from localnpm.memory.vector_store import VectorStore

MESSAGES = [Message("user", "Add milk to my shopping list")]


@pytest.fixture(scope="module")
def chat() -> Iterator[LlamaChat]:
    with LlamaChat.open(bundled_model()) as opened:
        yield opened


@pytest.fixture(scope="module")
def norms(chat: LlamaChat) -> np.ndarray:
    prompts = [chat.prompt([Message("user", text)], ())[0] for text in intake.PROBE]
    return intake.residual_norms(chat.model, prompts)


@pytest.fixture(scope="module")
def file(chat: LlamaChat, norms: np.ndarray) -> VectorFile:
    """A random direction of some strength."""
    rows = np.random.default_rng(5).standard_normal((chat.model.info.n_layer - 1, chat.model.info.n_embd))
    return gguf.compose(
        rows.astype(np.float32), norms.astype(np.float32), 0.2, (2, 5), model_hint=chat.model.info.architecture
    )


def test_scale_1_writes_what_the_steered_model_writes(chat: LlamaChat, file: VectorFile) -> None:
    [found] = trial.try_scales(chat, file, MESSAGES, [1], max_tokens=24)
    steering = Steering((SteeringPart(gguf.scaled(file)),))
    prompt, _ = chat.prompt(MESSAGES, ())
    generation = chat.model.generate(prompt, max_tokens=24, stop=chat.format.stop, steering=steering)
    assert found.text == "".join(generation)
    assert found.coefficient == pytest.approx(0.2)


def test_scale_0_is_the_model_without_the_vector(chat: LlamaChat, file: VectorFile) -> None:
    [found] = trial.try_scales(chat, file, MESSAGES, [0], max_tokens=8)
    generation = chat.model.generate(chat.prompt(MESSAGES, ())[0], max_tokens=8, stop=chat.format.stop)
    assert (found.text, found.kl, found.coefficient) == ("".join(generation), 0.0, 0.0)


def test_a_stronger_scale_moves_the_same_text_further(chat: LlamaChat, file: VectorFile) -> None:
    prompt, _ = chat.prompt(MESSAGES, ())
    generated = chat.model.tokenize('<tool_call>\n{"name": "read_file", "arguments": {"path": "shopping.md"}}')
    moved = [
        trial.mean_kl(chat.model, prompt, generated, Steering((SteeringPart(gguf.scaled(file, scale * 0.2)),)))
        for scale in (1, 2, 3)
    ]
    assert 0 < moved[0] < moved[1] < moved[2]


def test_the_divergence_is_that_of_the_distributions_whatever_is_read_at_once(
    chat: LlamaChat, file: VectorFile
) -> None:
    prompt, _ = chat.prompt(MESSAGES, ())
    generated = chat.model.tokenize("a b c d e f g h " * 5)
    assert len(generated) > 32
    steering = Steering((SteeringPart(gguf.scaled(file)),))
    tokens, positions = [*prompt, *generated], range(len(prompt) - 1, len(prompt) + len(generated) - 1)
    rows = [chat.model.logits(tokens, positions, steering=each).astype(np.float64) for each in (steering, NO_STEERING)]
    p, q = (np.exp(row) / np.exp(row).sum(axis=1, keepdims=True) for row in rows)
    expected = float((p * np.log(p / q)).sum(axis=1).mean())
    assert trial.mean_kl(chat.model, prompt, generated, steering) == pytest.approx(expected, rel=0.01)


def test_a_prompt_in_chat_is_a_request_that_waits_for_its_answer(chat: LlamaChat) -> None:
    [text] = in_chat(chat, ["Add milk"])
    assert text.endswith("<|im_start|>user\nAdd milk<|im_end|>\n<|im_start|>assistant\n")


@pytest.fixture(scope="module")
def taken(chat: LlamaChat, file: VectorFile) -> intake.Intake:
    return intake.take_in(file, chat)


@pytest.fixture(scope="module")
def strong(chat: LlamaChat, file: VectorFile, norms: np.ndarray) -> intake.Intake:
    """The same ten times as long, by its own words made for another model."""
    other = gguf.compose(
        file.directions, (norms / 20).astype(np.float32), 120, file.layers, model_hint="llama",
        provenance={"model_fingerprint": "other"},
    )  # fmt: skip
    return intake.take_in(other, chat, bound=0.5)


def test_a_vector_in_localnpms_unit_is_as_strong_as_its_coefficient(taken: intake.Intake) -> None:
    assert taken.strength == pytest.approx(0.2, rel=1e-3)


def test_of_a_vector_that_fits_nothing_is_noted(taken: intake.Intake) -> None:
    assert taken.reason == "imported: look at `localnpm vector try`, then `localnpm vector enable`"
    assert 0 < taken.measured["kl"] < 1


def test_a_vector_longer_than_the_residual_stream_is_noted(strong: intake.Intake) -> None:
    assert strong.strength == pytest.approx(6, rel=1e-3)
    assert "3 times as long as the residual stream itself" in strong.reason


def test_a_vector_that_is_too_strong_is_noted(strong: intake.Intake) -> None:
    assert strong.measured["kl"] > 0.5
    assert "0.5 are safe: take a smaller coefficient" in strong.reason


def test_a_vector_of_another_model_is_noted(strong: intake.Intake) -> None:
    assert "the norms that it states are not this model's" in strong.reason
    assert "made for a 'llama' model, this is a 'qwen3'" in strong.reason
    assert "another file or quantization" in strong.reason


def test_zeros_are_refused(chat: LlamaChat, file: VectorFile) -> None:
    with pytest.raises(SteeringError, match="only zeros"):
        intake.take_in(VectorFile(np.zeros_like(file.directions), "", "raw", 1.0, (1, 1)), chat)


def test_what_is_kept_is_quarantined_and_names_its_file(chat: LlamaChat, taken: intake.Intake) -> None:
    source = Path("Mörning: tidy.gguf")
    with Database.open(None) as database:
        store = VectorStore(database)
        names = []
        for _ in range(2):
            name = intake.free_name(None, source, store, chat.fingerprint)
            names.append(intake.store(taken, store, chat, name, source).name)
        assert names == ["morning-tidy", "morning-tidy-2"]
        assert {vector.status for vector in store.all()} == {"quarantined"}
        assert gguf.read(store.gguf(1)).provenance["imported_from"] == "Mörning: tidy.gguf"


def test_a_name_that_is_taken_is_refused(chat: LlamaChat, taken: intake.Intake) -> None:
    with Database.open(None) as database:
        store = VectorStore(database)
        intake.store(taken, store, chat, "tidy", Path("a.gguf"))
        with pytest.raises(ConfigError, match="already"):
            intake.free_name("tidy", Path("a.gguf"), store, chat.fingerprint)
