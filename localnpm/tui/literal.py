"""Text from models, tools and files, shown literally, whatever brackets, marks or control characters it has."""

from textual.content import Content

from localnpm.plain import visible

LINE_CHARACTERS = 2000


def literal(text: str, style: str = "") -> Content:
    """The text as content without markup; what would act on a terminal is written out, very long lines are cut."""
    lines = [line if len(line) <= LINE_CHARACTERS else _shortened(line) for line in visible(text).split("\n")]
    shown = Content("\n".join(lines).expandtabs(4))
    return shown.stylize(style) if style else shown


def _shortened(line: str) -> str:
    return f"{line[:LINE_CHARACTERS]}… ({len(line) - LINE_CHARACTERS:,} more characters)"
