"""The texts that were sent before, walked through with the arrow keys; what was being typed is kept."""

from collections.abc import Iterable


class History:
    """Newest last. Walking back starts from the end; sending, or typing on, starts anew."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._texts = list(texts)
        self._place = len(self._texts)
        self._draft = ""

    def load(self, texts: Iterable[str]) -> None:
        """Put older texts, oldest first, before those of this run."""
        self._texts = [*texts, *self._texts]
        self._place = len(self._texts)

    def add(self, text: str) -> None:
        """Note a text that was sent; the same text twice in a row is kept once."""
        if not self._texts or self._texts[-1] != text:
            self._texts.append(text)
        self._place = len(self._texts)
        self._draft = ""

    def back(self, current: str) -> str | None:
        """The text before this one, or None at the oldest."""
        if self._place == 0:
            return None
        if self._place == len(self._texts):
            self._draft = current
        self._place -= 1
        return self._texts[self._place]

    def forward(self) -> str | None:
        """The text after this one, at last what was being typed; None when that is shown already."""
        if self._place == len(self._texts):
            return None
        self._place += 1
        return self._draft if self._place == len(self._texts) else self._texts[self._place]
