"""The banks of wordings: well-formed, told apart, and with a held-out part that training never uses."""

import random
from collections import Counter

import pytest

from localnpm.evals.habits import phrases
from localnpm.evals.habits.families import BY_NAME, FAMILIES
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.phrases import Reason, RequestBank
from localnpm.evals.habits.profile import VARIANTS, wording
from localnpm.evals.habits.request import capitalize, extend, polite, typed_quotes, with_article
from localnpm.evals.habits.task import Task

EVERY_FAMILY = pytest.mark.parametrize("family", FAMILIES, ids=list(BY_NAME))
EVERY_REASON = pytest.mark.parametrize("kind", ["correction", "instruction"])


def all_templates(bank: RequestBank) -> list[str]:
    return [
        template
        for wordings in (bank.plain, bank.known, bank.held_out)
        for template in wordings.clauses + wordings.sentences
    ]


@EVERY_FAMILY
def test_a_familys_templates_are_well_formed(family: type[Task]) -> None:
    assert phrases.problems(family.name) == []


@EVERY_FAMILY
def test_a_family_has_many_templates(family: type[Task]) -> None:
    wide = phrases.wide_requests(family.name)
    plain = phrases.request_bank(family.name).plain
    assert len(wide.clauses) >= 45
    assert len(wide.sentences) >= 35
    assert len(plain.clauses) + len(plain.sentences) >= 12


def test_no_template_serves_two_families() -> None:
    # clean_temp and move_ext share forms without a dot: their extensions tell them apart.
    counts = Counter(
        template
        for family in FAMILIES
        for template in set(all_templates(phrases.request_bank(family.name)))
        if family.name != "clean_temp" or ".{e}" in template
    )
    assert [template for template, count in counts.items() if count > 1] == []


@EVERY_FAMILY
def test_a_familys_held_out_templates_are_not_known(family: type[Task]) -> None:
    bank = phrases.request_bank(family.name)
    held_out = set(bank.held_out.clauses + bank.held_out.sentences)
    assert held_out
    assert not held_out & set(bank.plain.clauses + bank.plain.sentences + bank.known.clauses + bank.known.sentences)


@EVERY_FAMILY
def test_only_the_evaluation_words_requests_in_new_ways(family: type[Task]) -> None:
    training, evaluation = Names(random.Random(3)), Names(random.Random(3), "eval")
    assert {family.make(training).worded for _ in range(30)} == {"known"}
    assert {family.make(evaluation).worded for _ in range(30)} == {"known", "new"}


@EVERY_REASON
def test_every_variant_can_be_stated_in_many_ways(kind: Reason) -> None:
    enough = {"correction": 15, "instruction": 10}[kind]
    wide, plain = phrases.wide_reasons(kind), phrases.plain_reasons(kind)
    for family in FAMILIES:
        for habit in family.habits:
            for variant in VARIANTS[habit]:
                assert len(wide[habit, variant]) >= enough
                assert plain[habit, variant]


@EVERY_REASON
def test_a_reason_states_one_variant_and_has_no_punctuation_at_its_end(kind: Reason) -> None:
    stated: dict[tuple[str, str], str] = {}
    for (habit, variant), lines in phrases.wide_reasons(kind).items():
        for line in lines:
            assert line[-1] not in ".!?"
            assert stated.setdefault((habit, line), variant) == variant


@EVERY_REASON
def test_held_out_reasons_are_for_the_evaluation_alone(kind: Reason) -> None:
    for (habit, variant), lines in phrases.wide_reasons(kind).items():
        held_out = set(phrases.split(lines)[1])
        uniform = random.Random(1).random
        assert not {wording(uniform, kind, habit, variant) for _ in range(60)} & held_out
        assert {wording(uniform, kind, habit, variant, "eval") for _ in range(60)} & held_out


def test_a_fifth_of_a_list_is_held_out() -> None:
    assert phrases.split("abcdefghij") == (tuple("abcdefgh"), tuple("ij"))
    assert phrases.split("abcd") == (tuple("abcd"), ())


@pytest.mark.parametrize(
    ("text", "capitalized"),
    [
        ("add it", "Add it"),
        ("docs/a.txt needs it", "docs/a.txt needs it"),
        ("max_users is wrong", "max_users is wrong"),
        ("3 files", "3 files"),
        ('"a" is done', '"a" is done'),
    ],
)
def test_a_sentence_gets_a_capital_unless_it_starts_with_a_path_a_key_or_a_number(text: str, capitalized: str) -> None:
    assert capitalize(text) == capitalized


def test_a_clause_becomes_many_requests() -> None:
    uniform = random.Random(1).random
    requests = {polite(uniform, "tidy up") for _ in range(500)}
    assert {"Tidy up.", "tidy up", "Please tidy up.", "Can you tidy up?", "Tidy up. Thanks!"} <= requests
    assert all("tidy up" in request.lower() for request in requests)


def test_quotes_are_typed_in_three_ways() -> None:
    uniform = random.Random(1).random
    typed = {typed_quotes(uniform, 'add "x"') for _ in range(100)}
    assert typed == {'add "x"', "add 'x'", "add \u201cx\u201d"}


@pytest.mark.parametrize(
    ("request_text", "extended"),
    [
        ("Add it", "Add it. Keep a copy."),
        ("Can you add it?", "Can you add it? Keep a copy."),
        ("Add it. Thanks!", "Add it. Keep a copy."),
    ],
)
def test_a_request_can_be_extended_by_a_sentence(request_text: str, extended: str) -> None:
    assert extend(request_text, "Keep a copy.") == extended


def test_an_article_fits_its_word() -> None:
    assert (with_article("offer"), with_article("letter")) == ("an offer", "a letter")
