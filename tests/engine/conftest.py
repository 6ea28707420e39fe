"""Models for the engine's tests: the bundled one, and tiny ones with random weights."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localnpm.engine.model import Model
from localnpm.evals.random_gguf import Shape, write_random_model
from localnpm.home import bundled_model

TinyModel = Callable[[str], Model]


@pytest.fixture(scope="session")
def bundled() -> Iterator[Model]:
    """The bundled model, opened once; tests that need an empty cache call `forget_cache`."""
    with Model.open(bundled_model()) as model:
        yield model


@pytest.fixture(scope="session")
def tiny_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The path of a tiny random model of an architecture, written once."""
    folder = tmp_path_factory.mktemp("tiny")

    def write(architecture: str) -> Path:
        path = folder / f"{architecture}.gguf"
        if not path.exists():
            write_random_model(path, Shape(architecture))
        return path

    return write


@pytest.fixture(scope="session")
def tiny(tiny_file: Callable[[str], Path]) -> Iterator[TinyModel]:
    """Opens a tiny random model of an architecture, once."""
    opened: dict[str, Model] = {}

    def open_one(architecture: str) -> Model:
        if architecture not in opened:
            opened[architecture] = Model.open(tiny_file(architecture))
        return opened[architecture]

    yield open_one
    for model in opened.values():
        model.close()


@pytest.fixture
def prompt(bundled: Model) -> list[int]:
    """A request to the bundled model, as its template renders one."""
    return bundled.tokenize(
        "<|im_start|>system\nYou are localnpm.<|im_end|>\n"
        '<|im_start|>user\nAdd "buy milk" to my todo list<|im_end|>\n<|im_start|>assistant\n'
    )
