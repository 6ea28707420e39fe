"""Whether a message plainly corrects what was just done: a rule on its first words, made to miss rather than to accuse.

It knows English words of rejection at the head of a message (`No, ...`, `not like that`, `you forgot ...`, `I wanted
...`) and nothing else. Not covered: corrections told as plain statements (`I file by month.`), which read like any new
request; other languages; irony. What it misses can still be judged by the user.
"""

import re

LONGEST = 400
"""Characters beyond which a message is a task of its own, whatever its first words."""

_OPENING = re.compile(
    r"""
    (?:(?:hm+|hey|wait|sorry|oh|thanks|thank\ you|ok|okay|almost|well|ah)\b[\s,.!:;-]*)*
    (?:
        (?<=thanks,\ ) but\b (?!\ (?:now|also|can|could|please|next|then))
      | (?<=almost\.\ ) \S
      | no+ (?: \s*[,.!;:]+\s* (?!(?:need|rush|hurry|worries|problem|matter)\b) | \s+that | \s+not\b | \s*$ )
      | nope\b
      | not\ (?:quite|right|like\ (?:that|this)|what\ i|how\ i|there\b|that\ (?:one|file|folder|way))
      | (?:that|this|it)(?:\ is|\ was|'s|’s)\ not\ (?:what|how|right|correct|the|where|quite)
      | (?:that|this|it)(?:\ is|\ was|'s|’s)\ (?:wrong|incorrect|a\ mistake)
      | (?:that|this|it)\ (?:isn't|isn’t|wasn't|wasn’t)\ (?:what|how|right|correct|the|where|quite)
      | (?:that|it)\ (?:was\ supposed\ to|should\ (?:go|have)\b)
      | (?:wrong|incorrect)(?:\ (?:file|folder|place|format|name|one|way|order|date))?\s*(?:[,.!:;]|$)
      | you\ (?:forgot|missed|should\ have|shouldn't\ have|shouldn’t\ have|were\ supposed|got\ (?:it|that)\ wrong)
      | you\ (?:put|did|wrote|added|moved|named|deleted|used)\b.{0,80}\b(?:wrong|instead|not)\b
      | i\ (?:asked|wanted|meant|said|told\ you)\b (?!\ (?:i|we)\b)
      | why\ (?:did|didn't|didn’t|have|haven't)\ you\b
    )
    """,
    re.IGNORECASE | re.VERBOSE,
)


def plainly_corrects(message: str) -> bool:
    """Whether the message can hardly be anything but a correction of what was done before it."""
    words = " ".join(message.split())
    return len(words) <= LONGEST and _OPENING.match(words) is not None
