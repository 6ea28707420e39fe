"""Names and words: what training may see, what it may not, and that a seed fixes everything."""

import random
import re

import pytest

from localnpm.evals.habits import made_up, word_lists
from localnpm.evals.habits.names import Names, Split, slug
from localnpm.evals.habits.paths import base_name, folder_prefix, kebab, pascal, snake, split_extension


def draw_many(split: Split, count: int = 300) -> list[str]:
    names = Names(random.Random(1), split)
    return [text for _ in range(count) for text in (names.todo(), names.event(), names.sentence(), names.person())]


def words_in(texts: list[str]) -> set[str]:
    return {word.lower() for text in texts for word in re.findall("[A-Za-z]+", text)}


@pytest.mark.parametrize("kind", word_lists.LISTS)
def test_each_kind_of_word_has_a_held_out_part(kind: str) -> None:
    training, evaluation = word_lists.training_words(kind), word_lists.evaluation_words(kind)
    assert evaluation
    assert len(training) > 3 * len(evaluation)
    assert sorted(training + evaluation) == sorted(word_lists.words_of(kind))


def test_a_word_that_is_held_out_in_one_list_is_in_no_training_list() -> None:
    training = {
        part.lower() for kind in word_lists.LISTS for word in word_lists.training_words(kind) for part in word.split()
    }
    assert not training & word_lists.held_out_words()


def test_held_out_is_the_same_whatever_the_case() -> None:
    word = next(iter(sorted(word_lists.held_out_words())))
    assert word_lists.held_out(word.upper()) and word_lists.held_out(word.capitalize())


def test_the_fixed_texts_words_are_never_held_out() -> None:
    assert not any(map(word_lists.held_out, ("plan", "bill", "please", "file", "folder")))


def test_made_up_words_are_in_one_pool_and_in_no_list() -> None:
    pools = [set(made_up.training_made_up()), set(made_up.held_out_made_up()), set(made_up.pieced_words())]
    assert not pools[1] & (pools[0] | pools[2])
    assert not word_lists.real_words() & set.union(*pools)


@pytest.mark.parametrize("split", ["train", "bootstrap"])
def test_training_texts_have_no_held_out_word(split: Split) -> None:
    held_out = word_lists.held_out_words() | set(made_up.held_out_made_up())
    assert not words_in(draw_many(split)) & held_out


def test_evaluation_texts_have_held_out_words() -> None:
    words = words_in(draw_many("eval"))
    assert len(words & word_lists.held_out_words()) > 50
    assert len(words & set(made_up.held_out_made_up())) > 50


def test_the_bootstrap_split_has_no_words_of_tokenizer_pieces() -> None:
    pieced = set(made_up.pieced_words()) - set(made_up.training_made_up())
    assert words_in(draw_many("train")) & pieced
    names = Names(random.Random(1), "bootstrap")
    assert not {names.made_up() for _ in range(2000)} & pieced


def test_the_same_seed_draws_the_same_texts() -> None:
    assert draw_many("eval", 20) == draw_many("eval", 20)


@pytest.mark.parametrize(
    ("method", "form"),
    [
        ("date", r"20(1[89]|2[0-7])-(0[1-9]|1[0-2])-([01]\d|2[0-8])"),
        ("time", r"\d{1,2}:(00|15|30|45)"),
        ("amount", r"\d+(\.\d\d)?"),
        ("phone", r"0\d+ \d{3} \d{4}"),
        ("person", r"[A-Z]\w* [A-Z]\w*"),
    ],
)
def test_a_drawn_value_has_its_form(method: str, form: str) -> None:
    names = Names(random.Random(2))
    assert all(re.fullmatch(form, getattr(names, method)()) for _ in range(200))


@pytest.mark.parametrize("extension", ["md", "txt", "csv", "ini", "yaml", "json", "log"])
def test_a_filler_file_ends_in_a_newline(extension: str) -> None:
    names = Names(random.Random(3))
    assert all(names.file_text(["garden", "fence"], extension).endswith("\n") for _ in range(50))


def test_names_are_spelled_in_the_styles_of_file_names() -> None:
    words = ["Garden", "fence", "2"]
    assert (kebab(words), snake(words), pascal(words)) == ("garden-fence-2", "garden_fence_2", "GardenFence2")
    assert slug("Oak Mont Ltd") == "oak-mont-ltd"


def test_a_path_has_a_folder_a_stem_and_an_extension() -> None:
    assert (base_name("a/b/c.txt"), folder_prefix("a/b/c.txt")) == ("c.txt", "a/b/")
    assert (base_name("c.txt"), folder_prefix("c.txt")) == ("c.txt", "")
    assert (split_extension("a.b.txt"), split_extension(".env"), split_extension("a")) == (
        ("a.b", ".txt"),
        (".env", ""),
        ("a", ""),
    )
