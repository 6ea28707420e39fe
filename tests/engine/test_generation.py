"""Streaming from a prompt: what ends it, what is reused, what is counted, and that draws can be repeated."""

from collections.abc import Callable

import pytest

from localnpm.engine.model import Model
from localnpm.engine.sampling import Sampling
from localnpm.errors import ContextFullError, ModelError

WARM = Sampling(temperature=1.2, top_k=0, top_p=1.0, min_p=0.0)


def text_of(model: Model, prompt: list[int], sampling: Sampling, max_tokens: int = 24) -> str:
    return "".join(model.generate(prompt, sampling=sampling, max_tokens=max_tokens))


def test_the_models_own_end_of_turn_ends_it(bundled: Model) -> None:
    prompt = bundled.tokenize("<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n")
    generation = bundled.generate(prompt, max_tokens=300)
    text = "".join(generation)
    assert generation.stop_reason == "end"
    assert "<|im_end|>" not in text
    assert bundled.tokenize(text) == generation.tokens


def test_greedy_takes_the_likeliest_token_each_time(bundled: Model, prompt: list[int]) -> None:
    generation = bundled.generate(prompt, max_tokens=5)
    list(generation)
    text = [*prompt, *generation.tokens]
    rows = bundled.logits(text, list(range(len(prompt) - 1, len(text) - 1)))
    assert rows.argmax(axis=1).tolist() == generation.tokens


def test_a_seed_reproduces_a_draw(bundled: Model, prompt: list[int]) -> None:
    sampling = Sampling(temperature=1.2, seed=7)
    assert text_of(bundled, prompt, sampling) == text_of(bundled, prompt, sampling)


def test_other_seeds_draw_otherwise(bundled: Model, prompt: list[int]) -> None:
    draws = {text_of(bundled, prompt, Sampling(1.2, 0, 1.0, 0.0, 1.0, seed)) for seed in range(6)}
    assert len(draws) > 1


def test_top_k_of_one_is_greedy(bundled: Model, prompt: list[int]) -> None:
    drawn = text_of(bundled, prompt, Sampling(temperature=1.0, top_k=1, seed=3), 12)
    assert drawn == text_of(bundled, prompt, Sampling(), 12)


def test_a_repeat_penalty_lessens_repetition(bundled: Model) -> None:
    prompt = bundled.tokenize("a a a a a a a a a a a a")

    def repeated(sampling: Sampling) -> int:
        generation = bundled.generate(prompt, sampling=sampling, max_tokens=16)
        list(generation)
        return len(generation.tokens) - len(set(generation.tokens))

    assert repeated(Sampling(repeat_penalty=3.0)) < repeated(Sampling())


def test_max_tokens_is_a_hard_limit(bundled: Model, prompt: list[int]) -> None:
    generation = bundled.generate(prompt, max_tokens=3)
    list(generation)
    assert (len(generation.tokens), generation.stop_reason) == (3, "length")


def test_no_tokens_wanted_reads_the_prompt_only(bundled: Model, prompt: list[int]) -> None:
    generation = bundled.generate(prompt, max_tokens=0)
    assert list(generation) == []
    assert generation.stop_reason == "length"


def test_a_stop_text_ends_it_and_is_left_out(bundled: Model, prompt: list[int]) -> None:
    plain = "".join(bundled.generate(prompt, max_tokens=12))
    stop = plain[5:9]
    generation = bundled.generate(prompt, max_tokens=12, stop=(stop,))
    assert "".join(generation) == generation.text == plain[: plain.index(stop)]
    assert generation.stop_reason == "stop"


def test_a_full_context_ends_it(bundled: Model) -> None:
    prompt = (bundled.tokenize("one two three ") * bundled.context)[: bundled.context - 2]
    generation = bundled.generate(prompt, max_tokens=100, sampling=WARM)
    list(generation)
    assert generation.stop_reason in ("context", "end")
    assert len(generation.tokens) <= 3


def test_a_prompt_longer_than_the_context_is_refused(bundled: Model) -> None:
    with pytest.raises(ContextFullError, match=f"{bundled.context + 1:,} tokens and the context holds"):
        bundled.generate([1] * (bundled.context + 1), max_tokens=1)


def test_an_empty_prompt_is_refused(bundled: Model) -> None:
    with pytest.raises(ModelError, match="the prompt is empty"):
        bundled.generate([], max_tokens=1)


def test_only_new_tokens_are_read(bundled: Model, prompt: list[int]) -> None:
    bundled.forget_cache()
    first = bundled.generate(prompt, max_tokens=8)
    list(first)
    longer = [*prompt, *first.tokens, *bundled.tokenize("<|im_end|>\n<|im_start|>user\nThanks<|im_end|>\n")]
    second = bundled.generate(longer, max_tokens=1)
    list(second)
    assert second.usage.prompt_tokens == len(longer)
    assert second.usage.cached_tokens == len(prompt) + 7


def test_progress_tells_the_new_tokens_batch_by_batch(bundled: Model) -> None:
    bundled.forget_cache()
    told: list[tuple[int, int]] = []
    prompt = bundled.tokenize("word " * 700)[:1100]
    list(bundled.generate(prompt, max_tokens=1, progress=lambda done, total: told.append((done, total))))
    assert told[0] == (0, 1100)
    assert told[-1] == (1100, 1100)
    assert len(told) > 2
    assert told == sorted(told)


def test_starting_another_generation_ends_the_open_one(bundled: Model, prompt: list[int]) -> None:
    first = bundled.generate(prompt, max_tokens=50)
    next(first)
    expected = text_of(bundled, prompt, Sampling(), 6)
    assert list(first) == []
    assert text_of(bundled, prompt, Sampling(), 6) == expected


def test_a_generation_can_be_abandoned(bundled: Model, prompt: list[int]) -> None:
    expected = text_of(bundled, prompt, Sampling(), 6)
    generation = bundled.generate(prompt, max_tokens=50)
    next(generation)
    generation.close()
    assert generation.stop_reason is None
    assert text_of(bundled, prompt, Sampling(), 6) == expected


def test_a_model_whose_state_cannot_be_cut_reads_anew_and_answers_alike(tiny: Callable[[str], Model]) -> None:
    model = tiny("plamo2")
    prompt = model.tokenize("state space")
    fresh = text_of(model, prompt, Sampling(), 6)
    list(model.generate(prompt + prompt, max_tokens=3))
    again = model.generate(prompt, max_tokens=6)
    assert "".join(again) == fresh
    assert again.usage.cached_tokens == 0


def test_reused_and_fresh_prompts_give_the_same_tokens(bundled: Model, prompt: list[int]) -> None:
    results = []
    for clean in (True, False, True):
        if clean:
            bundled.forget_cache()
        else:
            list(bundled.generate(prompt[:20], max_tokens=3))
        results.append(text_of(bundled, prompt, Sampling(), 30))
    assert len(set(results)) == 1
