"""Control vectors: how parts are composed, and that llama.cpp adds exactly that, on several architectures."""

from collections.abc import Callable

import numpy as np
import pytest

from localnpm.engine.activations import capture
from localnpm.engine.model import Model
from localnpm.engine.steering import ControlVector, Scope, Steering, SteeringPart
from localnpm.errors import SteeringError

ARCHITECTURES = ("llama", "qwen2", "qwen3", "gemma", "phi2", "phi3")
TEXT = "hello there <tool_call> steer me\n"


def random_steering(model: Model, size: float, seed: int = 0, scope: Scope = "all") -> Steering:
    rng = np.random.default_rng(seed)
    directions = rng.standard_normal((model.info.n_layer - 1, model.info.n_embd)).astype(np.float32)
    return Steering((SteeringPart(ControlVector("random", directions), size),), scope)


def vector(*rows: list[float]) -> ControlVector:
    return ControlVector("v", np.array(rows, np.float32))


def test_parts_are_added_with_their_coefficients_and_layers() -> None:
    parts = (SteeringPart(vector([1, 1], [2, 2]), 0.5), SteeringPart(vector([1, 0], [0, 4]), -1.0, (2, 2)))
    assert Steering(parts).buffer(3, 2).tolist() == [[0.5, 0.5], [1, -3]]


def test_the_key_is_equal_for_equal_sums() -> None:
    one = Steering((SteeringPart(vector([2, 0]), 1.0),))
    other = Steering((SteeringPart(vector([1, 0]), 1.0), SteeringPart(vector([1, -0.0]), 1.0)))
    assert one.key == other.key


def test_the_key_differs_for_different_sums() -> None:
    assert Steering((SteeringPart(vector([2, 0])),)).key != Steering((SteeringPart(vector([2, 1])),)).key


def test_a_zero_vector_has_the_key_of_no_steering() -> None:
    assert Steering((SteeringPart(vector([3, 4]), 0.0),)).key == Steering().key == ""


def test_vectors_of_two_models_do_not_mix() -> None:
    with pytest.raises(SteeringError, match="different models"):
        Steering((SteeringPart(vector([1, 2])), SteeringPart(vector([1, 2, 3])))).buffer(2, 2)


def test_a_vector_of_another_model_is_refused_by_name(bundled: Model, prompt: list[int]) -> None:
    with pytest.raises(SteeringError, match="'v' has the shape"):
        bundled.generate(prompt, max_tokens=1, steering=Steering((SteeringPart(vector([1, 2])),)))


def test_layers_that_the_model_lacks_are_refused() -> None:
    with pytest.raises(SteeringError, match="layers 0-1 cannot be steered"):
        Steering((SteeringPart(vector([1, 2]), 1.0, (0, 1)),)).buffer(2, 2)


def test_a_vector_with_an_infinity_is_refused() -> None:
    with pytest.raises(SteeringError, match="not finite"):
        Steering((SteeringPart(vector([1, float("inf")])),)).buffer(2, 2)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_vector_at_a_block_moves_its_output_by_itself(architecture: str, tiny: Callable[[str], Model]) -> None:
    model = tiny(architecture)
    tokens = model.tokenize(TEXT)
    plain = capture(model, tokens)
    for block in range(1, model.info.n_layer):
        offset = np.zeros((model.info.n_layer - 1, model.info.n_embd), np.float32)
        offset[block - 1] = np.linspace(-1, 1, model.info.n_embd)
        steering = Steering((SteeringPart(ControlVector("offset", offset)),), "all")
        moved = capture(model, tokens, steering=steering)[block] - plain[block]
        assert np.abs(moved - offset[block - 1]).max() < 1e-4


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_zero_and_cleared_vectors_equal_none_bit_for_bit(architecture: str, tiny: Callable[[str], Model]) -> None:
    model = tiny(architecture)
    tokens = model.tokenize(TEXT)
    positions = list(range(len(tokens)))
    results = []
    for steering in (None, random_steering(model, 0.0), random_steering(model, 2.0), None):
        model.forget_cache()
        results.append(model.logits(tokens, positions, steering=steering))
    none, zero, steered, cleared = results
    assert np.array_equal(none, zero)
    assert np.array_equal(none, cleared)
    assert not np.allclose(none, steered, atol=0.01)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_after_a_change_of_vector_logits_are_those_of_a_fresh_context(
    architecture: str, tiny: Callable[[str], Model]
) -> None:
    model = tiny(architecture)
    tokens = model.tokenize(TEXT)
    last = [len(tokens) - 1]
    for scope in ("generation", "all"):
        for size in (0.5, 0.0, -0.5):
            steering = random_steering(model, size, scope=scope)
            changed = model.logits(tokens, last, steering=steering)
            model.forget_cache()
            fresh = model.logits(tokens, last, steering=steering)
            assert np.abs(changed - fresh).max() < 1e-3


def test_the_bundled_model_generates_after_a_change_as_on_a_fresh_context(bundled: Model, prompt: list[int]) -> None:
    generated = []
    for clean in (False, True):
        for seed, size in ((1, 0.05), (2, 0.05), (0, 0.0), (1, 0.05)):
            if clean:
                bundled.forget_cache()
            generation = bundled.generate(
                prompt, max_tokens=16, steering=random_steering(bundled, size, seed, "generation")
            )
            generated.append((clean, size, seed, "".join(generation)))
    assert [text for clean, *_, text in generated if clean] == [text for clean, *_, text in generated if not clean]


def test_by_default_the_prompt_is_read_unsteered(bundled: Model, prompt: list[int]) -> None:
    bundled.forget_cache()
    list(bundled.generate(prompt, max_tokens=1))
    steered = bundled.generate(prompt, max_tokens=4, steering=random_steering(bundled, 0.1, scope="generation"))
    list(steered)
    assert steered.usage.cached_tokens == len(prompt) - 1


def test_steered_tokens_are_read_again_unsteered_in_the_next_turn(bundled: Model, prompt: list[int]) -> None:
    bundled.forget_cache()
    first = bundled.generate(prompt, max_tokens=6, steering=random_steering(bundled, 0.05, scope="generation"))
    list(first)
    following = bundled.generate([*prompt, *first.tokens], max_tokens=1)
    list(following)
    assert following.usage.cached_tokens == len(prompt) - 1


def test_unsteered_tokens_are_kept_for_the_next_turn(bundled: Model, prompt: list[int]) -> None:
    bundled.forget_cache()
    first = bundled.generate(prompt, max_tokens=6)
    list(first)
    following = bundled.generate([*prompt, *first.tokens], max_tokens=1)
    list(following)
    assert following.usage.cached_tokens == len(prompt) + 5


def test_the_first_token_is_steered(bundled: Model, prompt: list[int]) -> None:
    plain = bundled.logits(prompt, [len(prompt) - 1])
    steered = bundled.logits(prompt, [len(prompt) - 1], steering=random_steering(bundled, 1.0, scope="generation"))
    assert np.abs(plain - steered).max() > 0.1


def test_the_bundled_model_passes_the_self_test(bundled: Model) -> None:
    assert bundled.steerable().works


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_architectures_with_control_vectors_pass_the_self_test(architecture: str, tiny: Callable[[str], Model]) -> None:
    assert tiny(architecture).steerable().works


def test_an_architecture_without_control_vectors_is_reported_as_such(tiny: Callable[[str], Model]) -> None:
    report = tiny("plamo2").steerable()
    assert not report.works
    assert "ignores control vectors" in report.reason
