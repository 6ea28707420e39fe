"""Held-out episodes: who knows the profile succeeds, who does not fails, and a seed fixes all of it."""

import random
from collections.abc import Sequence

import pytest

from localnpm.evals.habits import references
from localnpm.evals.habits.episodes import ChatMessage, Episode, MemoryKind, clean, make, parse_call, run_episode
from localnpm.evals.habits.families import BY_NAME, FAMILIES

PROFILES = 3
PER_FAMILY = 3


@pytest.fixture(scope="module")
def held_out() -> list[Episode]:
    return make(3, PROFILES, PER_FAMILY)


@pytest.fixture(scope="module")
def doable(held_out: list[Episode]) -> list[Episode]:
    return [episode for episode in held_out if not episode.honest]


def test_every_profile_gets_every_family(held_out: list[Episode]) -> None:
    order = [episode.family for episode in held_out]
    assert order == [name for _ in range(PROFILES) for name in BY_NAME for _ in range(PER_FAMILY)]
    assert len({tuple(episode.profile.items()) for episode in held_out}) == PROFILES


def test_some_episodes_are_about_a_missing_thing(held_out: list[Episode], doable: list[Episode]) -> None:
    assert 5 < len(held_out) - len(doable) < len(held_out) / 5


def test_half_of_the_requests_are_worded_anew(held_out: list[Episode]) -> None:
    new = sum(episode.worded == "new" for episode in held_out)
    assert 0.4 < new / len(held_out) < 0.6


@pytest.mark.parametrize("memory", ["none", "script", "example", "proceduralization", "wrong_script", "wrong_example"])
def test_the_expert_succeeds_under_every_condition(held_out: list[Episode], memory: MemoryKind) -> None:
    for episode in held_out:
        result = run_episode(episode, references.expert(episode), memory)
        assert (result.success, result.reason, result.bad_calls) == (True, "ok", 0)
        assert result.process in (None, True)


def test_another_variant_fails(doable: list[Episode]) -> None:
    rng = random.Random(8)
    assert not any(run_episode(episode, references.wrong_variant(episode, rng)).success for episode in doable)


def test_a_careless_act_fails(doable: list[Episode]) -> None:
    rng = random.Random(9)
    assert not any(run_episode(episode, references.careless_act(episode, rng)).success for episode in doable)


def test_variants_drawn_from_the_prior_succeed_sometimes(doable: list[Episode]) -> None:
    rng = random.Random(10)
    rates = references.success_rates(doable, lambda episode: references.random_variant(episode, rng))
    assert set(rates) == set(BY_NAME)
    assert 0.15 < sum(rates.values()) / len(rates) < 0.6


def test_a_result_counts_steps_and_keeps_the_transcript(doable: list[Episode]) -> None:
    episode = doable[0]
    result = run_episode(episode, references.expert(episode), "script")
    system, user, *turns = result.transcript
    assert system["content"].endswith(f"# Procedure\n{episode.script}")
    assert user == {"role": "user", "content": episode.request}
    assert len(turns) == 2 * result.steps + 1
    assert turns[-1] == {"role": "assistant", "content": result.answer}


def test_memory_can_be_any_script_and_example(doable: list[Episode]) -> None:
    result = run_episode(doable[0], lambda messages: "Done.", ("Do it", "Task: x"))
    assert result.transcript[0]["content"].endswith("# Procedure\nDo it\n\n# Example\nTask: x")


def test_an_episode_that_never_answers_ends(doable: list[Episode]) -> None:
    listing = '<tool_call>\n{"name": "list_directory", "arguments": {"path": "."}}\n</tool_call>'
    result = run_episode(doable[0], lambda messages: listing, max_steps=4)
    assert (result.success, result.reason, result.steps) == (False, "too many steps", 5)


def test_broken_calls_are_counted_and_told(doable: list[Episode]) -> None:
    answers = iter(["<tool_call>\nnonsense\n</tool_call>", '<tool_call>{"name": 3}</tool_call>', "Done."])
    seen: list[str] = []

    def act(messages: Sequence[ChatMessage]) -> str:
        seen.append(messages[-1]["content"])
        return next(answers)

    assert run_episode(doable[0], act).bad_calls == 2
    error = "<tool_response>\nError: the tool call is not valid JSON\n</tool_response>"
    assert seen[1:] == [error, error]


def test_a_turn_ends_at_its_end_token() -> None:
    assert clean(" Done.<|im_end|>\n<|im_start|>user") == "Done."


def test_a_call_is_parsed_and_an_answer_is_none() -> None:
    assert parse_call('<tool_call>\n{"name": "a", "arguments": {"b": 1}}\n</tool_call>') == ("a", {"b": 1})
    assert parse_call('<tool_call>{"name": "a", "arguments": {}}') == ("a", {})
    assert parse_call("Done.") is None


@pytest.mark.parametrize("text", ["<tool_call>x</tool_call>", "<tool_call>[1]</tool_call>"])
def test_what_is_no_call_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_call(text)


def test_the_same_seed_makes_the_same_episodes() -> None:
    def told() -> list[tuple[object, ...]]:
        return [
            (episode.request, episode.workspace().files, episode.script, episode.wrong_example)
            for episode in make(5, 1, 1)
        ]

    assert told() == told()


def test_families_can_be_chosen() -> None:
    assert [episode.family for episode in make(1, 1, 1, families=["journal", "look_up"])] == ["journal", "look_up"]


def test_no_thing_is_missing_when_none_shall_be() -> None:
    assert not any(episode.honest for episode in make(1, 1, 3, missing=0))


def test_memory_shows_the_users_variants_and_the_control_shows_others() -> None:
    for episode in make(2, 2, 1):
        assert episode.script != episode.wrong_script
        assert episode.memory("proceduralization") == (episode.script, episode.example)
        assert episode.memory(None) == episode.memory("none") == (None, None)
    assert len(FAMILIES) == 20
