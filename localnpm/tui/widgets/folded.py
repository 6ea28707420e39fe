"""A line that unfolds; the line is content, so that no text from a file is read as markup."""

from typing import cast

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Collapsible


class Folded(Collapsible):
    """Collapsible with a literal title, and room to add to."""

    def __init__(self, line: Content, *inside: Widget, classes: str = "", collapsed: bool = True) -> None:
        # Collapsible's title takes content too; only its annotation says str.
        super().__init__(*inside, title=cast(str, line), collapsed=collapsed, classes=classes)

    def retitle(self, line: Content) -> None:
        """Another line."""
        self.title = cast(str, line)

    async def add(self, *widgets: Widget) -> None:
        """Put more under the line."""
        await self.query_one(Collapsible.Contents).mount(*widgets)
