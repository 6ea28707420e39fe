"""What is in the key-value cache: which tokens, each decoded under which steering.

Pure bookkeeping. A prefix may be reused only where tokens *and* steering agree, because keys and values of a steered
position carry the vector. The caller removes from llama.cpp what is trimmed here.
"""

from collections.abc import Sequence

UNSTEERED = ""


class PrefixCache:
    """The cached positions, in order."""

    def __init__(self) -> None:
        self._tokens: list[int] = []
        self._keys: list[str] = []

    def __len__(self) -> int:
        return len(self._tokens)

    @property
    def tokens(self) -> tuple[int, ...]:
        """The cached tokens."""
        return tuple(self._tokens)

    def reusable(self, tokens: Sequence[int], key: str = UNSTEERED, steered_from: int = 0) -> int:
        """How many leading positions are cached as they should be.

        Args:
            tokens: the wanted sequence.
            key: the wanted steering, `UNSTEERED` for none.
            steered_from: positions before this one are wanted unsteered.
        """
        for position, (token, cached, cached_key) in enumerate(zip(tokens, self._tokens, self._keys, strict=False)):
            if token != cached or cached_key != (key if position >= steered_from else UNSTEERED):
                return position
        return min(len(tokens), len(self._tokens))

    def append(self, token: int, key: str = UNSTEERED) -> None:
        """One more position was decoded."""
        self._tokens.append(token)
        self._keys.append(key)

    def extend(self, tokens: Sequence[int], key: str = UNSTEERED) -> None:
        """More positions were decoded, all under the same steering."""
        self._tokens.extend(tokens)
        self._keys.extend([key] * len(tokens))

    def trim(self, length: int) -> None:
        """Forget every position from `length` on."""
        del self._tokens[length:]
        del self._keys[length:]
