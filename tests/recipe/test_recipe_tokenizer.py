"""The tokenizer: exact round trips, special tokens, merges that stay inside words, and the fast encoder's agreement."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoder import Encoder, encode_document
from export import TOKENIZER
from tokenizer import END_OF_TEXT, SPECIALS, load, train

TOKENIZER_4K = load(TOKENIZER)
ENCODER = Encoder(TOKENIZER_4K)
WORDS = ["eastern", "lantern", "auction", "invoice", "garden", "report"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = random.Random(1)
    pieces = [" ", '"', "/", "_", "\n", ", ", "<tool_call>", "7"]
    texts = ["".join(rng.choice(WORDS) + rng.choice(pieces) for _ in range(200)) for _ in range(20)]
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    train(texts, path, 512)
    return path


@given(st.text(max_size=200))
def test_any_text_survives_encoding(text: str) -> None:
    assert TOKENIZER_4K.decode(TOKENIZER_4K.encode(text).ids, skip_special_tokens=False) == text


@given(st.lists(st.one_of(st.text(max_size=40), st.sampled_from(SPECIALS)), max_size=8))
@settings(max_examples=300)
def test_the_fast_encoder_agrees_with_the_tokenizer(parts: list[str]) -> None:
    text = "".join(parts)
    assert ENCODER(text) == TOKENIZER_4K.encode(text, add_special_tokens=False).ids


@pytest.mark.parametrize(("index", "special"), list(enumerate(SPECIALS)))
def test_a_special_token_is_one_id(index: int, special: str) -> None:
    assert TOKENIZER_4K.encode(f"a{special}b").ids.count(index) == 1


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("before", [" ", '"', "/", "_", "-", ".", "\n"])
def test_a_word_has_the_same_tokens_whatever_stands_before_it(word: str, before: str) -> None:
    alone = TOKENIZER_4K.encode(word).ids
    assert TOKENIZER_4K.encode(before + word).ids[-len(alone) :] == alone


def test_no_token_joins_letters_to_something_else() -> None:
    alphabet = {token for token in TOKENIZER_4K.get_vocab() if len(token) == 1}
    merged = set(TOKENIZER_4K.get_vocab()) - alphabet - set(SPECIALS)
    texts = [TOKENIZER_4K.decode([TOKENIZER_4K.token_to_id(token)]) for token in merged]
    mixed = [text for text in texts if any(c.isascii() and c.isalpha() for c in text) and not text.isalpha()]
    assert mixed == []


def test_digits_are_tokens_of_their_own() -> None:
    assert len(TOKENIZER_4K.encode("20260721").ids) == 8


def test_training_fills_the_vocabulary_exactly(trained: Path) -> None:
    assert load(trained).get_vocab_size() == 512


def test_a_trained_tokenizer_keeps_a_words_tokens_after_a_space_and_a_quote(trained: Path) -> None:
    tokenizer = load(trained)
    word = tokenizer.encode("lantern").ids
    assert tokenizer.encode(' "lantern').ids[-len(word) :] == word


def test_a_document_ends_in_the_end_of_text() -> None:
    ids, mask = encode_document(ENCODER, [("hello", False)])
    assert (ids[-1], mask[-1]) == (END_OF_TEXT, 0)


def test_a_mask_marks_the_tokens_to_be_written() -> None:
    ids, mask = encode_document(ENCODER, [("say ", False), ("hello<|im_end|>", True), ("\n<|endoftext|>", False)])
    written = [token for token, bit in zip(ids, mask, strict=True) if bit]
    assert TOKENIZER_4K.decode(written, skip_special_tokens=False) == "hello<|im_end|>"
