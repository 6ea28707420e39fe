"""How the next token is drawn: the numbers only. sampler.py turns them into llama.cpp's samplers."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Sampling:
    """Settings of the sampler chain, applied in the order of the fields below the penalty.

    Attributes:
        temperature: 0 takes the likeliest token always; the other limits then do nothing.
        top_k: keep the k likeliest tokens; 0 keeps all.
        top_p: keep the likeliest tokens whose probabilities together reach p; 1 keeps all.
        min_p: keep tokens at least p times as likely as the likeliest; 0 keeps all.
        repeat_penalty: divides the logits of the last 64 generated tokens; 1 does nothing. The prompt is not penalized,
            so that names can be copied from it.
        seed: fixes the draw, 0 .. 2**32 - 1.
    """

    temperature: float = 0.0
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.05
    repeat_penalty: float = 1.0
    seed: int = 0

    @property
    def greedy(self) -> bool:
        """The likeliest token is taken, unpenalized."""
        return self.temperature <= 0 and self.repeat_penalty == 1.0


GREEDY = Sampling()

_RECOMMENDED = {
    "general.sampling.temp": "temperature",
    "general.sampling.top_k": "top_k",
    "general.sampling.top_p": "top_p",
    "general.sampling.min_p": "min_p",
    "general.sampling.penalty_repeat": "repeat_penalty",
}


def recommended(metadata: Mapping[str, str]) -> Sampling | None:
    """The sampling that a GGUF file recommends in its `general.sampling.*` keys, None where it has none of them.

    What the file leaves out is as in `Sampling`; a file that recommends limits but no temperature gets 0.8,
    llama.cpp's default. Values that are not numbers are passed over.
    """
    values: dict[str, float] = {}
    for key, field in _RECOMMENDED.items():
        try:
            values[field] = float(metadata[key])
        except (KeyError, ValueError):
            continue
    if not values:
        return None
    return Sampling(
        temperature=values.get("temperature", 0.8),
        top_k=int(values.get("top_k", GREEDY.top_k)),
        top_p=values.get("top_p", GREEDY.top_p),
        min_p=values.get("min_p", GREEDY.min_p),
        repeat_penalty=values.get("repeat_penalty", GREEDY.repeat_penalty),
    )
