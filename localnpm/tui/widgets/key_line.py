"""The keys of a screen, on as many lines as they take; a click does what the key does."""

from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from localnpm.tui.widgets.links import link

GAP = 2


class KeyLine(Static):
    """Shows the bindings of the screen that it is on, as they are mapped now."""

    def on_mount(self) -> None:
        """Drawn again when keys are mapped otherwise."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self._draw(self.content_size.width))

    def on_resize(self, event: Resize) -> None:
        """For the new width."""
        self._draw(self.content_size.width)

    def _draw(self, width: int) -> None:
        lines: list[Content] = []
        for part in self._parts():
            # A key and what it does stay together on a line.
            if lines and lines[-1].cell_length + GAP + part.cell_length <= width:
                lines[-1] = Content.assemble(lines[-1], " " * GAP, part)
            else:
                lines.append(part)
        self.update(Content("\n").join(lines))

    def _parts(self) -> list[Content]:
        parts = []
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if active.node is self.screen and binding.show:
                click = f"app.simulate_key({binding.key!r})"
                key = link(self.app.get_key_display(binding), click, "bold $text-accent")
                parts.append(Content.assemble(key, link(f" {binding.description}", click, "dim")))
        return parts
