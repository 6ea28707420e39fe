"""The keys of a screen, on as many lines as they take; a click does what the key does."""

from textual.content import Content
from textual.widgets import Static

from localnpm.tui.widgets.links import link


class KeyLine(Static):
    """Shows the bindings of the screen that it is on, as they are mapped now."""

    def on_mount(self) -> None:
        """Drawn again when keys are mapped otherwise."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self._draw())
        self._draw()

    def _draw(self) -> None:
        parts = []
        for active in self.screen.active_bindings.values():
            if active.node is not self.screen or not active.binding.show:
                continue
            binding = active.binding
            click = f"app.simulate_key({binding.key!r})"
            # A key and what it does stay together on a line.
            words = f" {binding.description}".replace(" ", "\u00a0")
            key = link(self.app.get_key_display(binding), click, "bold $text-accent")
            parts.append(Content.assemble(key, link(words, click, "dim")))
        self.update(Content("  ").join(parts))
