"""A personal agent that lives in a terminal, works offline, and learns how its user wants things done."""

import os

__version__ = "0.1.0"

# Idle threads sleep instead of spinning. OpenMP reads this once, when llama.cpp or PyTorch loads it, and the two share
# it: so it must be set before either is imported, from whichever side that happens first.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
