"""What a generation took: tokens and seconds. Light to import, for those who only tell of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Usage:
    """Tokens and seconds of one generation; cached tokens are those of the prompt that were not decoded again."""

    prompt_tokens: int
    cached_tokens: int
    generated_tokens: int
    prefill_seconds: float
    generate_seconds: float
