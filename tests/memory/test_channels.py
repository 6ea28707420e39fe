"""Which channel is chosen, with which probability, and when a procedure is given up."""

from collections import Counter
from collections.abc import Mapping
from random import Random

import pytest

from localnpm.memory.channels import REASON_USES, Choice, choose, probabilities
from localnpm.memory.posterior import Beta, best_of, to_retire
from localnpm.memory.records import Channel
from localnpm.memory.uplift import Arm, uplift
from localnpm.memory.uses import CHANNELS, NOTHING, WITH_MEMORY, Statistics, Tallies, Tally

ALL = frozenset(CHANNELS)
SCRIPT: frozenset[Channel] = frozenset({"none", "script"})


def tally(wins: int, uses: int) -> Tally:
    return Tally(wins, uses, float(uses), float(wins))


def known(**tallies: Tally) -> Statistics:
    """Statistics with these tallies and nothing else known."""
    return Statistics(1, by_channel={**NOTHING, **tallies})  # type: ignore[dict-item]


class World:
    """A procedure whose channels succeed with known rates; a share of the verdicts is wrong."""

    def __init__(self, rates: Mapping[Channel, float], seed: int, wrong: float = 0.0) -> None:
        self.rates = rates
        self.random = Random(seed)
        self.wrong = wrong
        self.tallies: dict[Channel, Tally] = dict(NOTHING)
        self.chosen: list[Channel] = []

    @property
    def statistics(self) -> Statistics:
        return Statistics(1, by_channel=self.tallies)

    def task(self, holdout: float = 0.05) -> Choice:
        """One task: a channel is chosen and the outcome judged."""
        available = frozenset(self.rates)
        choice = choose(self.statistics, available=available, holdout=holdout, random=self.random)
        won = self.random.random() < self.rates[choice.channel]
        if self.random.random() < self.wrong:
            won = not won
        weight = 1 / choice.probability
        arm = Arm(1, weight, weight**2, weight * won) if choice.counts else Arm()
        self.tallies[choice.channel] += Tally(int(won), 1, 1.0, float(won), arm)
        self.chosen.append(choice.channel)
        return choice


@pytest.mark.parametrize("wanted", CHANNELS)
def test_what_the_user_asks_for_is_obeyed_and_does_not_count(wanted: Channel) -> None:
    choice = choose(known(), available=ALL, wanted=wanted, random=Random(1))
    assert (choice.channel, choice.probability, choice.counts) == (wanted, 1.0, False)


def test_both_without_a_vector_is_the_script() -> None:
    choice = choose(known(), available=SCRIPT, wanted="both", random=Random(1))
    assert (choice.channel, choice.why) == ("script", "you asked for both, of which there is only the script")


def test_a_vector_that_is_not_there_is_not_replaced_by_a_script() -> None:
    assert choose(known(), available=SCRIPT, wanted="vector", random=Random(1)).channel == "none"


def test_where_nothing_was_learned_nothing_is_chosen_and_nothing_counts() -> None:
    choice = choose(known(), available=frozenset(), random=Random(1))
    assert (choice.channel, choice.probability, choice.counts) == ("none", 1.0, False)


@pytest.mark.parametrize("seed", range(20))
def test_only_available_channels_are_chosen(seed: int) -> None:
    assert choose(known(), available=frozenset({"vector"}), random=Random(seed)).channel in ("none", "vector")


def test_a_script_learned_from_a_reason_is_used_as_it_is_at_first() -> None:
    choices = [choose(known(), available=ALL, random=Random(seed), holdout=0.5, from_reason=True) for seed in range(30)]
    assert {(choice.channel, choice.probability, choice.counts) for choice in choices} == {("script", 1.0, False)}


def test_after_five_judged_uses_it_is_sampled_like_any_other() -> None:
    judged = known(script=tally(REASON_USES, REASON_USES))
    choices = [choose(judged, available=ALL, random=Random(n), holdout=0.5, from_reason=True) for n in range(30)]
    assert len({choice.channel for choice in choices}) > 1


def test_the_same_random_state_gives_the_same_choice() -> None:
    assert [choose(known(), available=ALL, random=Random(n)) for n in range(20)] == [
        choose(known(), available=ALL, random=Random(n)) for n in range(20)
    ]


def test_channels_are_drawn_with_the_probabilities_that_are_logged() -> None:
    random = Random(3)
    statistics = known(script=tally(5, 8), none=tally(3, 6))
    choices = [choose(statistics, available=ALL, random=random, holdout=0.2) for _ in range(1500)]
    drawn = Counter(choice.channel for choice in choices)
    for choice in set(choices):
        assert drawn[choice.channel] / len(choices) == pytest.approx(choice.probability, abs=0.05)


