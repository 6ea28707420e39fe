"""Grammars after the fact: text is free before a trigger, constrained from its first byte, over after its end."""

from collections.abc import Callable

import pytest

from localnpm.engine.grammar import LazyGrammar
from localnpm.engine.guard import GrammarGuard
from localnpm.engine.model import Model
from localnpm.engine.sampling import Sampling
from localnpm.errors import ModelError

CALL = LazyGrammar('root ::= "<tool_call>\\n{" [a-z]+ "}\\n</tool_call>"', ("<tool_call>",))
WARM = Sampling(temperature=1.5, top_k=0, top_p=1.0, min_p=0.0)


@pytest.fixture
def model(tiny: Callable[[str], Model]) -> Model:
    return tiny("qwen2")


def follows(guard: GrammarGuard, model: Model, text: str | list[int]) -> bool:
    """Whether the guard lets all tokens of a text come, each after the other."""
    for token in model.tokenize(text) if isinstance(text, str) else text:
        if not guard.allows(token):
            return False
        guard.accept(token)
    return True


def test_text_before_a_trigger_is_free(model: Model) -> None:
    assert follows(GrammarGuard(CALL, model.vocabulary), model, 'Anything <tool and "more" é\n')


def test_a_call_that_fits_passes(model: Model) -> None:
    assert follows(GrammarGuard(CALL, model.vocabulary), model, "First: <tool_call>\n{abc}\n</tool_call>")


@pytest.mark.parametrize("call", ["<tool_call>{", "<tool_call>\n{A", "<tool_call>\n{a}<", "<tool_call>\n{}"])
def test_a_call_that_does_not_fit_is_refused(model: Model, call: str) -> None:
    assert not follows(GrammarGuard(CALL, model.vocabulary), model, f"Text. {call}")


def test_a_trigger_spelled_in_many_tokens_starts_the_grammar(model: Model) -> None:
    spelled = list(b"x <tool_call>")
    guard = GrammarGuard(CALL, model.vocabulary)
    assert follows(guard, model, spelled)
    assert guard.constraining
    assert not guard.allows(ord("{"))
    assert guard.allows(ord("\n"))


def test_a_trigger_that_begins_and_ends_within_tokens_is_exact(model: Model) -> None:
    word = model.tokenize("<|im_end|>")[0] + 3
    assert model.detokenize([word]) == " w0"
    grammar = LazyGrammar('root ::= "wow" [0-9] "!"', ("wow",))
    inside = LazyGrammar('root ::= "w0" "!"', ("w0",))
    guard = GrammarGuard(inside, model.vocabulary)
    assert follows(guard, model, [word])
    assert guard.allows(ord("!")) and not guard.allows(ord("?"))
    assert follows(GrammarGuard(grammar, model.vocabulary), model, [word, ord("w"), ord("o")])


def test_text_after_the_trigger_within_one_token_must_fit_too(model: Model) -> None:
    word = model.tokenize("<|im_end|>")[0] + 3
    refused = LazyGrammar('root ::= "w" "1"', ("w",))
    assert not GrammarGuard(refused, model.vocabulary).allows(word)
    assert GrammarGuard(refused, model.vocabulary).allows(word + 1)


def test_after_a_complete_call_only_the_end_may_follow(model: Model) -> None:
    guard = GrammarGuard(CALL, model.vocabulary)
    assert follows(guard, model, "<tool_call>\n{a}\n</tool_call>")
    assert guard.allows(model.vocabulary.eos)
    assert not guard.allows(ord("x"))


def test_the_turn_cannot_end_within_a_call(model: Model) -> None:
    guard = GrammarGuard(CALL, model.vocabulary)
    assert follows(guard, model, "<tool_call>\n{a")
    assert not guard.allows(model.vocabulary.eos)


def test_a_stop_text_may_follow_a_complete_call(model: Model) -> None:
    guard = GrammarGuard(CALL, model.vocabulary, stop=("END",))
    assert follows(guard, model, "<tool_call>\n{a}\n</tool_call>")
    assert follows(guard, model, "END")


def test_without_triggers_the_grammar_holds_from_the_start(model: Model) -> None:
    guard = GrammarGuard(LazyGrammar('root ::= "yes" | "no"', ()), model.vocabulary)
    assert guard.allows(ord("y")) and not guard.allows(ord("x"))


def test_a_grammar_that_cannot_be_read_is_an_error(model: Model, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ModelError, match="cannot read this grammar"):
        GrammarGuard(LazyGrammar("root ::= (", ("x",)), model.vocabulary)
    capfd.readouterr()


@pytest.mark.parametrize("sampling", [Sampling(), WARM, Sampling(repeat_penalty=1.3)])
@pytest.mark.parametrize("architecture", ["qwen2", "llama", "phi3"])
def test_whatever_a_model_prefers_its_call_fits_the_grammar(
    tiny: Callable[[str], Model], architecture: str, sampling: Sampling
) -> None:
    model = tiny(architecture)
    grammar = LazyGrammar('root ::= "{" [a-c] [a-c] [0-9] "}"', ())
    generation = model.generate(model.tokenize("go "), max_tokens=40, grammar=grammar, sampling=sampling)
    text = "".join(generation)
    assert generation.stop_reason == "end"
    assert len(text) == 5 and text[0] + text[-1] == "{}" and set(text[1:3]) <= set("abc") and text[3].isdigit()


def test_the_bundled_models_own_calls_are_left_as_they_are(bundled: Model) -> None:
    prompt = bundled.tokenize(
        "<|im_start|>system\nYou are localnpm, a personal agent. "
        "You work on the files in the user's workspace with tools, one call at a time, then answer.<|im_end|>\n"
        '<|im_start|>user\nAdd "buy milk" to the list in todo.md<|im_end|>\n<|im_start|>assistant\n'
    )
    free = "".join(bundled.generate(prompt, max_tokens=80))
    grammar = LazyGrammar('root ::= "<tool_call>\\n{" [^<]* "</tool_call>"', ("<tool_call>",))
    assert "".join(bundled.generate(prompt, max_tokens=80, grammar=grammar)) == free
    assert "<tool_call>" in free
