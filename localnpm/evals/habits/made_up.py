"""Words that nobody has seen: what makes copying names a skill instead of a memory.

Two pools. *Made-up* words are syllables; a tenth of them is held out for evaluation. *Pieced* words are random
pieces of the bundled model's tokenizer, for training alone: whatever pieces an unknown word breaks into, the model
has copied them before.
"""

import random
from functools import cache

from localnpm.evals.habits.word_lists import held_out, load, real_words

POOL_SIZE = 40_000

# Syllables: an onset, a nucleus, and at some places a coda, which is often empty.
_ONSETS = load("syllable_onsets")
_NUCLEI = load("syllable_nuclei")
_CODAS = ("", "", "", *load("syllable_codas"))


@cache
def _made_up_pools() -> tuple[list[str], list[str]]:
    draw = random.Random(20240607).random
    training: list[str] = []
    evaluation: list[str] = []
    seen: set[str] = set()
    real = real_words()
    while len(training) < POOL_SIZE:
        syllables = 2 if draw() < 0.65 else 3
        word = ""
        for left in range(syllables - 1, -1, -1):
            word += _ONSETS[int(draw() * len(_ONSETS))] + _NUCLEI[int(draw() * len(_NUCLEI))]
            if not left or draw() < 0.35:
                word += _CODAS[int(draw() * len(_CODAS))]
        if word in seen or word in real or not 4 <= len(word) <= 9:
            continue
        seen.add(word)
        (evaluation if held_out(word) else training).append(word)
    return training, evaluation


def training_made_up() -> list[str]:
    """The made-up words that training uses, `POOL_SIZE` of them."""
    return _made_up_pools()[0]


def held_out_made_up() -> list[str]:
    """The made-up words that only the evaluation uses."""
    return _made_up_pools()[1]


@cache
def pieced_words() -> list[str]:
    """`POOL_SIZE` words of two to four tokenizer pieces (`words/token_pieces.txt`), none of them real or held out."""
    rng = random.Random(20240608)
    pieces = load("token_pieces")
    real = real_words()
    words: dict[str, None] = {}
    while len(words) < POOL_SIZE:
        word = "".join(rng.choice(pieces) for _ in range(rng.choice((2, 2, 2, 3, 3, 4))))
        if 3 <= len(word) <= 12 and word not in real and not held_out(word):
            words[word] = None
    return list(words)
