"""The embedder's requests and their scoring: nothing of what is scored is trained on."""

import random
import re

import numpy as np
import pytest

from embedder_join import split_with
from embedder_requests import FAMILY_KINDS, Requests, lexicon, pairs, parts
from embedder_score import SETS, interval, score_draw, written_requests
from localnpm.evals.habits.phrases import SLOTS, request_bank
from localnpm.home import bundled_embedder
from localnpm.memory.calibration import by_probes
from localnpm.memory.embedding import open_embedder


def plain(text: str) -> str:
    return re.sub(r"\W+", " ", text).strip().lower()


def test_no_action_or_object_is_both_trained_on_and_held_out() -> None:
    for file in ("actions", "objects"):
        trained, held_out = parts(file, held_out=False), parts(file, held_out=True)
        assert len(held_out) > 10
        assert not set(trained) & set(held_out)
        assert {*trained, *held_out} == set(lexicon(file))


def content(text: str) -> frozenset[str]:
    """The words that a template is about."""
    small = "the a an of in to for it is my me i that this and with from be as on at you so should has have please by"
    return frozenset(plain(re.sub(r"{\w+}", " ", text)).split()) - frozenset(small.split())


def test_no_wording_like_those_that_the_families_hold_out_is_trained_on() -> None:
    for _, family in FAMILY_KINDS:
        bank = request_bank(family).held_out
        held_out = [content(template) for template in bank.clauses + bank.sentences]
        for template in lexicon("families")[family]:
            own = content(template)
            assert max(len(own & other) / max(1, len(own | other)) for other in held_out) < 0.5, template


def test_added_wordings_have_only_slots_that_their_family_fills() -> None:
    for _, family in FAMILY_KINDS:
        slots = frozenset().union(*SLOTS[family])
        for template in lexicon("families")[family]:
            assert set(re.findall(r"{(\w+)}", template)) <= slots


def test_requests_that_are_scored_stand_in_no_training_file() -> None:
    trained = {
        plain(text) for file in ("actions", "families", "household") for each in lexicon(file).values() for text in each
    }
    assert not trained & {plain(text) for texts in written_requests().values() for text in texts}


def test_a_kind_is_worded_in_many_ways_and_the_same_ones_for_a_seed() -> None:
    kind = ("rename", "photo")
    first, again = Requests(random.Random(3)), Requests(random.Random(3))
    texts = [first.of(kind) for _ in range(30)]
    assert texts == [again.of(kind) for _ in range(30)]
    assert len(set(texts)) > 20


def test_pairs_share_actions_and_objects() -> None:
    found = pairs(random.Random(1), parts("actions", held_out=False), parts("objects", held_out=False), 40)
    assert len(set(found)) == 40
    assert len({action for action, _ in found}) < 40 and len({thing for _, thing in found}) < 40


def test_an_interval_holds_the_share() -> None:
    assert interval(np.array([True, True, False, False]), np.array([0, 1, 2, 3])).startswith("0.500 [0")


@pytest.mark.parametrize("name", ["habits", "written"])
def test_recall_finds_held_out_requests_better_than_tf_idf(name: str) -> None:
    pytest.importorskip("sklearn")
    embedder = open_embedder(bundled_embedder())
    figures = score_draw(SETS[name](random.Random(1)), embedder, by_probes(embedder))
    assert figures["first"].mean() > figures["first by TF-IDF"].mean() + 0.2


def test_a_token_is_read_with_the_longest_pieces_of_another_vocabulary() -> None:
    vocabulary = {"soap": 1, "##bar": 2, "##b": 3, "s": 4}
    assert split_with(vocabulary, "soapbar") == [1, 2]
    assert split_with(vocabulary, "##bar") == [2]
    assert split_with(vocabulary, "xylophone") == []
