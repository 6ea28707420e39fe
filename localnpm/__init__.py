"""A personal agent that lives in a terminal, works offline, and learns how its user wants things done."""

__version__ = "0.1.0"
