"""Cancelling: within 250 ms, while the prompt is read too, and with a cache that can be trusted afterwards."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from localnpm.engine.cancel import Cancel
from localnpm.engine.model import Model
from localnpm.evals.random_gguf import Shape, write_random_model


@pytest.fixture(scope="module")
def slow_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    """A model large enough that reading its context takes seconds."""
    path = tmp_path_factory.mktemp("slow") / "slow.gguf"
    write_random_model(path, Shape("llama", 6, 1024, 16, 4, 2048, 320, 4096), quantized=True)
    with Model.open(path) as model:
        yield model


def test_a_cancelled_prompt_ends_within_250_ms(slow_model: Model) -> None:
    cancel = Cancel()
    set_at: list[float] = []

    def set_it() -> None:
        set_at.append(time.perf_counter())
        cancel.set()

    prompt = slow_model.tokenize("a long prompt " * 300)[:4000]
    timer = threading.Timer(0.4, set_it)
    timer.start()
    generation = slow_model.generate(prompt, max_tokens=5, cancel=cancel)
    pieces = list(generation)
    ended = time.perf_counter()
    timer.join()
    assert (pieces, generation.stop_reason) == ([], "cancelled")
    assert ended - set_at[0] < 0.25


def test_after_a_cancelled_prompt_the_model_answers_as_before(slow_model: Model) -> None:
    prompt = slow_model.tokenize("another prompt " * 4)
    slow_model.forget_cache()
    expected = "".join(slow_model.generate(prompt, max_tokens=6))
    slow_model.forget_cache()
    cancel = Cancel()
    timer = threading.Timer(0.2, cancel.set)
    timer.start()
    cancelled = slow_model.generate(prompt * 60, max_tokens=1, cancel=cancel)
    list(cancelled)
    timer.join()
    assert cancelled.stop_reason == "cancelled"
    assert "".join(slow_model.generate(prompt, max_tokens=6)) == expected


def test_a_cancel_between_tokens_ends_the_stream(bundled: Model, prompt: list[int]) -> None:
    cancel = Cancel()
    generation = bundled.generate(prompt, max_tokens=50, cancel=cancel)
    first = next(generation)
    cancel.set()
    assert list(generation) == []
    assert (generation.text, generation.stop_reason) == (first, "cancelled")


def test_a_cancel_set_before_the_start_reads_nothing(bundled: Model, prompt: list[int]) -> None:
    bundled.forget_cache()
    cancel = Cancel()
    cancel.set()
    generation = bundled.generate(prompt, max_tokens=5, cancel=cancel)
    assert list(generation) == []
    assert generation.stop_reason == "cancelled"


def test_a_cleared_cancel_can_be_used_again(bundled: Model, prompt: list[int]) -> None:
    cancel = Cancel()
    cancel.set()
    cancel.clear()
    generation = bundled.generate(prompt, max_tokens=3, cancel=cancel)
    list(generation)
    assert generation.stop_reason in ("length", "end")


def test_an_old_cancel_does_not_end_later_generations(bundled: Model, prompt: list[int]) -> None:
    cancel = Cancel()
    list(bundled.generate(prompt, max_tokens=2, cancel=cancel))
    cancel.set()
    generation = bundled.generate(prompt, max_tokens=2)
    list(generation)
    assert generation.stop_reason == "length"


def test_a_waiting_thread_is_woken(tmp_path: Path) -> None:
    cancel = Cancel()
    threading.Thread(target=cancel.set).start()
    assert cancel.wait(5)
