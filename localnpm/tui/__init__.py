"""The terminal app: screens and widgets over the same event stream that `run` prints. It holds no logic of its own."""
