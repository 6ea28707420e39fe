"""Household documents of the corpus: reproducible, short enough, and trained on what an assistant should write."""

import random

import pytest

from household_corpus import MAX_CHARACTERS, Document, document, make_document


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    rng = random.Random(7)
    return [make_document(rng) for _ in range(250)]


def test_the_same_seed_gives_the_same_documents() -> None:
    assert [document(random.Random(5)) for _ in range(5)] == [document(random.Random(5)) for _ in range(5)]


def test_all_kinds_occur(documents: list[Document]) -> None:
    assert {made.facts["kind"] for made in documents} == {"act", "script", "revise"}


def test_a_document_ends_with_a_turn_to_be_written(documents: list[Document]) -> None:
    assert all(made.messages[-1].role == "assistant" and made.messages[-1].trained for made in documents)


def test_only_the_assistants_turns_are_to_be_written(documents: list[Document]) -> None:
    assert all(message.role == "assistant" for made in documents for message in made.messages if message.trained)


def test_no_document_is_longer_than_the_limit(documents: list[Document]) -> None:
    assert all(sum(len(message.text) for message in made.messages) <= MAX_CHARACTERS for made in documents)


def test_memory_is_followed_by_success(documents: list[Document]) -> None:
    with_memory = [made.facts for made in documents if made.facts.get("memory") not in (None, "none")]
    assert with_memory
    assert all(facts["won"] for facts in with_memory)


def test_a_corrected_script_differs_from_the_faulty_one(documents: list[Document]) -> None:
    for made in documents:
        if made.facts["kind"] == "revise":
            faulty = made.messages[1].text.removeprefix("# Procedure\n").split("\n\n")[0]
            assert made.messages[2].text != faulty
