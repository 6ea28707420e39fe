"""A unified diff as coloured content, literally; a sign in the first column says the same without colour."""

from textual.content import Content

from localnpm.tui.literal import literal

STYLES = {"+": "$text-success", "-": "$text-error", "@": "$text-accent"}


def diff_content(diff: str) -> Content:
    """The diff's lines, each in the colour of what it does."""
    lines = [literal(line, STYLES.get(line[:1], "")) for line in diff.rstrip("\n").split("\n")]
    return Content("\n").join(lines)
