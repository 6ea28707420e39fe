"""`--steer`: how it is written, and which vectors it stands for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localnpm.distill import gguf, steer
from localnpm.distill.steer import SteerRequest
from localnpm.engine.info import ModelInfo
from localnpm.errors import ConfigError, LocalnpmError, NotFoundError, SteeringError
from localnpm.memory.database import Database
from localnpm.memory.procedure_names import valid
from localnpm.memory.vector_store import VectorStore

NAMES = st.from_regex(r"[a-z0-9]+(-[a-z0-9]+)*", fullmatch=True).filter(valid)
PATHS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12).map(lambda text: f"x{text}.gguf")
LAYERS = st.tuples(st.integers(1, 999), st.integers(0, 99)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@dataclass(frozen=True)
class Shape:
    """As much of a model as steering asks for."""

    fingerprint: str
    info: ModelInfo


def a_model(fingerprint: str = "f0", n_layer: int = 4, n_embd: int = 2) -> Shape:
    info = ModelInfo(
        path=Path("m.gguf"), architecture="llama", n_layer=n_layer, n_embd=n_embd, n_vocab=8, n_params=8, size_bytes=8,
        quantization="Q8_0", context_trained=8, chat_template=None, metadata={}, protocol=0, sampling=None,
    )  # fmt: skip
    return Shape(fingerprint, info)


@pytest.fixture
def vectors() -> Iterator[VectorStore]:
    with Database.open(None) as database:
        yield VectorStore(database)


@pytest.fixture
def add(vectors: VectorStore) -> Callable[..., int]:
    def write(name: str, status: str = "active", fingerprint: str = "f0", model: str = "a model") -> int:
        rows = np.array([[3, 0], [0, 4], [5, 0]], np.float32)
        file = gguf.compose(rows, np.ones(3, np.float32), 0.5, (1, 2), model_hint="llama")
        stored = vectors.add(
            name, gguf.to_bytes(file), status=status, origin="trained", model=model, model_fingerprint=fingerprint,
            coefficient=0.5, layers=(1, 2),
        )  # fmt: skip
        return stored.id

    return write


@given(NAMES | PATHS, st.none() | st.floats(-50, 50), st.none() | LAYERS)
def test_what_was_written_is_read_back(name: str, coefficient: float | None, layers: tuple[int, int] | None) -> None:
    request = SteerRequest(name, coefficient, layers)
    assert steer.parse(str(request)) == request


@given(st.text())
def test_any_text_is_read_or_refused_with_a_message(text: str) -> None:
    try:
        request = steer.parse(text)
    except ConfigError as error:
        assert steer.EXAMPLES in str(error) or "layers" in str(error) or "coefficient" in str(error)
    else:
        assert request.name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tidy", SteerRequest("tidy")),
        ("tidy:0.6", SteerRequest("tidy", 0.6)),
        ("tidy:-0.4@2-5", SteerRequest("tidy", -0.4, (2, 5))),
        ("tidy@3", SteerRequest("tidy", None, (3, 3))),
        (" tidy:+.5 ", SteerRequest("tidy", 0.5)),
        ("/a@2/b:1.gguf", SteerRequest("/a@2/b:1.gguf")),
        ("./v.GGUF:2@1-2", SteerRequest("./v.GGUF", 2.0, (1, 2))),
    ],
)
def test_each_form_is_understood(text: str, expected: SteerRequest) -> None:
    assert steer.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", ":0.5", "@2", "tidy:", "tidy:much", "tidy:nan", "tidy:inf", "tidy:1e999", "tidy@", "tidy@5-2", "tidy@0",
     "tidy@2-", "tidy@-2", "tidy:1:2", "a b:1", "a,b"],
)  # fmt: skip
def test_what_is_no_form_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--steer"):
        steer.parse(text)


def test_a_name_stands_for_the_vector_as_it_was_calibrated(vectors: VectorStore, add: Callable[..., int]) -> None:
    add("tidy")
    buffer = steer.resolve([steer.parse("tidy")], vectors, a_model()).buffer(4, 2)
    assert np.allclose(buffer, np.array([[1, 0], [0, 1], [0, 0]]) * 0.5 / np.sqrt(2))


def test_coefficient_and_layers_are_applied(vectors: VectorStore, add: Callable[..., int]) -> None:
    add("tidy")
    buffer = steer.resolve([steer.parse("tidy:-2@2")], vectors, a_model()).buffer(4, 2)
    assert np.allclose(buffer, [[0, 0], [0, -2], [0, 0]])


def test_several_vectors_are_added(vectors: VectorStore, add: Callable[..., int]) -> None:
    add("tidy")
    add("brief")
    buffer = steer.resolve([steer.parse("tidy:1@1"), steer.parse("brief:2@1")], vectors, a_model()).buffer(4, 2)
    assert np.allclose(buffer[0], [3, 0])


def test_a_file_can_be_named(vectors: VectorStore, tmp_path: Path) -> None:
    file = gguf.compose(np.ones((2, 2), np.float32), np.ones(2, np.float32), 1, (1, 2), model_hint="llama")
    gguf.export(gguf.to_bytes(file), tmp_path / "v.gguf")
    steering = steer.resolve([steer.parse(f"{tmp_path}/v.gguf:0.5")], vectors, a_model())
    assert np.allclose(steering.buffer(4, 2), gguf.scaled(gguf.fitted(file, 4, 2), 0.5).directions)


def test_an_unknown_name_is_refused_with_near_ones(vectors: VectorStore, add: Callable[..., int]) -> None:
    add("tidy-names")
    with pytest.raises(NotFoundError, match=r"no control vector 'tidy-name'; near ones are tidy-names"):
        steer.resolve([SteerRequest("tidy-name")], vectors, a_model())


def test_without_any_vector_it_is_said_how_to_come_by_one(vectors: VectorStore) -> None:
    with pytest.raises(NotFoundError, match="localnpm distill"):
        steer.resolve([SteerRequest("tidy")], vectors, a_model())


def test_a_vector_of_another_model_is_refused(vectors: VectorStore, add: Callable[..., int]) -> None:
    add("tidy", fingerprint="other", model="big one")
    with pytest.raises(SteeringError, match=r"belongs to the model big one.*--rebuild"):
        steer.resolve([SteerRequest("tidy")], vectors, a_model())


def test_of_two_models_vectors_this_ones_is_taken(vectors: VectorStore, add: Callable[..., int]) -> None:
    mine = add("tidy")
    add("tidy", fingerprint="other")
    assert steer.find("tidy", vectors, "f0").id == mine


@pytest.mark.parametrize("status", ["candidate", "quarantined"])
def test_what_the_gate_holds_back_can_be_steered_by_hand(
    status: str, vectors: VectorStore, add: Callable[..., int]
) -> None:
    add("tidy", status=status)
    assert steer.resolve([SteerRequest("tidy")], vectors, a_model()).key


def test_a_disabled_vector_is_refused(vectors: VectorStore, add: Callable[..., int]) -> None:
    add("tidy", status="disabled")
    with pytest.raises(SteeringError, match="localnpm vector enable tidy"):
        steer.resolve([SteerRequest("tidy")], vectors, a_model())


def test_a_file_made_for_another_model_file_is_refused(vectors: VectorStore, tmp_path: Path) -> None:
    told = {"model": "big one", "model_fingerprint": "other"}
    file = gguf.compose(
        np.ones((3, 2), np.float32), np.ones(3, np.float32), 1, (1, 2), model_hint="llama", provenance=told
    )
    gguf.export(gguf.to_bytes(file), tmp_path / "v.gguf")
    with pytest.raises(SteeringError, match=r"another model file or quantization \(big one\)"):
        steer.resolve([SteerRequest(f"{tmp_path}/v.gguf")], vectors, a_model())


def test_a_vector_of_another_shape_is_refused(vectors: VectorStore, add: Callable[..., int]) -> None:
    add("tidy")
    with pytest.raises(SteeringError, match="made for another model"):
        steer.resolve([SteerRequest("tidy")], vectors, a_model(n_embd=3))


def test_a_vector_that_was_emptied_says_so(vectors: VectorStore, add: Callable[..., int]) -> None:
    vector_id = add("tidy")
    with vectors.database.transaction() as connection:
        connection.execute("UPDATE vectors SET gguf = x'' WHERE id = ?", (vector_id,))
    with pytest.raises(LocalnpmError, match="emptied when an attempt"):
        steer.resolve([SteerRequest("tidy")], vectors, a_model())
