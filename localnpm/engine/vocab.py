"""A model's vocabulary: text to tokens and back. Every token's bytes are looked up once."""

import ctypes
from collections.abc import Sequence

from localnpm.engine import library
from localnpm.errors import ModelError


class Vocabulary:
    """Tokens of one loaded model; valid as long as the model is."""

    def __init__(self, model: int) -> None:
        self._llama = llama = library.llama()
        self.pointer = llama.llama_model_get_vocab(model)
        self.size = int(llama.llama_vocab_n_tokens(self.pointer))
        self._pieces: list[bytes | None] = [None] * self.size
        self._end: dict[int, bool] = {}
        self._bytes: dict[bytes, int] | None = None

    @property
    def bos(self) -> int:
        """The token that begins a text, -1 for none."""
        return int(self._llama.llama_vocab_bos(self.pointer))

    @property
    def eos(self) -> int:
        """The token that ends a text, -1 for none."""
        return int(self._llama.llama_vocab_eos(self.pointer))

    @property
    def adds_bos(self) -> bool:
        """Whether the model expects every prompt to begin with `bos`."""
        return bool(self._llama.llama_vocab_get_add_bos(self.pointer))

    def text_of(self, token: int) -> str:
        """A special token's text; empty for -1."""
        return self.piece(token).decode("utf-8", "replace") if token >= 0 else ""

    def tokenize(self, text: str, *, special: bool = True) -> list[int]:
        """Tokens of a text, none added. `special`: read special tokens' texts as those tokens."""
        data = text.encode("utf-8", "replace")
        room = len(data) + 16
        tokens = (self._llama.llama_token * room)()
        count = self._llama.llama_tokenize(self.pointer, data, len(data), tokens, room, False, special)
        if count < 0:
            raise ModelError(f"llama.cpp could not split a text of {len(data):,} bytes into tokens")
        return list(tokens[:count])

    def controls(self, text: str) -> frozenset[str]:
        """The texts of the control tokens, such as a turn's end, that `text` would be read as holding."""
        found = set(self.tokenize(text))
        control = self._llama.LLAMA_TOKEN_ATTR_CONTROL
        return frozenset(
            self.text_of(token)
            for token in found
            if self._llama.llama_vocab_get_attr(self.pointer, token) & control and self.text_of(token) in text
        )

    def piece(self, token: int, *, special: bool = True) -> bytes:
        """The bytes of one token; they need not be whole characters.

        Raises:
            ModelError: no such token.
        """
        if not 0 <= token < self.size:
            raise ModelError(f"token {token} is not in the vocabulary of {self.size:,}")
        if special and (known := self._pieces[token]) is not None:
            return known
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = self._llama.llama_token_to_piece(self.pointer, token, buffer, size, 0, special)
            if length >= 0:
                break
            size = -length
        piece = buffer.raw[:length]
        if special:
            self._pieces[token] = piece
        return piece

    def detokenize(self, tokens: Sequence[int], *, special: bool = True) -> str:
        """The text of tokens, bytes that are not UTF-8 replaced by U+FFFD. `special`: show special tokens' texts."""
        return b"".join(self.piece(token, special=special) for token in tokens).decode("utf-8", "replace")

    def ends_generation(self, token: int) -> bool:
        """Whether the model ends its turn with this token."""
        known = self._end.get(token)
        if known is None:
            known = self._end[token] = bool(self._llama.llama_vocab_is_eog(self.pointer, token))
        return known

    def spell(self, text: bytes) -> list[int] | None:
        """`text` in single-byte tokens, None where the vocabulary lacks one."""
        if self._bytes is None:
            self._bytes = {}
            for token in range(self.size):
                piece = self.piece(token)
                if len(piece) == 1 and not self.ends_generation(token):
                    self._bytes.setdefault(piece, token)
        tokens = [self._bytes.get(text[i : i + 1]) for i in range(len(text))]
        return None if None in tokens else [token for token in tokens if token is not None]
