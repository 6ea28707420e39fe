"""Text to token ids at the speed that a corpus generator needs, with the same result as the tokenizer's own.

The Qwen2 split is done by Python's `re` with a dictionary of finished pieces behind it, about six times as fast as the
tokenizer. `shards.py --check` compares every document with the tokenizer's answer.
"""

import array
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence

from tokenizers import Tokenizer

from corpus_conversation import Segment
from tokenizer import END_OF_TEXT, SPECIALS

MOST_PIECES = 400_000

# Python's [^\W\d_] is \p{L} plus the numbers that are no decimal digits (½, Ⅷ), and its \s has \x1c-\x1f: a text with
# one of those goes the slow way.
_SPLIT = re.compile(
    r"'(?:[sStTmMdD]|[rR][eE]|[vV][eE]|[lL][lL])|(?:_|[^\w\r\n])?[^\W\d_]+|\d| ?(?:_|[^\w\s])+[\r\n]*|"
    r"\s*[\r\n]+|\s+(?!\S)|\s+"
)
_TAG = re.compile(r"(<\|endoftext\|>|<\|im_start\|>|<\|im_end\|>|</?tool_call>|</?tool_response>)")
_SPECIAL = frozenset(SPECIALS)
_ODD = frozenset("\x1c\x1d\x1e\x1f").union(
    character for character in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(character) in ("No", "Nl")
)

EncodedDocument = tuple["array.array[int]", bytearray]
"""Token ids (uint16), and for each 1 where the model learns to write it."""


class Encoder:
    """A tokenizer with a memory for the pieces it has seen."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._known: dict[str, list[int]] = {}

    def __call__(self, text: str) -> list[int]:
        """The ids of a text, its special tokens as single ids."""
        if not _ODD.isdisjoint(text):
            return self._encode(text)
        known = self._known
        ids: list[int] = []
        for part in _TAG.split(text):
            if not part:
                continue
            for piece in [part] if part in _SPECIAL else _SPLIT.findall(part):
                found = known.get(piece)
                if found is None:
                    found = self._encode(piece)
                    if len(known) < MOST_PIECES:
                        known[piece] = found
                ids += found
        return ids

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids


def encode_document(encode: Encoder, segments: Sequence[Segment]) -> EncodedDocument:
    """A document's ids and mask; it ends in <|endoftext|>.

    Encoded segment by segment, which equals the whole text's encoding because every border is at a special token.
    """
    ids, mask = array.array("H"), bytearray()
    for text, trained in segments:
        new = encode(text)
        ids.extend(new)
        mask.extend((b"\1" if trained else b"\0") * len(new))
    if not ids or ids[-1] != END_OF_TEXT:
        ids.append(END_OF_TEXT)
        mask.append(0)
    return ids, mask


def encode_documents(encode: Encoder, documents: Iterable[Sequence[Segment]]) -> list[EncodedDocument]:
    """`encode_document` of each."""
    return [encode_document(encode, segments) for segments in documents]