def test_the_probabilities_are_those_of_being_the_best() -> None:
    beliefs: dict[Channel, Beta] = {"none": Beta(3, 5), "script": Beta(5, 4), "vector": Beta(1.2, 0.8)}
    random = Random(8)
    best: Counter[Channel] = Counter()
    for _ in range(20_000):
        rates = {channel: random.betavariate(belief.a, belief.b) for channel, belief in beliefs.items()}
        best[max(rates, key=rates.__getitem__)] += 1
    for channel, share in best_of(beliefs).items():
        assert share == pytest.approx(best[channel] / 20_000, abs=0.02)


def test_the_holdout_is_the_least_that_stays_without_memory_and_can_be_turned_off() -> None:
    sure = known(script=tally(300, 300), none=tally(0, 300))
    assert probabilities(sure, SCRIPT, 0.05)["none"] == pytest.approx(0.05)
    assert probabilities(sure, SCRIPT, 0.0)["none"] == pytest.approx(0.0)


def test_a_held_out_task_says_why() -> None:
    sure = known(script=tally(300, 300), none=tally(0, 300))
    held_out = [choose(sure, available=SCRIPT, random=Random(n), holdout=0.5) for n in range(20)]
    assert {choice.why for choice in held_out if choice.channel == "none"} == {
        "kept without memory this once, to measure what memory is worth"
    }


def test_a_new_procedure_is_used_most_of_the_time() -> None:
    assert probabilities(known(), SCRIPT, 0.05)["script"] > 0.85


def test_what_other_procedures_show_is_where_a_new_one_starts() -> None:
    overall: Tallies = {**NOTHING, "script": tally(5, 60), "none": tally(40, 60)}
    assert probabilities(Statistics(1, overall=overall), SCRIPT, 0.0)["script"] < 0.2


@pytest.mark.parametrize(
    "rates",
    [
        {"none": 0.3, "script": 0.5},
        {"none": 0.6, "script": 0.4},
        {"none": 0.4, "script": 0.4, "vector": 0.6, "both": 0.4},
        {"none": 0.3, "script": 0.5, "vector": 0.5, "both": 0.7},
    ],
    ids=["script", "none", "vector", "both"],
)
def test_after_200_uses_the_channel_that_is_better_by_a_fifth_is_chosen_most_of_the_time(
    rates: dict[Channel, float],
) -> None:
    best = max(rates, key=rates.__getitem__)
    share = 0.0
    for seed in range(8):
        world = World(rates, seed)
        for _ in range(200):
            world.task()
        share += probabilities(world.statistics, frozenset(rates), 0.05)[best] / 8
    assert share > 0.5


def test_the_uplift_of_tasks_that_the_sampler_chose_is_covered_by_its_interval() -> None:
    rates: dict[Channel, float] = {"none": 0.3, "script": 0.6}
    covered = worlds = 0
    for seed in range(60):
        world = World(rates, seed)
        for _ in range(80):
            world.task(holdout=0.1)
        found = uplift([world.tallies[channel].arm for channel in WITH_MEMORY], world.tallies["none"].arm)
        if found is not None:
            worlds += 1
            covered += found.interval[0] <= 0.3 <= found.interval[1]
    assert worlds > 50
    assert covered / worlds >= 0.88


def test_one_bad_verdict_after_five_wins_changes_little() -> None:
    judged = known(script=tally(5, 6))
    assert not to_retire(judged)
    assert probabilities(judged, SCRIPT, 0.05)["script"] > 0.85


def test_a_procedure_that_fails_where_doing_without_works_is_retired() -> None:
    assert to_retire(known(script=tally(0, 6), none=tally(5, 6)))


def test_two_failures_are_too_few_to_retire_on() -> None:
    assert not to_retire(known(script=tally(0, 2), none=tally(9, 9)))


def test_a_poor_procedure_that_beats_doing_without_stays() -> None:
    assert not to_retire(known(script=tally(8, 20), none=tally(1, 20)))


@pytest.mark.parametrize("wrong", [0.1, 0.2])
def test_wrong_verdicts_hardly_ever_retire_a_good_procedure(wrong: float) -> None:
    assert retired({"none": 0.3, "script": 0.8}, wrong) <= 2


@pytest.mark.parametrize(("wrong", "least"), [(0.1, 36), (0.2, 28)])
def test_wrong_verdicts_seldom_keep_a_harmful_procedure(wrong: float, least: int) -> None:
    assert retired({"none": 0.7, "script": 0.1}, wrong) >= least


def retired(rates: dict[Channel, float], wrong: float) -> int:
    """In how many of 40 worlds a procedure is retired within 40 tasks, looked at after each."""
    count = 0
    for seed in range(40):
        world = World(rates, seed, wrong)
        for _ in range(40):
            world.task()
            if to_retire(world.statistics):
                count += 1
                break
    return count
